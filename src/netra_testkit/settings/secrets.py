"""The secret that tokens are signed with: where it comes from, and a holder that never shows it."""

from __future__ import annotations

import hmac
import logging
import os
from functools import cache
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn, final

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.safety.redaction import KIT_LOGGER, register
from netra_testkit.settings.environments import Environment, detect_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "LEGACY_NAME",
    "MINIMUM_BYTES",
    "PLACEHOLDERS",
    "SECRET_NAMES",
    "JwtSecret",
    "flaw_of",
    "resolve_jwt_secret",
]

MINIMUM_BYTES = 32
"""What HS256 needs, counted after trimming, in every environment."""

LEGACY_NAME = "JWT_SECRET"
"""Read with a warning, and never in production."""

PLACEHOLDERS: frozenset[str] = frozenset(
    {
        "change-me",
        "change-me-in-production",
        "change-this-secret-key-in-production",
        "change_me",
        "change_me_in_production",
        "changeit",
        "changeme",
        "insert-your-secret-here",
        "insert_your_secret_here",
        "placeholder",
        "replace-me",
        "replace-with-a-secret-of-at-least-32-bytes",
        "replace-with-a-secure-random-secret",
        "replace_me",
        "replaceme",
        "secret",
        "todo",
        "your-256-bit-secret",
        "your-jwt-secret",
        "your-jwt-secret-here",
        "your-jwt-secret-key-change-in-production",
        "your-secret",
        "your-secret-here",
        "your-secret-key",
        "your-secret-key-change-in-production",
        "your-secret-key-here",
        "your-secret-key-must-be-at-least-32-characters-long",
        "your-super-secret-jwt-key-change-in-production",
        "your-super-secret-key",
        "your_jwt_secret",
        "your_jwt_secret_here",
        "your_secret_here",
        "your_secret_key",
        "your_secret_key_here",
    }
)
"""Texts that stand where a secret should: compared as a whole, trimmed and case-folded."""

SECRET_NAMES: Mapping[Environment, tuple[str, ...]] = MappingProxyType(
    {
        Environment.LOCAL: ("JWT_SECRET_LOCAL",),
        Environment.DEVELOPMENT: ("JWT_SECRET_DEVELOPMENT", "JWT_SECRET_KEY", LEGACY_NAME),
        Environment.TEST: ("JWT_SECRET_TEST", "JWT_SECRET_KEY", LEGACY_NAME),
        Environment.STAGING: ("JWT_SECRET_STAGING", "JWT_SECRET_KEY", LEGACY_NAME),
        Environment.PRODUCTION: ("JWT_SECRET_PRODUCTION", "JWT_SECRET_KEY"),
    }
)
"""The variables of each environment, in the order in which they are read."""

_ASKS_PROVIDER = frozenset({Environment.STAGING, Environment.PRODUCTION})
_MAY_BE_RANDOM = frozenset({Environment.DEVELOPMENT, Environment.TEST})
_FINGERPRINT_LABEL = b"netra-testkit jwt-secret fingerprint"
_FINGERPRINT_LENGTH = 12
_ONE_AT_A_TIME = Lock()
_HINT = "diagnose_secrets() shows which of the names are set, and whether they agree."


@final
class JwtSecret:
    """A secret that shows itself only when asked, and is masked wherever text leaves.

    Made by ``of``, ``generate`` or ``resolve_jwt_secret``; none that is too short can exist.
    """

    __slots__ = ("_fingerprint", "_source", "_value")

    _fingerprint: str
    _source: str
    _value: str

    def __init__(self) -> None:
        raise TypeError("use JwtSecret.of(value, source=...), which checks the value")

    @classmethod
    def of(cls, value: str, *, source: str) -> JwtSecret:
        """Hold a secret, trimmed.

        Args:
            value: The secret.
            source: Where it came from, such as the name of a variable.

        Raises:
            ConfigurationError: It is blank, a placeholder, too short or not UTF-8.
        """
        flaw = flaw_of(value)
        if flaw is not None:
            raise ConfigurationError(problems=(Problem("jwt_secret", source, f"the value {flaw}"),))
        secret = object.__new__(cls)
        trimmed = value.strip()
        digest = hmac.new(trimmed.encode(), _FINGERPRINT_LABEL, "sha256").hexdigest()
        object.__setattr__(secret, "_value", trimmed)
        object.__setattr__(secret, "_source", source)
        object.__setattr__(secret, "_fingerprint", digest[:_FINGERPRINT_LENGTH])
        register(trimmed, label=f"JWT secret from {source}")
        return secret

    @classmethod
    def generate(cls, source: str) -> JwtSecret:
        """A new random secret of 64 characters.

        Args:
            source: Who asked for it.
        """
        from secrets import token_urlsafe

        return cls.of(token_urlsafe(48), source=source)

    @property
    def source(self) -> str:
        """Where it came from."""
        return self._source

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return len(self._value.encode())

    @property
    def fingerprint(self) -> str:
        """What two services compare to prove that they share it; safe to print."""
        return self._fingerprint

    def reveal(self) -> str:
        """The secret itself, for the one line that signs or verifies."""
        return self._value

    def __repr__(self) -> str:
        return (
            f"JwtSecret(source={self._source!r}, length={self.length}, "
            f"fingerprint={self._fingerprint!r})"
        )

    def __format__(self, format_spec: str) -> str:
        return format(repr(self), format_spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JwtSecret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._fingerprint)

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"a JwtSecret does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a JwtSecret does not change: {name} cannot be deleted")

    # Every way to copy or pickle an object, by any protocol, asks for its state.
    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "a JwtSecret is neither copied nor pickled: share the object itself within a process, "
            "and call resolve_jwt_secret() again in another one"
        )


def resolve_jwt_secret(
    environ: Mapping[str, str] | None = None,
    *,
    environment: Environment | str | None = None,
    provider: Callable[[], str] | None = None,
) -> JwtSecret:
    """The secret that an environment signs its tokens with.

    The variables of SECRET_NAMES are read in their order, then the provider is asked (staging and
    production only), then development and test get a random secret, the same for the whole process.
    What is set and cannot be used is passed over with an error in the log.

    Args:
        environ: The variables to read; None for those of this process.
        environment: Whose secret; None for what ENVIRONMENT says.
        provider: Gives the secret where no variable does, such as a secret manager's client.

    Raises:
        ConfigurationError: There is none that can be used, or the environment cannot be told.
    """
    variables = os.environ if environ is None else environ
    if environment is None:
        target = detect_environment(variables)
    else:
        target = Environment.parse(environment, source="argument")
    reasons: list[str] = []
    secret = _from_variables(target, variables, reasons) or _from_provider(
        target, provider, reasons
    )
    if secret is not None:
        return secret
    if target in _MAY_BE_RANDOM:
        _log().warning(
            "%s signs with a random secret that no other process knows: %s",
            target,
            "; ".join(reasons),
        )
        with _ONE_AT_A_TIME:
            return _random_secret(target, os.getpid())
    raise _unresolved(target, variables, reasons)


def flaw_of(value: object) -> str | None:
    """Why a value cannot be a secret, None when it can; said without the value.

    Args:
        value: What stands where a secret should.
    """
    if not isinstance(value, str):
        return f"is not text but {type(value).__name__}"
    trimmed = value.strip()
    if not trimmed:
        return "is blank"
    if trimmed.casefold() in PLACEHOLDERS:
        return "is a placeholder"
    try:
        size = len(trimmed.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if size < MINIMUM_BYTES:
        return f"is too short ({size} bytes, at least {MINIMUM_BYTES} are needed)"
    return None


def _from_variables(
    target: Environment, variables: Mapping[str, str], reasons: list[str]
) -> JwtSecret | None:
    for name in SECRET_NAMES[target]:
        value = variables.get(name)
        flaw = "is unset" if value is None else flaw_of(value)
        if value is not None and flaw is None:
            if name == LEGACY_NAME:
                instead = SECRET_NAMES[target][0]
                _log().warning("%s is a legacy name: set %s instead", name, instead)
            return JwtSecret.of(value, source=name)
        reasons.append(f"{name} {flaw}")
        if value is not None:
            _log().error("%s is passed over for %s: it %s", name, target, flaw)
    return None


def _from_provider(
    target: Environment, provider: Callable[[], str] | None, reasons: list[str]
) -> JwtSecret | None:
    if target not in _ASKS_PROVIDER:
        if provider is not None:
            reasons.append(f"the provider is not asked for {target}")
        return None
    if provider is None:
        reasons.append("no provider was given")
        return None
    try:
        value = provider()
    except Exception as error:  # noqa: BLE001 - its text may quote the secret: only its type is told
        reasons.append(f"the provider failed with {type(error).__name__}")
        return None
    flaw = flaw_of(value)
    if flaw is None:
        return JwtSecret.of(value, source="provider")
    reasons.append(f"what the provider gave {flaw}")
    return None


# The one thing remembered: two calls in one process must agree. A forked child is a process of its
# own, hence the process id; the lock keeps two threads from making two secrets.
@cache
def _random_secret(target: Environment, _process: int) -> JwtSecret:
    return JwtSecret.generate(f"random for this process ({target})")


def _unresolved(
    target: Environment, variables: Mapping[str, str], reasons: list[str]
) -> ConfigurationError:
    names = SECRET_NAMES[target]
    if target is Environment.PRODUCTION and variables.get(LEGACY_NAME, "").strip():
        reasons.append(f"{LEGACY_NAME} is set, but it is a legacy name that production never reads")
    if target is Environment.LOCAL:
        remedy = f"start the embedded staging and use the {names[0]} of the env file it writes"
    else:
        remedy = (
            f"set {names[0]} to the secret that the services of {target} share, "
            f"at least {MINIMUM_BYTES} random bytes"
        )
    found = "; ".join(reasons)
    problem = Problem("jwt_secret", ", ".join(names), f"{remedy} (now {found})")
    return ConfigurationError(problems=(problem,), hint=_HINT)


def _log() -> logging.Logger:
    return logging.getLogger(KIT_LOGGER)
