"""The states of a connection and which may follow which."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from netra_testkit.errors import IllegalStep

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LEGAL_STEPS", "ConnectionState", "step"]


class ConnectionState(StrEnum):
    """Where a connection is on its way from dialling to its end."""

    CONNECTING = "connecting"
    ACCEPTED = "accepted"
    AUTHENTICATED = "authenticated"
    SERVICES_READY = "services_ready"
    PROCESSING_READY = "processing_ready"
    PROCESSING = "processing"
    IDLE = "idle"
    DEGRADED = "degraded"
    RECONNECTING = "reconnecting"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


def _all(names: str) -> tuple[ConnectionState, ...]:
    return tuple(ConnectionState(name) for name in names.split())


LEGAL_STEPS: Mapping[ConnectionState, tuple[ConnectionState, ...]] = MappingProxyType(
    {
        ConnectionState.CONNECTING: _all("accepted failed closed"),
        ConnectionState.ACCEPTED: _all("authenticated failed closed"),
        ConnectionState.AUTHENTICATED: _all("services_ready degraded failed closed"),
        ConnectionState.SERVICES_READY: _all("processing_ready degraded failed closed"),
        ConnectionState.PROCESSING_READY: _all("processing idle degraded closing failed closed"),
        ConnectionState.PROCESSING: _all("idle processing_ready degraded closing failed closed"),
        ConnectionState.IDLE: _all("processing processing_ready degraded closing failed closed"),
        ConnectionState.DEGRADED: _all(
            "processing_ready processing idle reconnecting closing failed closed"
        ),
        ConnectionState.RECONNECTING: _all(
            "services_ready processing_ready degraded failed closed"
        ),
        ConnectionState.CLOSING: _all("closed"),
        ConnectionState.CLOSED: (),
        ConnectionState.FAILED: _all("connecting"),
    }
)


def step(origin: ConnectionState, target: ConnectionState) -> ConnectionState:
    """Give the state that a connection takes next, when it may take it.

    Args:
        origin: The state it is in.
        target: The state it is said to take.

    Returns:
        The target.

    Raises:
        IllegalStep: The target cannot follow; staying in a state is no step.
    """
    legal = LEGAL_STEPS[origin]
    if target not in legal:
        raise IllegalStep(origin=str(origin), target=str(target), legal=tuple(map(str, legal)))
    return target
