"""The faults that strike a whole request, before anything of it is served."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from netra_testkit.local.refusals import PlatformError, ProxyPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netra_testkit.local.board import FaultBoard

__all__ = ["SESSION_ROUTES", "disturb"]

SESSION_ROUTES = frozenset({"/auth/login", "/auth/callback", "/api/users/profile", "/ws"})
"""The paths whose handlers touch the session; of /auth/login only the GET, which begins a flow."""

_CODES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "AUTH_FAILED",
    HTTPStatus.FORBIDDEN: "AUTHENTICATION_REQUIRED",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.TOO_MANY_REQUESTS: "RATE_LIMITED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
}


def disturb(board: FaultBoard, *, method: str, path: str, user: str | None) -> None:
    """Let the faults strike that are set for this request or socket.

    Args:
        board: The faults that are set.
        method: The request's method; GET for a socket.
        path: Its path.
        user: Whom its token names, None without one.

    Raises:
        PlatformError: A fault answers in the place of the handler.
        RuntimeError: A fault kills the handler.
    """
    starting = board.strike("startup", route=path, user=user)
    if starting is not None:
        raise _refused(starting.options["status"], starting.options["retry_after"], plain=True)
    refusing = board.strike("status", route=path, user=user)
    if refusing is not None:
        options = refusing.options
        raise _refused(options["status"], options["retry_after"], plain=bool(options["plain"]))
    touches = path in SESSION_ROUTES and (method == "GET" or path != "/auth/login")
    if touches and board.strike("session-missing", route=path, user=user) is not None:
        raise RuntimeError("SessionMiddleware must be installed to access request.session")


def _refused(status: object, retry_after: object, *, plain: bool) -> PlatformError:
    kind = ProxyPage if plain else PlatformError
    number = int(str(status))
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return kind(number, _CODES.get(number, f"HTTP_{number}"), _phrase(number), headers=headers)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
