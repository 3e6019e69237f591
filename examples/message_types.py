"""Look up message types: legacy names lead to the right one, wrong names to a suggestion."""

from __future__ import annotations

from netra_testkit import MESSAGE_TYPES, MessageType, UnknownMessageType, with_aliases

print("Every spelling and every legacy name leads to one type:")
for name in ("start_agent", "execute_agent", " Execute-Agent "):
    kind = MessageType.parse(name)
    print(f"  {name!r:<18} -> {kind!r}, a {kind.direction}")
    assert kind is MessageType.START_AGENT

print("A wrong name is never taken for another one:")
try:
    MessageType.parse("tool_complted")
except UnknownMessageType as error:
    print(f"  {error.name!r} is unknown; the nearest is {error.nearest[0]!r}")
else:
    raise SystemExit("a wrong name was taken for a right one")

mine = with_aliases({"run_agent": "start_agent"})
print("A product's own name, handed in: ", repr(MessageType.parse("run_agent", aliases=mine)))
assert "run_agent" not in MESSAGE_TYPES
