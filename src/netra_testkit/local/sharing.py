"""WebSockets of which none takes more of the server than its share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

__all__ = ["WebSocketProtocol"]

_TURN: Final = 16
"""How many messages that have come already are handled before somebody else's turn."""

_CLOSE_SECONDS: Final = 1.0
"""How long a client may take to answer a close frame."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which by itself lets one client that floods it hold up all others.

    It collects pongs for a client that never reads them, and hands over messages that have come
    already without giving the loop a turn. It also waits long for a client that does not answer a
    close frame, and logs a refused upgrade as a failure of the application.
    """

    _handed_over: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve a connection."""
        super().connection_made(transport)
        self.close_timeout = _CLOSE_SECONDS
        # It would write down whatever a client sends, its credentials included.
        self.conn.debug = False

    def pause_writing(self) -> None:
        """Stop reading as well: what comes is answered, and no answer leaves."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again, unless the application has enough."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Handle what has come; the application may have asked for more in the meantime."""
        super().data_received(data)
        if not self.writable.is_set():
            self.transport.pause_reading()

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; waits for it without a bound, and a cancellation loses none."""
        self._handed_over += 1
        if self._handed_over % _TURN == 0:
            await asyncio.sleep(0)
        return await super().receive()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; waits for a client that does not read, and a cancellation sends all or nothing."""
        await super().send(message)
        # Nothing is read either until there is room again, so that no later send would wait.
        await self.writable.wait()
        said = cast("Mapping[str, object]", message)
        if said["type"] == "websocket.http.response.body" and not said.get("more_body"):
            self.handshake_complete = True
