"""Event streams of HttpClient against httpx-sse, over loopback."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import TYPE_CHECKING

import httpx
import httpx_sse
from tests.benchmarks.rounds import best_quartile

from netra_testkit.clients.http import HttpClient
from netra_testkit.safety.trace import Trace
from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 21
EVENTS = 2_000
PIECE = 50
PATH = "/api/chat/stream"
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
    b"Cache-Control: no-store\r\n\r\n"
)


def event(number: int) -> bytes:
    """One event of about 300 bytes, with an id."""
    data = {"type": "agent_thinking", "data": {"run_id": "r" * 36, "thought": "x" * 200}}
    return f"id: {number}\ndata: {json.dumps(data)}\n\n".encode()


PIECES = [
    b"".join(event(number) for number in range(first, first + PIECE))
    for first in range(0, EVENTS, PIECE)
]
END = b'data: {"type": "stream_end"}\n\n'


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Stream every event to whoever asks."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD)
    for piece in PIECES:
        writer.write(piece)
        await writer.drain()
    writer.write(END)
    writer.close()
    await writer.wait_closed()


async def measure() -> None:
    """Serve on loopback and read the same stream in both ways, in shuffled rounds."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    config = StagingConfig(
        environment="local",
        base_url=root,
        api_url=f"{root}/api",
        auth_url=root,
        frontend_url=root,
        websocket_url=root.replace("http", "ws") + "/ws",
    )
    async with (
        httpx.AsyncClient(trust_env=False) as bare,
        HttpClient(config, trace=Trace()) as http,
    ):

        async def plain() -> None:
            count = 0
            async with httpx_sse.aconnect_sse(bare, "GET", f"{root}{PATH}") as source:
                async for each in source.aiter_sse():
                    assert each.json()["type"]
                    count += 1
            assert count == EVENTS + 1

        async def bounded() -> None:
            async with http.stream("GET", PATH) as events:
                async for each in events:
                    assert each.json()["type"]  # type: ignore[call-overload, index] # an object
            assert events.count == EVENTS + 1

        work: dict[str, Callable[[], Awaitable[None]]] = {
            "httpx-sse": plain,
            "httpx-sse again": plain,
            "HttpClient.stream": bounded,
        }
        durations: dict[str, list[float]] = {name: [] for name in work}
        for each in work.values():
            await each()
        order = list(work)
        for _ in range(ROUNDS):
            random.shuffle(order)
            for name in order:
                began = time.perf_counter()
                await work[name]()
                durations[name].append(time.perf_counter() - began)
    server.close()
    reference = best_quartile(durations["httpx-sse"])
    print(f"event stream of {EVENTS} events: httpx-sse {reference * 1000:.1f} ms")
    for name in ("httpx-sse again", "HttpClient.stream"):
        print(f"  {name}: {reference / best_quartile(durations[name]):.3f} of its speed")


def main() -> None:
    """Print every ratio."""
    asyncio.run(measure())


if __name__ == "__main__":
    main()
