"""What the closings of real connections come to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from netra_testkit.errors import Cause
from netra_testkit.wire.closing import CloseCode, Closing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

LIMIT = 5


@asynccontextmanager
async def served(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, close_timeout=0.5) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def served_raw(
    then: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that shakes hands and then does whatever it likes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        [key] = [
            line.split(": ")[1]
            for line in request.splitlines()
            if line.startswith("Sec-WebSocket-Key")
        ]
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()  # noqa: S324 - RFC 6455 says so
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        try:
            await then(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def end_of(client: ClientConnection) -> Closing:
    async with asyncio.timeout(LIMIT):
        with pytest.raises(websockets.ConnectionClosed) as ended:
            await client.recv()
    return Closing.from_exception(ended.value)


@pytest.mark.parametrize(
    ("number", "reason"), [(1000, "bye"), (1001, ""), (1011, "boom"), (1008, "no"), (4401, "no")]
)
async def test_a_server_that_closes(number: int, reason: str) -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(number, reason)

    async with served(close) as url, connect(url, proxy=None) as client:
        assert await end_of(client) == Closing(
            code=CloseCode(number),
            reason=reason,
            closed_by="server",
            received=CloseCode(number),
            sent=CloseCode(number),
        )


async def test_a_client_that_closes() -> None:
    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with served(wait) as url, connect(url, proxy=None) as client:
        await client.close(1001, "leaving")
        ended = await end_of(client)
    assert (ended.code, ended.reason, ended.closed_by) == (1001, "leaving", "client")
    assert ended.clean


@pytest.mark.parametrize("number", [401, 1005, 1006, 1016, 65535])
async def test_an_illegal_code_is_the_servers_error(number: int) -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x88\x02" + struct.pack("!H", number))
        await writer.drain()

    async with served_raw(close) as url, connect(url, proxy=None) as client:
        ended = await end_of(client)
    assert (ended.code, ended.closed_by, ended.received) == (1002, "client", None)
    assert ended.cause(welcomed=True) is Cause.PRODUCT


async def test_a_close_without_a_code() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x88\x00")
        await writer.drain()

    async with served_raw(close) as url, connect(url, proxy=None) as client:
        ended = await end_of(client)
    assert (ended.code, ended.closed_by) == (CloseCode.NO_STATUS, "server")


async def test_a_close_amid_a_fragmented_message_is_the_servers_error() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x01\x01a" + b"\x88\x02" + struct.pack("!H", 1000))
        await writer.drain()

    async with served_raw(close) as url, connect(url, proxy=None) as client:
        ended = await end_of(client)
    assert (ended.closed_by, ended.received, ended.sent) == ("server", 1000, 1002)
    assert not ended.clean
    assert ended.cause(welcomed=True) is Cause.PRODUCT


async def test_a_transport_that_breaks() -> None:
    async def abort(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with served_raw(abort) as url, connect(url, proxy=None) as client:
        assert await end_of(client) == Closing(
            code=CloseCode.ABNORMAL, reason="", closed_by="transport"
        )


async def test_our_keepalive_that_finds_the_server_dead() -> None:
    async def ignore(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass

    async with (
        served_raw(ignore) as url,
        connect(
            url, proxy=None, ping_interval=0.05, ping_timeout=0.05, close_timeout=0.05
        ) as client,
    ):
        ended = await end_of(client)
    assert (ended.code, ended.closed_by, ended.received) == (1011, "client", None)
    assert ended.cause(welcomed=True) is Cause.UNDECIDED


async def test_a_message_that_is_too_big_for_us() -> None:
    async def send(connection: ServerConnection) -> None:
        await connection.send("x" * 200)
        await connection.wait_closed()

    async with served(send) as url, connect(url, proxy=None, max_size=100) as client:
        ended = await end_of(client)
    assert (ended.code, ended.closed_by) == (1009, "client")
    assert ended.cause(welcomed=True) is Cause.PRODUCT
