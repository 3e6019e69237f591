"""Rate limits: how often each user may do something within a sliding window."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Allowance", "RateLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a user may still do.

    Attributes:
        allowed: Whether this time was within the limit.
        limit: How often within the window.
        remaining: How often more, now.
        reset_at: When there is room for one more than now, in seconds since the epoch.
        retry_after: In how many whole seconds that is, at least 1.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_at: float
    retry_after: int


class RateLimits:
    """A count per user and thing that slides with time.

    Attributes:
        refused: How many times there was no room.
    """

    refused: int

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self.refused = 0
        self._clock = clock
        self._taken: dict[tuple[str, str], deque[float]] = {}

    def take(self, user: str, what: str, *, requests: int, window: float) -> Allowance:
        """Count one more, unless there is no room for it.

        Args:
            user: Whose count it is.
            what: What is counted, such as a route.
            requests: How many fit into the window.
            window: How long the window is, in seconds.
        """
        now = self._clock()
        taken = self._taken.setdefault((user, what), deque())
        while taken and taken[0] <= now - window:
            taken.popleft()
        allowed = len(taken) < requests
        if allowed:
            taken.append(now)
        else:
            self.refused += 1
        reset_at = (taken[0] if taken else now) + window
        return Allowance(
            allowed=allowed,
            limit=requests,
            remaining=max(0, requests - len(taken)),
            reset_at=reset_at,
            retry_after=max(1, math.ceil(reset_at - now)),
        )

    def clear(self) -> None:
        """Begin every count anew."""
        self._taken.clear()
        self.refused = 0
