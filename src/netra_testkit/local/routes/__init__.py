"""Everything that the embedded staging serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import WebSocketRoute

from netra_testkit.local.routes import (
    agents,
    authentication,
    configuration,
    health,
    metrics,
    oauth,
    threads,
    tools,
    users,
)

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

__all__ = ["all_routes"]

_ANSWERING = (agents, authentication, configuration, health, metrics, oauth, threads, tools, users)


def all_routes() -> tuple[BaseRoute, ...]:
    """Every route: those that answer at once, the streams, and the WebSocket."""
    # The streams stand on the rooms of this package.
    from netra_testkit.local import socket, streams

    answering = (each for room in _ANSWERING for each in room.ROUTES)
    return (*answering, *streams.ROUTES, WebSocketRoute("/ws", socket.endpoint))
