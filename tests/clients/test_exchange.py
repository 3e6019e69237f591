from __future__ import annotations

import gzip
import secrets
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import answer, nothing_left, serving

from netra_testkit.clients.calls import Calls
from netra_testkit.clients.exchange import Exchange
from netra_testkit.clients.pool import Pool
from netra_testkit.errors import AuthRefused, Misuse, UnusableBody

if TYPE_CHECKING:
    from tests.clients.http_server import Served


def exchange(served: Served, pool: Pool, *, cap: int = 1000) -> Exchange:
    calls = Calls(served.config, token=secrets.token_urlsafe(48), session=None)
    return Exchange(calls.make("GET", "/x"), pool, cap=cap)


async def test_a_body_comes_in_pieces() -> None:
    pool = Pool()
    async with nothing_left(), serving() as served:
        async with exchange(served, pool) as answered:
            assert (answered.status, answered.headers["content-length"]) == (200, "20")
            assert b"".join([piece async for piece in answered.pieces()]) == b'{"status":"healthy"}'
            assert answered.heard_at is not None
        pool.close()


async def test_no_piece_is_empty() -> None:
    def tiny(_request: object) -> bytes:
        raw = gzip.compress(b"x" * 50)
        chunks = b"".join(b"1\r\n%c\r\n" % each for each in raw)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + chunks + b"0\r\n\r\n"

    pool = Pool()
    async with nothing_left(), serving(tiny) as served:
        async with exchange(served, pool) as answered:
            pieces = [piece async for piece in answered.pieces()]
        assert b"".join(pieces) == b"x" * 50
        assert all(pieces)
        pool.close()


async def test_an_exchange_that_was_not_entered_has_no_body() -> None:
    pool = Pool()
    async with serving() as served:
        unentered = exchange(served, pool)
        with pytest.raises(Misuse, match="not entered"):
            await unentered.read()
        async with pool:
            await unentered.__aexit__(None, None, None)
    assert unentered.status is None


async def test_a_body_of_the_cap_is_taken_and_one_byte_more_is_not() -> None:
    async with nothing_left(), serving(answer(b"x" * 100)) as served:
        pool = Pool()
        async with exchange(served, pool, cap=100) as answered:
            assert len(await answered.read()) == 100
        async with exchange(served, pool, cap=99) as answered:
            with pytest.raises(UnusableBody, match="more than 99 bytes") as refused:
                await answered.read()
        assert (refused.value.status, refused.value.path) == (200, "/x")
        pool.close()


UNPACKABLE = {
    "of another encoding": ("br", b"x", "the encoding br, which was not asked for"),
    "not of its encoding": ("gzip", b"x" * 9, "not what its Content-Encoding says"),
    "half of one": ("gzip", gzip.compress(b"x" * 50)[:-1], "ended too soon"),
}


@pytest.mark.parametrize(("encoding", "raw", "reason"), UNPACKABLE.values(), ids=UNPACKABLE)
async def test_a_body_that_cannot_be_unpacked_says_why(
    encoding: str, raw: bytes, reason: str
) -> None:
    pool = Pool()
    said = answer(raw, 200, f"Content-Encoding: {encoding}")
    async with nothing_left(), serving(said) as served:
        async with exchange(served, pool) as answered:
            with pytest.raises(UnusableBody, match=reason):
                await answered.read()
        pool.close()


async def test_a_refusal_says_what_is_wrong_with_its_page() -> None:
    async with nothing_left(), serving(answer(b"x" * 2000, 401)) as served:
        pool = Pool()
        async with exchange(served, pool) as answered:
            refused = await answered.refusal()
        pool.close()
    assert isinstance(refused, AuthRefused)
    assert "more than 1000 bytes" in refused.evidence
