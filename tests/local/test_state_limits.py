"""What the embedded staging remembers: how often each user may do something."""

from __future__ import annotations

import pytest
from tests.local.standing_clock import StandingClock

from netra_testkit.local.state.limits import RateLimits


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


def test_a_window_holds_so_many(clock: StandingClock) -> None:
    limits = RateLimits(clock=clock)
    taken = [limits.take("ann", "a route", requests=2, window=10) for _ in range(3)]
    assert [each.allowed for each in taken] == [True, True, False]
    assert [each.remaining for each in taken] == [1, 0, 0]
    assert (taken[2].limit, taken[2].reset_at, taken[2].retry_after) == (2, 1_010, 10)
    assert limits.refused == 1


def test_the_window_slides(clock: StandingClock) -> None:
    limits = RateLimits(clock=clock)
    limits.take("ann", "a route", requests=2, window=10)
    clock.now += 6
    limits.take("ann", "a route", requests=2, window=10)
    clock.now += 4
    taken = limits.take("ann", "a route", requests=2, window=10)
    assert (taken.allowed, taken.remaining, taken.reset_at) == (True, 0, 1_016)


def test_users_and_things_are_counted_apart(clock: StandingClock) -> None:
    limits = RateLimits(clock=clock)
    for user, what in (("ann", "a route"), ("bob", "a route"), ("ann", "another")):
        assert limits.take(user, what, requests=1, window=10).allowed


def test_who_waits_as_told_comes_in(clock: StandingClock) -> None:
    limits = RateLimits(clock=clock)
    limits.take("ann", "a route", requests=1, window=0.5)
    taken = limits.take("ann", "a route", requests=1, window=0.5)
    assert taken.retry_after == 1
    clock.now += taken.retry_after
    assert limits.take("ann", "a route", requests=1, window=0.5).allowed


def test_where_nothing_fits_the_window_is_still_told(clock: StandingClock) -> None:
    taken = RateLimits(clock=clock).take("ann", "a route", requests=0, window=10)
    assert (taken.allowed, taken.reset_at, taken.retry_after) == (False, 1_010, 10)
