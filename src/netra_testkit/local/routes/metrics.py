"""How much the deployment has done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from netra_testkit.local.access import optional
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.table import route
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.world import World

__all__ = ["ROUTES"]


def _agents(world: World) -> dict[str, Any]:
    return {"started": dict(world.truth.counts.runs), "running": len(world.state.runs.running)}


def _requests(world: World) -> dict[str, Any]:
    return {"rate_limited": world.state.limits.refused}


def _sockets(world: World) -> dict[str, Any]:
    return {"active_connections": world.truth.counts.open}


_METRICS: Mapping[str, Callable[[World], dict[str, Any]]] = {
    "agents": _agents,
    "requests": _requests,
    "websocket": _sockets,
}


async def _all(request: Request) -> Response:
    await optional(request)
    world = world_of(request)
    metrics = {name: measure(world) for name, measure in _METRICS.items()}
    return JSONResponse({"metrics": metrics, "timestamp": world.clock()})


async def _one(request: Request) -> Response:
    await optional(request)
    world = world_of(request)
    measure = _METRICS.get(request.path_params["name"])
    if measure is None:
        raise PlatformError(404, "NOT_FOUND", "There is no such metric.", {"names": [*_METRICS]})
    return JSONResponse({"metrics": measure(world), "timestamp": world.clock()})


ROUTES: Sequence[Route] = (
    route("/api/metrics", GET=_all),
    route("/api/metrics/{name}", GET=_one),
)
"""Everything that counts."""
