"""How much later than its deadline a call ends, on a loop that has nothing else to do."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from tests.benchmarks.peer import SILENT_PATH, peer
from tests.benchmarks.rounds import ROUNDS

from netra_testkit.clients.chat import ChatClient
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import DeadlineExceeded
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from netra_testkit.settings.config import StagingConfig

WAITS = 10
WITHIN = 0.02
MOST_MS = 15.0
BASELINE = "asyncio.timeout"


async def overshoot(work: Callable[[], Awaitable[object]]) -> float:
    """How many milliseconds after its bound the work ended."""
    began = time.perf_counter()
    try:
        await work()
    except (DeadlineExceeded, TimeoutError):
        return (time.perf_counter() - began - WITHIN) * 1000
    raise AssertionError("the work ended before its deadline")


def percentile(values: list[float], share: float) -> float:
    """The value below which so great a share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def measure(config: StagingConfig) -> None:
    """Wait for what never comes, in each way, in shuffled rounds."""
    async with ChatClient(config, trace=Trace()) as chat, HttpClient(config, trace=Trace()) as http:

        async def bare() -> None:
            async with asyncio.timeout(WITHIN):
                await asyncio.Event().wait()

        async def guarded() -> None:
            async with Deadline.after(WITHIN).guard(phase="receive", waiting_for="nothing"):
                await asyncio.Event().wait()

        work: dict[str, Callable[[], Awaitable[object]]] = {
            BASELINE: bare,
            f"{BASELINE} again": bare,
            "Deadline.guard": guarded,
            "ChatClient.receive": lambda: chat.receive(within=WITHIN),
            "HttpClient.get": lambda: http.get(SILENT_PATH, within=WITHIN),
        }
        late: dict[str, list[float]] = {name: [] for name in work}
        order = list(work)
        for _ in range(ROUNDS):
            random.shuffle(order)
            for name in order:
                late[name] += [await overshoot(work[name]) for _ in range(WAITS)]
    print(f"{ROUNDS * WAITS} deadlines of {WITHIN * 1000:g} ms each, overshoot in ms")
    for name, values in late.items():
        middle, high, worst = (percentile(values, share) for share in (0.5, 0.99, 1.0))
        print(f"  {name}: p50 {middle:.2f}, p99 {high:.2f}, most {worst:.2f}")
    judge(
        max(percentile(values, 0.99) for name, values in late.items() if BASELINE not in name),
        max(percentile(values, 0.99) for name, values in late.items() if BASELINE in name),
    )


def judge(ours: float, bare: float) -> None:
    """Print whether the limit holds; where a bare timer misses it too, nothing is proved."""
    holds = "holds" if ours <= MOST_MS else "DOES NOT HOLD"
    doubt = "" if bare <= MOST_MS else f"; figure does not count, a bare timer's is {bare:.2f}"
    print(f"  overshoot p99: {ours:.2f} ms, limit <= {MOST_MS:g} ms: {holds}{doubt}")


def main() -> None:
    """Print every figure."""
    with peer() as served:
        asyncio.run(measure(served.config()))


if __name__ == "__main__":
    main()
