"""Coming in and going out: passwords, refresh tokens, and what a token is worth."""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, Field
from starlette.responses import JSONResponse

from netra_testkit.local.access import Refused, bearer_of, required
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.bodies import Body, Text, read
from netra_testkit.local.routes.credentials import credentials_for
from netra_testkit.local.routes.oauth import PROVIDERS, begin
from netra_testkit.local.routes.table import route
from netra_testkit.local.state.accounts import EmailTaken
from netra_testkit.local.world import world_of
from netra_testkit.settings.environments import Environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.state.accounts import Account
    from netra_testkit.local.world import World
    from netra_testkit.settings.tokens import Claims

__all__ = ["BYPASS_KEY", "ROUTES"]

BYPASS_KEY: Final = "E2E_OAUTH_SIMULATION_KEY"
"""The variable that holds the key of /auth/e2e/test-auth; without it the route is off."""

_OWN_MACHINE = frozenset({Environment.LOCAL, Environment.DEVELOPMENT})
_SOMEBODY = "dev-user@example.com"
_LONGEST_TOKEN = 16_384


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("an address holds no control characters")
    return text


Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), AfterValidator(_printable)
]
Password = Annotated[Text, Field(min_length=1)]
Token = Annotated[str, Field(max_length=_LONGEST_TOKEN)]


class _LogIn(Body):
    email: Email
    password: Password


class _Refresh(Body):
    refresh_token: Token


class _Somebody(Body):
    email: Email = _SOMEBODY


class _Token(Body):
    token: Token


async def _log_in(request: Request) -> Response:
    said = await read(request, _LogIn)
    world = world_of(request)
    account = world.state.accounts.check(said.email, said.password)
    if account is None:
        raise PlatformError(401, "INVALID_CREDENTIALS", "The address or the password is wrong.")
    return JSONResponse(credentials_for(world, account))


async def _register(request: Request) -> Response:
    said = await read(request, _LogIn)
    world = world_of(request)
    try:
        account = world.state.accounts.register(said.email, said.password)
    except EmailTaken:
        raise PlatformError(409, "EMAIL_TAKEN", "There is an account with this address.") from None
    return JSONResponse(credentials_for(world, account))


async def _refresh(request: Request) -> Response:
    said = await read(request, _Refresh)
    world = world_of(request)
    claims = world.gate.verify(
        said.refresh_token,
        route=request.url.path,
        token_type="refresh",  # noqa: S106 - a type
    )
    if isinstance(claims, Refused):
        raise claims.as_error()
    # The gate refuses one that is dead, so it works once.
    world.state.sessions.revoke(claims.token_id, expires_at=claims.expires_at)
    return JSONResponse(credentials_for(world, world.state.accounts.ensure(claims)))


async def _log_out(request: Request) -> Response:
    claims = await required(request)
    world = world_of(request)
    half = world.board.strike(
        "half-logged-out", route=request.url.path, phase="http", user=claims.subject
    )
    world.state.sessions.revoke(
        claims.token_id, expires_at=claims.expires_at, alone=half is not None
    )
    return JSONResponse({"success": True, "message": "You are logged out."})


async def _dev_log_in(request: Request) -> Response:
    world = world_of(request)
    if world.environment not in _OWN_MACHINE:
        raise PlatformError(403, "FORBIDDEN", "This works on a developer's machine only.")
    said = await read(request, _Somebody, empty=True)
    return JSONResponse(credentials_for(world, world.state.accounts.with_email(said.email)))


async def _test_log_in(request: Request) -> Response:
    world = world_of(request)
    if world.environment is Environment.PRODUCTION:
        raise PlatformError(403, "FORBIDDEN", "There are no tests in production.")
    key = os.environ.get(BYPASS_KEY, "").strip()
    if not key:
        raise PlatformError(503, "NOT_CONFIGURED", f"The server has no {BYPASS_KEY}.")
    given = request.headers.get("x-e2e-bypass-key", "")
    if not hmac.compare_digest(key.encode(), given.encode()):
        raise PlatformError(401, "INVALID_BYPASS_KEY", "X-E2E-Bypass-Key is not the key.")
    said = await read(request, _Somebody, empty=True)
    return JSONResponse(credentials_for(world, world.state.accounts.with_email(said.email)))


async def _me(request: Request) -> Response:
    claims = await required(request)
    account: Account = world_of(request).state.accounts.ensure(claims)
    said = {"email": account.email, "permissions": list(claims.permissions)}
    return JSONResponse({"id": claims.subject, "user_id": claims.subject, **said})


async def _verify(request: Request) -> Response:
    return JSONResponse(_worth(world_of(request), bearer_of(request), request.url.path))


async def _validate(request: Request) -> Response:
    said = await read(request, _Token)
    return JSONResponse(_worth(world_of(request), said.token, request.url.path))


def _worth(world: World, token: str | None, path: str) -> dict[str, Any]:
    claims: Claims | Refused = world.gate.verify(token, route=path)
    if isinstance(claims, Refused):
        return {"valid": False, "error": claims.message, "error_code": claims.error_code}
    return {
        "valid": True,
        "user_id": claims.subject,
        "email": claims.email,
        "permissions": list(claims.permissions),
        "expires_at": claims.expires_at,
    }


async def _config(request: Request) -> Response:
    world = world_of(request)
    own_machine = world.environment in _OWN_MACHINE
    return JSONResponse(
        {
            "environment": world.environment.value,
            "development_mode": own_machine,
            "oauth_providers": list(PROVIDERS),
            "endpoints": {
                name: f"{world.urls.auth}/auth/{name}"
                for name in ("login", "logout", "refresh", "register", "callback", "me", "verify")
            },
        }
    )


ROUTES: Sequence[Route] = (
    route("/auth/login", POST=_log_in, GET=begin),
    route("/auth/register", POST=_register),
    route("/auth/refresh", POST=_refresh),
    route("/auth/logout", POST=_log_out),
    route("/auth/dev/login", POST=_dev_log_in),
    route("/auth/e2e/test-auth", POST=_test_log_in),
    route("/auth/me", GET=_me),
    route("/auth/verify", GET=_verify),
    route("/auth/validate", POST=_validate),
    route("/auth/config", GET=_config),
)
"""Everything about coming in and going out, but for what a provider's redirects take."""
