from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import httpcore
import pytest
from tests.clients.http_server import nothing_left

from netra_testkit.clients import byte_stream
from netra_testkit.clients.byte_stream import PROGRESS, ByteStream, Progress
from netra_testkit.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LARGE = bytes(5_000_000)
# More than any system takes for a peer that does not read.
HUGE = bytes(50_000_000)


@contextlib.asynccontextmanager
async def connected(talk: Talk) -> AsyncIterator[ByteStream]:
    """A stream to a server that talks so and then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stream = ByteStream(f"127.0.0.1:{port}")
    loop = asyncio.get_running_loop()
    async with nothing_left():
        await loop.create_connection(lambda: stream, "127.0.0.1", port)
        yield stream
        await stream.aclose()
    assert stream.gone
    server.close()


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()


async def flooding(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(LARGE)
    await writer.drain()


async def test_what_is_written_is_read() -> None:
    async with connected(echoing) as stream:
        await stream.write(b"hello")
        assert await stream.read(3) == b"hel"
        assert stream.get_extra_info("is_readable")
        assert await stream.read(3) == b"lo"
        assert not stream.get_extra_info("is_readable")
        assert stream.get_extra_info("peername")[0] == "127.0.0.1"


@pytest.mark.parametrize(("soon", "largest"), [(0.0, 16 * 1024), (60.0, 64 * 1024)])
async def test_a_flood_waits_with_the_peer_and_comes_in_pieces_as_large_as_its_reader_is_fast(
    soon: float, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_stream, "SOON", soon)
    async with connected(flooding) as stream:
        await asyncio.sleep(0.2)
        sizes = []
        while piece := await stream.read(2**20):
            sizes.append(len(piece))
        assert sum(sizes) == len(LARGE)
        assert max(sizes) == largest
        assert await stream.read(1) == b""


async def test_who_takes_little_at_a_time_may_take_much_later() -> None:
    async with connected(flooding) as stream:
        await asyncio.sleep(0.2)
        assert len(await stream.read(1)) == 1
        assert len(await stream.read(2**20)) >= 16 * 1024


async def test_others_have_their_turn_while_a_flood_is_read() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with connected(flooding) as stream:
        task = asyncio.create_task(others())
        pieces = 0
        while await stream.read(65_536):
            pieces += 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert turns >= pieces > 50


async def test_writing_waits_while_the_peer_does_not_read() -> None:
    go_on = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        left = len(HUGE)
        while left:
            left -= len(await reader.read(65_536))
        writer.write(b"all of it")

    async with connected(late) as stream:
        writing = asyncio.create_task(stream.write(HUGE))
        await asyncio.sleep(0.05)
        assert not writing.done()
        go_on.set()
        await writing
        assert await stream.read(100) == b"all of it"


async def test_a_reader_may_be_cancelled_and_read_again() -> None:
    async with connected(echoing) as stream:
        reading = asyncio.create_task(stream.read(100))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await stream.write(b"x")
        assert await stream.read(100) == b"x"


async def test_cutting_ends_every_wait_with_an_error() -> None:
    async with connected(silent) as stream:
        reading = asyncio.create_task(stream.read(100))
        writing = asyncio.create_task(stream.write(HUGE))
        await asyncio.sleep(0.01)
        stream.abort()
        with pytest.raises(httpcore.ReadError, match="was cut"):
            await reading
        with pytest.raises(httpcore.WriteError, match="was cut"):
            await writing
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x")
        stream.abort()


async def test_a_stream_that_never_connected_is_closed_at_once() -> None:
    stream = ByteStream("nowhere:1")
    stream.abort()
    await stream.aclose()
    with pytest.raises(httpcore.WriteError):
        await stream.write(b"x")


async def test_what_arrives_is_put_down_to_the_call_that_wrote() -> None:
    first, second = Progress(), Progress()
    async with connected(echoing) as stream:
        for progress, other in ((first, second), (second, first)):
            mark = PROGRESS.set(progress)
            heard = other.heard_at
            await stream.write(b"x")
            assert await stream.read(1) == b"x"
            PROGRESS.reset(mark)
            assert progress.asked
            assert progress.heard_at is not None
            assert other.heard_at == heard
        await stream.write(b"x")
        assert await stream.read(1) == b"x"


async def test_who_speaks_first_was_heard() -> None:
    async def greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello")
        await reader.read()

    progress = Progress()
    async with connected(greeting) as stream:
        while not stream.get_extra_info("is_readable"):  # noqa: ASYNC110 - the stream tells nobody
            await asyncio.sleep(0.001)
        mark = PROGRESS.set(progress)
        await stream.write(b"x")
        PROGRESS.reset(mark)
    assert progress.heard_at is not None


async def test_cutting_within_a_handshake_ends_it() -> None:
    async with connected(silent) as stream:
        context = ssl.create_default_context()
        shaking = asyncio.create_task(stream.start_tls(context, "localhost"))
        await asyncio.sleep(0.05)
        stream.abort()
        with pytest.raises(ConnectionFailed) as failed:
            await shaking
        assert failed.value.phase == "tls"


@pytest.mark.parametrize("name", [".leading", "a" * 300])
async def test_a_name_that_tls_cannot_carry_is_a_failure_of_tls(name: str) -> None:
    async with connected(silent) as stream:
        with pytest.raises(ConnectionFailed) as failed:
            await stream.start_tls(ssl.create_default_context(), name)
        assert failed.value.phase == "tls"
