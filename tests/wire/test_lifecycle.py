from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import Cause, IllegalStep, WireError
from netra_testkit.wire.lifecycle import LEGAL_STEPS, ConnectionState, step

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

TABLE = """
connecting -> accepted|failed|closed
accepted -> authenticated|failed|closed
authenticated -> services_ready|degraded|failed|closed
services_ready -> processing_ready|degraded|failed|closed
processing_ready -> processing|idle|degraded|closing|failed|closed
processing -> idle|processing_ready|degraded|closing|failed|closed
idle -> processing|processing_ready|degraded|closing|failed|closed
degraded -> processing_ready|processing|idle|reconnecting|closing|failed|closed
reconnecting -> services_ready|processing_ready|degraded|failed|closed
closing -> closed
closed ->
failed -> connecting
"""

WRITTEN = {
    origin.strip(): [each for each in targets.strip().split("|") if each]
    for origin, _, targets in (line.partition("->") for line in TABLE.strip().splitlines())
}


def test_the_states_are_those_written_down() -> None:
    assert [str(state) for state in ConnectionState] == list(WRITTEN)
    assert set(LEGAL_STEPS) == set(ConnectionState)


@pytest.mark.parametrize("origin", ConnectionState)
@pytest.mark.parametrize("target", ConnectionState)
def test_a_step_is_legal_when_it_is_written_down(
    origin: ConnectionState, target: ConnectionState
) -> None:
    if target in WRITTEN[origin]:
        assert step(origin, target) is target
        return
    with pytest.raises(IllegalStep) as refused:
        step(origin, target)
    error = refused.value
    assert (error.origin, error.target, list(error.legal)) == (origin, target, WRITTEN[origin])
    assert error.cause is Cause.PRODUCT
    assert isinstance(error, WireError)


@pytest.mark.parametrize(
    ("origin", "target", "text"),
    [
        ("closing", "idle", "A connection cannot go from closing to idle, only to closed"),
        (
            "closed",
            "connecting",
            "A connection cannot go from closed to connecting, only to nothing",
        ),
        ("failed", "idle", "A connection cannot go from failed to idle, only to connecting"),
        (
            "connecting",
            "idle",
            "A connection cannot go from connecting to idle, only to accepted or",
        ),
    ],
)
def test_an_illegal_step_says_from_to_and_what_would_be_legal(
    origin: str, target: str, text: str
) -> None:
    with pytest.raises(IllegalStep) as refused:
        step(ConnectionState(origin), ConnectionState(target))
    assert str(refused.value).startswith(text)


def test_the_table_cannot_be_changed() -> None:
    table: MutableMapping[Any, Any] = LEGAL_STEPS  # type: ignore[assignment]
    with pytest.raises(TypeError):
        table[ConnectionState.CLOSED] = ()


@given(st.lists(st.sampled_from(ConnectionState), max_size=20))
def test_nothing_follows_closed(targets: list[ConnectionState]) -> None:
    state = ConnectionState.CONNECTING
    for target in targets:
        was_closed = state is ConnectionState.CLOSED
        try:
            state = step(state, target)
        except IllegalStep:
            continue
        assert not was_closed
