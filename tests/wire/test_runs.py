from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
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

from netra_testkit.wire.contract import Ending, Noteworthy, Outcome
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.runs import AgentRun


def noted(run: AgentRun) -> list[Noteworthy]:
    return [each.what for each in run.observations]


# Its state


def test_a_delivered_run_has_its_five_events_and_misses_none() -> None:
    run = run_of(delivered())
    assert [event.kind.value for event in run.events] == [
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "tool_completed",
        "agent_completed",
    ]
    assert (run.outcome, run.ending, run.missing) == (Outcome.DELIVERED, Ending.COMPLETED, ())
    assert run.outcome == "delivered"
    assert run.finished
    assert run.terminal == run.events[-1]
    assert (run.violations, run.observations, run.tool_failures, run.breaches) == ((), (), (), ())


def test_a_run_is_open_until_it_ends() -> None:
    run = run_of([])
    for each in delivered():
        assert (run.outcome, run.ending, run.finished, run.terminal) == ("open", None, False, None)
        run.feed(each)
    assert run.outcome == "delivered"


def test_what_is_missing_is_said_at_any_time() -> None:
    assert run_of([started(), thinking()]).missing == (
        MessageType.TOOL_EXECUTING,
        MessageType.TOOL_COMPLETED,
        MessageType.AGENT_COMPLETED,
    )


def test_a_run_that_completed_without_all_five_kinds_is_not_delivered() -> None:
    run = run_of([started(), thinking(), completed()])
    assert (run.ending, run.outcome) == (Ending.COMPLETED, "failed")


def test_a_run_that_says_it_failed_is_not_delivered_although_all_five_kinds_came() -> None:
    run = run_of([*delivered()[:-1], completed(success=False)])
    assert (run.missing, run.outcome) == ((), "failed")


def test_failed_tools_are_listed() -> None:
    run = run_of([started(), executing(), used(error="upstream 500"), executing(), used()])
    assert [(event.tool, event.error) for event in run.tool_failures] == [
        ("cost_lookup", "upstream 500")
    ]


def test_a_run_says_briefly_what_it_is() -> None:
    assert repr(run_of(delivered())) == "<AgentRun 'triage' run-1: delivered, 5 events>"


def test_a_run_survives_pickling_and_goes_on() -> None:
    first, *rest = delivered()
    run = pickle.loads(pickle.dumps(run_of([first])))  # noqa: S301 - our own bytes
    for each in rest:
        run.feed(each)
    assert (run.outcome, run.violations) == ("delivered", ())


# How it ends


@pytest.mark.parametrize(
    ("frames", "ending"),
    [
        ([started(), completed()], Ending.COMPLETED),
        ([started(), completed(agent="")], Ending.COMPLETED),
        ([started(), completed(agent="triage_agent")], Ending.COMPLETED),
        ([started(), completed(agent="somebody else")], Ending.COMPLETED),
        ([completed()], Ending.COMPLETED),
        ([started(), completed(success=False)], Ending.FAILED),
        ([started(), completed(error="boom")], Ending.FAILED),
        ([started(), completed(status="failed")], Ending.FAILED),
        ([started(), frame("agent_error", agent="triage", error="boom")], Ending.FAILED),
        ([started(), frame("agent_error", error="boom")], Ending.FAILED),
        ([started(), frame("agent_failed", error="boom")], Ending.FAILED),
        ([started(), frame("agent_death", agent="data")], Ending.FAILED),
        ([started(), frame("agent_timeout_failure")], Ending.FAILED),
        ([started(), frame("agent_cancelled")], Ending.CANCELLED),
        ([started(), frame("agent_stopped")], Ending.CANCELLED),
        ([started(), started(agent="data"), completed()], Ending.COMPLETED),
        ([started(), started(agent="data"), completed(agent="")], Ending.COMPLETED),
        ([started(), started(agent="data"), completed(agent="data")], None),
        ([started(), started(agent="data"), completed(agent="reporting")], None),
        ([started(), started(agent="data"), frame("agent_error", agent="data")], None),
        (
            [started(), started(agent="data"), completed(agent="data"), completed(agent="data")],
            Ending.COMPLETED,
        ),
        ([started(), started(), completed()], Ending.COMPLETED),
        ([started(agent=""), started(agent="data"), completed()], Ending.COMPLETED),
        ([started(agent="supervisor"), started(), completed()], None),
        ([started(agent="supervisor"), started(), completed(agent="supervisor")], "completed"),
        ([thinking(), started(agent="data"), completed(agent="data")], None),
        ([thinking(), started(agent="data"), completed()], Ending.COMPLETED),
        ([started(), thinking(), executing(), used()], None),
    ],
)
def test_a_run_ends_with_its_outer_agent_or_for_good(
    frames: list[Frame], ending: Ending | None
) -> None:
    assert run_of(frames).ending == ending


@pytest.mark.parametrize(
    "ids",
    [
        OWN,
        {"message_id": "message-1"},
        {"request_id": "message-1"},
        {"message_id": "message-1", "run_id": "run-2"},
    ],
)
def test_an_error_frame_that_names_the_run_or_its_request_fails_it(ids: dict[str, str]) -> None:
    run = run_of([*delivered()[:3], frame("error", ids=ids, code="AGENT_LOST", message="gone")])
    assert (run.ending, run.error_code, run.outcome) == (Ending.FAILED, "AGENT_LOST", "failed")
    assert run.terminal is not None
    assert run.terminal.error == "gone"


@pytest.mark.parametrize(
    "kind", ["error_message", "authentication_error", "connection_error", "system_error"]
)
def test_an_error_frame_before_any_event_fails_the_run(kind: str) -> None:
    run = run_of([frame(kind, ids={}, error_code="NO_SUCH_AGENT")])
    assert (run.ending, run.error_code) == (Ending.FAILED, "NO_SUCH_AGENT")


@pytest.mark.parametrize(
    "ids", [{"run_id": "run-2"}, {"thread_id": "thread-2"}], ids=["run", "thread"]
)
def test_an_error_frame_of_another_does_not(ids: dict[str, str]) -> None:
    run = run_of([frame("error", ids=ids, code="NO_SUCH_AGENT")])
    assert (run.ending, run.observations) == (None, ())


def test_an_error_frame_for_another_user_that_names_this_run_is_a_breach() -> None:
    run = run_of([frame("error", ids={"run_id": "run-1", "user_id": "bob"})])
    assert (run.ending, len(run.breaches)) == (None, 1)


def test_an_error_frame_in_between_that_names_no_run_is_mentioned() -> None:
    run = run_of([started(), frame("error", ids={}, code="SLOW_DOWN", message="too many")])
    assert run.ending is None
    [said] = run.observations
    assert (said.what, said.sentence) == (
        Noteworthy.ERROR_FRAME,
        "error came: SLOW_DOWN too many",
    )


def test_an_error_frame_without_a_word_is_mentioned_as_well() -> None:
    run = run_of([started(), frame("error", ids={})])
    assert run.observations[0].sentence == "error came: no text"


def test_a_run_that_did_not_fail_has_no_error_code() -> None:
    assert run_of([started()]).error_code is None
    assert run_of(delivered()).error_code is None


def test_what_comes_after_the_end_is_kept_and_does_not_count() -> None:
    run = run_of([started(), completed(), thinking(), executing(), used()])
    assert (len(run.events), len(run.counted)) == (5, 2)
    assert MessageType.AGENT_THINKING in run.missing
    assert run.terminal == run.events[1]


# The outer agent that never completes

LEFT = [started(), started(0.2, agent="data"), completed(1.0, agent="data")]


@pytest.mark.parametrize(
    ("now", "finished"), [(1.0, False), (6.9, False), (7.0, True), (60.0, True)]
)
def test_a_nested_end_that_nothing_follows_ends_the_run_in_time(
    now: float, *, finished: bool
) -> None:
    run = run_of(LEFT)
    assert run.quiet_since == START + 1.0
    assert run.settle(START + now, completion=6.0) is finished
    assert run.ending is (Ending.NEVER_COMPLETED if finished else None)


def test_a_run_that_was_left_has_no_terminal_event_and_failed() -> None:
    run = run_of(LEFT)
    run.settle(START + 60.0, completion=6.0)
    assert (run.terminal, run.outcome, run.quiet_since) == (None, "failed", None)
    assert Noteworthy.OUTER_NEVER_COMPLETED in noted(run)


@pytest.mark.parametrize(
    "frames",
    [[], [started()], [*LEFT, thinking()], [*LEFT, completed()], [*LEFT, started(agent="data")]],
    ids=["nothing", "no end", "a thought follows", "the end follows", "a start follows"],
)
def test_a_run_is_not_left_while_something_else_came_last(frames: list[Frame]) -> None:
    run = run_of(frames)
    before = run.ending
    assert run.quiet_since is None
    assert run.settle(START + 1_000.0, completion=6.0) is (before is not None)
    assert run.ending is before


@pytest.mark.parametrize("kind", ["agent_response_chunk", "stream_chunk", "agent_progress"])
def test_an_answer_that_is_streamed_keeps_the_run_going(kind: str) -> None:
    run = run_of([*LEFT, frame(kind, 5.0)])
    assert run.quiet_since == START + 5.0


def test_an_answer_that_is_streamed_by_the_outer_agent_alone_leaves_no_run() -> None:
    assert run_of([started(), frame("agent_response_chunk")]).quiet_since is None


@pytest.mark.parametrize(
    "aside",
    [
        frame("ping", 5.0, ids={}),
        frame("heartbeat", 5.0),
        frame("no_such_type", 5.0),
        frame("agent_response_chunk", 5.0, ids={"run_id": "run-2"}),
    ],
    ids=["ping", "heartbeat", "unknown", "another run's chunk"],
)
def test_a_keep_alive_does_not(aside: Frame) -> None:
    assert run_of([*LEFT, aside]).quiet_since == START + 1.0


# What is mentioned


def test_nested_repeated_and_unmatched_agents_are_mentioned() -> None:
    run = run_of(
        [
            started(),
            started(agent="data"),
            started(),
            completed(agent="reporting"),
            completed(agent="data"),
            *delivered()[1:],
        ]
    )
    assert [(each.what, each.position, each.sentence) for each in run.observations] == [
        (Noteworthy.NESTED_START, 1, "data started inside the run of triage"),
        (Noteworthy.REPEATED_START, 2, "triage started again"),
        (Noteworthy.END_WITHOUT_START, 3, "reporting ended inside the run and had not started"),
    ]
    assert run.violations == ()


def test_the_first_start_of_the_outer_agent_is_no_repetition_wherever_it_stands() -> None:
    assert noted(run_of([thinking(), started()])) == []


@pytest.mark.parametrize(
    ("leader", "mentioned"),
    [("supervisor", True), ("triage", False), ("unified_triage_agent", False)],
)
def test_another_agent_that_leads_the_run_is_mentioned(leader: str, *, mentioned: bool) -> None:
    run = run_of([started(agent=leader), *delivered()[:-1], completed(agent=leader)])
    assert (Noteworthy.OTHER_AGENT in noted(run)) is mentioned


def test_an_unknown_type_is_mentioned_once_with_its_count() -> None:
    run = run_of([frame("agent_pondering"), *delivered(), frame("agent_pondering")])
    [said] = run.observations
    assert (said.what, said.sentence, said.position) == (
        Noteworthy.UNKNOWN_TYPE,
        "agent_pondering is no known type (2 times)",
        None,
    )
    assert '"agent_pondering"' in said.evidence


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("agent_start", "agent_started"),
        ("agent_complete", "agent_completed"),
        ("tool_execute", "tool_executing"),
        ("tool_complete", "tool_completed"),
    ],
)
def test_a_name_that_is_nearly_one_of_the_five_is_mentioned_and_not_counted(
    kind: str, meant: str
) -> None:
    run = run_of([frame(kind)])
    assert run.events == ()
    assert run.observations[0].sentence == f"{kind} came, which is not {meant}"


def test_other_frames_pass_unmentioned() -> None:
    assert run_of([frame("user_typing"), frame("pong", ids={})]).observations == ()


def test_an_unknown_type_of_another_run_is_not_mentioned() -> None:
    assert run_of([frame("agent_pondering", ids={"run_id": "run-2"})]).observations == ()
