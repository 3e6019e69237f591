"""Connections that break the protocol, spoken by hand on a raw socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from socket import SO_SNDBUF, SOL_SOCKET
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.chat_server import WELCOME, config_for

from netra_testkit.clients import connection, socket
from netra_testkit.clients.chat import ChatClient
from netra_testkit.errors import DeadlineExceeded, ServerClosed
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.settings.config import StagingConfig

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# Nobody here ends a connection by itself, so that each test waits for that.
GRACE = 0.05
TEXT, BINARY, CONTINUED, CLOSE, PING = 1, 2, 0, 8, 9


def frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """A frame as a server sends it."""
    head = bytes([opcode | (0x80 if fin else 0)])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 65_536:
        return head + bytes([126]) + struct.pack("!H", len(data)) + data
    return head + bytes([127]) + struct.pack("!Q", len(data)) + data


def text(**said: Any) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()


@contextlib.asynccontextmanager
async def raw_chat(speak: Speak) -> AsyncIterator[StagingConfig]:
    """Upgrade and welcome every connection by hand, then let the test speak."""
    writers: list[asyncio.StreamWriter] = []
    failures: list[BaseException] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        [key] = [
            line.partition(":")[2].strip()
            for line in head.split("\r\n")
            if line.lower().startswith("sec-websocket-key:")
        ]
        proof = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()  # noqa: S324 - the protocol's choice
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {proof}\r\n\r\n".encode()
            + frame(TEXT, text(**WELCOME))
        )
        try:
            await speak(reader, writer)
            await reader.read()
        except (ConnectionError, asyncio.CancelledError):
            pass
        except BaseException as failed:  # noqa: BLE001 - told to the test below
            failures.append(failed)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield config_for(port, timeouts={"close": GRACE})
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        assert failures == []


async def test_a_message_in_fragments_is_one_message() -> None:
    whole = text(type="ack", data={"word": "Grüße"})

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = whole.index("ü".encode()) + 1  # inside a character
        writer.write(frame(TEXT, whole[:cut], fin=False) + frame(PING, b"between"))
        writer.write(frame(CONTINUED, b"", fin=False) + frame(CONTINUED, whole[cut:]))
        writer.write(frame(BINARY, whole[:5], fin=False) + frame(CONTINUED, whole[5:]))
        writer.write(frame(BINARY, whole))

    async with raw_chat(speak) as config, ChatClient(config) as client:
        for _ in range(3):
            assert (await client.receive()).body["word"] == "Grüße"


async def test_a_message_in_fragments_for_ever_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "MOST_FRAGMENTS", 50)

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b"", fin=False))
        for _ in range(60):
            writer.write(frame(CONTINUED, b"", fin=False))

    async with raw_chat(speak) as config, ChatClient(config) as client:
        with pytest.raises(ServerClosed) as caught:
            await client.receive(within=1)
    assert (caught.value.code, caught.value.closed_by) == (1009, "client")
    assert caught.value.cause == "product"


BROKEN = {
    "invalid UTF-8": (frame(TEXT, b"\xff\xfe"), 1007),
    "invalid UTF-8 in fragments": (
        frame(TEXT, b"\xff", fin=False) + frame(CONTINUED, b"\xfe"),
        1007,
    ),
    "too large": (bytes([0x81, 127]) + struct.pack("!Q", 2**21), 1009),
    "masked": (bytes([0x81, 0x82, 1, 2, 3, 4, 5, 6]), 1002),
    "a reserved bit": (bytes([0xF1, 0]), 1002),
    "a continuation of nothing": (frame(CONTINUED, b"x"), 1002),
    "close 401": (frame(CLOSE, struct.pack("!H", 401)), 1002),
    "close 1005": (frame(CLOSE, struct.pack("!H", 1005)), 1002),
    "close 5000": (frame(CLOSE, struct.pack("!H", 5000)), 1002),
}


@pytest.mark.parametrize(("said", "code"), BROKEN.values(), ids=BROKEN)
async def test_a_server_that_breaks_the_protocol_is_the_product_s_fault(
    said: bytes, code: int
) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with raw_chat(speak) as config, ChatClient(config) as client:
        with pytest.raises(ServerClosed) as caught:
            await client.receive(within=1)
    error = caught.value
    assert (error.code, error.closed_by, error.cause) == (code, "client", "product")


async def test_a_reset_is_the_transport_s() -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with raw_chat(speak) as config, ChatClient(config) as client:
        with pytest.raises(ServerClosed) as caught:
            await client.receive(within=1)
    assert (caught.value.code, caught.value.closed_by) == (1006, "transport")


async def test_a_goodbye_without_an_end_is_cut_after_the_grace() -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(CLOSE, struct.pack("!H", 1011) + b"crashed"))

    async with raw_chat(speak) as config, ChatClient(config) as client:
        with pytest.raises(ServerClosed, match="crashed") as caught:
            await client.receive(within=1)
        assert caught.value.code == 1011


async def test_a_send_between_goodbye_and_end_says_how_it_ended() -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, text(type="ack")))
        writer.write(frame(CLOSE, struct.pack("!H", 1012)))

    async with raw_chat(speak) as config, ChatClient(config) as client:
        await client.receive()
        with pytest.raises(ServerClosed, match="1012"):
            await client.send("chat")


async def test_a_goodbye_that_is_never_answered_is_cut_within_its_bound() -> None:
    async def speak(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        return

    async with raw_chat(speak) as config:
        async with ChatClient(config):
            pass
        async with ChatClient(config) as client:
            with pytest.raises(DeadlineExceeded) as caught:
                await client.close()
        assert (caught.value.phase, caught.value.cause) == ("close", "product")
        assert caught.value.elapsed < 0.5


async def never_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    transport = writer.transport
    transport.pause_reading()
    await asyncio.Event().wait()


async def test_a_server_that_does_not_read_ends_the_send_and_the_connection() -> None:
    async with raw_chat(never_read) as config, ChatClient(config) as client:
        with pytest.raises(DeadlineExceeded) as caught:  # noqa: PT012 - some call of these waits
            for _ in range(64):
                await client.send_raw("x" * 2**20, within=0.2)
        assert caught.value.phase == "send"
        assert client.closed is not None
        with pytest.raises(ServerClosed):
            await client.receive()


async def test_a_send_that_waits_goes_on_when_the_server_reads_again() -> None:
    async def read_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = writer.transport
        transport.pause_reading()
        asyncio.get_running_loop().call_later(0.1, transport.resume_reading)
        while await reader.read(2**20):
            pass

    async with raw_chat(read_later) as config, ChatClient(config) as client:
        for _ in range(16):
            await client.send_raw("x" * (2**20 - 10), within=5)


async def test_cancelling_a_send_that_waits_cuts_the_connection() -> None:
    async def fill(client: ChatClient) -> None:
        while True:
            await client.send_raw("x" * 2**20, within=5)

    async with raw_chat(never_read) as config, ChatClient(config) as client:
        task = asyncio.create_task(fill(client))
        done, _ = await asyncio.wait({task}, timeout=0.1)
        assert not done
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_reset_while_a_send_waits_is_told_as_the_end() -> None:
    async def reset_later(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = writer.transport
        transport.pause_reading()
        asyncio.get_running_loop().call_later(0.1, transport.abort)

    async with raw_chat(reset_later) as config, ChatClient(config) as client:
        with pytest.raises(ServerClosed):  # noqa: PT012 - some call of these waits
            for _ in range(64):
                await client.send_raw("x" * 2**20, within=5)


async def test_an_expired_deadline_sends_nothing() -> None:
    async def speak(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""

    async with raw_chat(speak) as config, ChatClient(config) as client:
        deadline = socket_deadline()
        with pytest.raises(DeadlineExceeded, match="room to send"):
            await client.send("chat", within=deadline)
        client.abort()


def socket_deadline() -> Any:
    from netra_testkit.clients.deadline import Deadline

    deadline = Deadline(limit=1.0, started_at=0.0, clock=lambda: 5.0)
    assert deadline.expired
    return deadline


async def test_a_peer_that_asks_and_does_not_read_the_answers_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MOST_UNREAD_ANSWERS", 10_000)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        transport = writer.transport
        transport.pause_reading()
        ask = frame(TEXT, text(type="ping")) * 1_000
        while not transport.is_closing():
            writer.write(ask)
            await writer.drain()
            await asyncio.sleep(0)

    async with raw_chat(speak) as config, ChatClient(config) as client:
        # What the system keeps for a peer that does not read is megabytes otherwise.
        ours = client._connection._opened().transport.get_extra_info("socket")  # noqa: SLF001
        ours.setsockopt(SOL_SOCKET, SO_SNDBUF, 4_096)
        await client.send("chat")
        with pytest.raises(ServerClosed) as caught:
            await client.receive(within=20)
    assert caught.value.closed_by == "transport"


async def test_a_ping_together_with_the_goodbye_needs_no_answer() -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, text(type="ping")) + frame(CLOSE, struct.pack("!H", 1000)))
        writer.write(frame(TEXT, text(type="ping")))

    async with raw_chat(speak) as config, ChatClient(config) as client:
        with pytest.raises(ServerClosed, match="1000"):
            await client.expect(MessageType.ACK)
