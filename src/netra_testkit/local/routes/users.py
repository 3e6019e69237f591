"""What a user is told of themselves: the one route with a limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from netra_testkit.local.access import required
from netra_testkit.local.options import LIMITED_ROUTE
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.table import route
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.faults import Fault

__all__ = ["ROUTES"]

# No user's id is empty.
_EVERYBODY = ""


async def _profile(request: Request) -> Response:
    claims = await required(request)
    headers = _limited(request, claims.subject)
    account = world_of(request).state.accounts.ensure(claims)
    return JSONResponse(
        {
            "id": account.user_id,
            "user_id": account.user_id,
            "email": account.email,
            "permissions": list(account.permissions),
            "created_at": account.created_at,
        },
        headers=headers,
    )


def _limited(request: Request, user: str) -> dict[str, str]:
    """Count the request, and say in headers how many are left."""
    world = world_of(request)

    def strike(kind: str) -> Fault | None:
        return world.board.strike(kind, route=request.url.path, phase="http", user=user)

    limits = world.options.limits
    lower = strike("rate-limit-too-low")
    requests = limits.requests if lower is None else int(str(lower.options["requests"]))
    counted = _EVERYBODY if strike("rate-limit-shared") else user
    taken = world.state.limits.take(counted, LIMITED_ROUTE, requests=requests, window=limits.window)
    headers = {
        "X-RateLimit-Limit": str(taken.limit),
        "X-RateLimit-Remaining": str(taken.remaining),
        "X-RateLimit-Reset": str(math.ceil(taken.reset_at)),
    }
    if taken.allowed or strike("rate-limit-ignored"):
        return headers
    if not strike("rate-limit-no-retry-after"):
        headers["Retry-After"] = str(taken.retry_after)
    raise PlatformError(
        429, "RATE_LIMIT_EXCEEDED", "There were too many requests.", headers=headers
    )


ROUTES: Sequence[Route] = (route(LIMITED_ROUTE, GET=_profile),)
"""Everything about the user who asks."""
