"""The bounded clients against the bare libraries they stand on, over loopback."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import websockets.asyncio.client
from tests.benchmarks.peer import peer
from tests.benchmarks.rounds import rates, verdict

from netra_testkit.clients.chat import ChatClient
from netra_testkit.clients.http import HttpClient
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from netra_testkit.settings.config import StagingConfig

FLOOD = 3_000
JUDGED = 300
ECHOES = 400
CALLS = 200
FLOOD_LEAST = 0.75
TIMERS_LEAST = 1.2
ECHO_LEAST = 0.93
HTTP_LEAST = 0.9


async def floods(config: StagingConfig, size: int) -> None:
    """A flood of frames, the type of each read; judged where they are as long as most are."""
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

        shares = await rates(
            f"flood of {size}-byte frames, websockets + json.loads",
            plain,
            {"asyncio.timeout for each": with_a_timer_each, "ChatClient": bounded},
        )
    if size != JUDGED:
        return
    to_itself, ours = shares["baseline again"], shares["ChatClient"]
    with_timers = ours / shares["asyncio.timeout for each"]
    verdict("  flood against bare", ours, to_itself=to_itself, at_least=FLOOD_LEAST)
    verdict("  flood against timers", with_timers, to_itself=to_itself, at_least=TIMERS_LEAST)


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

        shares = await rates("echo, websockets", plain, {"ChatClient": bounded})
    verdict("  echo", shares["ChatClient"], to_itself=shares["baseline again"], at_least=ECHO_LEAST)


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

        shares = await rates("HTTP one at a time, httpx", plain, {"HttpClient": bounded})
    verdict("  HTTP", shares["HttpClient"], to_itself=shares["baseline again"], at_least=HTTP_LEAST)


async def measure(config: StagingConfig) -> None:
    """Print each ratio against a peer."""
    for size in (JUDGED, 3_000):
        await floods(config, size)
    await echoes(config)
    await calls(config)


def main() -> None:
    """Print every ratio."""
    with peer() as served:
        asyncio.run(measure(served.config()))


if __name__ == "__main__":
    main()
