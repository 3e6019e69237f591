"""The outermost layer: ids, refusals and crashes as the platform says them, and what it saw."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.routing import Route, Router, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from netra_testkit.local.access import named_user
from netra_testkit.local.disturbances import disturb
from netra_testkit.local.refusals import CutOff, PlatformError
from netra_testkit.local.serving import ServedRequest, ServedSocket, exchange_for
from netra_testkit.local.truth import EXCHANGE
from netra_testkit.safety.redaction import KIT_LOGGER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from netra_testkit.local.world import World

__all__ = ["Application", "every_route"]

CODES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "BAD_REQUEST",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    HTTPStatus.UNPROCESSABLE_ENTITY: "VALIDATION_ERROR",
}
"""The platform's names of what its framework refuses."""


class Application:
    """The ASGI application of one server.

    Args:
        world: What its handlers stand on.
        routes: What it serves.

    Attributes:
        state: Where handlers find the world.
        stopping: Whether the server is ending; what is cancelled then ends in silence.
    """

    state: SimpleNamespace
    stopping: bool

    def __init__(self, world: World, routes: Sequence[BaseRoute]) -> None:
        self.state = SimpleNamespace(world=world)
        self.stopping = False
        self._world = world
        self._exact = _exact(routes)
        self._router = Router(routes, redirect_slashes=False, default=_unknown)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket to its end; only the server cancels it."""
        exchange = exchange_for(scope["headers"])
        scope["app"] = self
        scope[EXCHANGE] = exchange
        kind = ServedSocket if scope["type"] == "websocket" else ServedRequest
        served = kind(self._world, exchange, scope, receive, send)
        try:
            await self._serve(scope, served)
        except asyncio.CancelledError:
            # Nobody waits for this task, and its connection is gone.
            if not self.stopping:
                raise
        finally:
            served.end()

    async def _serve(self, scope: Scope, served: ServedRequest | ServedSocket) -> None:
        try:
            if self._world.board.faults:
                self._disturb(scope)
            await self._routed(scope)(scope, served.receive, served.send)
            await served.finish()
        except PlatformError as error:
            await served.refuse(error)
        except HTTPException as error:
            await served.refuse(_translated(error))
        except (ClientDisconnect, WebSocketDisconnect, CutOff):
            # The one who would be told is gone, or is to be told nothing.
            return
        except Exception:  # noqa: BLE001 - whatever a handler dies of is a 500, or 1011
            request_id = scope[EXCHANGE].request_id
            _log().exception("the handler of %s died, request %s", scope["path"], request_id)
            await served.refuse(_DIED)

    def _routed(self, scope: Scope) -> ASGIApp:
        # Trying one pattern after another takes longer than all else that is done here.
        route = self._exact.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            return self._router
        scope.update(endpoint=route.endpoint, path_params={})
        return route.handle

    def _disturb(self, scope: Scope) -> None:
        disturb(
            self._world.board,
            method=scope.get("method", "GET"),
            path=scope["path"],
            user=named_user(HTTPConnection(scope)),
        )


def every_route() -> tuple[BaseRoute, ...]:
    """What an embedded staging serves: requests, streams and the WebSocket."""
    from netra_testkit.local import routes, socket, streams

    return (WebSocketRoute("/ws", socket.endpoint), *streams.ROUTES, *routes.all_routes())


def _exact(routes: Sequence[BaseRoute]) -> Mapping[str, Route]:
    """The routes whose path is all there is to match, where one route has all its methods."""
    plain = [each for each in routes if isinstance(each, Route) and not each.param_convertors]
    paths = Counter(each.path for each in plain)
    return {each.path: each for each in plain if paths[each.path] == 1}


_DIED = PlatformError(500, "INTERNAL_ERROR", "The server failed.")


async def _unknown(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(HTTPStatus.NOT_FOUND)


def _translated(error: HTTPException) -> PlatformError:
    status = error.status_code
    code = CODES.get(status, f"HTTP_{status}")
    return PlatformError(status, code, error.detail, headers=error.headers)


def _log() -> logging.Logger:
    return logging.getLogger(KIT_LOGGER)
