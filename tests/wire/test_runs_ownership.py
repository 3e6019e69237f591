from __future__ import annotations

import pytest
from tests.wire.run_frames import OWN, delivered, frame, run_of

from netra_testkit.wire.contract import Noteworthy
from netra_testkit.wire.runs import AgentRun

KNOWN = {**OWN, "message_id": "message-1"}


@pytest.mark.parametrize(
    ("mine", "theirs", "alone", "owned"),
    [
        (KNOWN, {"run_id": "run-1"}, True, True),
        (KNOWN, {"run_id": "run-1"}, False, True),
        (KNOWN, {"run_id": "run-1", "thread_id": "thread-2"}, True, True),
        (KNOWN, {"run_id": "run-2"}, True, False),
        (KNOWN, {"run_id": "run-2", "thread_id": "thread-1"}, True, False),
        (KNOWN, {"run_id": "run-2", "message_id": "message-1"}, True, False),
        (KNOWN, {"message_id": "message-1"}, False, True),
        (KNOWN, {"request_id": "message-1"}, False, True),
        (KNOWN, {"message_id": "message-2", "thread_id": "thread-1"}, True, True),
        (KNOWN, {"message_id": "message-2", "thread_id": "thread-1"}, False, False),
        (KNOWN, {"thread_id": "thread-1"}, True, True),
        (KNOWN, {"thread_id": "thread-1"}, False, False),
        (KNOWN, {"thread_id": "thread-2"}, True, False),
        (KNOWN, {}, True, True),
        (KNOWN, {}, False, False),
        ({"thread_id": "thread-1"}, {"run_id": "run-2", "thread_id": "thread-1"}, True, True),
        ({"thread_id": "thread-1"}, {"run_id": "run-2", "thread_id": "thread-1"}, False, False),
        ({"thread_id": "thread-1"}, {"run_id": "run-2", "thread_id": "thread-2"}, True, False),
        ({}, {"run_id": "run-2", "thread_id": "thread-2"}, True, True),
        ({}, {"message_id": "message-1"}, False, False),
    ],
)
def test_a_frame_is_owned_by_run_else_by_request_else_by_thread(
    mine: dict[str, str], theirs: dict[str, str], *, alone: bool, owned: bool
) -> None:
    run = AgentRun("triage", **mine)
    run.alone = alone
    assert run.owns(frame("agent_thinking", ids=theirs)) is owned


def test_ids_that_nobody_gave_are_learned_from_the_first_event_that_carries_them() -> None:
    run = AgentRun("triage")
    run.feed(frame("agent_started", ids={}, agent="triage"))
    assert (run.run_id, run.thread_id, run.user_id) == (None, None, None)
    run.feed(frame("agent_thinking", ids=OWN, thought="Let me see."))
    assert (run.run_id, run.thread_id, run.user_id) == ("run-1", "thread-1", "alice")
    run.feed(frame("agent_completed", ids={"run_id": "run-2"}, agent="triage", result="other"))
    assert run.outcome == "open"


def test_ids_in_the_body_count_as_well() -> None:
    run = AgentRun("triage", run_id="run-1")
    run.feed(frame("agent_started", ids={}, run_id="run-2", agent="triage"))
    assert run.events == ()


def test_an_event_of_another_run_is_not_counted_but_mentioned() -> None:
    other = {**OWN, "run_id": "run-2"}
    foreign = [frame(kind, ids=other) for kind in ("agent_started", "agent_completed")]
    run = run_of([*delivered()[:2], *foreign, *delivered()[2:]])
    assert (len(run.events), run.violations) == (5, ())
    [said] = run.observations
    assert said.what is Noteworthy.FOREIGN_EVENT
    assert said.sentence == "events of run run-2 came and were not counted (2 times)"


def test_events_that_name_no_run_belong_to_nobody_when_several_runs_are_open() -> None:
    run = run_of([])
    run.alone = False
    run.feed(frame("agent_started", ids={"thread_id": "thread-1"}, agent="triage"))
    assert run.events == ()
    assert run.observations[0].sentence == ("events of no run of its own came and were not counted")


@pytest.mark.parametrize(
    "ids",
    [
        {"run_id": "run-1", "user_id": "bob"},
        {"run_id": "run-2", "user_id": "bob"},
        {"thread_id": "thread-1", "user_id": "bob"},
        {"user_id": "bob"},
    ],
    ids=["in this run", "in another run", "in this thread", "in no run"],
)
@pytest.mark.parametrize("alone", [True, False])
def test_an_event_for_another_user_is_a_breach_and_not_counted(
    ids: dict[str, str], *, alone: bool
) -> None:
    run = run_of([])
    run.alone = alone
    run.feed(frame("agent_thinking", ids=ids, thought="Bob's business"))
    assert run.events == ()
    assert [event.user_id for event in run.breaches] == ["bob"]


def test_an_event_for_another_user_is_a_breach_after_the_end_too() -> None:
    run = run_of([*delivered(), frame("agent_thinking", ids={"user_id": "bob"})])
    assert len(run.breaches) == 1


def test_what_is_no_event_of_a_run_is_no_breach_whoever_it_names() -> None:
    run = run_of([frame("user_typing", ids={**OWN, "user_id": "bob"})])
    assert run.breaches == ()


def test_ids_are_learned_after_the_end_as_well() -> None:
    run = AgentRun("triage")
    run.feed(frame("agent_completed", ids={}, agent="triage", result="Done."))
    run.feed(frame("agent_thinking", ids={"user_id": "alice"}))
    run.feed(frame("agent_thinking", ids={"user_id": "bob"}))
    assert [event.user_id for event in run.breaches] == ["bob"]
