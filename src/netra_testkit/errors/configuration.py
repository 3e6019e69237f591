"""What is configured or held cannot be used: settings, identities, tokens."""

from __future__ import annotations

from dataclasses import dataclass, field

from netra_testkit.errors.root import Cause, NetraError, Problem

__all__ = ["ConfigurationError", "NotEnoughUsers", "TokenInvalid", "UsersBusy"]


@dataclass(kw_only=True, eq=False)
class ConfigurationError(NetraError, ValueError):
    """What is configured cannot be used; every problem of it at once.

    Attributes:
        problems: Field, source and remedy of each.
    """

    problems: tuple[Problem, ...]
    cause: Cause = Cause.CONFIGURATION
    hint: str = "Mend what is named above; StagingConfig().explain() shows where values come from."

    def _sentence(self) -> str:
        count = len(self.problems)
        said = "a problem" if count == 1 else f"{count} problems"
        return "\n".join(
            [f"The configuration has {said}:", *(f"  - {each}" for each in self.problems)]
        )


@dataclass(kw_only=True, eq=False)
class NotEnoughUsers(ConfigurationError):
    """More identities are needed than exist; said before any request.

    Attributes:
        needed: How many were asked for.
        known: How many there are.
    """

    needed: int
    known: int
    problems: tuple[Problem, ...] = field(init=False)
    hint: str = "Name more users in NETRA_TEST_USERS, or allow registration in the configuration."

    def __post_init__(self) -> None:
        self.problems = (Problem("users", "the user pool", self._sentence()),)

    def _sentence(self) -> str:
        return f"{self.needed} identities needed, {self.known} known"


@dataclass(kw_only=True, eq=False)
class UsersBusy(NetraError, TimeoutError):
    """Every test user stayed leased for as long as the caller would wait.

    Attributes:
        holders: Who holds which user, a sentence each.
        limit: How long it was waited, in seconds.
    """

    holders: tuple[str, ...]
    limit: float
    cause: Cause = Cause.TEST
    hint: str = "Let the holders finish, lease with shared=True to read only, or name more users."

    def _sentence(self) -> str:
        held = "".join(f"\n  - {holder}" for holder in self.holders) or " nothing"
        return f"No test user became free within {self.limit:g} s. Held now:{held}"


@dataclass(kw_only=True, eq=False)
class TokenInvalid(NetraError, ValueError):
    """A token that verification does not accept.

    Attributes:
        reason: What is wrong with it: malformed, algorithm, signature, expired, not_yet_valid,
            audience, issuer, environment or claim.
        claim: The claim that is missing or wrong, where it is one.
    """

    reason: str
    claim: str | None = None
    cause: Cause = Cause.AUTHENTICATION
    hint: str = "Mint a new token with the secret and for the environment that verify it."

    def _sentence(self) -> str:
        claim = "" if self.claim is None else f" ({self.claim})"
        return f"The token is not valid: {self.reason}{claim}"
