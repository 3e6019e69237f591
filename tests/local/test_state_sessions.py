"""What the embedded staging remembers: which tokens are dead before they expire."""

from __future__ import annotations

import pytest
from tests.local.standing_clock import StandingClock

from netra_testkit.local.state.sessions import Sessions


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


def test_a_revoked_token_is_dead(clock: StandingClock) -> None:
    sessions = Sessions(clock=clock)
    assert not sessions.is_revoked("access")
    sessions.revoke("access", expires_at=2_000)
    assert sessions.is_revoked("access")


def test_a_pair_dies_together(clock: StandingClock) -> None:
    sessions = Sessions(clock=clock)
    sessions.pair("access", "refresh", expires_at=2_000)
    sessions.revoke("access", expires_at=1_500)
    assert sessions.is_revoked("refresh")


def test_a_partner_may_be_left_alive(clock: StandingClock) -> None:
    sessions = Sessions(clock=clock)
    sessions.pair("access", "refresh", expires_at=2_000)
    sessions.revoke("access", expires_at=1_500, alone=True)
    assert (sessions.is_revoked("access"), sessions.is_revoked("refresh")) == (True, False)


def test_what_expired_is_forgotten(clock: StandingClock) -> None:
    sessions = Sessions(clock=clock)
    sessions.revoke("old", expires_at=2_000)
    sessions.pair("older", "oldest", expires_at=2_000)
    clock.now = 3_000
    sessions.revoke("new", expires_at=4_000)
    assert not sessions.is_revoked("old")
    sessions.revoke("older", expires_at=4_000)
    assert not sessions.is_revoked("oldest")


def test_what_has_just_expired_is_not_forgotten(clock: StandingClock) -> None:
    sessions = Sessions(clock=clock)
    sessions.revoke("old", expires_at=2_000)
    clock.now = 2_004
    sessions.revoke("new", expires_at=4_000)
    assert sessions.is_revoked("old")
