"""Frames that wait for whoever asks next: none is lost, and their memory is bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.errors import WireError
    from netra_testkit.wire.frames import Frame

__all__ = ["Bell", "Mailbox"]

MOST_FRAMES = 10_000
MOST_CHARACTERS = 16 * 1024 * 1024


class Bell:
    """Wakes one who waits."""

    __slots__ = ("_arrival",)

    def __init__(self) -> None:
        self._arrival: asyncio.Future[None] | None = None

    def arrival(self) -> asyncio.Future[None]:
        """Done when `wake` is called."""
        self._arrival = asyncio.get_running_loop().create_future()
        return self._arrival

    def wake(self) -> None:
        """Make whoever waits look again."""
        arrival, self._arrival = self._arrival, None
        if arrival is not None and not arrival.done():
            arrival.set_result(None)


class Mailbox(Bell):
    """A queue with one taker, who may look for a certain frame and leave the others.

    Whoever waits is only woken; the frame stays until it is taken, so that a cancelled wait
    loses nothing. A frame that could not be read stands in the queue as its error.
    """

    __slots__ = ("_characters", "_kept", "_on_room")

    def __init__(self) -> None:
        super().__init__()
        self._kept: deque[Frame | WireError] = deque()
        self._characters = 0
        self._on_room: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, item: Frame | WireError) -> bool:
        """Keep what arrived and wake whoever waits; whether no more should be read for now."""
        kept = self._kept
        kept.append(item)
        if not isinstance(item, Exception):
            self._characters += len(item.raw)
        if self._arrival is not None:
            self.wake()
        return len(kept) >= MOST_FRAMES or self._characters >= MOST_CHARACTERS

    def next(self) -> Frame | None:
        """The first kept frame, when there is one and it could be read: the fast way to take."""
        kept = self._kept
        if not kept or isinstance(item := kept[0], Exception):
            return None
        kept.popleft()
        self._characters -= len(item.raw)
        if self._on_room is not None:
            self._make_room()
        return item

    def take(self, wanted: Callable[[Frame], bool] | None = None) -> Frame | None:
        """The first kept frame that is wanted; None when there is none.

        Raises:
            WireError: The next one in question could not be read.
        """
        if not self._kept:
            return None
        if wanted is None and (first := self.next()) is not None:
            return first
        for place, item in enumerate(self._kept):
            if isinstance(item, Exception) or wanted is None or wanted(item):
                del self._kept[place]
                self._characters -= _size(item)
                self._make_room()
                if isinstance(item, Exception):
                    raise item
                return item
        return None

    def drain(self) -> list[Frame | WireError]:
        """Everything kept, taken out."""
        kept = list(self._kept)
        self._kept.clear()
        self._characters = 0
        self._make_room()
        return kept

    @property
    def full(self) -> bool:
        """Whether no more should be read for now."""
        return len(self._kept) >= MOST_FRAMES or self._characters >= MOST_CHARACTERS

    @property
    def waits_for_room(self) -> bool:
        """Whether somebody is to be told when half is taken."""
        return self._on_room is not None

    def when_half_empty(self, go_on: Callable[[], None]) -> None:
        """Call back once half of what makes it full has been taken."""
        self._on_room = go_on

    def _make_room(self) -> None:
        go_on = self._on_room
        if go_on is None:
            return
        if len(self._kept) <= MOST_FRAMES // 2 and self._characters <= MOST_CHARACTERS // 2:
            self._on_room = None
            go_on()


def _size(item: Frame | WireError) -> int:
    return 0 if isinstance(item, Exception) else len(item.raw)
