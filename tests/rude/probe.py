"""A client of plain sockets that sees what a behaviour really does."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

from tests.rude.behaviour import Protocol
from tests.rude.framing import Opcode, close_frame, frame, read_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rude.server import RudeServer

PATIENCE = 10.0
A_MOMENT = 0.05
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: jwt-auth, jwt.header.payload\r\n"
    b"Sec-WebSocket-Key: " + KEY.encode() + b"\r\n\r\n"
)
START = frame(
    b'{"type": "start_agent", "message_id": "m-1",'
    b' "payload": {"agent": "triage", "run_id": "r-1", "thread_id": "t-1"}}',
    masked=True,
)


def client_hello() -> bytes:
    """How a TLS client begins."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


class Probe:
    """One connection to a rude server, and everything that was heard on it."""

    def __init__(self, server: RudeServer) -> None:
        self.heard = b""
        self._upgraded = False
        self.connection = socket.create_connection((server.host, server.port), PATIENCE)

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def hear(self) -> int:
        """Wait for more; how much came, nothing at an orderly end."""
        data = self.connection.recv(65_536)
        self.heard += data
        return len(data)

    def hear_until(self, mark: bytes) -> None:
        """Wait until something was heard."""
        while mark not in self.heard:
            assert self.hear(), f"it ended before {mark!r}: {self.heard[-200:]!r}"

    def hear_to_the_length(self) -> None:
        """Wait until all of an answer's body was heard."""
        self.hear_until(b"\r\n\r\n")
        head = self.heard.partition(b"\r\n\r\n")[0]
        length = int(head.partition(b"Content-Length: ")[2].split()[0])
        while len(self.heard) < len(head) + 4 + length:
            assert self.hear(), f"it ended after {len(self.heard)} bytes"

    def hear_frame(self) -> tuple[Opcode, bool, bytes]:
        """The next frame after an upgrade, what comes before it dropped."""
        if not self._upgraded:
            self.hear_until(b"\r\n\r\n")
            self.heard = self.heard.partition(b"\r\n\r\n")[2]
            self._upgraded = True
        return read_frame(self._exactly)

    def _exactly(self, count: int) -> bytes:
        while len(self.heard) < count:
            assert self.hear(), "it ended in a frame"
        data, self.heard = self.heard[:count], self.heard[count:]
        return data

    def ends(self) -> bool:
        """Whether an orderly end is all that comes."""
        while self.hear():
            pass
        return True

    def resets(self) -> bool:
        """Whether a reset comes at the end."""
        try:
            return not self.ends()
        except ConnectionResetError:
            return True

    def is_silent(self) -> bool:
        """Whether nothing comes for a moment, not even an end."""
        self.connection.settimeout(A_MOMENT)
        try:
            self.hear()
        except TimeoutError:
            return True
        finally:
            self.connection.settimeout(PATIENCE)
        return False

    def drips(self) -> bool:
        """Whether little comes again and again."""
        return all(0 < self.hear() < 2000 for _ in range(5))

    def floods(self) -> bool:
        """Whether much comes and goes on coming."""
        much = len(self.heard) + 500_000
        while len(self.heard) < much:
            if not self.hear():
                return False
        return True


@contextlib.contextmanager
def probing(server: RudeServer) -> Iterator[Probe]:
    """A probe that is connected and has said nothing."""
    probe = Probe(server)
    with probe.connection:
        yield probe


OPENINGS = {
    Protocol.TCP: REQUEST,
    Protocol.TLS: client_hello(),
    Protocol.HTTP: REQUEST,
    Protocol.SSE: REQUEST,
    Protocol.WEBSOCKET: UPGRADE,
}
CLOSE = frame(close_frame(1000)[2:], Opcode.CLOSE, masked=True)
PING = frame(b"are you there", Opcode.PING, masked=True)
