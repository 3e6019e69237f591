"""Rude before anything is said: connections and TLS."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from tests.rude.behaviour import Behaviour, Phase, Protocol
from tests.rude.server import Ending, Listening

if TYPE_CHECKING:
    from tests.rude.server import Act, Peer

END_OF_HEAD = b"\r\n\r\n"
GREETING = b"220 mail.invalid ESMTP\r\n"
FATAL_ALERT = bytes([21, 3, 3, 0, 2, 2, 40])
# The headers of a record of 16 KiB and of a ServerHello that fills it.
SERVER_HELLO = bytes([22, 3, 3, 64, 0, 2, 0, 63, 252, 3, 3])


def at_once(ending: Ending) -> Act:
    """End a new connection so."""
    return lambda peer: peer.end(ending)


def after_request(ending: Ending) -> Act:
    """Read the head of a request and end so."""

    def act(peer: Peer) -> None:
        peer.read_until(END_OF_HEAD)
        peer.end(ending)

    return act


def after_hello(data: bytes = b"", ending: Ending = Ending.SILENCE) -> Act:
    """Read what comes first, say something and end so."""

    def act(peer: Peer) -> None:
        peer.receive()
        peer.send(data)
        peer.end(ending)

    return act


def reset_in_the_request(peer: Peer) -> None:
    peer.read_exactly(10)
    peer.end(Ending.RESET)


def greet(peer: Peer) -> None:
    peer.send(GREETING)
    peer.drain()


def flood(peer: Peer) -> None:
    peer.receive()
    peer.flood(b"x" * 1024)


def drip_hello(peer: Peer) -> None:
    peer.receive()
    peer.send(SERVER_HELLO)
    peer.repeat(b"\0")


tcp = partial(Behaviour, speaks=Protocol.TCP)
tls = partial(Behaviour, speaks=Protocol.TLS)

NEVER_COMPLETES = tcp(
    "never completes",
    Phase.CONNECT,
    "The connection is neither accepted nor refused.",
    at_once(Ending.CLOSE),
    listening=Listening.NEVER_COMPLETES,
)

CONNECTIONS = (
    tcp(
        "refuses",
        Phase.CONNECT,
        "Nobody listens on the port.",
        at_once(Ending.CLOSE),
        listening=Listening.REFUSES,
    ),
    # Other systems refuse what a backlog cannot take.
    *((NEVER_COMPLETES,) if sys.platform == "linux" else ()),
    tcp(
        "says nothing", Phase.HEADERS, "Reads everything and says nothing.", at_once(Ending.SILENCE)
    ),
    tcp(
        "never reads",
        Phase.REQUEST,
        "Never reads, so that a large request blocks.",
        lambda peer: peer.hold(),
        small_buffer=True,
    ),
    tcp("closes at once", Phase.REQUEST, "Accepts and closes.", at_once(Ending.CLOSE)),
    tcp("resets at once", Phase.REQUEST, "Accepts and resets.", at_once(Ending.RESET)),
    tcp(
        "half-closes at once",
        Phase.REQUEST,
        "Ends its own direction and goes on reading.",
        at_once(Ending.HALF_CLOSE),
    ),
    tcp(
        "resets in the request",
        Phase.REQUEST,
        "Reads ten bytes of the request and resets.",
        reset_in_the_request,
    ),
    tcp(
        "closes after the request",
        Phase.HEADERS,
        "Reads the request and closes.",
        after_request(Ending.CLOSE),
    ),
    tcp(
        "resets after the request",
        Phase.HEADERS,
        "Reads the request and resets.",
        after_request(Ending.RESET),
    ),
    tcp(
        "half-closes after the request",
        Phase.HEADERS,
        "Reads the request, ends its own direction and goes on reading.",
        after_request(Ending.HALF_CLOSE),
    ),
    tcp("greets in another protocol", Phase.HEADERS, "Says what a mail server says.", greet),
    tcp("floods with nonsense", Phase.HEADERS, "Says what is no line, for ever.", flood),
    tls(
        "TLS never begins", Phase.TLS, "Reads the hello and says nothing.", at_once(Ending.SILENCE)
    ),
    tls("TLS drips", Phase.TLS, "Answers a byte at a time and never finishes.", drip_hello),
    tls("TLS closes", Phase.TLS, "Closes after the hello.", after_hello(ending=Ending.CLOSE)),
    tls("TLS resets", Phase.TLS, "Resets after the hello.", after_hello(ending=Ending.RESET)),
    tls(
        "TLS alerts",
        Phase.TLS,
        "Answers the hello with a fatal alert.",
        after_hello(FATAL_ALERT),
    ),
    tls(
        "TLS in plain text",
        Phase.TLS,
        "Answers the hello with an HTTP error in plain text.",
        after_hello(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    ),
)
