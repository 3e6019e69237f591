"""Bodies of answers: inflated as they arrive, and never beyond a cap."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ACCEPTED_ENCODINGS", "BodyTooLarge", "Inflater", "UnknownEncoding"]

ACCEPTED_ENCODINGS = "gzip, deflate"
GZIP = zlib.MAX_WBITS | 16
ENCODINGS = {"": None, "identity": None, "gzip": GZIP, "x-gzip": GZIP, "deflate": zlib.MAX_WBITS}
PIECE = 64 * 1024


class BodyTooLarge(ValueError):
    """More bytes than the cap allows, compressed or inflated."""


class UnknownEncoding(ValueError):
    """A Content-Encoding that nobody asked for."""


class Inflater:
    """Turns raw bytes into the body's bytes, a bounded piece at a time.

    Args:
        content_encoding: The answer's Content-Encoding, None for none.
        cap: The most bytes there may be, raw and inflated.

    Raises:
        UnknownEncoding: It is not one of those that were asked for.
    """

    def __init__(self, content_encoding: str | None, cap: int) -> None:
        encoding = (content_encoding or "").strip().lower()
        if encoding not in ENCODINGS:
            raise UnknownEncoding(encoding)
        self._window = ENCODINGS[encoding]
        self._raw_left = self._left = cap
        self._head = b""
        self._stream = zlib.decompressobj(GZIP) if self._window == GZIP else None
        self._began = False

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """The body's bytes that follow from these raw ones.

        Raises:
            BodyTooLarge: The cap is passed.
            zlib.error: What came is not what its encoding says.
        """
        self._raw_left -= len(raw)
        if self._raw_left < 0:
            raise BodyTooLarge
        if self._window is None:
            yield raw
            return
        self._began = self._began or bool(raw)
        if self._stream is None:
            raw = self._head = self._head + raw
            if len(raw) < 2:  # noqa: PLR2004 - the two bytes of zlib's header
                return
            self._stream = zlib.decompressobj(_window_of(raw))
        piece = b""
        while raw or len(piece) == PIECE:
            if self._stream.eof:
                if self._window != GZIP:
                    raise zlib.error("more after its end")
                # A body may be several gzip members, one after the other.
                self._stream = zlib.decompressobj(GZIP)
            piece = self._stream.decompress(raw, PIECE)
            self._left -= len(piece)
            if self._left < 0:
                raise BodyTooLarge
            yield piece
            raw = self._stream.unused_data or self._stream.unconsumed_tail

    @property
    def complete(self) -> bool:
        """Whether a compressed body has reached its own end; one of no bytes has."""
        return not self._began or (self._stream is not None and self._stream.eof)


def _window_of(head: bytes) -> int:
    """Whether deflate came with zlib's header, as it should, or bare, as some send it."""
    has_header = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2]) % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
