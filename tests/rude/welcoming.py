"""The polite part of a WebSocket: upgrade, welcome, conversation."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.rude.framing import Opcode, accept_key, close_frame, frame, message, read_frame
from tests.rude.server import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rude.server import Act, Peer

Reply: TypeAlias = "Callable[[Peer, dict[str, Any]], None]"

USER = "rude-user"
CONNECTION = "rude-connection"


def offered(request: dict[str, str]) -> list[str]:
    """The subprotocols that a client offers."""
    names = request.get("sec-websocket-protocol", "")
    return [name.strip() for name in names.split(",") if name.strip()]


def switching(request: dict[str, str], *lines: str, key: str | None = None) -> bytes:
    """The answer that accepts an upgrade, with a key of one's own or the right one."""
    accept = accept_key(request.get("sec-websocket-key", "")) if key is None else key
    head = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode()


def upgrade(peer: Peer) -> None:
    """Accept an upgrade as one should."""
    request = peer.read_request()
    chosen = ["Sec-WebSocket-Protocol: jwt-auth"] if "jwt-auth" in offered(request) else []
    peer.send(switching(request, *chosen))


def event(kind: str, **data: object) -> dict[str, object]:
    """A frame's body in the usual form."""
    return {"type": kind, "data": data, "timestamp": time.time()}


def welcome(*, ready: bool = True) -> bytes:
    """The frame that says the server is ready."""
    return message(
        event(
            "connection_established",
            connection_id=CONNECTION,
            user_id=USER,
            server_time=time.time(),
            connection_ready=ready,
            config={"heartbeat_interval": 30, "max_message_size": 2**20},
        )
    )


def converse(
    peer: Peer, reply: Reply | None = None, closing: Callable[[Peer], None] | None = None
) -> None:
    """Answer pings, reply to messages, and close when asked to, or as told."""
    while True:
        opcode, _, payload = read_frame(peer.read_exactly)
        match opcode:
            case Opcode.PING:
                peer.send(frame(payload, Opcode.PONG))
            case Opcode.TEXT if reply is not None:
                reply(peer, json.loads(payload))
            case Opcode.CLOSE:
                if closing is None:
                    peer.send(frame(payload, Opcode.CLOSE))
                else:
                    closing(peer)
                return


def welcomed(act: Act) -> Act:
    """Do something after the welcome."""

    def after(peer: Peer) -> None:
        upgrade(peer)
        peer.send(welcome())
        act(peer)

    return after


def close_with(peer: Peer, code: int | None, reason: bytes = b"") -> None:
    """Close with any code, and end the connection once the other side has answered."""
    peer.send(close_frame(code, reason))
    while read_frame(peer.read_exactly)[0] is not Opcode.CLOSE:
        pass
    peer.end(Ending.CLOSE)
