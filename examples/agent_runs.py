"""Judge an agent run from the frames that came, and see at a glance what it did not keep."""

from __future__ import annotations

import json

from netra_testkit import AgentRun, ContractBroken, Frame

RECORDED = [
    {"type": "agent_started", "agent": "triage"},
    {"type": "agent_thinking", "reasoning": "The budget goes by month."},
    {"type": "tool_executing", "tool_name": "cost_lookup", "parameters": {"month": "2025-09"}},
    {"type": "agent_completed", "agent": "triage", "response": "Most of it goes to storage."},
]

run = AgentRun("triage", started_at=0.0)
for second, recorded in enumerate(RECORDED, start=1):
    run.feed(Frame.decode(json.dumps(recorded), received_at=float(second)))

try:
    run.assert_delivered()
except ContractBroken as broken:
    print(broken)
assert [str(each.rule) for each in run.violations] == ["tool_answered", "all_kinds"]
