"""Compare callables fairly: all of them in each round, shuffled, ratios of best quartiles."""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def timed(work: Callable[[], object]) -> float:
    """Seconds that one call of `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best_quartile(durations: list[float]) -> float:
    """The mean of the fastest quarter: what the work costs when nobody disturbs it."""
    ordered = sorted(durations)
    return statistics.fmean(ordered[: max(1, len(ordered) // 4)])


def compare(
    title: str,
    baseline: Callable[[], object],
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 21,
) -> dict[str, float]:
    """Print and give each candidate's duration as a multiple of the baseline's.

    The baseline runs twice in each round; the ratio of its two halves says how far to trust
    the rest.
    """
    work = {"baseline": baseline, "baseline again": baseline, **candidates}
    durations: dict[str, list[float]] = {name: [] for name in work}
    for each in work.values():
        each()
    order = list(work)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            durations[name].append(timed(work[name]))
    reference = best_quartile(durations["baseline"])
    ratios = {name: best_quartile(taken) / reference for name, taken in durations.items()}
    print(f"{title}: baseline {reference * 1000:.3f} ms, to itself {ratios['baseline again']:.3f}")
    for name in candidates:
        print(f"  {name}: {ratios[name]:.3f} x the baseline's time")
    return ratios
