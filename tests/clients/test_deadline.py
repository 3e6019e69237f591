from __future__ import annotations

import decimal
import fractions
import pickle
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.clients.deadline import Deadline
from netra_testkit.errors import Cause, InvalidBound

BOUNDS = st.floats(min_value=1e-3, max_value=1e6)
PASSED = st.floats(min_value=0.0, max_value=2e6)

NOT_BOUNDS = {
    "zero": 0,
    "zero as a float": 0.0,
    "minus zero": -0.0,
    "negative": -1,
    "a negative float": -0.001,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "minus infinite": float("-inf"),
    "an integer beyond floats": 10**400,
    "a negative integer beyond floats": -(10**400),
    "true": True,
    "false": False,
    "text": "5",
    "bytes": b"5",
    "a list": [5],
    "a complex number": 5 + 0j,
    "a decimal": decimal.Decimal(5),
    "a fraction": fractions.Fraction(5),
    "a class": Deadline,
}


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_new_deadline_has_all_of_its_limit_left() -> None:
    deadline = Deadline.after(5, clock=Clock())
    assert (deadline.limit, deadline.remaining, deadline.elapsed) == (5.0, 5.0, 0.0)
    assert not deadline.expired


def test_what_is_left_shrinks_as_time_passes() -> None:
    clock = Clock()
    deadline = Deadline.after(5, clock=clock)
    clock.now += 3
    assert (deadline.limit, deadline.remaining, deadline.elapsed) == (5.0, 2.0, 3.0)


@given(limit=BOUNDS, passed=PASSED)
def test_a_deadline_is_expired_exactly_when_nothing_is_left(limit: float, passed: float) -> None:
    clock = Clock(0.0)
    deadline = Deadline.after(limit, clock=clock)
    clock.now = passed
    assert deadline.expired is (passed >= limit)
    assert deadline.remaining == max(0.0, limit - passed)


def test_the_default_clock_is_monotonic() -> None:
    before = time.monotonic()
    deadline = Deadline.after(60)
    assert before <= deadline.started_at <= time.monotonic()


@pytest.mark.parametrize("value", NOT_BOUNDS.values(), ids=NOT_BOUNDS)
def test_what_is_not_a_positive_finite_number_is_refused(value: float) -> None:
    with pytest.raises(InvalidBound):
        Deadline.after(value)
    with pytest.raises(InvalidBound):
        Deadline.of(value, 5.0)
    with pytest.raises(InvalidBound):
        Deadline.of(None, value)
    with pytest.raises(InvalidBound):
        Deadline.after(5.0).child(value)
    with pytest.raises(InvalidBound):
        Deadline(limit=value, started_at=0.0)


@pytest.mark.parametrize(
    ("value", "said"),
    [(-2, "-2"), (float("nan"), "nan"), (10**400, "inf"), (True, "a bool"), ("x" * 99, "a str")],
    ids=["negative", "nan", "beyond floats", "a bool", "text is not repeated"],
)
def test_the_refusal_says_what_was_given(value: float, said: str) -> None:
    with pytest.raises(InvalidBound) as refused:
        Deadline.after(value)
    assert refused.value.value == said
    assert refused.value.cause is Cause.TEST


def test_a_bound_given_as_a_deadline_is_that_deadline() -> None:
    deadline = Deadline.after(5)
    assert Deadline.of(deadline, 60) is deadline


@pytest.mark.parametrize(("within", "limit"), [(2, 2.0), (0.5, 0.5), (None, 60.0)])
def test_a_bound_given_as_seconds_starts_now(within: float | None, limit: float) -> None:
    before = time.monotonic()
    deadline = Deadline.of(within, 60)
    assert deadline.limit == limit
    assert before <= deadline.started_at <= time.monotonic()


def test_a_child_that_would_end_later_is_its_parent() -> None:
    clock = Clock()
    parent = Deadline.after(5, clock=clock)
    clock.now += 4
    assert parent.child(1) is parent
    assert parent.child(60) is parent


def test_a_child_that_ends_earlier_has_its_own_limit() -> None:
    clock = Clock()
    parent = Deadline.after(5, clock=clock)
    clock.now += 2
    child = parent.child(1)
    assert (child.limit, child.remaining, child.started_at) == (1.0, 1.0, 1002.0)


def test_a_child_of_an_expired_deadline_is_expired() -> None:
    clock = Clock()
    parent = Deadline.after(5, clock=clock)
    clock.now += 6
    assert parent.child(1).expired


@given(limit=BOUNDS, steps=st.lists(st.tuples(PASSED, BOUNDS), max_size=5))
def test_a_descendant_never_ends_later_than_an_ancestor(
    limit: float, steps: list[tuple[float, float]]
) -> None:
    clock = Clock(0.0)
    deadline = Deadline.after(limit, clock=clock)
    for passed, seconds in steps:
        clock.now += passed
        child = deadline.child(seconds)
        assert child.remaining <= deadline.remaining
        assert child.remaining <= seconds
        deadline = child


def test_a_deadline_cannot_be_moved() -> None:
    deadline = Deadline.after(5)
    with pytest.raises(AttributeError):
        deadline.limit = 6  # type: ignore[misc]


def test_a_deadline_says_how_much_is_left() -> None:
    clock = Clock()
    deadline = Deadline.after(5, clock=clock)
    clock.now += 1.75
    assert repr(deadline) == "<Deadline: 3.250 s of 5 s left>"


def test_a_deadline_means_the_same_in_another_thread() -> None:
    deadline = Deadline.after(60)
    seen: list[float] = []
    thread = threading.Thread(target=lambda: seen.append(deadline.remaining))
    thread.start()
    thread.join()
    assert deadline.remaining <= seen[0] <= 60


def test_the_error_of_a_passed_deadline_carries_its_facts() -> None:
    clock = Clock()
    deadline = Deadline.after(5, clock=clock)
    clock.now += 6
    error = deadline.exceeded(
        phase="agent",
        waiting_for="agent_completed",
        heard=1004.5,
        cause=Cause.PRODUCT,
        request_id="r-1",
        trace_id="t-1",
    )
    assert (error.phase, error.waiting_for, error.cause) == (
        "agent",
        "agent_completed",
        Cause.PRODUCT,
    )
    assert (error.limit, error.elapsed, error.last_activity) == (5.0, 6.0, 1.5)
    assert (error.request_id, error.trace_id) == ("r-1", "t-1")
    assert "agent: no agent_completed within 5 s (ended after 6.00 s" in str(error)


def test_a_peer_that_was_never_heard_is_said_to_be_so() -> None:
    error = Deadline.after(5).exceeded(phase="connect", waiting_for="welcome")
    assert error.last_activity is None
    assert error.cause is Cause.UNDECIDED
    assert (error.request_id, error.trace_id) == (None, None)


def test_a_peer_heard_after_the_error_began_is_not_heard_in_the_future() -> None:
    deadline = Deadline.after(5, clock=Clock())
    error = deadline.exceeded(phase="connect", waiting_for="welcome", heard=2000.0)
    assert error.last_activity == 0.0


def test_the_error_survives_pickling() -> None:
    error = Deadline.after(5).exceeded(phase="connect", waiting_for="welcome", heard=0.0)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes
