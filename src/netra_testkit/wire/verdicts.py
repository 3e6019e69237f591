"""What a deployment's own words come to, and which of its numbers cannot be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.safety.jsonable import safe_state
from netra_testkit.safety.redaction import mask
from netra_testkit.wire.evidence import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["contradicted", "failing", "is_well", "judged", "serves", "untrusted"]

WELL = frozenset({"alive", "healthy", "ok", "ready"})
DEGRADED = "degraded"
UNWELL = frozenset({"not_ready", "unhealthy"})


def serves(status: str | None) -> bool:
    """Whether a status says that requests are served; a degraded deployment serves."""
    return is_well(status) or _word(status) == DEGRADED


def is_well(status: str | None) -> bool:
    """Whether a status says that nothing is wrong."""
    return _word(status) in WELL


def contradicted(status: str | None, components: Mapping[str, bool | None]) -> bool:
    """Whether a status says that nothing is wrong while a component says that it fails."""
    return is_well(status) and False in components.values()


def judged(
    status: str | None, components: Mapping[str, bool | None], message: str | None = None
) -> tuple[Finding, ...]:
    """What a status and the components beside it come to."""
    found = [
        Finding(
            kind=FindingKind.CONTRADICTION if is_well(status) else FindingKind.FAILING,
            field=name,
            evidence=mask(f"it fails while the status is {safe_state(status)}"),
        )
        for name, works in components.items()
        if works is False
    ]
    if status is None:
        evidence = "it does not say how it is"
        found.append(Finding(kind=FindingKind.MISSING, field="status", evidence=evidence))
    elif not is_well(status):
        known = {DEGRADED: FindingKind.DEGRADED, **dict.fromkeys(UNWELL, FindingKind.FAILING)}
        kind = known.get(_word(status), FindingKind.UNKNOWN)
        said = f"it says {safe_state(status)}" + (f": {message}" if message else "")
        found.append(Finding(kind=kind, field="status", evidence=mask(said)))
    return tuple(found)


def failing(field: str, evidence: str) -> Finding:
    """Something that the deployment itself says went wrong."""
    said = mask(evidence) if evidence.strip() else "it lists an error and says nothing of it"
    return Finding(kind=FindingKind.FAILING, field=field, evidence=said)


def untrusted(counts: Mapping[str, int | None]) -> tuple[Finding, ...]:
    """The counts that stay 0 although a socket of ours is open."""
    return tuple(
        Finding(
            kind=FindingKind.UNTRUSTED,
            field=name,
            evidence="it stays 0 although a socket of ours is open",
        )
        for name, count in counts.items()
        if count == 0
    )


def _word(status: str | None) -> str:
    return "" if status is None else status.strip().casefold().replace(" ", "_")
