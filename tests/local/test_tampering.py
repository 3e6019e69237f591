from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.local.agents import AgentRequest, Event, play
from netra_testkit.local.board import FaultBoard
from netra_testkit.local.faults import Fault
from netra_testkit.local.tampering import Tampering, is_outer_terminal
from netra_testkit.wire.contract import CRITICAL_EVENTS
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLETED = MessageType.TOOL_COMPLETED


def healthy() -> list[Event]:
    return list(play(AgentRequest(agent="supervisor", text="costs"), seed=0))


def test_nothing_is_done_without_a_fault() -> None:
    assert Tampering.struck(FaultBoard(), "u") == Tampering()
    assert list(Tampering().apply(healthy())) == healthy()


@pytest.mark.parametrize("kind", CRITICAL_EVENTS)
def test_every_event_of_a_kind_is_lost(kind: MessageType) -> None:
    tampering = Tampering.struck(FaultBoard([Fault("lost-event", type=kind.value)]), "u")
    expected = [each for each in healthy() if each.type is not kind]
    assert list(tampering.apply(healthy())) == expected


@pytest.mark.parametrize("kind", CRITICAL_EVENTS)
def test_every_event_of_a_kind_is_doubled(kind: MessageType) -> None:
    tampering = Tampering.struck(FaultBoard([Fault("duplicated-event", type=kind.value)]), "u")
    expected = [each for event in healthy() for each in [event] * (1 + (event.type is kind))]
    assert list(tampering.apply(healthy())) == expected


def test_the_first_two_events_change_places() -> None:
    first, second, *rest = healthy()
    tampering = Tampering.struck(FaultBoard([Fault("reordered-events")]), "u")
    assert list(tampering.apply(healthy())) == [second, first, *rest]


def test_the_first_tool_never_ends() -> None:
    tampering = Tampering.struck(FaultBoard([Fault("unpaired-tool")]), "u")
    told = list(tampering.apply(healthy()))
    gone = next(place for place, each in enumerate(healthy()) if each.type is COMPLETED)
    assert told == [*healthy()[:gone], *healthy()[gone + 1 :]]


def test_only_the_whole_run_fails_and_what_was_told_before_stays() -> None:
    board = FaultBoard([Fault("failed-run"), Fault("lost-event", type="agent_completed")])
    *told, last = Tampering.struck(board, "u").apply(healthy())
    assert told == [each for each in healthy()[:-1] if each.type is not MessageType.AGENT_COMPLETED]
    assert is_outer_terminal(last)
    assert last == Event(
        MessageType.AGENT_ERROR,
        {
            "agent": "supervisor",
            "agent_name": "supervisor",
            "status": "failed",
            "error_code": "AGENT_FAILED",
            "error": "supervisor could not do what was asked",
        },
    )


def test_a_run_that_never_ends_does_not_fail_either() -> None:
    board = FaultBoard([Fault("failed-run"), Fault("never-completes")])
    assert list(Tampering.struck(board, "u").apply(healthy())) == healthy()[:-1]


@pytest.mark.parametrize("struck", [Tampering.struck, Tampering.struck_at_its_end])
def test_one_run_uses_up_one_strike(struck: Callable[..., Tampering]) -> None:
    board = FaultBoard([Fault("never-completes", count=2)])
    assert [struck(board, "u").endless for _ in range(3)] == [True, True, False]


def test_only_the_answer_is_bent_where_nothing_else_is_told() -> None:
    board = FaultBoard([Fault("lost-event"), Fault("unpaired-tool"), Fault("reordered-events")])
    assert Tampering.struck_at_its_end(board, "u") == Tampering()


def test_only_the_end_of_the_whole_run_is_withheld() -> None:
    tampering = Tampering.struck(FaultBoard([Fault("never-completes")]), "u")
    assert list(tampering.apply(healthy())) == healthy()[:-1]
    assert [is_outer_terminal(each) for each in healthy()].index(True) == len(healthy()) - 1
