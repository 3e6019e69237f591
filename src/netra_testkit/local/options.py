"""How an embedded staging behaves: which generation of the platform it is, and its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TypeVar

from netra_testkit.errors import ConfigurationError, Problem

__all__ = ["LIMITED_ROUTE", "EventForm", "Limits", "Options", "Refusal", "Welcome", "chosen"]

_Name = TypeVar("_Name", bound=StrEnum)

LIMITED_ROUTE = "/api/users/profile"
"""The one route on which the number of a user's requests is limited."""


class Welcome(StrEnum):
    """The frame that says a socket is ready."""

    CONNECTION_ESTABLISHED = "connection_established"
    SYSTEM_MESSAGE = "system_message"


class Refusal(StrEnum):
    """How a socket without a valid token is turned away."""

    UPGRADE = "upgrade"
    CLOSE = "close"


class EventForm(StrEnum):
    """Where in a frame the body of an event stands."""

    DATA = "data"
    PAYLOAD = "payload"
    FLAT = "flat"
    WRAPPED = "wrapped"


def _is_positive(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one user may ask for; high enough for twenty users with eighty requests each.

    Attributes:
        requests: How many requests to the limited route within one window.
        window: How long a window is, in seconds.
        connections_per_user: How many sockets at once.
        messages_per_minute: How many frames over all of their sockets.
        message_bytes: How long one frame may be.
        heartbeat_interval: How often a client should say that it is there, in seconds.

    Raises:
        ConfigurationError: One of them is not a positive, finite number.
    """

    requests: int = 60
    window: float = 60.0
    connections_per_user: int = 20
    messages_per_minute: int = 1200
    message_bytes: int = 2**20
    heartbeat_interval: float = 30.0

    def __post_init__(self) -> None:
        problems = tuple(
            Problem(f"limits.{each.name}", "argument", "Give a positive, finite number.")
            for each in fields(self)
            if not _is_positive(getattr(self, each.name))
        )
        if problems:
            raise ConfigurationError(problems=problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may differ from one embedded staging to the next.

    Attributes:
        seed: From which the answers of its agents are made.
        welcome: The frame that says a socket is ready.
        thread_handshake: Whether a socket is given a thread, unasked.
        refusal: How a socket without a valid token is turned away.
        event_form: Where in a frame the body of an event stands.
        pace: Seconds from one event of a run to the next.
        limits: What one user may ask for.

    Raises:
        ConfigurationError: The pace is no number from 0 on.
    """

    seed: int = 0
    welcome: Welcome = Welcome.CONNECTION_ESTABLISHED
    thread_handshake: bool = True
    refusal: Refusal = Refusal.UPGRADE
    event_form: EventForm = EventForm.DATA
    pace: float = 0.002
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not (_is_positive(self.pace) or self.pace == 0):
            raise ConfigurationError(
                problems=(Problem("pace", "argument", "Give seconds, 0 for none."),)
            )


def chosen(kind: type[_Name], name: str, *, option: str) -> _Name:
    """The member of this name.

    Args:
        kind: What may be chosen from.
        name: A member or its value.
        option: Whose value it is, for the text of a problem.

    Raises:
        ConfigurationError: There is no such member.
    """
    if name in list(kind):
        return kind(name)
    remedy = f"Choose one of {', '.join(kind)}."
    raise ConfigurationError(problems=(Problem(option, "argument", remedy),))
