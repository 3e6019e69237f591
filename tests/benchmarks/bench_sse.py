"""Event streams of HttpClient against httpx-sse, over loopback."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import httpx_sse
from tests.benchmarks.peer import EVENTS, STREAM_PATH, peer
from tests.benchmarks.rounds import rates, verdict

from netra_testkit.clients.http import HttpClient
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from netra_testkit.settings.config import StagingConfig

LEAST = 1.2


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

        title = f"event stream of {EVENTS} events, httpx-sse"
        shares = await rates(title, plain, {"HttpClient.stream": bounded})
    ours = shares["HttpClient.stream"]
    verdict("  event stream", ours, to_itself=shares["baseline again"], at_least=LEAST)


def main() -> None:
    """Print every ratio."""
    with peer() as served:
        asyncio.run(measure(served.config()))


if __name__ == "__main__":
    main()
