"""Which faults strike, when and how often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from netra_testkit.local.board import FaultBoard
from netra_testkit.local.faults import Fault


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_strikes_on_an_empty_board() -> None:
    assert FaultBoard().strike("mute") is None
    assert FaultBoard().faults == ()


def test_what_is_set_strikes_until_it_is_cleared() -> None:
    fault = Fault("mute")
    board = FaultBoard([fault])
    assert [board.strike("mute") for _ in range(3)] == [fault] * 3
    board.clear()
    assert board.strike("mute") is None


def test_only_the_kind_that_is_asked_for_strikes() -> None:
    board = FaultBoard([Fault("mute")])
    assert board.strike("no-welcome") is None
    assert board.strike("reset-peer") is None


@pytest.mark.parametrize("faults", [(), (Fault("mute"),)], ids=["empty", "set"])
def test_asking_for_a_kind_that_does_not_exist_is_an_error(faults: tuple[Fault, ...]) -> None:
    with pytest.raises(KeyError):
        FaultBoard(faults).strike("mut")


def test_the_first_that_covers_the_place_strikes() -> None:
    one, two = Fault("status", route="/a", status=500), Fault("status", status=503)
    board = FaultBoard([one, two])
    assert board.strike("status", route="/a") is one
    assert board.strike("status", route="/b") is two


def test_a_count_is_used_up() -> None:
    board = FaultBoard([Fault("mute", count=2, user="a")])
    assert board.strike("mute", user="b") is None
    assert board.strike("mute", user="a") is not None
    assert board.strike("mute", user="a") is not None
    assert board.strike("mute", user="a") is None
    assert board.faults == ()


def test_a_fault_ends_when_its_time_is_over() -> None:
    clock = Clock()
    board = FaultBoard(clock=clock)
    board.add(Fault("mute", seconds=2))
    clock.now += 1.9
    assert board.strike("mute") is not None
    clock.now += 0.1
    assert board.strike("mute") is None
    assert board.faults == ()


def test_the_chance_of_a_fault_is_repeated_by_its_seed() -> None:
    def struck(seed: int) -> list[bool]:
        board = FaultBoard([Fault("mute", probability=0.5, seed=seed)])
        return [board.strike("mute") is not None for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 60 < sum(struck(1)) < 140


@pytest.mark.parametrize(("probability", "strikes"), [(0, False), (1, True)])
def test_what_is_certain_is_certain(probability: float, *, strikes: bool) -> None:
    board = FaultBoard([Fault("mute", probability=probability)])
    assert {board.strike("mute") is not None for _ in range(100)} == {strikes}


def test_what_misses_leaves_the_next_its_chance() -> None:
    sure = Fault("mute")
    board = FaultBoard([Fault("mute", probability=0), sure])
    assert board.strike("mute") is sure


def test_many_threads_use_up_a_count_exactly() -> None:
    board = FaultBoard([Fault("mute", count=500)])

    def strikes() -> int:
        return sum(board.strike("mute") is not None for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: strikes(), range(8))) == 500
