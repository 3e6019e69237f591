"""A small HTTP server on loopback, in the loop of the test, and what a test asks of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator

HEALTHY = b'{"status":"healthy"}'
DESCRIPTORS = "/proc/self/fd"


class Request(NamedTuple):
    """What a client asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Served:
    """A server that is running: where it is and what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self.requests: list[Request] = []
        self.asked = asyncio.Event()

    @property
    def config(self) -> StagingConfig:
        """A configuration of which everything is this server."""
        return config_for(f"127.0.0.1:{self.port}")

    @property
    def targets(self) -> list[str]:
        """What was asked for, in order."""
        return [f"{each.method} {each.target}" for each in self.requests]


def config_for(authority: str, scheme: str = "http", **options: Any) -> StagingConfig:
    """A configuration whose every URL leads to one place."""
    root = f"{scheme}://{authority}"
    sockets = root.replace("http", "ws", 1)
    given = {
        "environment": "local",
        "base_url": root,
        "api_url": f"{root}/api",
        "auth_url": root,
        "frontend_url": root,
        "websocket_url": f"{sockets}/ws",
        **options,
    }
    return StagingConfig(**given)


def answer(body: bytes = HEALTHY, status: int = 200, *lines: str) -> bytes:
    """A whole answer."""
    head = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


@contextlib.asynccontextmanager
async def serving(
    say: Callable[[Request], bytes] | bytes = b"", *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """Answer each request with what `say` gives; an empty answer closes the connection."""
    served = Served(0)
    talking: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        task = asyncio.current_task()
        assert task is not None
        talking[task] = writer
        task.add_done_callback(talking.pop)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                pairs = (line.partition(":") for line in lines if line)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = first.split(" ")
                served.requests.append(Request(method, target, headers, body))
                served.asked.set()
                said = (say or answer()) if isinstance(say, bytes) else say(served.requests[-1])
                if not said:
                    break
                writer.write(said)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls, backlog=1000)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for writer in talking.values():
            writer.transport.abort()
        if talking:
            await asyncio.wait(talking)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """The block takes no longer than its bound and half a second."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began <= seconds + 0.5


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """After the block there are no more tasks and descriptors than before it."""
    before = _descriptors(), len(asyncio.all_tasks())
    yield
    latest = time.monotonic() + 1.0
    while time.monotonic() < latest:
        left = _descriptors(), len(asyncio.all_tasks())
        if left <= before and left[1] <= before[1]:
            return
        await asyncio.sleep(0.001)
    assert (_descriptors(), len(asyncio.all_tasks())) == before


def _descriptors() -> int:
    # Elsewhere than on Linux only the tasks are counted.
    if not os.path.isdir(DESCRIPTORS):  # noqa: PTH112 - nothing may be opened to look
        return 0
    return sum(_target(each) != os.devnull for each in os.listdir(DESCRIPTORS))  # noqa: PTH208 - as above


def _target(descriptor: str) -> str:
    """What is open there; uvloop keeps one descriptor of nothing in reserve."""
    try:
        return os.readlink(f"{DESCRIPTORS}/{descriptor}")  # noqa: PTH115 - as above
    except OSError:
        return os.devnull  # the listing's own, gone by now
