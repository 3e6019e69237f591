"""Twenty users with a client each, against twenty who share one httpx client."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import httpx
from tests.benchmarks.peer import peer
from tests.benchmarks.rounds import rates, verdict

from netra_testkit.clients.http import HttpClient
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from netra_testkit.settings.config import StagingConfig

USERS = 20
CALLS = 5
LEAST = 2.0


async def measure(config: StagingConfig) -> None:
    """Let all users call at the same time, one call after another each."""
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(
            httpx.AsyncClient(base_url=config.base_url, trust_env=False)
        )
        own = [
            await stack.enter_async_context(HttpClient(config, token="t" * 20, trace=Trace()))
            for _ in range(USERS)
        ]

        async def calls_shared(number: int) -> None:
            for _ in range(CALLS):
                answer = await shared.get("/health", headers={"Authorization": f"Bearer {number}"})
                assert answer.json()["status"]

        async def calls(http: HttpClient) -> None:
            for _ in range(CALLS):
                assert (await http.get("/health")).json()

        async def plain() -> None:
            await asyncio.gather(*(calls_shared(number) for number in range(USERS)))

        async def bounded() -> None:
            await asyncio.gather(*(calls(http) for http in own))

        title = f"{USERS} users x {CALLS} requests, one httpx client for all"
        shares = await rates(title, plain, {"an HttpClient each": bounded})
    ours = shares["an HttpClient each"]
    verdict(f"  {USERS} users", ours, to_itself=shares["baseline again"], at_least=LEAST)


def main() -> None:
    """Print the ratio."""
    with peer() as served:
        asyncio.run(measure(served.config()))


if __name__ == "__main__":
    main()
