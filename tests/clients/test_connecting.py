from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest
from tests.clients.chat_server import Peer, chat_server

from netra_testkit.clients.call_ids import new_ids
from netra_testkit.clients.connecting import upgraded
from netra_testkit.errors import ConnectionFailed, HandshakeFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from netra_testkit.clients.socket import Socket


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that answers the first bytes of each connection and remembers them."""
    heard: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        heard.append(await reader.read(65_536))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


async def connect(url: str, keep: Callable[[Socket], None] = lambda _: None) -> None:
    async with asyncio.timeout(5):
        await upgraded(
            url,
            keep=keep,
            token=None,
            headers={},
            ca_file=None,
            grace=0.1,
            largest_message=2**20,
            ids=new_ids(),
        )


async def test_a_port_that_speaks_no_tls_is_a_failed_tls() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (port, _):
        with pytest.raises(ConnectionFailed) as caught:
            await connect(f"wss://127.0.0.1:{port}/ws")
    assert (caught.value.phase, caught.value.target) == ("tls", f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"not a proxy\r\n\r\n"],
    ids=["a refusal", "no proxy"],
)
async def test_a_proxy_that_does_not_connect_is_a_failed_proxy(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(answer) as (port, heard):
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(ConnectionFailed) as caught:
            await connect("wss://api.staging.netrasystems.ai/ws")
    assert caught.value.phase == "proxy"
    assert heard[0].startswith(b"CONNECT api.staging.netrasystems.ai:443 HTTP/1.1\r\n")


async def test_through_a_proxy_the_upgrade_goes_to_the_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (port, heard):
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(ConnectionFailed) as caught:
            await connect("ws://staging.example/ws")
    assert caught.value.phase == "answer"
    assert heard[0].startswith(b"CONNECT staging.example:80 HTTP/1.1\r\n")


async def test_a_name_without_an_address_is_a_failed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(ConnectionFailed) as caught:
        await connect("ws://not a host/ws")
    assert caught.value.phase == "name"
    assert caught.value.request_id is not None


async def test_an_address_that_refuses_is_passed_over_for_one_that_answers() -> None:
    async with answering(b"HTTP/1.1 404 Not Found\r\n\r\n") as (port, heard):
        with pytest.raises(HandshakeFailed):
            await connect(f"ws://localhost:{port}/ws")
    assert len(heard) == 1


async def test_no_address_that_answers_is_a_failed_tcp() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionFailed) as caught:
            await connect(f"ws://localhost:{port}/ws")
    assert caught.value.phase == "tcp"


async def test_through_a_proxy_that_connects_the_socket_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[Socket] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        there, target = await asyncio.open_connection("127.0.0.1", chat_port)
        await asyncio.gather(pump(reader, target), pump(there, writer))

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65_536):
                sink.write(data)
        sink.transport.abort()

    async def silent(peer: Peer) -> None:
        await peer.until_gone()

    async with chat_server(silent) as chat:
        chat_port = next(iter(chat.server.sockets)).getsockname()[1]
        proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        await connect("ws://staging.example/ws", kept.append)
        assert chat.peers[0].socket.request is not None
        assert chat.peers[0].socket.request.headers["Host"] == "staging.example"
        kept[-1].transport.abort()
        await kept[-1].wait_closed()
        proxy.close()
