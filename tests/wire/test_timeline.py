from __future__ import annotations

import secrets
import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.run_frames import (
    OWN,
    START,
    completed,
    delivered,
    executing,
    frame,
    run_of,
    started,
    thinking,
    used,
)

from netra_testkit.safety.redaction import register
from netra_testkit.wire.contract import RunContract, RunLimits
from netra_testkit.wire.runs import AgentRun
from netra_testkit.wire.timeline import WIDTH

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame

BOB = {**OWN, "user_id": "bob"}


def text(expected: str) -> str:
    return textwrap.dedent(expected).strip("\n")


def test_a_delivered_run_is_a_line_for_each_event() -> None:
    assert run_of(delivered()).timeline() == text(
        """
        triage delivered (contract: strict)
        run run-1, thread thread-1, user alice, 5 events in 0.500 s

          +0.100 s  agent_started    triage
          +0.200 s  agent_thinking                Let me see.
          +0.300 s  tool_executing   cost_lookup
          +0.400 s  tool_completed   cost_lookup  12
          +0.500 s  agent_completed  triage       Done.
        """
    )


def test_what_is_wrong_is_numbered_marked_and_explained() -> None:
    run = run_of(
        [
            started(),
            thinking(),
            executing(tool_input={"month": "2025-09"}),
            started(0.4, agent="data"),
            executing(0.5, tool="weather", input="Vienna"),
            used(0.6, tool="weather", error={"code": "E500", "message": "no\nsky"}),
            frame("agent_thinking", 0.65, ids=BOB, thought="Bob's business"),
            completed(0.7, agent="data", result=["a", 1]),
            completed(1.2, result="Your budget goes to storage."),
            frame("agent_thinking", 1.3, ids=BOB, thought="More of it"),
        ]
    )
    assert run.timeline() == text(
        """
        triage BREACHED ISOLATION (contract: strict)
        run run-1, thread thread-1, user alice, 8 events in 1.200 s

            +0.100 s  agent_started    triage
            +0.200 s  agent_thinking                Let me see.
        3>  +0.300 s  tool_executing   cost_lookup  {"month": "2025-09"}
            +0.400 s  agent_started    data
            +0.500 s  tool_executing   weather      Vienna
        4>  +0.600 s  tool_completed   weather      FAILED E500 no sky
        1>  +0.650 s  agent_thinking   for bob      Bob's business
            +0.700 s  agent_completed  data         ["a", 1]
            +1.200 s  agent_completed  triage       Your budget goes to storage.
        2>  +1.300 s  agent_thinking   for bob      More of it

        1. same_user: agent_thinking for user bob reached user alice
        2. same_user: agent_thinking for user bob reached user alice
        3. tool_answered: cost_lookup was executed and never completed
        4. failure_told: weather failed (no\\nsky), and the answer says nothing of a failure
        also nested_start: data started inside the run of triage
        """
    )


def test_what_never_came_is_said_at_the_end() -> None:
    run = AgentRun("triage", thread_id="thread-1")
    run.feed(frame("agent_started", ids={}, agent="triage"))
    assert run.timeline(RunContract.WITHOUT_TOOLS) == text(
        """
        triage has not ended (contract: without_tools)
        thread thread-1, 1 event in 0.000 s

            +0.000 s  agent_started    triage
        2>            agent_thinking   never came
        2>            agent_completed  never came

        1. ended: no terminal event has come
        2. all_kinds: agent_thinking and agent_completed never came
        """
    )


def test_a_run_without_events_says_so() -> None:
    lines = AgentRun("triage").timeline().splitlines()
    assert lines[:2] == ["triage has not ended (contract: strict)", "no event"]
    assert [line.split()[1] for line in lines[3:8]] == [str(each.type) for each in delivered()]


def test_a_breach_alone_is_shown_as_well() -> None:
    run = AgentRun("triage", user_id="alice")
    run.feed(frame("agent_thinking", ids=BOB, thought="Bob's business"))
    assert "1>  +0.000 s  agent_thinking   for bob     Bob's business" in run.timeline()


@pytest.mark.parametrize(
    ("frames", "verdict"),
    [
        ([started()], "has not ended"),
        ([started(), completed()], "completed, but not as promised"),
        ([frame("error", code="LOST", message="no such agent")], "failed"),
        ([frame("agent_stopped")], "was cancelled"),
        ([*delivered(), thinking()], "completed, but not as promised"),
    ],
)
def test_the_first_line_gives_the_verdict(frames: list[Frame], verdict: str) -> None:
    first = run_of(frames).timeline(RunContract.BALANCED).splitlines()[0]
    assert first == f"triage {verdict} (contract: balanced)"


def test_a_run_that_was_left_never_completed() -> None:
    run = run_of([started(), started(agent="data"), completed(agent="data")])
    run.settle(START + 60.0, completion=6.0)
    assert run.timeline().startswith("triage never completed (contract: strict)")


def test_errors_and_failed_answers_are_shown_with_their_reason() -> None:
    failed = run_of([started(), frame("agent_error", error_code="E1", error="boom")])
    answered = run_of([started(), completed(status="failed", result="Sorry.")])
    refused = run_of([frame("error", code="LOST", message="no such agent")])
    assert "E1 boom" in failed.timeline()
    assert "FAILED Sorry." in answered.timeline()
    assert "LOST no such agent" in refused.timeline()


def test_the_middle_of_a_long_run_is_counted_and_its_marked_lines_are_shown() -> None:
    pairs = [each for _ in range(500) for each in (executing(), used())]
    pairs[501] = used(result="")
    lines = run_of([started(), thinking(), *pairs, completed()]).timeline().splitlines()
    assert len(lines) < 40
    counted = [line for line in lines if "..." in line]
    assert counted == [
        "... 491 more: 246 tool_executing, 245 tool_completed",
        "... 487 more: 244 tool_executing, 243 tool_completed",
    ]
    assert sum(line.startswith("1>") for line in lines) == 1


def test_many_violations_and_observations_are_counted_too() -> None:
    starts = [started(agent=f"agent {number}") for number in range(50)]
    lines = run_of([*starts, *(used() for _ in range(50))]).timeline().splitlines()
    assert len(lines) < 80
    assert lines[-1] == "   ... and 44 more"
    assert "   ... and 41 more" in lines


def test_many_breaches_are_bounded_as_well() -> None:
    run = run_of(frame("agent_thinking", ids=BOB, thought="Bob's business") for _ in range(100))
    assert run.timeline().count("Bob's business") == 10
    assert "   ... and 90 more" in run.timeline().splitlines()


def test_two_violations_of_one_event_mark_it_together() -> None:
    both = run_of([frame("tool_completed", 9.0)], limits=RunLimits(first_event=1.0))
    assert "1,2>  +9.000 s" in both.timeline()


def test_secrets_never_reach_the_timeline() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a test")
    run = AgentRun(secret, run_id=secret, thread_id=secret, user_id=secret)
    ids = {"run_id": secret, "thread_id": secret, "user_id": secret}
    for kind in ("agent_started", "agent_thinking", "tool_executing", "tool_completed"):
        body = dict.fromkeys(("agent", "tool", "thought", "input", "error"), secret)
        run.feed(frame(kind, ids=ids, **body))
        run.feed(frame(kind, ids={**ids, "user_id": secret[::-1]}, **body))
    run.feed(frame(secret, ids=ids))
    shown = run.timeline()
    fragments = {secret[place : place + 12] for place in range(len(secret) - 11)}
    assert not [each for each in fragments if each in shown]


anything = st.text(max_size=300) | st.integers() | st.lists(st.text()) | st.none()


@given(
    st.text(max_size=200),
    st.lists(
        st.tuples(
            st.sampled_from([*(str(each.type) for each in delivered()), "agent_error", "odd"]),
            st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(
                    ("agent", "tool", "thought", "input", "result", "error", "user_id"), anything
                ),
            ),
        ),
        max_size=60,
    ),
    st.sampled_from(RunContract),
)
def test_whatever_comes_the_timeline_is_bounded_and_printable(
    agent: str, events: list[tuple[str, dict[str, object]]], contract: RunContract
) -> None:
    run = AgentRun(agent, user_id="alice")
    for kind, body in events:
        run.feed(frame(kind, ids={}, **body))
    lines = run.timeline(contract).splitlines()
    assert len(lines) <= 100
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isprintable() for line in lines)
