"""A WebSocket that hands each message over as it arrives and is never waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from websockets.client import ClientProtocol
    from websockets.exceptions import ConnectionClosed

__all__ = ["Socket"]

MOST_FRAGMENTS = 100_000
# What arrived may be a hundred thousand tiny messages: it is taken in pieces, the smaller the
# longer they take, and after so many seconds everybody else has a turn.
SMALLEST_PIECE = 512
LARGEST_PIECE = 8 * 1024
TURN = 0.01


class Socket(ClientConnection):
    """The connection of websockets, with the messages pushed and not pulled.

    A queue, a task and a coroutine for each message would cost more than reading the message. What
    the library checks it still checks: sequences, sizes and masks of frames, closing codes.

    Args:
        protocol: The protocol of websockets below.
        grace: How long the peer has to close its side once a close has been seen, in seconds.
        keep: Is given the socket once it is connected, before anything is sent on it.
        options: What websockets wants beside.

    Attributes:
        heard_at: When bytes last arrived, in `time.monotonic()` seconds; None before the first.
        hear: Called with each message.
        lost: Called once, with how the connection ended.
    """

    heard_at: float | None
    hear: Callable[[str | bytes], None]
    lost: Callable[[ConnectionClosed], None]

    def __init__(
        self,
        protocol: ClientProtocol,
        *,
        grace: float,
        keep: Callable[[Socket], None],
        **options: Any,  # noqa: ANN401 - handed on as they are
    ) -> None:
        super().__init__(protocol, **options)
        self.heard_at = None
        self.hear = _ignore
        self.lost = _ignore
        self._keep = keep
        self._grace = grace
        self._farewell: asyncio.TimerHandle | None = None
        self._fragments: list[bytes] = []
        self._is_text = True
        self._waiting = b""
        self._piece = SMALLEST_PIECE
        self._stopped = False

    @property
    def broken(self) -> str | None:
        """What the peer broke the protocol with; None when it kept to it."""
        wrong = self.protocol.parser_exc
        return str(wrong) if isinstance(wrong, ProtocolError) else None

    @property
    def stopped(self) -> bool:
        """Whether `stop_reading` was the last that was asked for."""
        return self._stopped

    def stop_reading(self) -> None:
        """Hand nothing over until `read_on`; the peer has to wait."""
        self._stopped = True
        self.transport.pause_reading()

    def read_on(self) -> None:
        """Hand over what waits, and read again."""
        self._stopped = False
        self.loop.call_soon(self._go_on)

    def say(self, data: str | bytes) -> None:
        """Hand a message to the transport, now.

        Raises:
            InvalidState: The connection is closing or closed.
        """
        if isinstance(data, str):
            self.protocol.send_text(data.encode())
        else:
            self.protocol.send_binary(data)
        self.send_data()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the socket to whoever is to cut it."""
        super().connection_made(transport)
        self._keep(self)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; after a close has been seen, wait for the end only so long."""
        self.heard_at = time.monotonic()
        self._waiting += data
        if len(self._waiting) == len(data):  # pragma: no branch - TLS may hand on what it has
            self._take()

    def _go_on(self) -> None:
        if self._stopped or self.transport.is_closing():
            return
        self._take()
        if not self._waiting and not self._stopped:
            self.transport.resume_reading()

    def _take(self) -> None:
        data, self._waiting = self._waiting, b""
        now, start = time.monotonic(), 0
        latest = now + TURN
        while start < len(data):
            end, began = start + self._piece, now
            super().data_received(data[start:end])
            start, now = end, time.monotonic()
            fits = now - began < TURN / 4
            self._piece = min(self._piece * 2, LARGEST_PIECE) if fits else SMALLEST_PIECE
            if start < len(data) and (self._stopped or now >= latest):
                self._waiting = data[start:]
                self.transport.pause_reading()
                if not self._stopped:
                    self.loop.call_soon(self._go_on)
                break
        if self.response is None:
            if self.protocol.handshake_exc is not None:  # the library would wait for the peer's end
                self.transport.abort()
        elif self._farewell is None and self._ends_soon():
            self._farewell = self.loop.call_later(self._grace, self.transport.abort)

    def _ends_soon(self) -> bool:
        # Who waits for the answer to our own goodbye has a bound of its own.
        awaited = self.close_timeout is None and self.protocol.close_rcvd is None
        return self.protocol.close_expected() and not awaited

    def process_event(self, event: Any) -> None:  # noqa: ANN401 - the library's signature
        """Hand a message over once it is whole; everything else is the library's."""
        if not isinstance(event, Frame) or event.opcode > Opcode.BINARY:
            super().process_event(event)
        elif event.fin and not self._fragments and event.opcode is not Opcode.CONT:
            self._hand_over(event.data, is_text=event.opcode is Opcode.TEXT)
        else:
            self._gather(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say how it ended to whoever listens."""
        if self._farewell is not None:
            self._farewell.cancel()
        super().connection_lost(exc)
        if self.response is not None:
            self.lost(self.protocol.close_exc)

    def _gather(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            whole = b"".join(self._fragments)
            self._fragments = []
            self._hand_over(whole, is_text=self._is_text)
        elif len(self._fragments) > MOST_FRAGMENTS:
            self._refuse(CloseCode.MESSAGE_TOO_BIG, "too many fragments")

    def _hand_over(self, data: bytes | bytearray | memoryview, *, is_text: bool) -> None:
        try:
            message = str(data, "utf-8") if is_text else bytes(data)
        except UnicodeDecodeError as wrong:
            self._refuse(CloseCode.INVALID_DATA, f"{wrong.reason} at position {wrong.start}")
            return
        self.hear(message)

    def _refuse(self, code: CloseCode, reason: str) -> None:
        self.protocol.fail(code, reason)
        self.send_data()


def _ignore(_: object) -> None:
    """Nobody listens yet."""
