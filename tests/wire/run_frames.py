"""Frames of agent runs, for the tests of what is made of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netra_testkit.wire.frames import Frame
from netra_testkit.wire.runs import AgentRun

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netra_testkit.wire.contract import RunLimits

START = 1_760_000_000.0
OWN = {"run_id": "run-1", "thread_id": "thread-1", "user_id": "alice"}


def frame(kind: str, after: float = 0.0, ids: dict[str, str] = OWN, **body: object) -> Frame:
    """A frame in the usual form, received `after` so many seconds."""
    return Frame.decode(json.dumps({"type": kind, "data": body, **ids}), received_at=START + after)


def started(after: float = 0.1, agent: str = "triage") -> Frame:
    return frame("agent_started", after, agent=agent)


def thinking(after: float = 0.2) -> Frame:
    return frame("agent_thinking", after, thought="Let me see.")


def executing(after: float = 0.3, tool: str = "cost_lookup", **body: object) -> Frame:
    return frame("tool_executing", after, tool=tool, **body)


def used(after: float = 0.4, tool: str = "cost_lookup", **body: object) -> Frame:
    return frame("tool_completed", after, tool=tool, **{"result": "12", **body})


def completed(after: float = 0.5, agent: str = "triage", **body: object) -> Frame:
    return frame("agent_completed", after, agent=agent, **{"result": "Done.", **body})


def delivered() -> list[Frame]:
    """The five events of a healthy run."""
    return [started(), thinking(), executing(), used(), completed()]


def run_of(
    frames: Iterable[Frame], *, agent: str = "triage", limits: RunLimits | None = None
) -> AgentRun:
    """A run of alice's that was fed these frames."""
    more = {} if limits is None else {"limits": limits}
    run = AgentRun(agent, **OWN, message_id="message-1", started_at=START, **more)
    for each in frames:
        run.feed(each)
    return run
