"""Where staging is, who says so, and what a wrong setting is told."""

from __future__ import annotations

from netra_testkit import ConfigurationError, StagingConfig

config = StagingConfig(timeouts={"receive": 40})
print(f"The backend of {config.environment}: {config.base_url}")
print(f"Its WebSocket: {config.websocket_url}\n")

explained = config.explain()
for field in ("environment", "base_url", "timeouts.receive", "timeouts.agent"):
    print(f"{field} = {explained[field].value}, from: {explained[field].source}")
assert explained["timeouts.receive"].source == "argument"

print("\nA configuration that cannot be right is refused as a whole:\n")
wrong: list[str] = []
try:
    StagingConfig(base_url="https://api.netrasystems.ai", timeouts={"agent": 50})
except ConfigurationError as refused:
    wrong = [each.field for each in refused.problems]
    print(refused)
assert wrong == ["base_url", "timeouts.receive > timeouts.agent"]
