"""Who may come in: every token is verified, whatever else a request says of itself."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from netra_testkit.errors import TokenInvalid
from netra_testkit.local.carriers import token_of
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.truth import exchange_of
from netra_testkit.local.world import world_of
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import (
    AUDIENCE,
    LIFETIME,
    Claims,
    mint_access_token,
    mint_refresh_token,
    verify_token,
)
from netra_testkit.settings.users import DEFAULT_PERMISSIONS, StagingUser

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection

    from netra_testkit.local.board import FaultBoard
    from netra_testkit.local.state import State
    from netra_testkit.settings.environments import Environment
    from netra_testkit.settings.tokens import TokenType

__all__ = [
    "ANONYMOUS",
    "REFRESH_LIFETIME",
    "Gate",
    "Refused",
    "bearer_of",
    "named_user",
    "optional",
    "required",
]

ANONYMOUS = "anonymous"
"""Whom a server without authentication takes somebody without a token for."""

REFRESH_LIFETIME = 24 * 3600.0

_CODES = {"malformed": "INVALID_FORMAT", "expired": "TOKEN_EXPIRED"}
_MESSAGES = {
    "NO_TOKEN": "Authentication is required: send a bearer token.",
    "INVALID_FORMAT": "The credentials are not a bearer token.",
    "TOKEN_EXPIRED": "The token has expired.",
    "TOKEN_REVOKED": "The token was revoked.",
    "VALIDATION_FAILED": "The token is not valid here.",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why somebody may not come in.

    Attributes:
        status: 403 without credentials, 401 with bad ones.
        error_code: The platform's name of it.
        message: The same for a reader; it never says more of a token than that.
    """

    status: int
    error_code: str
    message: str

    @classmethod
    def because(cls, error_code: str) -> Refused:
        """The refusal of this code."""
        status = 403 if error_code == "NO_TOKEN" else 401
        return cls(status, error_code, _MESSAGES[error_code])

    def as_error(self) -> PlatformError:
        """The same, to be raised by a handler."""
        return PlatformError(self.status, self.error_code, self.message)


class Gate:
    """Verifies tokens with the secret of this server, and mints those that its users are given.

    Args:
        secret: What tokens are signed with here.
        state: Who was logged out.
        board: The faults that make a gate wrong.
        environment: Where tokens have to be valid.
        clock: The time, in seconds since the epoch.

    Attributes:
        secret: What tokens are signed with here; it shows itself only when asked.
    """

    secret: JwtSecret

    def __init__(
        self,
        secret: JwtSecret,
        *,
        state: State,
        board: FaultBoard,
        environment: Environment,
        clock: Callable[[], float],
    ) -> None:
        self.secret = secret
        self._another = JwtSecret.generate("an embedded staging with the wrong secret")
        self._state = state
        self._board = board
        self._environment = environment
        self._clock = clock

    def verify(
        self,
        token: str | None,
        *,
        route: str | None = None,
        phase: str = "http",
        token_type: TokenType = "access",  # noqa: S107 - the type of a token
    ) -> Claims | Refused:
        """What a token says, or why it is refused.

        Args:
            token: The token as it came, None when there is none, empty for a carrier without one.
            route: The path it was sent to.
            phase: What it was sent for: http, stream or upgrade.
            token_type: Which type it has to be.
        """
        claims = self._judged(token, token_type, route=route, phase=phase)
        user = claims.subject if isinstance(claims, Claims) else _named_by(token)
        if self._board.strike("no-authentication", route=route, phase=phase, user=user):
            return claims if isinstance(claims, Claims) else self._taken_for(token)
        return claims

    def mint_access(self, user: StagingUser, *, lifetime: float = LIFETIME) -> str:
        """A token with which a user calls this server.

        Args:
            user: Whose it is.
            lifetime: For how long, in seconds.
        """
        return self._mint(mint_access_token, user, lifetime)

    def mint_refresh(self, user: StagingUser, *, lifetime: float = REFRESH_LIFETIME) -> str:
        """A token that a user trades for a new access token; arguments as for that one."""
        return self._mint(mint_refresh_token, user, lifetime)

    def _mint(self, mint: Callable[..., str], user: StagingUser, lifetime: float) -> str:
        return mint(
            self.secret,
            user=user,
            environment=self._environment,
            lifetime=lifetime,
            now=self._clock,
        )

    def _judged(
        self, token: str | None, token_type: TokenType, *, route: str | None, phase: str
    ) -> Claims | Refused:
        if token is None:
            return Refused.because("NO_TOKEN")
        verified = self._verified(token, self.secret, token_type)
        user = verified.subject if isinstance(verified, Claims) else None
        struck = partial(self._board.strike, route=route, phase=phase, user=user)
        if user is None and token_type == "access":  # noqa: S105 - a type
            other = self._verified(token, self.secret, "refresh")
            if isinstance(other, Claims) and struck("any-token-type", user=other.subject):
                verified, user = other, other.subject
        if struck("secret-mismatch"):
            verified = self._verified(token, self._another, token_type)
        if skew := struck("token-skew"):
            ahead = skew.number("seconds")
            verified = self._verified(token, self.secret, token_type, ahead=ahead)
        if isinstance(verified, Claims) and self._state.sessions.is_revoked(verified.token_id):
            return Refused.because("TOKEN_REVOKED")
        return verified

    def _verified(
        self, token: str, secret: JwtSecret, token_type: TokenType, *, ahead: float = 0.0
    ) -> Claims | Refused:
        try:
            return verify_token(
                token,
                secret,
                environment=self._environment,
                token_type=token_type,
                now=lambda: self._clock() + ahead,
            )
        except TokenInvalid as invalid:
            return Refused.because(_CODES.get(invalid.reason, "VALIDATION_FAILED"))

    def _taken_for(self, token: str | None) -> Claims:
        """Who a server that verifies nothing takes somebody for: whoever the token names."""
        now = self._clock()
        said = _unverified(token)
        email = said.get("email")
        return Claims(
            subject=_named_by(token) or ANONYMOUS,
            email=email if isinstance(email, str) else None,
            permissions=DEFAULT_PERMISSIONS,
            issued_at=now,
            expires_at=now + LIFETIME,
            token_id=str(said.get("jti", ANONYMOUS)),
            token_type="access",  # noqa: S106 - the type of a token
            environment=self._environment,
            audience=(AUDIENCE,),
            service=None,
        )


def bearer_of(connection: HTTPConnection) -> str | None:
    """The token of the Authorization header; None without one, empty when it is no bearer token."""
    header = connection.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


async def required(request: HTTPConnection) -> Claims:
    """Whose request it is; does not wait, so there is nothing to cancel.

    Raises:
        PlatformError: 403 without credentials, 401 with bad ones.
    """
    claims = _admitted(request, bearer_of(request))
    if isinstance(claims, Refused):
        raise claims.as_error()
    return claims


async def optional(request: HTTPConnection) -> Claims | None:
    """Whose request it is, None without credentials; does not wait.

    Raises:
        PlatformError: 401 with bad credentials, which are refused also where none are needed.
    """
    token = bearer_of(request)
    return None if token is None else await required(request)


def named_user(connection: HTTPConnection) -> str | None:
    """Whom the token of a request names, valid or not: for choosing, not for trust."""
    token = token_of(
        bearer=bearer_of(connection),
        subprotocols=connection.scope.get("subprotocols", ()),
        query=connection.query_params.get("token"),
    )
    return _named_by(token)


def _admitted(request: HTTPConnection, token: str | None) -> Claims | Refused:
    world = world_of(request)
    claims = world.gate.verify(token, route=request.url.path)
    if isinstance(claims, Claims):
        exchange_of(request).subject = claims.subject
        world.state.accounts.ensure(claims)
    return claims


def _named_by(token: str | None) -> str | None:
    subject = _unverified(token).get("sub")
    return subject if isinstance(subject, str) and subject else None


def _unverified(token: str | None) -> dict[str, Any]:
    _, _, rest = (token or "").partition(".")
    body, _, _ = rest.partition(".")
    try:
        said = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
