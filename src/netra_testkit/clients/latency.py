"""How long calls took: a summary that never makes a percentile out of too few."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netra_testkit.errors import Cause, NetraError

__all__ = ["LatencySummary", "Sample"]

FEWEST_FOR_P95 = 20
FEWEST_FOR_P99 = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """One call.

    Attributes:
        name: What was called.
        seconds: How long it took.
        identity: The user who called, None for anonymous.
        cause: Why it failed, None when it did not.
    """

    name: str
    seconds: float
    identity: str | None = None
    cause: Cause | None = None


class LatencySummary:
    """What the calls of one or more virtual users took, in seconds.

    Failed calls count as failures and are left out of the times: a refusal is quick, and a
    timeout says how long one waited.
    """

    def __init__(self, samples: Iterable[Sample] = (), *, floor: float | None = None) -> None:
        self._samples = list(samples)
        self._floor = floor

    def record(
        self, name: str, seconds: float, failure: NetraError | None, identity: str | None
    ) -> None:
        """Add a call."""
        cause = None if failure is None else failure.cause
        self._samples.append(Sample(name, seconds, identity, cause))

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every call, in the order in which they ended."""
        return tuple(self._samples)

    @property
    def floor(self) -> float | None:
        """What a bare TCP connect took: below this no call can be; None when not measured."""
        return self._floor

    @property
    def times(self) -> list[float]:
        """The seconds of the calls that succeeded, in ascending order."""
        return sorted(each.seconds for each in self._samples if each.cause is None)

    @property
    def n(self) -> int:
        """How many calls succeeded."""
        return len(self.times)

    @property
    def mean(self) -> float | None:
        """The mean; None without a call."""
        return statistics.fmean(self.times) if self.n else None

    @property
    def min(self) -> float | None:
        """The shortest; None without a call."""
        return min(self.times, default=None)

    @property
    def max(self) -> float | None:
        """The longest; None without a call."""
        return max(self.times, default=None)

    @property
    def p50(self) -> float | None:
        """The median; None without a call."""
        return statistics.median(self.times) if self.n else None

    @property
    def p95(self) -> float | None:
        """What 95 of 100 calls do not exceed; None when there are fewer than 20."""
        return self._quantile(0.95, fewest=FEWEST_FOR_P95)

    @property
    def p99(self) -> float | None:
        """What 99 of 100 calls do not exceed; None when there are fewer than 100."""
        return self._quantile(0.99, fewest=FEWEST_FOR_P99)

    @property
    def failures(self) -> Counter[Cause]:
        """How many calls failed, by cause."""
        return Counter(each.cause for each in self._samples if each.cause is not None)

    @property
    def identities(self) -> int:
        """How many different users called."""
        return len({each.identity for each in self._samples if each.identity is not None})

    def of(self, name: str) -> LatencySummary:
        """The summary of the calls of one name."""
        return LatencySummary(
            (each for each in self._samples if each.name == name), floor=self._floor
        )

    def __str__(self) -> str:
        figures = ("min", "mean", "p50", "p95", "p99", "max")
        shown = [f"{name} {_shown(getattr(self, name), few=self.n > 0)}" for name in figures]
        failed = ", ".join(f"{count} {cause}" for cause, count in self.failures.items()) or "none"
        floor = "" if self._floor is None else f"; network floor {_shown(self._floor, few=False)}"
        return (
            f"{self.n} calls of {self.identities} identities: {', '.join(shown)}; "
            f"failed: {failed}{floor}"
        )

    def _quantile(self, share: float, *, fewest: int) -> float | None:
        times = self.times
        return None if len(times) < fewest else times[math.ceil(share * len(times)) - 1]


def _shown(seconds: float | None, *, few: bool) -> str:
    if seconds is None:
        return "too few" if few else "none"
    return f"{seconds * 1000:.1f} ms"
