"""What HTTP answers are made of, right and wrong."""

from __future__ import annotations

import functools
import json
import struct
import zlib
from typing import TYPE_CHECKING

from tests.rude.server import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rude.server import Act, Peer

HEALTHY = json.dumps({"status": "healthy"}).encode()
PLATFORM_STATUSES = {
    401: "AUTHENTICATION_FAILED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    502: "BAD_GATEWAY",
    503: "SERVICE_UNAVAILABLE",
    504: "GATEWAY_TIMEOUT",
}
BOMB_PIECE = 1_000_000
BOMB_PIECES = 67
BOMB_SIZE = BOMB_PIECE * BOMB_PIECES


def head(status: int | str = 200, *lines: str) -> bytes:
    """A status line and headers."""
    has_type = any(line.startswith("Content-Type") for line in lines)
    kind = () if has_type else ("Content-Type: application/json",)
    return "\r\n".join([f"HTTP/1.1 {status} Said", *lines, *kind, "", ""]).encode()


def sized(body: bytes, status: int | str = 200, *lines: str) -> bytes:
    """A whole answer with the right length."""
    return head(status, f"Content-Length: {len(body)}", *lines) + body


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@functools.cache
def deflated_zeros() -> bytes:
    """Some 65 KB of raw deflate that inflate to 67 MB."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    # A full flush makes a block that stands alone, so the same block may come again and again.
    block = compressor.compress(bytes(BOMB_PIECE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * BOMB_PIECES + compressor.flush()


@functools.cache
def gzip_bomb() -> bytes:
    """The zeros as gzip."""
    check = 0
    for _ in range(BOMB_PIECES):
        check = zlib.crc32(bytes(BOMB_PIECE), check)
    head = b"\x1f\x8b\x08\0\0\0\0\0\2\xff"
    return head + deflated_zeros() + struct.pack("<LL", check, BOMB_SIZE)


@functools.cache
def deflate_bomb() -> bytes:
    """The zeros as deflate, which in HTTP means zlib's format."""
    check = 1
    for _ in range(BOMB_PIECES):
        check = zlib.adler32(bytes(BOMB_PIECE), check)
    return b"\x78\xda" + deflated_zeros() + struct.pack(">L", check)


def platform_error(status: int) -> bytes:
    """The error body of the platform."""
    return json.dumps(
        {
            "error": True,
            "error_code": PLATFORM_STATUSES[status],
            "message": f"refused with {status}",
            "trace_id": "trace-of-the-server",
            "request_id": "request-of-the-server",
            "timestamp": "2025-10-01T00:00:00Z",
            "details": {},
        }
    ).encode()


def answers(
    at_once: bytes = b"",
    *,
    repeated: bytes = b"",
    flooded: bytes = b"",
    ending: Ending | None = None,
) -> Act:
    """Answer each request with what is given, in this order, then end so or await the next."""

    def act(peer: Peer) -> None:
        while True:
            peer.read_request()
            peer.send(at_once)
            if repeated:
                peer.repeat(repeated)
            if flooded:
                peer.flood(flooded)
            if ending:
                peer.end(ending)
                return

    return act


def answer_late(peer: Peer) -> None:
    while True:
        peer.read_request()
        peer.wait(peer.pace.late)
        peer.send(sized(HEALTHY))


def answer_once(peer: Peer, *, then_wait: bool) -> None:
    peer.read_request()
    peer.send(sized(HEALTHY))
    if then_wait:
        peer.receive()
        peer.end(Ending.RESET)


def redirect_onwards(peer: Peer) -> None:
    for step in range(10_000):
        peer.read_request()
        peer.send(sized(b"", 307, f"Location: /step/{step}"))


def inflate(body: Callable[[], bytes], *lines: str) -> Act:
    """Answer with a bomb, which is not made before somebody asks."""

    def act(peer: Peer) -> None:
        answers(sized(body(), 200, *lines))(peer)

    return act


def bare(status: int) -> Act:
    lines = ("Retry-After: 1",) if status in {429, 503} else ()
    return answers(sized(b"", status, *lines))


def with_platform_body(status: int) -> Act:
    lines = ("Retry-After: 1", "X-RateLimit-Remaining: 0") if status == 429 else ()
    return answers(sized(platform_error(status), status, *lines))
