from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.clients.latency import LatencySummary, Sample
from netra_testkit.errors import ClientClosed, ServiceUnavailable

UNAVAILABLE = ServiceUnavailable(status=503, method="GET", path="/")


def summary(*seconds: float) -> LatencySummary:
    return LatencySummary([Sample("GET /", each, "ann") for each in seconds])


def test_without_a_call_there_is_no_figure() -> None:
    empty = LatencySummary()
    assert (empty.n, empty.mean, empty.min, empty.p50, empty.max) == (0, None, None, None, None)
    assert str(empty) == (
        "0 calls of 0 identities: min none, mean none, p50 none, p95 none, p99 none, max none; "
        "failed: none"
    )


def test_a_percentile_is_not_made_out_of_too_few() -> None:
    few = summary(*[0.001] * 19)
    assert few.p95 is None
    assert "p95 too few" in str(few)
    assert summary(*[0.001] * 20).p95 == 0.001
    assert summary(*[0.001] * 99).p99 is None
    assert summary(*[0.001] * 100).p99 == 0.001


def test_the_figures_of_a_known_sample() -> None:
    known = summary(*(number / 1000 for number in range(1, 101)))
    assert (known.n, known.min, known.max) == (100, 0.001, 0.1)
    assert known.mean == pytest.approx(0.0505)
    assert known.p50 == pytest.approx(0.0505)
    assert (known.p95, known.p99) == (0.095, 0.099)


def test_failures_are_counted_by_cause_and_left_out_of_the_times() -> None:
    calls = LatencySummary(floor=0.0002)
    calls.record("GET /", 0.010, None, "ann")
    calls.record("GET /", 9.0, UNAVAILABLE, "bob")
    calls.record("POST /", 0.002, ClientClosed(what="closed"), None)
    assert (calls.n, calls.max, calls.identities) == (1, 0.010, 2)
    assert calls.failures == {"undecided": 1, "test": 1}
    assert str(calls).endswith("failed: 1 undecided, 1 test; network floor 0.2 ms")


def test_the_calls_of_one_name_are_summed_up_alone() -> None:
    calls = LatencySummary([Sample("GET /a", 1.0), Sample("GET /b", 2.0)], floor=0.5)
    assert calls.of("GET /b").times == [2.0]
    assert calls.of("GET /b").floor == 0.5
    assert len(calls.samples) == 2


@given(st.lists(st.floats(0.0001, 60), min_size=100, max_size=200))
def test_the_figures_are_in_order_and_share_their_bounds(seconds: list[float]) -> None:
    calls = summary(*seconds)
    figures = [calls.min, calls.p50, calls.p95, calls.p99, calls.max]
    known = [each for each in figures if each is not None]
    assert len(known) == 5
    assert known == sorted(known)
    assert sum(each <= known[2] for each in seconds) >= 0.95 * len(seconds)
