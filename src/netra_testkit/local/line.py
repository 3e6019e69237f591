"""The transport between a socket and uvicorn's protocols, where transport faults act."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from netra_testkit.local.toxics import CloseFrame, course_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netra_testkit.local.faults import Fault

__all__ = ["Line"]

_HIGH_WATER = 64 * 1024
_AT_ONCE = 64
_FAREWELL_SECONDS = 1.0


class Line(asyncio.Transport):
    """What a protocol writes to instead of its socket.

    Everything that happens later is one timer, and ends when the connection does.

    Args:
        below: The transport of the socket.
        faults: The transport faults that struck this connection, by kind.
        loop: The loop that serves it.
    """

    def __init__(
        self,
        below: asyncio.Transport,
        faults: Mapping[str, Fault],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__()
        self._below = below
        self._loop = loop
        self._course = course_of(faults)
        frame = faults.get("close-frame")
        self._frame = None if frame is None else CloseFrame(frame)
        slow = faults.get("slow_close")
        self._delay = 0.0 if slow is None else slow.number("delay") / 1000
        self._protocol: asyncio.Protocol = asyncio.Protocol()
        self._timer: asyncio.Handle | None = None
        self._closing = False
        self._said_farewell = False
        self._below_is_full = False
        self._is_full = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what comes to another protocol from now on."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that is handed what comes."""
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """What the socket's transport says."""
        return self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether nothing may be written any more."""
        return self._closing or self._below.is_closing()

    def is_reading(self) -> bool:
        """Whether the socket is read."""
        return self._below.is_reading()

    def pause_reading(self) -> None:
        """Leave what comes in the socket."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Read the socket again."""
        self._below.resume_reading()

    def get_write_buffer_size(self) -> int:
        """How many bytes have not left yet."""
        return self._course.waiting + self._below.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, as the faults allow."""
        if self.is_closing():
            return
        said, last = bytes(data), False
        if self._frame is not None:
            said, last = self._frame.cut(said)
        self._course.offer(said, self._loop.time())
        if last:
            self._said_farewell = True
        if last or self._course.spent:
            self._closing = True
        self._go_on()

    def close(self) -> None:
        """Send what is waiting, then close."""
        if not self.is_closing():
            self._closing = True
            self._go_on()

    def abort(self) -> None:
        """Close at once; what is waiting is lost."""
        self._closing = True
        self._stop_timer()
        self._below.abort()

    def heal(self) -> None:
        """Send what is waiting, end every fault, and close if that was held up."""
        self._stop_timer()
        rest = self._course.rest()
        if rest:
            self._below.write(rest)
        self._delay = 0.0
        self._frame = None
        self._course = course_of({})
        if self._closing:
            self._below.close()

    def receive(self, data: bytes) -> None:
        """Hand on what came from the client; after a close nobody listens."""
        if not self.is_closing():
            self._protocol.data_received(data)

    def lost(self, exc: Exception | None) -> None:
        """Hand on that the connection is gone."""
        self._closing = True
        self._stop_timer()
        self._protocol.connection_lost(exc)

    def fill(self, *, full: bool) -> None:
        """Note whether the socket's transport has enough for now."""
        self._below_is_full = full
        if not full:
            self._go_on()
        self._tell_protocol()

    def _go_on(self) -> None:
        if self._timer is None:
            self._send()

    def _send(self) -> None:
        self._timer = None
        if not self._below_is_full:
            for piece in self._course.take(self._loop.time(), most=_AT_ONCE):
                # asyncio warns of whatever is written to a client that is gone.
                if not self._below.is_closing():
                    self._below.write(piece)
        due = self._course.due
        if due is not None:
            if not self._below_is_full:
                self._later(max(0.0, due - self._loop.time()), self._send)
        elif self._closing:
            self._end()
        self._tell_protocol()

    def _end(self) -> None:
        if self._said_farewell:
            # Closing at once would discard the frame on a client that is still sending.
            self._below.write_eof()
            self._later(_FAREWELL_SECONDS, self._below.close)
        elif self._delay:
            self._later(self._delay, self._below.close)
        else:
            self._below.close()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._timer = self._loop.call_later(seconds, act)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell_protocol(self) -> None:
        full = self._below_is_full or self._course.waiting > _HIGH_WATER
        if full is not self._is_full:
            self._is_full = full
            (self._protocol.pause_writing if full else self._protocol.resume_writing)()
