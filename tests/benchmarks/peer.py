"""The other side of a benchmark, in a process of its own: bare servers that cost the least."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import websockets.asyncio.server

from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

WELCOME = json.dumps({"type": "connection_established", "data": {"connection_id": "c"}})
ANSWER = json.dumps({"status": "healthy", "service": "backend", "version": "1"}).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
STREAM_PATH = "/api/chat/stream"
SILENT_PATH = "/silent"
EVENTS = 2_000
EVENTS_A_WRITE = 50


@dataclass(frozen=True)
class Peer:
    """Where the servers listen."""

    http: int
    websocket: int

    def config(self) -> StagingConfig:
        """The configuration that reaches them."""
        root = f"http://127.0.0.1:{self.http}"
        return StagingConfig(
            environment="local",
            base_url=root,
            api_url=f"{root}/api",
            auth_url=root,
            frontend_url=root,
            websocket_url=f"ws://127.0.0.1:{self.websocket}/ws",
        )


@contextlib.contextmanager
def peer() -> Iterator[Peer]:
    """A running peer; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.peer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield Peer(**json.loads(process.stdout.readline()))


def frame_of(size: int) -> str:
    """A server frame of about this many characters."""
    data = {"run_id": "r" * 36, "thought": ""}
    head = {"type": "agent_thinking", "timestamp": 1.5, "data": data}
    data["thought"] = "x" * (size - len(json.dumps(head)))
    return json.dumps(head)


async def speak(connection: websockets.asyncio.server.ServerConnection) -> None:
    """Flood when asked to, echo everything else."""
    await connection.send(WELCOME)
    async for text in connection:
        message = json.loads(text)
        if message["type"] == "chat":
            data = frame_of(message["payload"]["size"])
            for _ in range(message["payload"]["count"]):
                await connection.send(data)
        else:
            await connection.send(text)


async def stream(writer: asyncio.StreamWriter) -> None:
    """Every event, then the end."""
    for piece in pieces():
        writer.write(piece)
        await writer.drain()


@functools.cache
def pieces() -> tuple[bytes, ...]:
    """A head, events of about 300 bytes with an id each, and the end; made once."""
    data = frame_of(290)
    events = [f"id: {number}\ndata: {data}\n\n".encode() for number in range(EVENTS)]
    starts = range(0, EVENTS, EVENTS_A_WRITE)
    return (
        STREAM,
        *(b"".join(events[start : start + EVENTS_A_WRITE]) for start in starts),
        b'data: {"type": "stream_end"}\n\n',
    )


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request with the same small document, or with the stream."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if STREAM_PATH.encode() in head:
                await stream(writer)
                break
            if SILENT_PATH.encode() in head:
                await reader.read()
                break
            writer.write(HEAD % len(ANSWER) + ANSWER)
            await writer.drain()
    writer.close()


async def run() -> None:
    """Listen on ports of the system's choice until the standard input ends."""
    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with websockets.asyncio.server.serve(
        speak, "127.0.0.1", 0, compression=None, close_timeout=0.2
    ) as sockets:
        ports = [next(iter(each.sockets)).getsockname()[1] for each in (plain, sockets)]
        print(json.dumps({"http": ports[0], "websocket": ports[1]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        plain.close()


if __name__ == "__main__":
    asyncio.run(run())
