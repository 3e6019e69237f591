"""The bounded clients against the bare libraries they stand on, over loopback."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING

import httpx
import websockets.asyncio.client
from tests.benchmarks.peer import peer
from tests.benchmarks.rounds import best_quartile

from netra_testkit.clients.chat import ChatClient
from netra_testkit.clients.http import HttpClient
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from netra_testkit.settings.config import StagingConfig

ROUNDS = 21
FLOOD = 3_000
ECHOES = 400
CALLS = 200


async def shuffled(title: str, work: dict[str, Callable[[], Awaitable[None]]]) -> None:
    """Print each work's rate as a share of the baseline's, the first, which runs twice."""
    loop = asyncio.get_running_loop()
    baseline = next(iter(work))
    work = {**work, f"{baseline} again": work[baseline]}
    taken: dict[str, list[float]] = {name: [] for name in work}
    for each in work.values():
        await each()
    order = list(work)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for name in order:
            start = loop.time()
            await work[name]()
            taken[name].append(loop.time() - start)
    reference = best_quartile(taken[baseline])
    print(f"{title} ({baseline}: {reference * 1000:.2f} ms)")
    for name, durations in taken.items():
        if name != baseline:
            print(f"  {name}: {reference / best_quartile(durations):.3f} of the rate")


async def floods(config: StagingConfig, size: int) -> None:
    """A flood of frames, the type of each read."""
    ask = {"type": "chat", "payload": {"size": size, "count": FLOOD}}
    async with (
        websockets.asyncio.client.connect(config.websocket_url, compression=None) as bare,
        ChatClient(config, trace=Trace()) as chat,
    ):
        await bare.recv()

        async def plain() -> None:
            await bare.send(json.dumps(ask))
            for _ in range(FLOOD):
                assert json.loads(await bare.recv())["type"]

        async def with_a_timer_each() -> None:
            await bare.send(json.dumps(ask))
            for _ in range(FLOOD):
                async with asyncio.timeout(5):
                    text = await bare.recv()
                assert json.loads(text)["type"]

        async def bounded() -> None:
            await chat.send("chat", ask["payload"])  # type: ignore[arg-type] # a dict
            for _ in range(FLOOD):
                assert (await chat.receive()).type

        await shuffled(
            f"flood of {size}-byte frames",
            {
                "websockets + json.loads": plain,
                "asyncio.timeout for each": with_a_timer_each,
                "ChatClient": bounded,
            },
        )


async def echoes(config: StagingConfig) -> None:
    """One frame out, one back."""
    payload = {"content": "x" * 200}
    async with (
        websockets.asyncio.client.connect(config.websocket_url, compression=None) as bare,
        ChatClient(config, trace=Trace()) as chat,
    ):
        await bare.recv()

        async def plain() -> None:
            for number in range(ECHOES):
                frame = {"type": "user_message", "payload": payload, "message_id": str(number)}
                await bare.send(json.dumps(frame))
                assert json.loads(await bare.recv())["type"]

        async def bounded() -> None:
            for _ in range(ECHOES):
                await chat.send("user_message", payload)
                assert (await chat.receive()).type

        await shuffled("echo", {"websockets": plain, "ChatClient": bounded})


async def calls(config: StagingConfig) -> None:
    """One request after another."""
    async with (
        httpx.AsyncClient(base_url=config.base_url, trust_env=False) as bare,
        HttpClient(config, token="t" * 20, trace=Trace()) as http,
    ):

        async def plain() -> None:
            for _ in range(CALLS):
                answer = await bare.get("/health", headers={"Authorization": "Bearer t"})
                assert answer.json()["status"]

        async def bounded() -> None:
            for _ in range(CALLS):
                assert (await http.get("/health")).json()

        await shuffled("HTTP one at a time", {"httpx": plain, "HttpClient": bounded})


async def measure(config: StagingConfig) -> None:
    """Print each ratio against a peer."""
    for size in (300, 3_000):
        await floods(config, size)
    await echoes(config)
    await calls(config)


def main() -> None:
    """Print every ratio."""
    with peer() as served:
        asyncio.run(measure(served.config()))


if __name__ == "__main__":
    main()
