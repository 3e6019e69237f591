"""What the deployment publishes about itself: limits, statistics, services, configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from netra_testkit.local.access import optional
from netra_testkit.local.options import LIMITED_ROUTE
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.table import route
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.world import World
    from netra_testkit.settings.tokens import Claims

__all__ = ["ROUTES"]

_FEATURES = ("agents", "heartbeat", "jwt-auth", "message_routing", "thread_handshake")


async def _socket_config(request: Request) -> Response:
    world = world_of(request)
    limits = world.options.limits
    websocket = {
        "endpoint": world.urls.websocket,
        "version": world.version,
        "revision": world.revision,
        "authentication": "required",
        "supported_auth_methods": ["authorization_header", "subprotocol", "query_parameter"],
        "features": list(_FEATURES),
        "limits": {
            "max_connections_per_user": limits.connections_per_user,
            "max_message_rate_per_minute": limits.messages_per_minute,
            "max_message_size_bytes": limits.message_bytes,
            "heartbeat_interval_seconds": limits.heartbeat_interval,
        },
    }
    return JSONResponse({"websocket": websocket})


async def _socket_stats(request: Request) -> Response:
    world = world_of(request)
    route_and_phase = {"route": request.url.path, "phase": "http"}
    counts = world.truth.counts
    metrics = {
        "managers_created": counts.connections,
        "managers_active": counts.open,
        "managers_cleaned_up": counts.connections - counts.open,
        "users_with_active_managers": counts.users,
        "emergency_cleanups": 0,
        "failed_creations": 0,
    }
    # One generation lost these two, and its own reader went on asking for them.
    dies = world.board.strike("stats-dies", **route_and_phase)
    if dies or world.board.strike("stats-without-fields", **route_and_phase):
        del metrics["emergency_cleanups"], metrics["failed_creations"]
    if dies:
        metrics["cleanups"] = metrics["managers_cleaned_up"] + metrics["emergency_cleanups"]
    current = {
        "active_managers": counts.open,
        "users_with_managers": metrics["users_with_active_managers"],
    }
    return JSONResponse({"factory_metrics": metrics, "current_state": current})


async def _services(request: Request) -> Response:
    world = world_of(request)
    urls = world.urls
    here = {"port": urls.port, "url": urls.base}
    backend = {**here, "api_url": urls.api, "ws_url": urls.websocket}
    return JSONResponse(
        {
            "services": {"backend": backend, "frontend": here, "auth": here},
            "timestamp": world.clock(),
            "available": ["backend", "frontend", "auth"],
        }
    )


async def _public(request: Request) -> Response:
    return JSONResponse(_published(world_of(request)))


async def _whole(request: Request) -> Response:
    claims = await optional(request)
    if claims is None or not _is_administrator(request, claims):
        raise PlatformError(403, "FORBIDDEN", "This takes the permission admin.")
    world = world_of(request)
    options = world.options
    behaviour = {
        "seed": options.seed,
        "welcome": options.welcome.value,
        "thread_handshake": options.thread_handshake,
        "refusal": options.refusal.value,
        "event_form": options.event_form.value,
        "pace": options.pace,
    }
    return JSONResponse({**_published(world), "options": behaviour})


def _is_administrator(request: Request, claims: Claims) -> bool:
    strike = world_of(request).board.strike(
        "no-authorization", route=request.url.path, phase="http", user=claims.subject
    )
    return strike is not None or "admin" in claims.permissions


def _published(world: World) -> dict[str, Any]:
    limits = world.options.limits
    return {
        "environment": world.environment.value,
        "version": world.version,
        "revision": world.revision,
        "base_url": world.urls.base,
        "api_url": world.urls.api,
        "auth_url": world.urls.auth,
        "ws_url": world.urls.websocket,
        "features": list(_FEATURES),
        "rate_limits": [
            {
                "method": "GET",
                "route": LIMITED_ROUTE,
                "requests": limits.requests,
                "window_seconds": limits.window,
                "per": "user",
            }
        ],
    }


ROUTES: Sequence[Route] = (
    route("/ws/config", GET=_socket_config),
    route("/ws/stats", GET=_socket_stats),
    route("/api/discovery/services", GET=_services),
    route("/api/config/public", GET=_public),
    route("/api/config", GET=_whole),
)
"""Everything the deployment publishes."""
