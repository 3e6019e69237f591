"""Compare work fairly: all of it in each round, shuffled, ratios of best quartiles."""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

ROUNDS = 21
# Where the baseline differs more from itself, the machine was too busy to say anything.
TRUSTED = (0.97, 1.03)


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that one call of `work` takes, by a clock."""
    start = clock()
    work()
    return clock() - start


def best_quartile(durations: list[float]) -> float:
    """The mean of the fastest quarter: what the work costs when nobody disturbs it."""
    ordered = sorted(durations)
    return statistics.fmean(ordered[: max(1, len(ordered) // 4)])


def counts(to_itself: float) -> bool:
    """Whether a figure counts, by the ratio of its baseline to itself."""
    return TRUSTED[0] <= to_itself <= TRUSTED[1]


def verdict(
    what: str,
    figure: float,
    *,
    to_itself: float,
    at_least: float | None = None,
    at_most: float | None = None,
) -> bool:
    """Print whether a limit holds; give False when it does not and the figure counts."""
    holds = (at_least is None or figure >= at_least) and (at_most is None or figure <= at_most)
    limit = f">= {at_least:g}" if at_least is not None else f"<= {at_most:g}"
    line = f"{what}: {figure:.3f}, limit {limit}: {'holds' if holds else 'DOES NOT HOLD'}"
    if not counts(to_itself):
        line += f"; figure does not count, baseline to itself {to_itself:.3f}"
    print(line)
    return holds or not counts(to_itself)


def compare(
    title: str,
    baseline: Callable[[], object],
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
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
            durations[name].append(timed(work[name], clock))
    reference = best_quartile(durations["baseline"])
    ratios = {name: best_quartile(taken) / reference for name, taken in durations.items()}
    print(
        f"{title}: baseline {reference * 1000:.3f} ms, to itself {ratios['baseline again']:.3f}"
        f"{'' if counts(ratios['baseline again']) else ', figures do not count'}"
    )
    for name in candidates:
        print(f"  {name}: {ratios[name]:.3f} x the baseline's time")
    return ratios


async def rates(
    title: str,
    baseline: Callable[[], Awaitable[None]],
    candidates: Mapping[str, Callable[[], Awaitable[None]]],
    *,
    rounds: int = ROUNDS,
) -> dict[str, float]:
    """Print and give each candidate's rate as a share of the baseline's; for coroutines.

    The rate of the baseline's other half is under "baseline again".
    """
    work = {"baseline": baseline, "baseline again": baseline, **candidates}
    durations: dict[str, list[float]] = {name: [] for name in work}
    for each in work.values():
        await each()
    order = list(work)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            start = time.perf_counter()
            await work[name]()
            durations[name].append(time.perf_counter() - start)
    reference = best_quartile(durations["baseline"])
    shares = {name: reference / best_quartile(taken) for name, taken in durations.items()}
    print(
        f"{title}: baseline {reference * 1000:.3f} ms, to itself {shares['baseline again']:.3f}"
        f"{'' if counts(shares['baseline again']) else ', figures do not count'}"
    )
    for name in candidates:
        print(f"  {name}: {shares[name]:.3f} of the baseline's rate")
    return shares
