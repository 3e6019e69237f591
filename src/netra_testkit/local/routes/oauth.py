"""Logging in through a provider: three redirects, the provider being part of this server."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse

from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.bodies import query_text
from netra_testkit.local.routes.credentials import credentials_for
from netra_testkit.local.routes.table import route
from netra_testkit.local.state.codes import CHALLENGE
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

__all__ = ["PROVIDERS", "ROUTES", "begin"]

PROVIDERS: Final = ("local", "google")
"""The names by which the built-in provider can be asked for."""

_SOMEBODY = "oauth-user@example.com"
_CLIENT = "netra-auth-service"
_COOKIE = "netra_oauth_state"
_CALLBACK = "/auth/callback"
_AUTHORIZE = "/auth/provider/authorize"


async def begin(request: Request) -> Response:
    """Send the browser to the provider; does not wait."""
    if query_text(request, "provider") not in PROVIDERS:
        raise _bad("UNKNOWN_PROVIDER", f"provider is one of {', '.join(PROVIDERS)}.")
    world = world_of(request)
    flow = world.state.codes.begin()
    asked = {
        "response_type": "code",
        "client_id": _CLIENT,
        "redirect_uri": world.urls.auth + _CALLBACK,
        "state": flow.state,
        "code_challenge": flow.challenge,
        "code_challenge_method": "S256",
    }
    response = _redirect(world.urls.auth + _AUTHORIZE, asked)
    # Only the browser that began a log-in may end it.
    response.set_cookie(_COOKIE, flow.state, httponly=True, samesite="lax", path="/auth")
    return response


async def _authorize(request: Request) -> Response:
    """The provider: whoever comes is its one user, and consents."""
    world = world_of(request)
    callback = world.urls.auth + _CALLBACK
    expected = {
        "response_type": "code",
        "client_id": _CLIENT,
        "redirect_uri": callback,
        "code_challenge_method": "S256",
    }
    for name, value in expected.items():
        if query_text(request, name) != value:
            raise _bad("INVALID_REQUEST", f"{name} has to be {value}.")
    challenge = query_text(request, "code_challenge") or ""
    if not CHALLENGE.fullmatch(challenge):
        raise _bad("INVALID_REQUEST", "code_challenge is not one of S256.")
    code = world.state.codes.grant(challenge, email=_SOMEBODY)
    return _redirect(callback, {"code": code, "state": query_text(request, "state") or ""})


async def _callback(request: Request) -> Response:
    world = world_of(request)
    state, code = query_text(request, "state") or "", query_text(request, "code") or ""
    verifier = None
    if hmac.compare_digest(state.encode(), request.cookies.get(_COOKIE, "").encode()):
        verifier = world.state.codes.verifier(state)
    if verifier is None:
        raise _bad("INVALID_STATE", "This log-in did not begin here, or has ended.")
    email = world.state.codes.redeem(code, verifier)
    if email is None:
        raise PlatformError(401, "INVALID_CODE", "The code is not one of this log-in's.")
    response = JSONResponse(credentials_for(world, world.state.accounts.with_email(email)))
    response.delete_cookie(_COOKIE, path="/auth")
    return response


def _redirect(url: str, query: Mapping[str, str]) -> RedirectResponse:
    return RedirectResponse(f"{url}?{urlencode(query)}", status_code=302)


def _bad(error_code: str, message: str) -> PlatformError:
    return PlatformError(400, error_code, message)


ROUTES: Sequence[Route] = (route(_AUTHORIZE, GET=_authorize), route(_CALLBACK, GET=_callback))
"""The provider, and the way back from it; `begin` is the way to it."""
