"""The embedded staging: how fast it starts, serves and stops, and what a crowd costs it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from socket import create_connection
from typing import TYPE_CHECKING

from tests.benchmarks.rounds import compare
from websockets.asyncio.client import connect

from netra_testkit.local.staging import LocalStaging
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import mint_access_token
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.client import connect as Connecting  # noqa: N812 - the type

CONNECTIONS = 16
REQUESTS = 10
CROWD = 200
RUNS = 5
IDLE = 2000
FIVE = {"agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"}
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"

BARE = """
import socket, time, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def live(request):
    return JSONResponse({
        "status": "healthy", "service": "bare", "version": "1", "revision": "1",
        "environment": "local", "timestamp": time.time(), "padding": "x" * 20,
    })

app = Starlette(routes=[Route("/health/live", live)])
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
config = uvicorn.Config(
    app, http="h11", ws="websockets-sansio", loop="asyncio", lifespan="off", log_config=None,
    access_log=False, timeout_keep_alive=75,
)
uvicorn.Server(config).run(sockets=[listening])
"""

EMBEDDED = """
import os, sys
from netra_testkit.local.staging import LocalStaging

with LocalStaging(secret=os.environ["JWT_SECRET_LOCAL"], pace=0) as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


@contextmanager
def process(source: str, secret: JwtSecret) -> Iterator[tuple[int, int]]:
    """The port and the id of a server in a process of its own."""
    with subprocess.Popen(  # noqa: S603 - our own source
        [sys.executable, "-c", source],
        env={**os.environ, "JWT_SECRET_LOCAL": secret.reveal()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            yield int(running.stdout.readline()), running.pid
        finally:
            running.kill()


def opened(port: int) -> list[socket.socket]:
    """Connections that stay."""
    connections = [create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for each in connections:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connections


def ask(connections: Sequence[socket.socket]) -> None:
    """Ask on every connection, and read every answer."""
    for _ in range(REQUESTS):
        for each in connections:
            each.sendall(LIVE)
        for each in connections:
            # Head and body come apart.
            while not each.recv(65_536).endswith(b"}"):
                pass


def requests_per_second(secret: JwtSecret) -> None:
    """Compare with a bare Starlette on the same uvicorn."""
    with ExitStack() as stack:
        bare, _ = stack.enter_context(process(BARE, secret))
        embedded, _ = stack.enter_context(process(EMBEDDED, secret))
        ours, theirs = opened(embedded), opened(bare)
        for each in (*ours, *theirs):
            stack.enter_context(each)
        ratios = compare(
            "requests", lambda: ask(theirs), {"embedded staging": lambda: ask(ours)}, rounds=41
        )
    print(f"  {1 / ratios['embedded staging']:.2f} x the requests of a bare Starlette")


def start_and_stop() -> None:
    """Time a start and a stop, the first import left out."""
    LocalStaging().start().stop()
    taken = []
    for _ in range(10):
        began = time.perf_counter()
        server = LocalStaging().start()
        ready = time.perf_counter()
        server.stop()
        taken.append((ready - began, time.perf_counter() - ready))
    starts, stops = zip(*taken, strict=True)
    print(f"start: {max(starts):.3f} s at most, stop: {max(stops):.3f} s at most")


def connecting(port: int, secret: JwtSecret, user: int) -> Connecting:
    """The socket of one of many users."""
    name = f"crowd-{user}"
    token = mint_access_token(
        secret, user=StagingUser(name, f"{name}@example.com"), environment=Environment.LOCAL
    )
    return connect(
        f"ws://127.0.0.1:{port}/ws",
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
        compression=None,
        open_timeout=60,
        ping_interval=None,
        close_timeout=1,
    )


async def five_runs(connection: ClientConnection, user: int) -> tuple[int, int]:
    """How many events came that were lost or somebody else's."""
    seen: dict[str, set[str]] = {f"run-{user}-{number}": set() for number in range(RUNS)}
    crossed = 0
    for run_id in seen:
        payload = {"agent": "triage", "user_request": f"budget of {user}", "run_id": run_id}
        await connection.send(json.dumps({"type": "start_agent", "payload": payload}))
    while not all("agent_completed" in types for types in seen.values()):
        frame = json.loads(await connection.recv())
        if frame["type"] in FIVE:
            if frame["run_id"] in seen:
                seen[frame["run_id"]].add(frame["type"])
            else:
                crossed += 1
    return sum(len(FIVE - types) for types in seen.values()), crossed


async def crowd(port: int, secret: JwtSecret) -> None:
    """So many users, each with a socket and five runs at once."""
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(connecting(port, secret, user)) for user in range(CROWD)
        ]
        began = time.perf_counter()
        async with asyncio.timeout(120):
            counted = await asyncio.gather(
                *(five_runs(each, user) for user, each in enumerate(connections))
            )
        took = time.perf_counter() - began
    lost, crossed = (sum(each) for each in zip(*counted, strict=True))
    print(f"{CROWD} users x {RUNS} runs: {took:.2f} s, {lost} events lost, {crossed} crossed")
    assert (lost, crossed) == (0, 0)


async def idle(port: int, process_id: int, secret: JwtSecret) -> None:
    """What a socket that does nothing costs the server."""
    before = resident(process_id)
    async with AsyncExitStack() as stack:
        for number in range(IDLE):
            await stack.enter_async_context(connecting(port, secret, number % CROWD))
        grown = resident(process_id) - before
    print(f"{IDLE} idle sockets: {grown / IDLE:.1f} KiB each")


def resident(process_id: int) -> float:
    """How much memory a process has, in KiB."""
    said = Path(f"/proc/{process_id}/status").read_text("utf-8")
    return float(said.partition("VmRSS:")[2].split()[0])


def main() -> None:
    """Print every figure."""
    secret = JwtSecret.generate("a benchmark")
    start_and_stop()
    requests_per_second(secret)
    with process(EMBEDDED, secret) as (port, process_id):
        asyncio.run(crowd(port, secret))
        if sys.platform == "linux":
            asyncio.run(idle(port, process_id, secret))


if __name__ == "__main__":
    main()
