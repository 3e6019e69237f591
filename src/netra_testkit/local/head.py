"""HTTP on one connection, where a request head that never ends is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from netra_testkit.local.sharing import WebSocketProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState

__all__ = ["HEAD_SECONDS", "TOO_LATE", "HttpProtocol"]

HEAD_SECONDS = 5.0
"""How long a request head may take."""

TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
"""What a client is told whose request head did not come in time."""


class HttpProtocol(H11Protocol):
    """uvicorn's protocol, which by itself waits for ever for the end of a request head.

    Args:
        config: As uvicorn gives it.
        server_state: As uvicorn gives it.
        app_state: As uvicorn gives it.
        seconds: How long a request head may take.
        first_within: The time of the loop until which the first head must have come.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        seconds: float,
        first_within: float,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.ws_protocol_class = WebSocketProtocol
        self.access_log = False
        self._seconds = seconds
        self._due: float | None = first_within
        self._watch: asyncio.TimerHandle | None = None

    def handle_events(self) -> None:
        """Handle what has come, and watch the time while it is a part of a head only."""
        super().handle_events()
        if self._head_is_open():
            if self._watch is None:
                due = self.loop.time() + self._seconds if self._due is None else self._due
                self._watch = self.loop.call_at(due, self._too_late)
        else:
            self._stop_watching()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching: nothing more will come."""
        self._stop_watching()
        super().connection_lost(exc)

    def _head_is_open(self) -> bool:
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def _stop_watching(self) -> None:
        self._due = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _too_late(self) -> None:
        self.transport.write(TOO_LATE)
        self.transport.close()
