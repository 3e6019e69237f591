"""Routes by method: one entry per path, so that a wrong method is told all the right ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Handler", "route"]

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
"""What answers a request."""


def route(path: str, **by_method: Handler) -> Route:
    """The route of a path.

    Args:
        path: The path, with ``{name}`` for a segment.
        by_method: What answers each method, such as ``GET=handler``; HEAD is answered as GET is.
    """

    async def answer(request: Request) -> Response:
        return await by_method["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answer, methods=[*by_method])
