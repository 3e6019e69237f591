"""A TCP or TLS connection for httpx that can be cut at once and knows when it last heard."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpcore

from netra_testkit.errors import ConnectionFailed

if TYPE_CHECKING:
    import ssl

__all__ = ["PROGRESS", "ByteStream", "Progress"]

# Reading pauses above this and goes on once all of it is taken: a flood waits with the peer.
BUFFER_LIMIT = 256 * 1024
# Whoever reads looks at all of it before anybody else has a turn: of small pieces of HTTP that
# takes long. So much is given at once; four times as much, up to a limit, where whoever reads is
# back from the last piece within so many seconds.
MOST_AT_ONCE = 16 * 1024
MOST_OF_ALL = 64 * 1024
SOON = 0.0025


class Progress:
    """How far a call has got, as the connections that it uses see it.

    Attributes:
        asked: Whether anything of it was handed to the platform's connection.
        heard_at: When bytes last arrived for it, in `time.monotonic()` seconds; None for never.
    """

    __slots__ = ("asked", "heard_at")

    def __init__(self) -> None:
        self.asked: bool = False
        self.heard_at: float | None = None


PROGRESS: ContextVar[Progress | None] = ContextVar("netra_testkit_progress", default=None)
"""The progress of the call that this task is making."""


class ByteStream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection, in the form that httpcore asks for.

    The timeouts that httpcore hands in are not looked at: the deadline of the call ends it by
    cancellation, and `abort` frees the socket without waiting for the peer. What arrives is
    put down to the call that last wrote.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._progress: Progress | None = None
        self._heard_at: float | None = None
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._most = MOST_AT_ONCE
        self._given_at = 0.0
        self._paused_reading = False
        self._ended = False
        self._broken: Exception | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._cut: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport that writes."""
        self._transport = transport  # type: ignore[assignment] # create_connection makes no other

    def data_received(self, data: bytes) -> None:
        """Keep what arrived for the next `read`."""
        self._heard_at = time.monotonic()
        if self._progress is not None:
            self._progress.heard_at = self._heard_at
        self._received += data
        if len(self._received) > BUFFER_LIMIT and not self._paused_reading:
            self._paused_reading = True
            self._writing.pause_reading()
        _wake(self._arrival)

    def eof_received(self) -> bool:
        """Note the peer's end; what we still have to say may still be said."""
        self._ended = True
        _wake(self._arrival)
        return not self._writing.get_extra_info("ssl_object")

    def pause_writing(self) -> None:
        """Make the next `write` wait: the peer does not read."""
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let the waiting `write` go on."""
        _wake(self._room)
        self._room = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake everybody: nothing more will come or go."""
        self._ended = True
        self._broken = exc or self._broken
        for waiting in (self._arrival, self._room, self._gone):
            _wake(waiting)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """What has arrived, at most `max_bytes`; empty at the end. Safe to cancel."""
        del timeout
        if not self._received and not self._ended:
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        else:
            # A flood never makes anybody wait: without this nobody else would have a turn.
            read_soon = time.monotonic() - self._given_at < SOON
            self._most = min(self._most * 4, MOST_OF_ALL) if read_soon else MOST_AT_ONCE
            await asyncio.sleep(0)
        if self._received:
            size = min(max_bytes, self._most)
            taken = bytes(self._received[:size])
            del self._received[:size]
            self._given_at = time.monotonic()
            if self._paused_reading and not self._received:
                self._paused_reading = False
                self._writing.resume_reading()
            return taken
        if self._broken is not None:
            raise httpcore.ReadError(str(self._broken)) from None
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Hand bytes to the peer, waiting while it does not read. Cancelling may cut them."""
        del timeout
        if self._gone.done():
            raise self._unwritable()
        self._progress = PROGRESS.get()
        if self._progress is not None:
            self._progress.asked = True
            if self._received:  # it spoke first
                self._progress.heard_at = self._heard_at
        self._writing.write(buffer)
        if self._room is not None:
            await self._room
            if self._gone.done():
                raise self._unwritable()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """Speak TLS from here on; a failure or a cancellation ends the connection.

        What went to and fro before was a proxy's, so the platform has not been asked yet.
        """
        del timeout
        if self._progress is not None:
            self._progress.asked, self._progress.heard_at = False, None
        loop = asyncio.get_running_loop()
        # Of a connection that is cut within a handshake some loops never tell the end, or take it
        # for a good one.
        cut = self._cut = loop.create_future()
        shaking = loop.create_task(
            loop.start_tls(self._writing, self, ssl_context, server_hostname=server_hostname)
        )
        upgraded = None
        try:
            await asyncio.wait((shaking, cut), return_when=asyncio.FIRST_COMPLETED)
            upgraded = None if cut.done() else shaking.result()
        except (OSError, ValueError) as refused:
            raise self._no_tls(str(refused)) from None
        finally:
            if upgraded is None:
                shaking.add_done_callback(_look_at)
                shaking.cancel()
                self.abort()
                # Within a handshake asyncio tells nobody that the connection is lost.
                loop.call_soon(self.connection_lost, None)
        if upgraded is None:
            raise self._no_tls("the connection was cut")
        self._transport = upgraded
        return self

    def abort(self) -> None:
        """Free the socket now, without a word to the peer."""
        if self._transport is not None and not self._gone.done():
            # Without it, whoever reads would take this for the end of what the peer says.
            self._broken = self._broken or ConnectionAbortedError("the connection was cut")
            self._transport.abort()
        _wake(self._cut)

    async def aclose(self) -> None:
        """Free the socket and see it gone; waits for this loop only, never for the peer."""
        self.abort()
        if self._transport is not None and not self._gone.done():
            await asyncio.shield(self._gone)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's signature
        """What httpcore asks about the connection."""
        if info == "is_readable":
            return bool(self._received) or self._ended
        return self._writing.get_extra_info(info)

    @property
    def gone(self) -> bool:
        """Whether the connection has ended and its socket is free."""
        return self._gone.done()

    @property
    def _writing(self) -> asyncio.Transport:
        if self._transport is None:
            raise httpcore.WriteError("the connection is closed")
        return self._transport

    def _unwritable(self) -> httpcore.WriteError:
        return httpcore.WriteError(str(self._broken or "the connection is closed"))

    def _no_tls(self, reason: str) -> ConnectionFailed:
        return ConnectionFailed(phase="tls", target=self._target, reason=reason)


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


def _look_at(shaken: asyncio.Task[asyncio.Transport | None]) -> None:
    """See how a handshake ended that nobody waits for, so that the loop does not complain."""
    if not shaken.cancelled():
        shaken.exception()
