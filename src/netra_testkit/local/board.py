"""FaultBoard: which faults are set now, and whether one strikes."""

from __future__ import annotations

import threading
import time
from random import Random
from typing import TYPE_CHECKING

from netra_testkit.local.catalogue import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from netra_testkit.local.faults import Fault

__all__ = ["FaultBoard"]


class FaultBoard:
    """The faults of one embedded staging; any thread may set them while it serves.

    Args:
        faults: What is set from the beginning.
        clock: Seconds that only grow.
    """

    def __init__(
        self, faults: Iterable[Fault] = (), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._set: tuple[_Setting, ...] = ()
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Set a fault; its count and its time begin now.

        Args:
            fault: What is to go wrong.
        """
        setting = _Setting(fault, self._clock())
        with self._lock:
            self._set = (*self._living(), setting)

    def clear(self) -> None:
        """Take every fault away."""
        with self._lock:
            self._set = ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is set and not yet used up, in the order it was set."""
        with self._lock:
            self._set = self._living()
            return tuple(setting.fault for setting in self._set)

    def strike(
        self,
        kind: str,
        *,
        route: str | None = None,
        phase: str | None = None,
        user: str | None = None,
    ) -> Fault | None:
        """The fault of a kind that strikes here and now, None when none does.

        Asking counts: it uses up one of the fault's strikes and draws its chance.

        Args:
            kind: The name of the kind.
            route: The path of the request.
            phase: What the connection is doing.
            user: The id of the user.

        Raises:
            KeyError: There is no such kind.
        """
        name = FAULTS[kind].name
        if not self._set:
            return None
        with self._lock:
            self._set = self._living()
            for setting in self._set:
                fault = setting.fault
                if (
                    fault.kind == name
                    and fault.matches(route=route, phase=phase, user=user)
                    and setting.draw()
                ):
                    return fault
        return None

    def _living(self) -> tuple[_Setting, ...]:
        now = self._clock()
        return tuple(setting for setting in self._set if setting.lives(now))


class _Setting:
    """One fault on the board: what is left of it."""

    def __init__(self, fault: Fault, since: float) -> None:
        self.fault = fault
        self._until = None if fault.seconds is None else since + fault.seconds
        self._left = fault.count
        # Seeded so that a run can be repeated; nothing secret is drawn from it.
        self._random = Random(fault.seed)  # noqa: S311 - chance, not secrecy

    def lives(self, now: float) -> bool:
        return self._left != 0 and (self._until is None or now < self._until)

    def draw(self) -> bool:
        if self._random.random() >= self.fault.probability:
            return False
        if self._left is not None:
            self._left -= 1
        return True
