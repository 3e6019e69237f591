"""Every way to be rude, by name, and who can meet which."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from tests.rude.answers import ANSWERS
from tests.rude.closings import CLOSINGS
from tests.rude.connections import CONNECTIONS
from tests.rude.conversations import CONVERSATIONS
from tests.rude.server import Pace, RudeServer
from tests.rude.streams import STREAMS
from tests.rude.upgrades import UPGRADES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.rude.behaviour import Behaviour, Client

BEHAVIOURS: Mapping[str, Behaviour] = MappingProxyType(
    {
        each.name: each
        for each in (*CONNECTIONS, *ANSWERS, *UPGRADES, *CONVERSATIONS, *STREAMS, *CLOSINGS)
    }
)


def meeting(client: Client) -> list[Behaviour]:
    """Every behaviour that a client can meet."""
    return [each for each in BEHAVIOURS.values() if client in each.clients]


def rude(behaviour: Behaviour, pace: Pace | None = None) -> RudeServer:
    """A server that does one thing, for `with`; its `authority` is where it is."""
    return RudeServer(
        act=behaviour.act,
        listening=behaviour.listening,
        small_buffer=behaviour.small_buffer,
        pace=pace or Pace(),
    )
