"""Whether services, or the variables set at once, hold the same secret."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netra_testkit.errors import ConfigurationError, Misuse, Problem
from netra_testkit.settings.environments import Environment, detect_environment
from netra_testkit.settings.secrets import LEGACY_NAME, SECRET_NAMES, JwtSecret, flaw_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "OTHER_NAMES",
    "SecretComparison",
    "SecretDiagnosis",
    "SecretGroup",
    "SecretReading",
    "compare_secrets",
    "diagnose_secrets",
]

OTHER_NAMES: tuple[str, ...] = ("AUTH_JWT_SECRET", "SECRET_KEY", "JWT_SECRET_KEY_STAGING")
"""Variables that the platform's services have read besides those of SECRET_NAMES."""

_FINGERPRINT = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class SecretGroup:
    """Those who hold one secret.

    Attributes:
        fingerprint: The fingerprint of that secret.
        names: Who holds it, in the order in which they were given.
    """

    fingerprint: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.fingerprint}: {', '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class SecretComparison:
    """Who shares a secret with whom.

    Attributes:
        groups: One for each different secret, in the order in which they were given.
    """

    groups: tuple[SecretGroup, ...]

    @property
    def agree(self) -> bool:
        """Whether all of them hold the same secret."""
        return len(self.groups) == 1

    def __str__(self) -> str:
        if self.agree:
            said = "All hold the same secret:"
        else:
            said = (
                f"{len(self.groups)} different secrets; "
                "a token signed with one is refused by whoever holds another:"
            )
        return "\n".join([said, *(f"  {group}" for group in self.groups)])


def compare_secrets(secrets: Mapping[str, JwtSecret | str]) -> SecretComparison:
    """Say which of several services hold the same secret.

    Args:
        secrets: For each service its secret, or the fingerprint that it printed.

    Raises:
        Misuse: There are fewer than two, so that nothing is compared.
        ConfigurationError: A text is not a fingerprint; it is not repeated, for it may be a secret.
    """
    if len(secrets) < 2:  # noqa: PLR2004 - a comparison takes two
        raise Misuse(
            what=f"compare_secrets() was given {len(secrets)} of the two or more it compares",
            hint="Name each service with its JwtSecret, or with the fingerprint it printed.",
        )
    problems: list[Problem] = []
    holders: dict[str, list[str]] = {}
    for name, each in secrets.items():
        said = each.fingerprint if isinstance(each, JwtSecret) else str(each)
        fingerprint = said.strip().casefold()
        if _FINGERPRINT.fullmatch(fingerprint) is None:
            remedy = "is not a fingerprint; give JwtSecret.of(...) or its fingerprint"
            problems.append(Problem(name, "argument", remedy))
        holders.setdefault(fingerprint, []).append(name)
    if problems:
        raise ConfigurationError(problems=tuple(problems))
    return SecretComparison(tuple(SecretGroup(each, tuple(of)) for each, of in holders.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReading:
    """What one variable holds, without its value.

    Attributes:
        name: The variable.
        fingerprint: The fingerprint of its value, None where that cannot be a secret.
        flaw: Why it cannot be one, None where it can.
    """

    name: str
    fingerprint: str | None
    flaw: str | None

    def __str__(self) -> str:
        return f"{self.name} {self.flaw or f'has fingerprint {self.fingerprint}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDiagnosis:
    """Which variables could name an environment's secret, and whether they agree.

    Attributes:
        environment: Whose secret.
        readings: Every one of its variables that is set, in the order in which they are read.
        source: The variable that resolution uses, None when it uses none of them.
        mismatch: Who differs from whom, None when all usable ones agree.
        warnings: What else can lead services to different secrets, a sentence each.
    """

    environment: Environment
    readings: tuple[SecretReading, ...]
    source: str | None
    mismatch: SecretComparison | None
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        order = ", then ".join(SECRET_NAMES[self.environment])
        lines = [f"{self.environment} reads {order}."]
        lines += [f"  {reading}" for reading in self.readings] or ["  None of them is set."]
        lines.append(f"Used is {self.source or 'none of them'}.")
        if self.mismatch is not None:
            lines.append(f"mismatch: {self.mismatch}")
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])


def diagnose_secrets(
    environ: Mapping[str, str] | None = None, environment: Environment | str | None = None
) -> SecretDiagnosis:
    """Look at every variable that could name the secret, and say whether they agree.

    Args:
        environ: The variables to read; None for those of this process.
        environment: Whose secret; None for what ENVIRONMENT says.

    Raises:
        ConfigurationError: The environment cannot be told.
    """
    variables = os.environ if environ is None else environ
    if environment is None:
        target = detect_environment(variables)
    else:
        target = Environment.parse(environment, source="argument")
    read = SECRET_NAMES[target]
    # Production never reads the legacy name, but a service of an older generation does.
    compared = (*read, LEGACY_NAME) if target is Environment.PRODUCTION else read
    readings = tuple(_read(name, variables[name]) for name in compared if name in variables)
    usable = {each.name: each.fingerprint for each in readings if each.fingerprint is not None}
    source = next((name for name in read if name in usable), None)
    comparison = compare_secrets(usable) if len(usable) > 1 else None
    warnings = [
        f"{each}; a service that does not check it signs with it all the same"
        for each in readings
        if each.flaw is not None
    ]
    warnings += [
        f"{_read(name, variables[name])}; services of the platform have read it "
        f"instead of {read[0]}: unset it, or give it the same value"
        for name in OTHER_NAMES
        if variables.get(name, "").strip()
    ]
    return SecretDiagnosis(
        environment=target,
        readings=readings,
        source=source,
        mismatch=None if comparison is None or comparison.agree else comparison,
        warnings=tuple(warnings),
    )


def _read(name: str, value: str) -> SecretReading:
    flaw = flaw_of(value)
    fingerprint = JwtSecret.of(value, source=name).fingerprint if flaw is None else None
    return SecretReading(name=name, fingerprint=fingerprint, flaw=flaw)
