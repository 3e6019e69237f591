"""Who is connected: each socket, and how many a user has."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect, WebSocketState

from netra_testkit.local.sending import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import HTTPConnection
    from starlette.websockets import WebSocket

    from netra_testkit.local.faults import Fault
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["SEND_WITHIN", "Connection", "Connections", "connections_of"]

SEND_WITHIN = 5.0
"""For how many seconds a peer may read nothing."""


class Connection:
    """One accepted socket of one user.

    Args:
        websocket: The socket.
        connection_id: What the server calls it.
        user_id: Whose it is.
        thread_id: The thread that its messages belong to when they name none.

    Attributes:
        connection_id: What the server calls it.
        user_id: Whose it is.
        thread_id: The thread that its messages belong to when they name none.
        stalled: Set once the peer is given up because it reads nothing.
    """

    connection_id: str
    user_id: str
    thread_id: str
    stalled: asyncio.Event

    def __init__(
        self,
        websocket: WebSocket,
        *,
        connection_id: str,
        user_id: str,
        thread_id: str,
    ) -> None:
        self.connection_id = connection_id
        self.user_id = user_id
        self.thread_id = thread_id
        self._websocket = websocket
        self.stalled = asyncio.Event()

    async def send(self, document: Mapping[str, JsonValue]) -> bool:
        """Send a frame; false when the peer is gone.

        A peer that reads nothing for five seconds is given up. A cancelled send has sent all of
        the frame or nothing.
        """
        text = text_of(document)
        return await self._write({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str = "") -> None:
        """Close the socket; bounded like a send, and cancelled like one."""
        await self._write({"type": "websocket.close", "code": code, "reason": reason})

    async def close_as(self, fault: Fault) -> None:
        """Close the socket as a fault says; bounded like a send, and cancelled like one."""
        await self.close(int(str(fault.options["code"])), str(fault.options["reason"]))

    async def _write(self, message: dict[str, JsonValue]) -> bool:
        connected = self._websocket.application_state is WebSocketState.CONNECTED
        if not connected or self.stalled.is_set():
            return False
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self._websocket.send(message)
        except WebSocketDisconnect:
            return False
        except TimeoutError:
            self.stalled.set()
            return False
        return True


class Connections:
    """The sockets of one running server."""

    def __init__(self) -> None:
        self._of: dict[str, list[Connection]] = {}

    def count(self, user_id: str) -> int:
        """How many sockets a user has."""
        return len(self._of.get(user_id, ()))

    def of_another(self, user_id: str) -> Connection | None:
        """A socket of somebody else; None when nobody else is connected."""
        return next((own[-1] for user, own in self._of.items() if user != user_id), None)

    @contextmanager
    def joined(self, connection: Connection) -> Iterator[None]:
        """Count a socket as connected for as long as the block lasts."""
        own = self._of.setdefault(connection.user_id, [])
        own.append(connection)
        try:
            yield
        finally:
            own.remove(connection)
            if not own:
                del self._of[connection.user_id]


def connections_of(connection: HTTPConnection) -> Connections:
    """The sockets of the server that serves this request or socket."""
    state = connection.app.state
    if not hasattr(state, "connections"):
        state.connections = Connections()
    connections: Connections = state.connections
    return connections
