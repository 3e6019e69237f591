"""Reading names and frames, against the dict lookup and the json.loads of hand-written suites."""

from __future__ import annotations

import json
import sys

from tests.benchmarks.rounds import compare

from netra_testkit.wire.frames import Frame, encode
from netra_testkit.wire.types import MESSAGE_TYPES, MessageType

REPEATS = 1_000
LOOKUP_LIMIT = 1.5

TABLE = {name: kind.value for name, kind in MESSAGE_TYPES.items()}
NAMES = list(MESSAGE_TYPES) * (REPEATS // len(MESSAGE_TYPES))
SHOUTED = [f" {name.upper().replace('_', '-')} " for name in NAMES]

BODY = {
    "agent_name": "triage",
    "thought": "Looking at the cost of every service in the budget, month by month.",
    "run_id": "5f2d2a4e-6f38-4b6e-9f07-3a8f8f0f0b11",
    "step": 3,
}
EVENT = json.dumps(
    {
        "type": "agent_thinking",
        "data": BODY,
        "timestamp": 1758800000.123,
        "correlation_id": "9d2a7f0e-0c0e-4f3b-8c55-5a2f3f4c6d7e",
    }
)
WRAPPED = json.dumps(
    {
        "type": "system_message",
        "data": {"event": "agent_thinking", "payload": BODY},
        "timestamp": 1758800000.123,
    }
)


def by_hand(names: list[str]) -> None:
    """What suites wrote: normalise, then look up."""
    for name in names:
        TABLE[name.strip().casefold().replace("-", "_").replace(" ", "_")]


def parsed(names: list[str]) -> None:
    """The same through the table's own lookup."""
    for name in names:
        MessageType.parse(name)


def loaded(text: str) -> None:
    """The least that reading a frame's type takes."""
    for _ in range(REPEATS):
        TABLE.get(json.loads(text)["type"])


def decoded(text: str) -> None:
    """The type of a frame."""
    for _ in range(REPEATS):
        Frame.decode(text).type  # noqa: B018 - working it out is what is measured


def read(text: str) -> None:
    """Everything that a run asks of a frame."""
    for _ in range(REPEATS):
        frame = Frame.decode(text)
        _ = (frame.type, frame.body, frame.run_id, frame.thread_id, frame.timestamp)


def dumped() -> None:
    """The obvious way to write a frame."""
    for number in range(REPEATS):
        frame = {"type": "chat", "payload": BODY, "message_id": str(number), "timestamp": 1.5}
        json.dumps(frame, allow_nan=False)


def encoded() -> None:
    """The same, checked."""
    for number in range(REPEATS):
        encode("chat", BODY, message_id=str(number), timestamp=1.5)


def main() -> None:
    """Print the ratios; exit with an error when looking up a known name costs too much."""
    known = compare(
        "look up known names (normalise and look up in a dict)",
        lambda: by_hand(NAMES),
        {"MessageType.parse": lambda: parsed(NAMES)},
    )
    compare(
        "look up names in another spelling (normalise and look up in a dict)",
        lambda: by_hand(SHOUTED),
        {"MessageType.parse": lambda: parsed(SHOUTED)},
    )
    compare(
        f"read a frame of {len(EVENT)} bytes (json.loads and look up its type)",
        lambda: loaded(EVENT),
        {
            "Frame.decode(...).type": lambda: decoded(EVENT),
            "type, body, ids and timestamp": lambda: read(EVENT),
            "the same of a wrapped event": lambda: read(WRAPPED),
        },
    )
    compare("write a frame (json.dumps)", dumped, {"encode": encoded})
    cost = known["MessageType.parse"]
    if cost > LOOKUP_LIMIT:
        sys.exit(f"a lookup costs {cost:.2f} times a dict lookup, more than {LOOKUP_LIMIT:g}")


if __name__ == "__main__":
    main()
