"""What the embedded staging remembers: a state and a code each work once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.local.standing_clock import StandingClock

from netra_testkit.local.state.codes import CHALLENGE, Codes, challenge_of


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


def test_a_flow_ends_with_its_address(clock: StandingClock) -> None:
    codes = Codes(clock=clock)
    flow = codes.begin()
    code = codes.grant(flow.challenge, email="ann@example.com")
    verifier = codes.verifier(flow.state)
    assert verifier is not None
    assert codes.redeem(code, verifier) == "ann@example.com"
    assert codes.redeem(code, verifier) is None


def test_a_state_counts_once(clock: StandingClock) -> None:
    codes = Codes(clock=clock)
    flow = codes.begin()
    assert codes.verifier("another") is None
    assert codes.verifier(flow.state)
    assert codes.verifier(flow.state) is None


def test_a_code_of_another_flow_is_refused_and_spent(clock: StandingClock) -> None:
    codes = Codes(clock=clock)
    mine, hers = codes.begin(), codes.begin()
    code = codes.grant(hers.challenge, email="ann@example.com")
    assert codes.redeem(code, codes.verifier(mine.state) or "") is None
    assert codes.redeem(code, codes.verifier(hers.state) or "") is None


def test_both_expire(clock: StandingClock) -> None:
    codes = Codes(clock=clock)
    flow, other = codes.begin(), codes.begin()
    verifier = codes.verifier(other.state) or ""
    code = codes.grant(other.challenge, email="ann@example.com")
    clock.now += 601
    assert codes.verifier(flow.state) is None
    assert codes.redeem(code, verifier) is None


def test_what_expired_is_forgotten(clock: StandingClock) -> None:
    codes = Codes(clock=clock)
    codes.grant(codes.begin().challenge, email="ann@example.com")
    clock.now += 601
    codes.begin()
    assert len(codes._verifiers) == 1  # noqa: SLF001 - what is kept is the point
    assert codes._granted == {}  # noqa: SLF001 - what is kept is the point


@given(st.text(st.characters(codec="ascii"), max_size=128))
def test_every_challenge_looks_like_one(verifier: str) -> None:
    assert CHALLENGE.fullmatch(challenge_of(verifier))


def test_the_challenge_is_that_of_the_standard() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
