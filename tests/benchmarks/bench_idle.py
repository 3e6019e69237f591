"""The memory of a chat client that waits, against a bare connection of websockets."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import websockets.asyncio.client
from tests.benchmarks.peer import peer
from tests.benchmarks.rounds import ROUNDS, best_quartile, verdict

from netra_testkit.clients.chat import ChatClient
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from netra_testkit.settings.config import StagingConfig

CONNECTIONS = 50
MOST = 1.5
BARE, AGAIN, OURS = "bare", "bare again", "ChatClient"


async def opened(stack: AsyncExitStack, kind: str, config: StagingConfig) -> object:
    """One connection that has had its welcome and waits."""
    if kind == OURS:
        return await stack.enter_async_context(ChatClient(config, trace=Trace()))
    connecting = websockets.asyncio.client.connect(config.websocket_url, compression=None)
    bare = await stack.enter_async_context(connecting)
    await bare.recv()
    return bare


async def held(kind: str, config: StagingConfig) -> float:
    """How many KiB Python holds for each connection while all of them are open."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    async with AsyncExitStack() as stack:
        kept = [await opened(stack, kind, config) for _ in range(CONNECTIONS)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        assert len(kept) == CONNECTIONS
    return (after - before) / CONNECTIONS / 1024


async def measure(config: StagingConfig) -> None:
    """Open and close so many connections of each kind, in shuffled rounds."""
    taken: dict[str, list[float]] = {BARE: [], AGAIN: [], OURS: []}
    for kind in taken:
        await held(kind, config)
    tracemalloc.start()
    order = list(taken)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for kind in order:
            taken[kind].append(await held(kind, config))
    tracemalloc.stop()
    size = {kind: best_quartile(each) for kind, each in taken.items()}
    to_itself = size[AGAIN] / size[BARE]
    print(
        f"{ROUNDS} x {CONNECTIONS} idle connections: bare {size[BARE]:.1f} KiB each, "
        f"to itself {to_itself:.3f}"
    )
    print(f"  ChatClient: {size[OURS]:.1f} KiB each")
    verdict("  idle memory", size[OURS] / size[BARE], to_itself=to_itself, at_most=MOST)


def main() -> None:
    """Print the ratio."""
    with peer() as served:
        asyncio.run(measure(served.config()))


if __name__ == "__main__":
    main()
