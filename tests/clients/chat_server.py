"""A small chat server on loopback whose every word the test decides."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from netra_testkit.settings.config import StagingConfig

Script = Callable[["Peer"], Awaitable[None]]

WELCOME = {"type": "connection_established", "data": {"connection_id": "c-1"}}
EVENTS = (
    ("agent_started", {"agent": "triage"}),
    ("agent_thinking", {"agent": "triage", "thought": "where does it go"}),
    ("tool_executing", {"tool": "costs", "execution_id": "x-1"}),
    ("tool_completed", {"tool": "costs", "execution_id": "x-1", "result": {"sum": 3}}),
    ("agent_completed", {"agent": "triage", "result": "to compute"}),
)


def config_for(port: int, **options: Any) -> StagingConfig:
    """The configuration of a server on a loopback port."""
    root = f"http://127.0.0.1:{port}"
    return StagingConfig(
        environment="local",
        base_url=root,
        api_url=f"{root}/api",
        auth_url=root,
        frontend_url=root,
        websocket_url=f"ws://127.0.0.1:{port}/ws",
        **options,
    )


@dataclass
class Peer:
    """One connection as the server sees it."""

    socket: ServerConnection
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def say(self, *frames: dict[str, Any] | str | bytes) -> None:
        """Send frames; a text or bytes as they are."""
        for frame in frames:
            raw = json.dumps(frame) if isinstance(frame, dict) else frame
            await self.socket.send(raw)

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame of a type; the others are kept in `heard` only."""
        while True:
            frame = json.loads(await self.socket.recv())
            self.heard.append(frame)
            if kind is None or frame["type"] == kind:
                return dict(frame)

    async def run(self, request: dict[str, Any], events: Any = EVENTS, **extra: Any) -> None:
        """Send the events of the run that a request asked for."""
        for kind, data in events:
            await self.say({"type": kind, "data": {**data, "run_id": request["run_id"], **extra}})

    async def until_gone(self) -> None:
        """Keep what is heard until the client goes."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.hear()


@dataclass
class Chat:
    """A running server."""

    server: Server
    peers: list[Peer]
    config: StagingConfig


async def eventually(holds: Callable[[], bool], within: float = 5.0) -> None:
    """Let the loop go on until something holds that no event tells of."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def chat_server(
    script: Script, *, welcome: bool = True, timeouts: dict[str, float] | None = None, **how: Any
) -> AsyncIterator[Chat]:
    """Serve one script to every connection, after the usual welcome."""
    peers: list[Peer] = []

    async def handle(socket: ServerConnection) -> None:
        peer = Peer(socket)
        peers.append(peer)
        with contextlib.suppress(ConnectionClosed):
            if welcome:
                await peer.say(WELCOME)
            await script(peer)

    options = {"compression": None, "close_timeout": 0.2, "ping_interval": None, **how}
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        chosen = {} if timeouts is None else {"timeouts": timeouts}
        try:
            yield Chat(server, peers, config_for(port, **chosen))
        finally:
            for peer in peers:
                peer.socket.transport.abort()
