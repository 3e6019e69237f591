"""How an entry of the catalogue of faults is written."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from netra_testkit.local.kinds import Family, FaultKind, FaultOption, Phase, Scope
from netra_testkit.wire.contract import CRITICAL_EVENTS

__all__ = [
    "NEVER_SENT",
    "REASON",
    "close_code",
    "event",
    "milliseconds",
    "number_of_bytes",
    "platform",
    "retry_after",
    "seconds",
    "status",
    "transport",
]


def transport(
    name: str, summary: str, breaks: str, /, *phases: Phase, **options: FaultOption
) -> FaultKind:
    """A fault of the connection, narrowed to a route, and to a phase where it has some."""
    return FaultKind(
        name=name,
        family=Family.TRANSPORT,
        summary=summary,
        breaks=breaks,
        scopes=frozenset({Scope.ROUTE, Scope.PHASE} if phases else {Scope.ROUTE}),
        phases=phases,
        options=MappingProxyType(options),
    )


def platform(
    name: str, scopes: str, summary: str, breaks: str, /, *phases: Phase, **options: FaultOption
) -> FaultKind:
    """A fault of the platform, narrowed to the scopes that are named."""
    return FaultKind(
        name=name,
        family=Family.PLATFORM,
        summary=summary,
        breaks=breaks,
        scopes=frozenset(Scope(each) for each in scopes.split()),
        phases=phases,
        options=MappingProxyType(options),
    )


def milliseconds(default: float) -> FaultOption:
    """A time, in milliseconds."""
    return FaultOption(default=default, type=float, unit="ms")


def number_of_bytes(default: int, *, lowest: int = 0) -> FaultOption:
    """A number of bytes."""
    return FaultOption(default=default, type=int, unit="bytes", lowest=lowest)


def close_code(default: int) -> FaultOption:
    """Any number that a close frame can carry."""
    return FaultOption(default=default, type=int, highest=65_535)


def status(default: int) -> FaultOption:
    """The status of an answer."""
    return FaultOption(default=default, type=int, lowest=200, highest=599)


def retry_after(default: int | None) -> FaultOption:
    """When to come again, in seconds; None for not said."""
    return FaultOption(default=default, type=int, unit="s", optional=True)


def seconds(default: float, *, lowest: float | None = 0) -> FaultOption:
    """A time, in seconds."""
    return FaultOption(default=default, type=float, unit="s", lowest=lowest)


def event(default: str) -> FaultOption:
    """One of the five critical events."""
    names = tuple(each.value for each in CRITICAL_EVENTS)
    return FaultOption(default=default, type=str, choices=names)


REASON: Final = FaultOption(default="", type=str, longest=123)
"""The reason of a close frame, which holds 125 bytes, of which the code takes two."""

NEVER_SENT: Final = frozenset({1004, 1005, 1006, 1015, *range(1016, 3000)})
"""Close codes that the standard keeps for those who receive nothing, or for later."""
