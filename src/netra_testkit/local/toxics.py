"""What transport faults do to bytes on their way to the client: pure functions of time."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Protocol

from netra_testkit.local.kinds import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from netra_testkit.local.faults import Fault

__all__ = ["Bandwidth", "CloseFrame", "Course", "Latency", "Piece", "Slicer", "Stage", "course_of"]

_SLAB = 16 * 1024
"""How much is cut into pieces at a time, so that the pieces of a long answer stay few."""

_TICK = 0.02
"""The seconds worth of bytes that a narrow line lets through at a time."""


_ACCEPTED = b"HTTP/1.1 101 "
_WELCOME = b"connection_established"
_RUN_BEGAN = b"agent_started"
_CLOSE = 0x88


class Piece(NamedTuple):
    """Bytes, and when they may go."""

    due: float
    data: bytes


class Stage(Protocol):
    """One fault's effect on the pieces that pass it, in their order."""

    def shape(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces as they leave, none before the one ahead of it."""
        ...


class Slicer:
    """Cuts into small pieces, with a delay between them.

    Args:
        fault: A fault of kind slicer.
    """

    def __init__(self, fault: Fault) -> None:
        self._size = int(fault.number("average_size"))
        self._variation = int(fault.number("size_variation"))
        self._delay = fault.number("delay") / 1e6
        # Chance, not secrecy, from a seed that repeats it.
        self._random = Random(fault.seed)  # noqa: S311 - see above
        self._free = 0.0

    def shape(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces as they leave, none before the one ahead of it."""
        for due, data in pieces:
            place = 0
            while place < len(data):
                spread = self._random.randint(-self._variation, self._variation)
                size = max(1, self._size + spread)
                self._free = max(self._free, due)
                yield Piece(self._free, data[place : place + size])
                self._free += self._delay
                place += size


class Bandwidth:
    """Lets through so many thousand bytes a second.

    Args:
        fault: A fault of kind bandwidth.
    """

    def __init__(self, fault: Fault) -> None:
        self._rate = fault.number("rate") * 1000
        self._size = max(1, int(self._rate * _TICK))
        self._free = 0.0

    def shape(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces as they leave, none before the one ahead of it."""
        for due, data in pieces:
            for place in range(0, len(data), self._size):
                part = data[place : place + self._size]
                self._free = max(self._free, due) + len(part) / self._rate
                yield Piece(self._free, part)


class Latency:
    """Holds everything up.

    Args:
        fault: A fault of kind latency.
    """

    def __init__(self, fault: Fault) -> None:
        self._latency = fault.number("latency") / 1000
        self._jitter = fault.number("jitter") / 1000
        # Chance, not secrecy, from a seed that repeats it.
        self._random = Random(fault.seed)  # noqa: S311 - see above
        self._last = 0.0

    def shape(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces as they leave, none before the one ahead of it."""
        for due, data in pieces:
            held = self._latency + self._random.uniform(-self._jitter, self._jitter)
            self._last = max(self._last, due + max(0.0, held))
            yield Piece(self._last, data)


class Course:
    """The way of one connection's bytes to the client.

    Args:
        stages: What shapes them, in this order.
        limit: After how many bytes the way ends; None for never.
    """

    def __init__(self, stages: Iterable[Stage] = (), *, limit: int | None = None) -> None:
        self._stages = tuple(stages)
        self._left = limit
        self._raw: deque[Piece] = deque()
        self._shaped: deque[Piece] = deque()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many bytes are on their way."""
        return self._waiting

    @property
    def spent(self) -> bool:
        """Whether nothing more may come."""
        return self._left == 0

    @property
    def due(self) -> float | None:
        """When the next piece may go, None when there is none."""
        self._shape()
        return self._shaped[0].due if self._shaped else None

    def offer(self, data: bytes, now: float) -> None:
        """Begin the way of more bytes; what is beyond the limit is dropped.

        Args:
            data: The bytes.
            now: The time.
        """
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        self._waiting += len(data)
        slabs = (data[place : place + _SLAB] for place in range(0, len(data), _SLAB))
        self._raw.extend(Piece(now, slab) for slab in slabs)

    def take(self, now: float, *, most: int) -> list[bytes]:
        """The pieces that may go now.

        Args:
            now: The time.
            most: How many at once.
        """
        pieces: list[bytes] = []
        while len(pieces) < most and self.due is not None and self._shaped[0].due <= now:
            data = self._shaped.popleft().data
            self._waiting -= len(data)
            pieces.append(data)
        return pieces

    def rest(self) -> bytes:
        """All that is still on its way, at once and unshaped."""
        data = b"".join(piece.data for piece in (*self._shaped, *self._raw))
        self._shaped.clear()
        self._raw.clear()
        self._waiting = 0
        return data

    def _shape(self) -> None:
        if self._shaped or not self._raw:
            return
        pieces: Iterable[Piece] = (self._raw.popleft(),)
        for stage in self._stages:
            pieces = stage.shape(pieces)
        self._shaped.extend(pieces)


class CloseFrame:
    """Ends a WebSocket with a close frame of any number, once a phase is reached.

    Args:
        fault: A fault of kind close-frame.
    """

    def __init__(self, fault: Fault) -> None:
        reason = str(fault.options["reason"]).encode()
        body = int(fault.number("code")).to_bytes(2) + reason
        self._frame = bytes((_CLOSE, len(body))) + body
        self._phase = fault.phase
        self._accepted = False

    def cut(self, data: bytes) -> tuple[bytes, bool]:
        """What is sent instead of what the server wrote, and whether it is the last.

        Args:
            data: What the server wrote: the answer to the upgrade, or whole frames.
        """
        if not self._accepted:
            self._accepted = data.startswith(_ACCEPTED)
            now = self._accepted and self._phase is Phase.UPGRADE
        elif self._phase is Phase.BEFORE_WELCOME:
            return self._frame, True
        else:
            mark = _RUN_BEGAN if self._phase is Phase.MID_RUN else _WELCOME
            now = mark in data
        return (data + self._frame, True) if now else (data, False)


def course_of(faults: Mapping[str, Fault]) -> Course:
    """The way of bytes under these faults; those of other kinds have no part in it.

    Args:
        faults: The faults by kind.
    """
    shapes = (("slicer", Slicer), ("bandwidth", Bandwidth), ("latency", Latency))
    stages: list[Stage] = [shape(faults[kind]) for kind, shape in shapes if kind in faults]
    limited = faults.get("limit_data")
    return Course(stages, limit=None if limited is None else int(limited.number("bytes")))
