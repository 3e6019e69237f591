"""WebSocket frames by hand, so that a wrong one can be made as easily as a right one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    RESERVED = 3
    CLOSE = 8
    PING = 9
    PONG = 10


def accept_key(key: str) -> str:
    """What a server answers to the key of an upgrade."""
    digest = hashlib.sha1(f"{key}{GUID}".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def frame(
    payload: bytes,
    opcode: Opcode = Opcode.TEXT,
    *,
    final: bool = True,
    masked: bool = False,
    reserved: int = 0,
    claimed_length: int | None = None,
) -> bytes:
    """One frame, right or wrong.

    Args:
        payload: What is in it.
        opcode: What it is.
        final: Whether it ends its message.
        masked: Whether it is masked, as a client's is and a server's must not be.
        reserved: The three reserved bits.
        claimed_length: What the header says of the length, when that is not true.
    """
    length = len(payload) if claimed_length is None else claimed_length
    head = bytes([(0x80 if final else 0) | (reserved << 4) | opcode])
    mask_bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([mask_bit | length])
    elif length < 65_536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + unmasked(payload, key)


def unmasked(payload: bytes, key: bytes) -> bytes:
    """A masked payload in clear, or the other way round."""
    many = key * (len(payload) // 4 + 1)
    return bytes(each ^ mask for each, mask in zip(payload, many, strict=False))


def message(body: object, **options: bool) -> bytes:
    """A text frame that carries JSON."""
    return frame(json.dumps(body).encode(), **options)


def close_frame(code: int | None, reason: bytes = b"") -> bytes:
    """A close frame with any code, legal or not, or without one."""
    payload = b"" if code is None else struct.pack("!H", code) + reason
    return frame(payload, Opcode.CLOSE)


def read_frame(read_exactly: Callable[[int], bytes]) -> tuple[Opcode, bool, bytes]:
    """The opcode, the final bit and the payload of the next frame."""
    first, second = read_exactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", read_exactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", read_exactly(8))
    key = read_exactly(4) if second & 0x80 else b"\0\0\0\0"
    return Opcode(first & 0x0F), bool(first & 0x80), unmasked(read_exactly(length), key)
