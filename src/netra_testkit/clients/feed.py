"""EventFeed: every frame of a connection as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from netra_testkit.errors import ClientClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from netra_testkit.wire.frames import Frame

__all__ = ["EventFeed"]


class EventFeed:
    """The frames that come, in order, for `async with` and `async for`.

    It never ends by itself: leave the loop when you have what you wanted. The connection's end
    and the feed's deadline are raised. Leaving the block loses nothing: what was not taken stays
    for `receive`.
    """

    def __init__(
        self, frame: Callable[[], Awaitable[Frame]], alone: AbstractContextManager[None]
    ) -> None:
        self._frame = frame
        self._alone = alone
        self._open = False

    async def __aenter__(self) -> Self:
        """Begin to read; nobody else may until the block is left.

        Raises:
            AlreadyReading: Somebody does.
        """
        self._alone.__enter__()
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let others read; waits for nothing."""
        self._open = False
        self._alone.__exit__(None, None, None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        """The next frame. Bounded by the feed's deadline; safe to cancel, no frame is lost.

        Raises:
            ServerClosed: The connection has ended.
            DeadlineExceeded: The feed's time is over.
        """
        if not self._open:
            raise ClientClosed(what="a frame of a feed that is not open")
        return await self._frame()
