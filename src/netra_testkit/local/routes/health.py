"""How the deployment says it is: each form of health that it has."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from netra_testkit.local.access import optional
from netra_testkit.local.routes.table import route
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.world import World
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["ROUTES"]

_HEALTHY = "healthy"
_UNHEALTHY = "unhealthy"
_BROKEN = "clickhouse_db"
_PARTS = ("core_db", "redis_db", _BROKEN)
_WHY = f"{_BROKEN} is not connected"
_WHY_NOT: Mapping[str, JsonValue] = {
    "message": f"The deployment is not ready: {_WHY}.",
    "details": {_BROKEN: _WHY},
}


async def _health(request: Request) -> Response:
    level = _level(request)
    why = _WHY_NOT if level == _UNHEALTHY else {}
    return _answer(_said(world_of(request), status=level, **why, service="netra-backend"))


async def _live(request: Request) -> Response:
    return JSONResponse(_said(world_of(request), service="netra-backend", status=_HEALTHY))


async def _ready(request: Request) -> Response:
    world = world_of(request)
    degraded = _level(request) != _HEALTHY
    status, why = (_UNHEALTHY, _WHY_NOT) if degraded else (_HEALTHY, {})
    said = _said(world, status=status, **why, service="netra-backend")
    said |= {part: not (degraded and part == _BROKEN) for part in _PARTS}
    said["websocket_readiness"] = True
    return _answer(said)


async def _api_health(request: Request) -> Response:
    await optional(request)
    world = world_of(request)
    level = _level(request)
    said = _said(world, status=level)
    said["uptime_seconds"] = max(0.0, world.clock() - world.started_at)
    broken = level != _HEALTHY
    said["checks"] = {part: _check(broken=broken and part == _BROKEN) for part in _PARTS}
    return _answer(said)


async def _websocket_health(request: Request) -> Response:
    world = world_of(request)
    degraded = _level(request) != _HEALTHY
    limits = world.options.limits
    strike = partial(world.board.strike, route=request.url.path, phase="http")
    said = _said(world, service="websocket", status="degraded" if degraded else _HEALTHY)
    said["metrics"] = _socket_metrics(world)
    said["config"] = {
        "max_connections_per_user": limits.connections_per_user,
        "heartbeat_interval": limits.heartbeat_interval,
    }
    if strike("later-health"):
        said |= _by_component(broken=degraded)
    else:
        said["e2e_testing"] = {"enabled": not strike("e2e-off")}
    if degraded:
        said["errors"] = [_WHY]
    return JSONResponse(said)


def _level(request: Request) -> str:
    """How healthy this form of health says that the deployment is."""
    fault = world_of(request).board.strike("degraded", route=request.url.path, phase="http")
    return _HEALTHY if fault is None else str(fault.options["level"])


def _answer(said: dict[str, Any]) -> Response:
    return JSONResponse(said, status_code=503 if said["status"] == _UNHEALTHY else 200)


def _said(world: World, *, status: str, **more: JsonValue) -> dict[str, Any]:
    return {
        "status": status,
        **more,
        "version": world.version,
        "revision": world.revision,
        "environment": world.environment.value,
        "timestamp": datetime.fromtimestamp(world.clock(), UTC).isoformat(),
    }


def _check(*, broken: bool) -> dict[str, Any]:
    return {
        "status": _UNHEALTHY if broken else _HEALTHY,
        "connected": not broken,
        "response_time_ms": 0.1,
        "error": _WHY if broken else None,
    }


def _by_component(*, broken: bool) -> dict[str, Any]:
    names = ("connection_handler", "message_router", "authentication")
    services = {part: not (broken and part == _BROKEN) for part in _PARTS}
    return {
        "components": {name: {"status": _HEALTHY} for name in names},
        "service_availability": services,
    }


def _socket_metrics(world: World) -> dict[str, Any]:
    counts = world.truth.counts
    ever = counts.connections
    return {
        # A rate over nothing is not known.
        "websocket": {
            "active_connections": counts.open,
            "total_connections": ever,
            "messages_processed": counts.frames,
            "error_rate": 0.0 if counts.frames else None,
        },
        "authentication": {
            "success_rate": counts.identified / ever if ever else None,
            "rate_limited_requests": world.state.limits.refused,
        },
        "monitoring": {"monitored_connections": counts.open, "healthy_connections": counts.open},
    }


ROUTES: Sequence[Route] = (
    route("/health", GET=_health),
    route("/health/live", GET=_live),
    route("/health/ready", GET=_ready),
    route("/api/health", GET=_api_health),
    route("/ws/health", GET=_websocket_health),
)
"""Everything that says how the deployment is."""
