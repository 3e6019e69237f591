"""Read one event in three forms of three server generations, and refuse what is no frame."""

from __future__ import annotations

from netra_testkit import Frame, MalformedFrame, MessageType, Unencodable

FORMS = (
    '{"type": "agent_thinking", "data": {"thought": "adding"}, "run_id": "r-1"}',
    '{"event": "agent_thinking", "thought": "adding", "run_id": "r-1"}',
    '{"type": "system", "data": {"event": "agent_thinking", "thought": "adding"}, "run_id": "r-1"}',
)
for text in FORMS:
    frame = Frame.decode(text)
    print(f"{frame.type_name} of run {frame.run_id}: {frame.body['thought']}")
    assert frame.type is MessageType.AGENT_THINKING

try:
    Frame.decode('{"type": "agent_completed", "cost": NaN}')
except MalformedFrame as error:
    print("refused on arrival:    ", error.reason, "at character", error.position)
else:
    raise SystemExit("NaN was read")

try:
    Frame.encode("chat", {"tags": [{"a", "b"}]}, message_id="m-1", timestamp=1758800000.5)
except Unencodable as error:
    print("refused before sending:", error.path, "cannot be encoded:", error.reason)
else:
    raise SystemExit("a set was written")
