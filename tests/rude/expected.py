"""What each client makes of each behaviour: the table that a suite of meetings fills and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.rude.behaviours import BEHAVIOURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.rude.behaviour import Client

    from netra_testkit.errors import Cause, NetraError


class Meeting(NamedTuple):
    """A behaviour by name, who meets it, and with which of its coroutines."""

    behaviour: str
    client: Client
    coroutine: str


class Outcome(NamedTuple):
    """How a meeting ends: the error and its cause, or neither when there is an answer."""

    error: type[NetraError] | None = None
    cause: Cause | None = None

    def __str__(self) -> str:
        return "answer" if self.error is None else f"{self.error.__name__} ({self.cause})"


def meetings(coroutines: Mapping[Client, tuple[str, ...]]) -> list[Meeting]:
    """Every meeting there can be, given the coroutines of each client."""
    return [
        Meeting(behaviour.name, client, coroutine)
        for behaviour in BEHAVIOURS.values()
        for client in sorted(behaviour.clients)
        for coroutine in coroutines.get(client, ())
    ]
