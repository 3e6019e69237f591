"""Rude in the WebSocket handshake: the upgrade, and what comes instead of a welcome."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.rude.answering import answers, sized
from tests.rude.behaviour import Behaviour, Phase, Protocol
from tests.rude.framing import Opcode, frame, message
from tests.rude.server import Ending
from tests.rude.welcoming import close_with, converse, event, offered, switching, upgrade, welcome

if TYPE_CHECKING:
    from tests.rude.server import Act, Peer

HALF_A_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"
REFUSAL = {
    "type": "error_message",
    "error_code": "AUTH_FAILED",
    "error_message": "the token is not valid",
    "timestamp": 1_760_000_000.0,
}


def accept(*lines: str, key: str | None = None) -> Act:
    """Accept with more lines, or another key, than one should."""

    def act(peer: Peer) -> None:
        peer.send(switching(peer.read_request(), *lines, key=key))
        peer.send(welcome())
        converse(peer)

    return act


def accept_without_a_header(peer: Peer) -> None:
    answer = switching(peer.read_request()).replace(b"Upgrade: websocket\r\n", b"", 1)
    peer.send(answer + welcome())
    converse(peer)


def echo_the_token(peer: Peer) -> None:
    request = peer.read_request()
    token = next((name for name in offered(request) if "." in name), "jwt-auth")
    peer.send(switching(request, f"Sec-WebSocket-Protocol: {token}") + welcome())
    converse(peer)


def drip_the_switch(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nX-Drip: ")
    peer.repeat(b"x")


def after_upgrade(
    at_once: bytes = b"",
    *,
    repeated: bytes = b"",
    flooded: bytes = b"",
    ending: Ending | None = None,
) -> Act:
    """Upgrade, send what is given in this order, then end so or converse."""

    def act(peer: Peer) -> None:
        upgrade(peer)
        peer.send(at_once)
        if repeated:
            peer.repeat(repeated)
        if flooded:
            peer.flood(flooded)
        if ending:
            peer.end(ending)
        else:
            converse(peer)

    return act


def refuse_and_close(peer: Peer) -> None:
    upgrade(peer)
    peer.send(message(REFUSAL))
    close_with(peer, 1008, b"auth")


def welcome_late(peer: Peer) -> None:
    upgrade(peer)
    peer.wait(peer.pace.late)
    peer.send(welcome())
    converse(peer)


def drip_the_welcome(peer: Peer) -> None:
    upgrade(peer)
    peer.send(frame(b'{"type": "connection_established", "data": "', claimed_length=1_000_000))
    peer.repeat(b"x")


websocket = partial(Behaviour, speaks=Protocol.WEBSOCKET)
UPGRADE, WELCOME = Phase.UPGRADE, Phase.WELCOME

SWITCHES = (
    websocket(
        "upgrade answered 200",
        UPGRADE,
        "Takes the upgrade for a request like any other.",
        answers(sized(b"{}")),
    ),
    websocket(
        "upgrade with a wrong key",
        UPGRADE,
        "Accepts with the key of somebody else.",
        accept(key="bm90IHRoZSBrZXkgYXQgYWxsISE="),
    ),
    websocket("upgrade with an empty key", UPGRADE, "Accepts with no key.", accept(key="")),
    websocket(
        "upgrade without an Upgrade header",
        UPGRADE,
        "Answers 101 and does not say to what.",
        accept_without_a_header,
    ),
    websocket(
        "a subprotocol never offered",
        UPGRADE,
        "Chooses a subprotocol that nobody offered.",
        accept("Sec-WebSocket-Protocol: never-offered"),
    ),
    websocket(
        "two subprotocols",
        UPGRADE,
        "Chooses twice.",
        accept("Sec-WebSocket-Protocol: jwt-auth", "Sec-WebSocket-Protocol: jwt-auth"),
    ),
    websocket(
        "the token echoed",
        UPGRADE,
        "Chooses the subprotocol that carries the token.",
        echo_the_token,
    ),
    websocket(
        "an extension nobody asked for",
        UPGRADE,
        "Switches on an extension of its own.",
        accept("Sec-WebSocket-Extensions: x-rude; level=9"),
    ),
    websocket("drips the upgrade", UPGRADE, "Never ends the head of the 101.", drip_the_switch),
    websocket(
        "stalls in the upgrade",
        UPGRADE,
        "Sends half of the 101 and says no more.",
        answers(HALF_A_SWITCH, ending=Ending.SILENCE),
    ),
    websocket(
        "closes in the upgrade",
        UPGRADE,
        "Sends half of the 101 and closes.",
        answers(HALF_A_SWITCH, ending=Ending.CLOSE),
    ),
    websocket(
        "resets in the upgrade",
        UPGRADE,
        "Sends half of the 101 and resets.",
        answers(HALF_A_SWITCH, ending=Ending.RESET),
    ),
)

WELCOMES = (
    websocket(
        "no welcome", WELCOME, "Upgrades and says nothing, but closes well.", after_upgrade()
    ),
    websocket(
        "no welcome and no close",
        WELCOME,
        "Upgrades and never says anything again.",
        after_upgrade(ending=Ending.SILENCE),
    ),
    websocket("welcomes late", WELCOME, "Upgrades, and welcomes after a while.", welcome_late),
    websocket("drips the welcome", WELCOME, "Never ends the welcome.", drip_the_welcome),
    websocket(
        "welcomes unready",
        WELCOME,
        "Welcomes, and says that it is not ready.",
        after_upgrade(welcome(ready=False)),
    ),
    websocket(
        "only protocol pings for a welcome",
        WELCOME,
        "Sends ping frames for ever.",
        after_upgrade(repeated=frame(b"", Opcode.PING)),
    ),
    websocket(
        "only JSON pings for a welcome",
        WELCOME,
        "Sends ping messages for ever.",
        after_upgrade(repeated=message(event("ping"))),
    ),
    websocket(
        "floods instead of a welcome",
        WELCOME,
        "Sends messages that are no welcome, as fast as they are taken.",
        after_upgrade(flooded=message(event("handshake_validation", step="x" * 200))),
    ),
    websocket(
        "closes the connection before the welcome",
        WELCOME,
        "Upgrades and closes without a close frame.",
        after_upgrade(ending=Ending.CLOSE),
    ),
    websocket(
        "resets before the welcome",
        WELCOME,
        "Upgrades and resets.",
        after_upgrade(ending=Ending.RESET),
    ),
    websocket(
        "half-closes before the welcome",
        WELCOME,
        "Upgrades, ends its own direction and goes on reading.",
        after_upgrade(ending=Ending.HALF_CLOSE),
    ),
    websocket(
        "nonsense for a welcome",
        WELCOME,
        "Upgrades and sends what is not JSON.",
        after_upgrade(frame(b"welcome!")),
    ),
    websocket(
        "refuses the credentials in a frame",
        WELCOME,
        "Upgrades, says that the token is not valid, and stays.",
        after_upgrade(message(REFUSAL)),
    ),
    websocket(
        "refuses the credentials and closes",
        WELCOME,
        "Upgrades, says that the token is not valid, and closes with 1008.",
        refuse_and_close,
    ),
)

UPGRADES = (*SWITCHES, *WELCOMES)
