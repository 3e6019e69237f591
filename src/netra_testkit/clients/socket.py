"""A WebSocket that hands each message over as it arrives and is never waited for."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.frames import apply_mask as masked  # type: ignore[attr-defined] # in C where there is C
from websockets.protocol import State

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from websockets.client import ClientProtocol
    from websockets.exceptions import ConnectionClosed

__all__ = ["Socket"]

MOST_FRAGMENTS = 100_000
# What arrived may be a hundred thousand tiny messages: after so many seconds everybody else has
# a turn.
TURN = 0.01
HEAD_END = b"\r\n\r\n"
# The first byte of a frame that is a whole text and nothing else.
WHOLE_TEXT = 0x81
# The longest head of such a frame, what its second byte says then, and how much may follow.
PLAIN_HEAD = 4
LENGTH_FOLLOWS = 126
LONGEST_PLAIN = 0xFFFF
MASKED = 0x80


class Socket(ClientConnection):
    """The connection of websockets, with the messages pushed and not pulled.

    A queue, a task and a coroutine for each message would cost more than reading the message. Most
    messages are one frame of plain text: such a one is made here, and cut out here when it has come
    as a whole. Every other frame goes through the library, which checks what it always checks:
    sequences, sizes and masks of frames, closing codes.

    Args:
        protocol: The protocol of websockets below.
        grace: How long the peer has to close its side once a close has been seen, in seconds.
        keep: Is given the socket once it is connected, before anything is sent on it.
        largest: The most bytes of a message.
        options: What websockets wants beside.

    Attributes:
        heard_at: When bytes last arrived, in `time.monotonic()` seconds; None before the first.
        hear: Called with each message.
        lost: Called once, with how the connection ended.
    """

    # What the library's own attributes are kept in would double with ours.
    __slots__ = (
        "_farewell",
        "_fragments",
        "_grace",
        "_is_text",
        "_keep",
        "_owed",
        "_plain",
        "_rest",
        "_stopped",
        "_upgraded",
        "_waiting",
        "hear",
        "heard_at",
        "lost",
    )

    heard_at: float | None
    hear: Callable[[str | bytes], None]
    lost: Callable[[ConnectionClosed], None]

    def __init__(
        self,
        protocol: ClientProtocol,
        *,
        grace: float,
        keep: Callable[[Socket], None],
        largest: int,
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
        self._stopped = False
        self._upgraded = False
        # The end of what has come of the answer to the upgrade, and of an unfinished head later.
        self._rest = b""
        # How much of a frame that the library has begun to read is still to come.
        self._owed = 0
        # Where the library is to log every frame, it has to see every frame.
        self._plain = None if protocol.debug or largest < LONGEST_PLAIN else WHOLE_TEXT

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
        if not isinstance(data, str):
            self.protocol.send_binary(data)
        else:
            said = data.encode()
            if self._plain and len(said) <= LONGEST_PLAIN and self.protocol.state is State.OPEN:
                self.transport.write(_plain_frame(said))
                return
            self.protocol.send_text(said)
        self.send_data()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the socket to whoever is to cut it."""
        super().connection_made(transport)
        self._keep(self)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; after a close has been seen, wait for the end only so long."""
        self.heard_at = time.monotonic()
        if self._waiting:  # TLS may hand on what it has
            self._waiting += data
        else:
            self._take(data)

    def _go_on(self) -> None:
        if self._stopped or self.transport.is_closing():
            return
        data, self._waiting = self._waiting, b""
        self._take(data)
        if not self._waiting and not self._stopped:
            self.transport.resume_reading()

    def _take(self, data: bytes) -> None:
        if self._rest and self._upgraded:
            data, self._rest = self._rest + data, b""
        latest, position, size = time.monotonic() + TURN, 0, len(data)
        while position < size:
            if not self._upgraded:
                position = self._read_answer(data, position)
            elif self._owed or self._fragments or data[position] != self._plain:
                position = self._give(data, position)
            else:
                position = self._cut_out(data, position)
            if position < size and (self._stopped or time.monotonic() >= latest):
                self._waiting = data[position:]
                self.transport.pause_reading()
                if not self._stopped:
                    self.loop.call_soon(self._go_on)
                break
        if self.response is None:
            if self.protocol.handshake_exc is not None:  # the library would wait for the peer's end
                self.transport.abort()
        elif self._farewell is None and self._ends_soon():
            self._farewell = self.loop.call_later(self._grace, self.transport.abort)

    def _read_answer(self, data: bytes, position: int) -> int:
        """Give the library the answer to the upgrade; where what follows it begins."""
        seen = self._rest + data[position:]
        border = seen.find(HEAD_END)
        end = len(data) if border < 0 else len(data) - len(seen) + border + len(HEAD_END)
        super().data_received(data[position:end])
        self._upgraded = self.protocol.state is not State.CONNECTING
        self._rest = b"" if self._upgraded else (self._rest + data[position:end])[-3:]
        return end

    def _cut_out(self, data: bytes, position: int) -> int:
        """Hand over the plain text that begins here, if it has come as a whole; where it ends."""
        start = position + 2
        size = len(data)
        if size - position < PLAIN_HEAD or self.protocol.state is not State.OPEN:
            return self._give(data, position)
        length = data[position + 1]
        if length == LENGTH_FOLLOWS:
            length = data[start] << 8 | data[start + 1]
            start += 2
        elif length > LENGTH_FOLLOWS:
            return self._give(data, position)
        end = start + length
        if end > size:
            return self._give(data, position)
        self._hand_over(data[start:end], is_text=True)
        return end

    def _give(self, data: bytes, position: int) -> int:
        """Give the library what has come of the frame that begins here; where that ends."""
        if not self._owed:
            border = _border(data, position)
            if border is None:
                self._rest = data[position:]
                return len(data)
            self._owed = border - position
        end = min(position + self._owed, len(data))
        self._owed -= end - position
        super().data_received(data[position:end])
        return end

    def _ends_soon(self) -> bool:
        # Who waits for the answer to our own goodbye has a bound of its own.
        return self.protocol.close_expected() and not (
            self.close_timeout is None and self.protocol.close_rcvd is None
        )

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


def _plain_frame(said: bytes) -> bytes:
    """A text as a client sends it: masked, so that nothing in between takes it for its own."""
    size, mask = len(said), os.urandom(4)
    if size < LENGTH_FOLLOWS:
        head = bytes((WHOLE_TEXT, MASKED | size))
    else:
        head = bytes((WHOLE_TEXT, MASKED | LENGTH_FOLLOWS)) + size.to_bytes(2, "big")
    return head + mask + masked(said, mask)


def _border(data: bytes, position: int) -> int | None:
    """Where the frame that begins here will end; None while its head has not come as a whole."""
    start = position + 2
    if start > len(data):
        return None
    length = data[position + 1] & 0x7F
    if length >= LENGTH_FOLLOWS:
        width = 2 if length == LENGTH_FOLLOWS else 8
        start += width
        if start > len(data):
            return None
        length = int.from_bytes(data[start - width : start], "big")
    return start + length


def _ignore(_: object) -> None:
    """Nobody listens yet."""
