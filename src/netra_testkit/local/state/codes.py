"""Codes of the OAuth flow: a state and a code each work once, and a code only for its flow."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHALLENGE", "Codes", "Flow", "challenge_of"]

# How long a person may take between two redirects, in seconds.
_LIFETIME: Final = 600.0

CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""What a PKCE challenge of method S256 looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One log-in through a provider, as far as the platform began it.

    Attributes:
        state: What comes back unchanged, once.
        challenge: What the provider is told of the verifier.
    """

    state: str
    challenge: str


class Codes:
    """The flows begun by the platform, and the codes given by its built-in provider."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._verifiers: dict[str, tuple[str, float]] = {}
        self._granted: dict[str, tuple[str, str, float]] = {}

    def begin(self) -> Flow:
        """Begin a flow; its verifier stays here."""
        state, verifier = self._secret("OAuth state"), self._secret("PKCE verifier")
        self._forget_expired()
        self._verifiers[state] = (verifier, self._clock() + _LIFETIME)
        return Flow(state=state, challenge=challenge_of(verifier))

    def verifier(self, state: str) -> str | None:
        """The verifier of a flow, once."""
        verifier, until = self._verifiers.pop(state, (None, 0.0))
        return verifier if until > self._clock() else None

    def grant(self, challenge: str, *, email: str) -> str:
        """Give a code for an address, to be redeemed with the verifier of this challenge."""
        code = self._secret("OAuth code")
        self._forget_expired()
        self._granted[code] = (challenge, email, self._clock() + _LIFETIME)
        return code

    def redeem(self, code: str, verifier: str) -> str | None:
        """The address a code was given for; a code is spent also by a wrong verifier."""
        challenge, email, until = self._granted.pop(code, ("", "", 0.0))
        fits = hmac.compare_digest(challenge, challenge_of(verifier))
        return email if fits and until > self._clock() else None

    def clear(self) -> None:
        """Forget every flow and every code."""
        self._verifiers.clear()
        self._granted.clear()

    def _secret(self, label: str) -> str:
        value = secrets.token_urlsafe(32)
        register(value, label=label, expires_at=self._clock() + _LIFETIME)
        return value

    def _forget_expired(self) -> None:
        now = self._clock()
        self._verifiers = {name: kept for name, kept in self._verifiers.items() if kept[1] > now}
        self._granted = {name: kept for name, kept in self._granted.items() if kept[2] > now}


def challenge_of(verifier: str) -> str:
    """The challenge of method S256 for a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
