"""What a behaviour is: a name, what it does to a connection, and whom it can meet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.rude.server import Listening

if TYPE_CHECKING:
    from tests.rude.server import Act


class Client(StrEnum):
    """Who may come to meet it."""

    HTTP = "http"
    STREAM = "stream"
    CHAT = "chat"


class Protocol(StrEnum):
    """What is spoken until the rudeness begins, and so which URL leads to it."""

    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    SSE = "sse"
    WEBSOCKET = "websocket"


class Phase(StrEnum):
    """What a client is doing when the rudeness begins."""

    CONNECT = "connect"
    TLS = "tls"
    REQUEST = "request"
    HEADERS = "headers"
    BODY = "body"
    EVENTS = "events"
    UPGRADE = "upgrade"
    WELCOME = "welcome"
    RECEIVE = "receive"
    SEND = "send"
    RUN = "run"
    CLOSE = "close"


EVERYBODY = frozenset(Client)
MEETS = {
    Protocol.TCP: EVERYBODY,
    Protocol.TLS: EVERYBODY,
    Protocol.HTTP: EVERYBODY,
    Protocol.SSE: frozenset({Client.STREAM}),
    Protocol.WEBSOCKET: frozenset({Client.CHAT}),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to be rude.

    Attributes:
        name: What it is called.
        phase: What a client is doing when the rudeness begins.
        description: What it does, in a sentence.
        act: What it does to a connection.
        speaks: What is spoken until the rudeness begins.
        listening: What becomes of an attempt to connect.
        small_buffer: Whether the system takes next to nothing for it.
        code: The close code it sends, where it is about one.
    """

    name: str
    phase: Phase
    description: str
    act: Act
    speaks: Protocol
    listening: Listening = Listening.ACCEPTS
    small_buffer: bool = False
    code: int | None = None

    @property
    def clients(self) -> frozenset[Client]:
        """Who can meet it."""
        return MEETS[self.speaks]
