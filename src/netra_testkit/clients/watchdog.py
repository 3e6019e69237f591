"""One timer for all waits of a connection, re-armed only when it has to be earlier."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Watchdog"]


class Watchdog:
    """Calls back when a wait has lasted too long.

    A timer per message would cost more than the message; this one fires at the earliest end it
    has been told of, and most waits are over by then.
    """

    __slots__ = ("_fires_at", "_timer", "_watched")

    def __init__(self) -> None:
        self._watched: dict[object, tuple[float, Callable[[], None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = math.inf

    def watch(self, wait: object, seconds: float, expire: Callable[[], None]) -> None:
        """Call `expire` in so many seconds, unless `forget` is called with the same wait before."""
        when = time.monotonic() + seconds
        self._watched[wait] = (when, expire)
        if when < self._fires_at:
            self._arm(when, seconds)

    def forget(self, wait: object) -> None:
        """The wait is over."""
        self._watched.pop(wait, None)

    def stop(self) -> None:
        """Forget every wait and disarm."""
        self._watched.clear()
        self._fires_at = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, when: float, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires_at = when
        self._timer = asyncio.get_running_loop().call_later(seconds, self._fire)

    def _fire(self) -> None:
        now = time.monotonic()
        self._timer, self._fires_at = None, math.inf
        for wait in [wait for wait, (when, _) in self._watched.items() if when <= now]:
            # One that expires may end another, whose time has come as well.
            if (watched := self._watched.pop(wait, None)) is not None:
                watched[1]()
        if self._watched and self._timer is None:
            soonest = min(when for when, _ in self._watched.values())
            self._arm(soonest, max(0.0, soonest - now))
