"""What it costs to accumulate a run, against the loop that one would write by hand."""

from __future__ import annotations

import json
from collections import Counter

from tests.benchmarks.rounds import compare

from netra_testkit.wire.frames import Frame
from netra_testkit.wire.runs import AgentRun

STEPS = 333
RUN, THREAD, USER = "run-1", "thread-1", "user-1"


def event(kind: str, number: int, **body: object) -> str:
    """One event in the usual form, about 300 characters long."""
    return json.dumps(
        {
            "type": kind,
            "data": {**body, "run_id": RUN, "thread_id": THREAD, "user_id": USER},
            "timestamp": 1_760_000_000.0 + number,
            "server_id": "backend-00001-abc",
            "correlation_id": f"correlation-{number}",
        }
    )


def a_long_run() -> list[str]:
    """The frames of a delivered run: a thought and a tool's two events in each step."""
    frames = [event("agent_started", 0, agent="triage")]
    for step in range(STEPS):
        number = len(frames)
        tool = {"tool": "cost_lookup", "execution_id": f"execution-{step}"}
        frames += [
            event("agent_thinking", number, agent="triage", thought="Looking. " * 8),
            event("tool_executing", number + 1, **tool, tool_input={"month": "2025-09"}),
            event("tool_completed", number + 2, **tool, result={"rows": [1.5, 2.5, 3.5]}),
        ]
    return [*frames, event("agent_completed", len(frames), agent="triage", result="Done")]


def main() -> None:
    """Print the cost of accumulating, of decoding alone, and of the verdict on top."""
    texts = a_long_run()
    decoded = [Frame.decode(text, received_at=float(n)) for n, text in enumerate(texts)]

    def by_hand() -> None:
        kinds: Counter[str] = Counter()
        for text in texts:
            frame = json.loads(text)
            body = frame["data"]
            if body["run_id"] == RUN and body["user_id"] == USER:
                kinds[frame["type"]] += 1
            if frame["type"] == "agent_completed":
                break

    def accumulate(frames: list[Frame]) -> AgentRun:
        run = AgentRun("triage", run_id=RUN, thread_id=THREAD, user_id=USER)
        for frame in frames:
            run.feed(frame)
        return run

    def decode() -> list[Frame]:
        return [Frame.decode(text, received_at=float(n)) for n, text in enumerate(texts)]

    def judged() -> None:
        accumulate(decode()).assert_delivered()

    compare(
        f"{len(texts)} events of {len(texts[1])} characters, json.loads and counting by hand",
        by_hand,
        {
            "decode": decode,
            "feed, of frames read before": lambda: accumulate(decoded),
            "decode and feed": lambda: accumulate(decode()),
            "decode, feed and assert_delivered": judged,
        },
    )


if __name__ == "__main__":
    main()
