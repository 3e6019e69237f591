"""Tokens that must be refused, each wrong in one way only, for negative tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from netra_testkit.errors import Misuse
from netra_testkit.safety.redaction import register
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.tokens import LIFETIME, REQUIRED_CLAIMS, sign, user_claims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netra_testkit.settings.secrets import JwtSecret
    from netra_testkit.settings.users import StagingUser

__all__ = ["BAD_TOKENS", "BadTokens"]

HOUR = 3600.0

BAD_TOKENS: Mapping[str, str] = MappingProxyType(
    {
        "expired": "expired",
        "not_yet_valid": "not_yet_valid",
        "wrong_secret": "signature",
        "wrong_audience": "audience",
        "wrong_issuer": "issuer",
        "wrong_environment": "environment",
        **{f"missing_{claim}": "claim" for claim in REQUIRED_CLAIMS},
        "unsigned": "algorithm",
        "tampered": "signature",
        "truncated": "malformed",
        "confused_algorithm": "algorithm",
        "empty": "malformed",
    }
)
"""The name of every bad token, and the reason for which `verify_token` refuses it."""


class BadTokens:
    """A factory of bad tokens; iterating gives the name and a new token of each.

    All but one thing about each is right: secret, claims, lifetime. So what accepts one has just
    that hole.
    """

    def __init__(
        self,
        secret: JwtSecret,
        user: StagingUser,
        environment: Environment,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Make the factory.

        Args:
            secret: The right secret of the deployment that is to refuse them.
            user: Whose tokens they seem to be.
            environment: The right environment.
            now: The clock, in seconds since the epoch.
        """
        self._secret = secret
        self._user = user
        self._environment = environment
        self._now = now

    def __iter__(self) -> Iterator[tuple[str, str]]:
        makers: dict[str, Callable[[], str]] = {
            "expired": self.expired,
            "not_yet_valid": self.not_yet_valid,
            "wrong_secret": self.wrong_secret,
            "wrong_audience": self.wrong_audience,
            "wrong_issuer": self.wrong_issuer,
            "wrong_environment": self.wrong_environment,
            **{f"missing_{claim}": partial(self.missing, claim) for claim in REQUIRED_CLAIMS},
            "unsigned": self.unsigned,
            "tampered": self.tampered,
            "truncated": self.truncated,
            "confused_algorithm": self.confused_algorithm,
            "empty": self.empty,
        }
        return ((name, make()) for name, make in makers.items())

    def expired(self) -> str:
        """A token that ceased to be valid an hour ago."""
        return self._sign(self._claims(begun=-2 * HOUR, lifetime=HOUR))

    def not_yet_valid(self) -> str:
        """A token that begins to be valid in an hour."""
        claims = self._claims(begun=HOUR)
        return self._sign({**claims, "nbf": claims["iat"]})

    def wrong_secret(self) -> str:
        """A token signed with a secret made up at random."""
        return self._sign(self._claims(), key=secrets.token_urlsafe(48))

    def wrong_audience(self) -> str:
        """A token meant for somebody else."""
        return self._sign({**self._claims(), "aud": "another-audience"})

    def wrong_issuer(self) -> str:
        """A token issued by somebody else."""
        return self._sign({**self._claims(), "iss": "another-issuer"})

    def wrong_environment(self) -> str:
        """A token of another environment, which is never production."""
        is_test = self._environment is Environment.TEST
        other = Environment.DEVELOPMENT if is_test else Environment.TEST
        return self._sign({**self._claims(), "env": other.value})

    def missing(self, claim: str) -> str:
        """A token without one of the required claims.

        Raises:
            Misuse: The claim is not a required one.
        """
        if claim not in REQUIRED_CLAIMS:
            raise Misuse(
                what=f"{claim!r} is not a required claim",
                hint=f"Leave out one of {', '.join(REQUIRED_CLAIMS)}.",
            )
        claims = self._claims()
        del claims[claim]
        return self._sign(claims)

    def unsigned(self) -> str:
        """A token that says it needs no signature, and has none."""
        return self._forge("none", lambda _signed: b"")

    def tampered(self) -> str:
        """A token whose subject was changed after it was signed."""
        claims = self._claims()
        header, _, signature = self._sign(claims).split(".")
        payload = _segment({**claims, "sub": f"{claims['sub']}-tampered"})
        return self._registered(f"{header}.{payload}.{signature}")

    def truncated(self) -> str:
        """The first half of a token."""
        token = self._sign(self._claims())
        return token[: len(token) // 2]

    def confused_algorithm(self) -> str:
        """A token that says RS256 over a signature that HS256 made with the right secret.

        Only who holds the algorithm fixed refuses it; who takes it from the header is confused.
        """
        key = self._secret.reveal().encode()
        return self._forge("RS256", lambda signed: hmac.digest(key, signed, hashlib.sha256))

    def empty(self) -> str:
        """No token at all."""
        return ""

    def _claims(self, *, begun: float = 0.0, lifetime: float = LIFETIME) -> dict[str, Any]:
        now = self._now() + begun
        return user_claims("access", self._user, self._environment, lifetime=lifetime, now=now)

    def _sign(self, claims: Mapping[str, Any], *, key: str | None = None) -> str:
        return self._registered(sign(claims, self._secret.reveal() if key is None else key))

    def _forge(self, algorithm: str, signature: Callable[[bytes], bytes]) -> str:
        signed = f"{_segment({'alg': algorithm, 'typ': 'JWT'})}.{_segment(self._claims())}"
        return self._registered(f"{signed}.{_base64url(signature(signed.encode()))}")

    def _registered(self, token: str) -> str:
        # However expired it says it is, it is masked as long as a good one.
        register(token, label="bad token", expires_at=self._now() + LIFETIME)
        return token


def _segment(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
