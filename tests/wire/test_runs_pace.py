from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.wire.run_frames import (
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

from netra_testkit.wire.contract import Rule, RunContract, RunLimits
from netra_testkit.wire.pace import RunTiming
from netra_testkit.wire.runs import AgentRun

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame


def seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def test_every_part_of_a_run_is_timed() -> None:
    timing = run_of(
        [
            started(0.1),
            thinking(0.3),
            executing(0.4),
            executing(0.5, tool="weather"),
            used(0.6, tool="weather"),
            used(1.6),
            completed(1.8),
        ]
    ).timing
    assert [seconds(each) for each in timing.events] == [0.1, 0.3, 0.4, 0.5, 0.6, 1.6, 1.8]
    assert seconds(timing.first_event) == 0.1
    assert seconds(timing.thinking) == 0.3
    assert seconds(timing.largest_gap) == 1.0
    assert seconds(timing.slowest_tool) == 1.2
    assert seconds(timing.completion) == 0.2
    assert seconds(timing.total) == 1.8


def test_the_same_tool_used_twice_at_once_is_timed_from_the_older_use() -> None:
    timing = run_of([executing(0.1), executing(1.0), used(1.1), used(2.0)]).timing
    assert seconds(timing.slowest_tool) == 1.0


def test_nothing_is_timed_without_events() -> None:
    assert run_of([]).timing == RunTiming()


def test_a_run_whose_request_has_no_time_is_counted_from_its_first_event() -> None:
    run = AgentRun("triage")
    for each in (started(2.0), thinking(2.5)):
        run.feed(each)
    timing = run.timing
    assert (timing.events, timing.total) == ((0.0, 0.5), 0.5)
    assert (timing.first_event, timing.thinking) == (None, None)


def test_an_open_run_has_a_total_so_far_and_no_completion() -> None:
    timing = run_of([started(0.1), thinking(0.4)]).timing
    assert (seconds(timing.total), timing.completion) == (0.4, None)


@pytest.mark.parametrize(
    "frames", [[started()], [thinking()]], ids=["nothing after the start", "no start"]
)
def test_thinking_is_timed_only_after_a_start(frames: list[Frame]) -> None:
    assert run_of(frames).timing.thinking is None


def test_what_comes_after_the_end_is_not_timed() -> None:
    assert seconds(run_of([*delivered(), thinking(9.0)]).timing.total) == 0.5


# Hand-offs


def hand_offs(*frames: Frame) -> list[tuple[str, str, float | None, int]]:
    run = run_of(frames)
    return [
        (each.from_agent, each.to_agent, seconds(each.seconds), each.position)
        for each in run.hand_offs
    ]


def test_a_hand_off_goes_from_the_agent_named_last_to_the_one_that_starts() -> None:
    assert hand_offs(
        started(0.1),
        thinking(0.2),
        started(0.5, agent="data"),
        thinking(0.6),
        completed(0.7, agent="data"),
        started(1.7, agent="reporting"),
        completed(1.8, agent="reporting"),
        completed(1.9),
    ) == [("triage", "data", 0.3, 2), ("data", "reporting", 1.0, 5)]


def test_a_repeated_start_is_no_hand_off() -> None:
    assert hand_offs(started(), started(), started(agent="triage_agent")) == []
    assert len(hand_offs(started(), started(agent="data"), started(agent="data"))) == 1


def test_the_outer_agent_that_takes_up_again_is_no_hand_off() -> None:
    assert len(hand_offs(started(), started(agent="data"), started())) == 1


def test_a_start_that_nothing_precedes_is_no_hand_off() -> None:
    assert hand_offs(started(agent="supervisor")) == []


def test_the_asked_agent_hands_over_when_no_other_was_named() -> None:
    assert hand_offs(thinking(0.1), started(0.4, agent="data")) == [("triage", "data", 0.3, 1)]


# Limits

SLOW = [
    started(1.0),
    thinking(2.0),
    executing(3.0),
    used(5.0),
    started(9.0, agent="data"),
    completed(10.0, agent="data"),
    completed(13.0),
]


@pytest.mark.parametrize(
    ("limits", "sentences"),
    [
        (RunLimits(), []),
        (RunLimits(first_event=1.0, total=13.0), []),
        (RunLimits(first_event=0.5), [(0, "first event took 1.000 s, the limit is 0.5 s")]),
        (RunLimits(thinking=1.5), [(1, "thinking took 2.000 s, the limit is 1.5 s")]),
        (RunLimits(largest_gap=3.5), [(4, "largest gap took 4.000 s, the limit is 3.5 s")]),
        (RunLimits(slowest_tool=1.5), [(3, "slowest tool took 2.000 s, the limit is 1.5 s")]),
        (RunLimits(hand_off=3.0), [(4, "hand off took 4.000 s, the limit is 3 s")]),
        (RunLimits(completion=2.0), [(6, "completion took 3.000 s, the limit is 2 s")]),
        (RunLimits(total=12.0), [(6, "total took 13.000 s, the limit is 12 s")]),
    ],
)
@pytest.mark.parametrize("contract", RunContract)
def test_a_limit_that_is_passed_breaks_every_contract(
    contract: RunContract, limits: RunLimits, sentences: list[tuple[int, str]]
) -> None:
    broken = run_of(SLOW, limits=limits).check(contract)
    assert [(each.position, each.sentence) for each in broken] == sentences
    assert {each.rule for each in broken} <= {Rule.IN_TIME}


def test_limits_of_what_never_came_are_not_judged() -> None:
    limits = RunLimits(first_event=0.0, slowest_tool=0.0, completion=0.0, hand_off=0.0, total=0.0)
    assert Rule.IN_TIME not in {each.rule for each in run_of([], limits=limits).violations}


def test_a_run_that_failed_at_once_is_timed() -> None:
    run = run_of([frame("error", 0.2, code="NO_SUCH_AGENT")])
    timing = run.timing
    assert (seconds(timing.total), timing.completion, timing.largest_gap) == (0.2, None, None)
    assert run.started_at == START
