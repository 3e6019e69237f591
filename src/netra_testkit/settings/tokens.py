"""Tokens: minted as the platform mints them, verified as strictly as it should."""

from __future__ import annotations

import json
import math
import time
import uuid
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from netra_testkit.errors import Misuse, TokenInvalid
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jwt import PyJWS

    from netra_testkit.settings.environments import Environment
    from netra_testkit.settings.secrets import JwtSecret
    from netra_testkit.settings.users import StagingUser

__all__ = [
    "AUDIENCE",
    "ISSUER",
    "LIFETIME",
    "REQUIRED_CLAIMS",
    "SERVICE_AUDIENCE",
    "Claims",
    "TokenType",
    "mint_access_token",
    "mint_refresh_token",
    "mint_service_token",
    "verify_token",
]

TokenType: TypeAlias = Literal["access", "refresh", "service"]

ALGORITHM: Final = "HS256"
ISSUER: Final = "netra-auth-service"
AUDIENCE: Final = "netra-platform"
SERVICE_AUDIENCE: Final = "netra-services"
AUDIENCES: Final = MappingProxyType(
    {"access": AUDIENCE, "refresh": AUDIENCE, "service": SERVICE_AUDIENCE}
)
MINTED_BY: Final = "netra-testkit"
LIFETIME: Final = 900.0
REQUIRED_CLAIMS: Final = ("sub", "iat", "exp", "iss", "jti", "token_type", "aud", "env")

# A platform whose clock runs behind ours refuses a token from the future, be it by a second.
ISSUED_AGO: Final = 5

# The year 9999; beyond it a time is a mistake, and few libraries can hold it.
FURTHEST: Final = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says.

    Attributes:
        subject: Whose it is: a user_id, or a service's name.
        email: The user's address, None for a service.
        permissions: What it allows.
        issued_at: When it begins to be valid, in seconds since the epoch.
        expires_at: When it ceases to be.
        token_id: What tells it from every other token.
        token_type: access, refresh or service.
        environment: Where it is valid.
        audience: For whom it is meant.
        service: The service's name, None for a user.
    """

    subject: str
    email: str | None
    permissions: tuple[str, ...]
    issued_at: float
    expires_at: float
    token_id: str
    token_type: str
    environment: Environment
    audience: tuple[str, ...]
    service: str | None


def mint_access_token(
    secret: JwtSecret,
    *,
    user: StagingUser,
    environment: Environment,
    lifetime: float = LIFETIME,
    now: Callable[[], float] = time.time,
) -> str:
    """Mint the token with which a user calls the platform; it is masked wherever text leaves.

    Args:
        secret: The secret of the deployment that is to accept it.
        user: Whose token it is.
        environment: Where it is to be valid.
        lifetime: For how long from now, in seconds.
        now: The clock, in seconds since the epoch.

    Raises:
        Misuse: ``lifetime`` is not a positive, finite number.
    """
    return _mint_for_user("access", secret, user, environment, lifetime, now)


def mint_refresh_token(
    secret: JwtSecret,
    *,
    user: StagingUser,
    environment: Environment,
    lifetime: float = LIFETIME,
    now: Callable[[], float] = time.time,
) -> str:
    """Mint the token that a user trades for a new access token; arguments as for that one.

    Raises:
        Misuse: ``lifetime`` is not a positive, finite number.
    """
    return _mint_for_user("refresh", secret, user, environment, lifetime, now)


def mint_service_token(
    secret: JwtSecret,
    *,
    service: str,
    environment: Environment,
    lifetime: float = LIFETIME,
    now: Callable[[], float] = time.time,
) -> str:
    """Mint the token with which one service calls another.

    Args:
        secret: The secret of the deployment that is to accept it.
        service: The calling service's name.
        environment: Where it is to be valid.
        lifetime: For how long from now, in seconds.
        now: The clock, in seconds since the epoch.

    Raises:
        Misuse: ``service`` is blank, or ``lifetime`` is not a positive, finite number.
    """
    if not service.strip():
        raise Misuse(
            what="a service token needs the name of its service",
            hint="Say who calls, such as service='netra-backend'.",
        )
    claims = {
        **_common_claims("service", environment, lifetime, now()),
        "sub": service,
        "service": service,
        "aud": SERVICE_AUDIENCE,
    }
    return _mint(claims, secret, label="service token")


def user_claims(
    token_type: TokenType,
    user: StagingUser,
    environment: Environment,
    *,
    lifetime: float,
    now: float,
) -> dict[str, Any]:
    """Everything that a user's token says, as it stands on the wire."""
    return {
        **_common_claims(token_type, environment, lifetime, now),
        "sub": user.user_id,
        "email": user.email,
        "permissions": list(user.permissions),
        "aud": AUDIENCE,
    }


def sign(claims: Mapping[str, Any], key: str) -> str:
    """Make a token of claims, whatever they are; who calls it has it masked."""
    return _signatures().encode(json.dumps(claims).encode(), key, algorithm=ALGORITHM)


def verify_token(
    token: str,
    secret: JwtSecret,
    *,
    environment: Environment,
    token_type: TokenType = "access",  # noqa: S107 - the name of a type
    audience: str | None = None,
    leeway: float = 5.0,
    now: Callable[[], float] = time.time,
) -> Claims:
    """Say what a token says, once nothing about it is wrong.

    Args:
        token: The token as it came.
        secret: The secret it has to be signed with.
        environment: Where it has to be valid.
        token_type: Which type it has to be.
        audience: For whom it has to be meant; None for the one that its type is minted for.
        leeway: By how many seconds two clocks may differ.
        now: The clock, in seconds since the epoch.

    Raises:
        TokenInvalid: Something is wrong; its reason is the first that holds of malformed,
            algorithm, signature, claim, issuer, audience, environment, not_yet_valid, expired.
    """
    said = _payload(token, secret)
    for name in REQUIRED_CLAIMS:
        if name not in said:
            raise TokenInvalid(reason="claim", claim=name)
    claims = _claims(said, environment)
    begins = _number(said, "nbf") if "nbf" in said else claims.issued_at
    moment = now()
    checks = (
        (claims.token_type == token_type, "claim", "token_type"),
        (said["iss"] == ISSUER, "issuer", "iss"),
        ((audience or AUDIENCES[token_type]) in claims.audience, "audience", "aud"),
        (said["env"] == environment.value, "environment", "env"),
        (claims.issued_at <= moment + leeway, "not_yet_valid", "iat"),
        (begins <= moment + leeway, "not_yet_valid", "nbf"),
        (claims.expires_at > moment - leeway, "expired", "exp"),
    )
    for fine, reason, name in checks:
        if not fine:
            raise TokenInvalid(reason=reason, claim=name)
    return claims


def _mint_for_user(
    token_type: TokenType,
    secret: JwtSecret,
    user: StagingUser,
    environment: Environment,
    lifetime: float,
    now: Callable[[], float],
) -> str:
    claims = user_claims(token_type, user, environment, lifetime=lifetime, now=now())
    return _mint(claims, secret, label=f"{token_type} token")


def _mint(claims: Mapping[str, Any], secret: JwtSecret, *, label: str) -> str:
    token = sign(claims, secret.reveal())
    register(token, label=label, expires_at=claims["exp"])
    return token


def _common_claims(
    token_type: TokenType, environment: Environment, lifetime: float, now: float
) -> dict[str, Any]:
    if not (math.isfinite(lifetime) and lifetime > 0):
        raise Misuse(
            what=f"lifetime={lifetime!r} is not a positive, finite number of seconds",
            hint="Give the seconds for which it is to be valid; bad_tokens.expired() is past them.",
        )
    return {
        "iss": ISSUER,
        "iat": math.floor(now) - ISSUED_AGO,
        "exp": math.ceil(now + lifetime),
        "jti": str(uuid.uuid4()),
        "token_type": token_type,
        "type": token_type,
        "env": environment.value,
        "svc_id": MINTED_BY,
    }


def _signatures() -> PyJWS:
    import jwt

    return jwt.PyJWS(options={"enforce_minimum_key_length": True})


def _payload(token: str, secret: JwtSecret) -> dict[str, Any]:
    import jwt

    reason = "malformed"
    try:
        said = json.loads(_signatures().decode(token, secret.reveal(), algorithms=[ALGORITHM]))
    except jwt.InvalidAlgorithmError:
        reason = "algorithm"
    except jwt.InvalidSignatureError:
        reason = "signature"
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        reason = "malformed"
    else:
        if isinstance(said, dict):
            return said
    # Raised here and not above: what a decoder raises may hold the token.
    raise TokenInvalid(reason=reason)


def _claims(said: Mapping[str, Any], environment: Environment) -> Claims:
    audience = said["aud"]
    return Claims(
        subject=_text(said, "sub"),
        email=_text(said, "email") if "email" in said else None,
        permissions=_texts(said, "permissions") if "permissions" in said else (),
        issued_at=_number(said, "iat"),
        expires_at=_number(said, "exp"),
        token_id=_text(said, "jti"),
        token_type=_text(said, "token_type"),
        environment=environment,
        audience=_texts(said, "aud") if isinstance(audience, list) else (_text(said, "aud"),),
        service=_text(said, "service") if "service" in said else None,
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said[name]
    if isinstance(value, str) and value:
        return value
    raise TokenInvalid(reason="claim", claim=name)


def _texts(said: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = said[name]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise TokenInvalid(reason="claim", claim=name)


def _number(said: Mapping[str, Any], name: str) -> float:
    value = said[name]
    # JSON has whole numbers that no float holds, and Python reads NaN and Infinity in it.
    if type(value) in {int, float} and abs(value) <= FURTHEST:
        return float(value)
    raise TokenInvalid(reason="claim", claim=name)
