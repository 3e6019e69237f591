"""Event streams of HttpClient against httpx-sse, over loopback."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import httpx
import httpx_sse
from tests.benchmarks.peer import EVENTS, STREAM_PATH, peer
from tests.benchmarks.rounds import best_quartile

from netra_testkit.clients.http import HttpClient
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from netra_testkit.settings.config import StagingConfig

ROUNDS = 21


async def measure(config: StagingConfig) -> None:
    """Read the same stream in both ways, in shuffled rounds."""
    address = f"{config.base_url}{STREAM_PATH}"
    async with (
        httpx.AsyncClient(trust_env=False) as bare,
        HttpClient(config, trace=Trace()) as http,
    ):

        async def plain() -> None:
            count = 0
            async with httpx_sse.aconnect_sse(bare, "GET", address) as source:
                async for each in source.aiter_sse():
                    assert each.json()["type"]
                    count += 1
            assert count == EVENTS + 1

        async def bounded() -> None:
            async with http.stream("GET", STREAM_PATH) as events:
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
    reference = best_quartile(durations["httpx-sse"])
    print(f"event stream of {EVENTS} events: httpx-sse {reference * 1000:.1f} ms")
    for name in ("httpx-sse again", "HttpClient.stream"):
        print(f"  {name}: {reference / best_quartile(durations[name]):.3f} of its speed")


def main() -> None:
    """Print every ratio."""
    with peer() as served:
        asyncio.run(measure(served.config()))


if __name__ == "__main__":
    main()
