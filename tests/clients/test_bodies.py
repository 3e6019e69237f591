from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rude.answering import BOMB_SIZE, deflate_bomb, gzip_bomb

from netra_testkit.clients.bodies import BodyTooLarge, Inflater, UnknownEncoding

TEXT = b'{"status": "healthy"}' * 9


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


ENCODED = {
    "none": (None, TEXT),
    "identity": ("identity", TEXT),
    "gzip": ("gzip", gzip.compress(TEXT, mtime=0)),
    "gzip by its old name": ("x-gzip", gzip.compress(TEXT, mtime=0)),
    "gzip in capitals": (" GZIP ", gzip.compress(TEXT, mtime=0)),
    "several members of gzip": (
        "gzip",
        gzip.compress(TEXT[:50], mtime=0) + gzip.compress(TEXT[50:], mtime=0),
    ),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "deflate without its header": ("deflate", bare_deflate(TEXT)),
}


@pytest.mark.parametrize(("encoding", "raw"), ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_body_is_inflated_however_it_is_cut(encoding: str, raw: bytes, size: int) -> None:
    inflater = Inflater(encoding, 1000)
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert b"".join(part for piece in pieces for part in inflater.feed(piece)) == TEXT
    assert inflater.complete


@given(st.binary(max_size=300_000), st.sampled_from(["gzip", "deflate"]))
def test_what_was_compressed_comes_back(data: bytes, encoding: str) -> None:
    inflater = Inflater(encoding, len(data) + 1000)
    raw = gzip.compress(data, mtime=0) if encoding == "gzip" else bare_deflate(data)
    assert b"".join(inflater.feed(raw)) == data


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_of_nothing_is_complete(encoding: str) -> None:
    inflater = Inflater(encoding, 10)
    assert list(inflater.feed(b"")) == []
    assert inflater.complete


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)[:-1]),
        ("deflate", zlib.compress(TEXT)[:-1]),
        ("deflate", b"x"),
    ],
)
def test_half_a_body_is_not_complete(encoding: str, raw: bytes) -> None:
    inflater = Inflater(encoding, 1000)
    list(inflater.feed(raw))
    assert not inflater.complete


BROKEN = {
    "no gzip": ("gzip", TEXT),
    "no deflate": ("deflate", b"\xff" * 9),
    "more after deflate": ("deflate", zlib.compress(TEXT) + b"x"),
    "more after gzip": ("gzip", gzip.compress(TEXT, mtime=0) + b"xx"),
    "a wrong check sum": ("gzip", gzip.compress(TEXT, mtime=0)[:-8] + bytes(8)),
}


@pytest.mark.parametrize(("encoding", "raw"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_its_encoding_is_refused(encoding: str, raw: bytes) -> None:
    with pytest.raises(zlib.error):
        list(Inflater(encoding, 1000).feed(raw))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, deflate", "nonsense"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(UnknownEncoding):
        Inflater(encoding, 1000)


@pytest.mark.parametrize(
    ("encoding", "raw"),
    {
        "none": (None, TEXT),
        "gzip": ("gzip", gzip.compress(bytes(1000), mtime=0)),
        "deflate": ("deflate", zlib.compress(bytes(1000))),
        "members of nothing": ("gzip", gzip.compress(b"", mtime=0) * 9),
    }.values(),
)
def test_more_than_the_cap_is_refused(encoding: str | None, raw: bytes) -> None:
    with pytest.raises(BodyTooLarge):
        list(Inflater(encoding, 100).feed(raw))


@pytest.mark.parametrize(("encoding", "bomb"), [("gzip", gzip_bomb), ("deflate", deflate_bomb)])
def test_a_bomb_is_inflated_a_piece_at_a_time_and_no_further(encoding: str, bomb: object) -> None:
    assert callable(bomb)
    inflated = []
    with pytest.raises(BodyTooLarge):
        inflated.extend(len(piece) for piece in Inflater(encoding, 2**20).feed(bomb()))
    largest = max(len(piece) for piece, _ in zip(Inflater(encoding, 2**20).feed(bomb()), "abc"))  # noqa: B905 - the first few
    assert largest <= 64 * 1024 < BOMB_SIZE
