"""A small deployment on loopback: health, threads, registration and a chat, with real tokens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from netra_testkit.clients.staging import Staging
from netra_testkit.errors import TokenInvalid
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.leases import UserPool
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import Claims, verify_token
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = (
    ("agent_started", {"agent": "triage"}),
    ("agent_thinking", {"agent": "triage", "thought": "where does it go"}),
    ("tool_executing", {"tool": "costs"}),
    ("tool_completed", {"tool": "costs", "result": 3}),
    ("agent_completed", {"agent": "triage", "result": "to compute"}),
)
PEOPLE = tuple(
    StagingUser(user_id=name, email=f"{name}@example.com") for name in ("ann", "bob", "cid")
)


@dataclass
class Asked:
    """One HTTP request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    user: str | None


Answer = tuple[int, Any]
Hook = Callable[[Asked], Awaitable[Answer | None]]


@dataclass
class Deployment:
    """What runs, what it was asked, and what a test may change about it.

    Attributes:
        secret: Verifies every token.
        root: Its URL.
        hook: Is shown each request first, and may answer it.
        events_of: Gives the frames of a run, with the user each goes to.
    """

    secret: JwtSecret
    root: str = ""
    sockets_at: str = ""
    hook: Hook | None = None
    health: Answer = (200, {"status": "healthy", "revision": "r-1"})
    asked: list[Asked] = field(default_factory=list)
    threads: dict[str, str] = field(default_factory=dict)
    tokens: list[str | None] = field(default_factory=list)
    chat_tokens: list[str | None] = field(default_factory=list)
    sockets: dict[str, ServerConnection] = field(default_factory=dict)
    stray: Callable[[str, str, dict[str, Any]], tuple[str, dict[str, Any]] | None] | None = None

    def config(self, **options: Any) -> StagingConfig:
        """The configuration that reaches it."""
        return StagingConfig(
            environment="local",
            base_url=self.root,
            api_url=f"{self.root}/api",
            auth_url=self.root,
            frontend_url=self.root,
            websocket_url=self.sockets_at,
            jwt_secret=self.secret,
            **options,
        )

    def paths(self, method: str) -> list[str]:
        """The paths that were asked for with a method, in order."""
        return [each.path for each in self.asked if each.method == method]

    def claims(self, token: str | None) -> Claims | None:
        """What a token says; None when it must be refused."""
        try:
            return verify_token(token or "", self.secret, environment=Environment.LOCAL)
        except TokenInvalid:
            return None

    async def answer(self, asked: Asked) -> Answer:
        """The answer to a request."""
        if self.hook is not None:
            answer = await self.hook(asked)
            if answer is not None:
                return answer
        if asked.path == "/health":
            return self.health
        if asked.path == "/auth/register":
            return 200, {"user": {"id": f"id-{secrets.token_hex(4)}", "email": asked.body["email"]}}
        if asked.user is None:
            return (401 if asked.headers.get("authorization") else 403), {"detail": "refused"}
        return self.serve(asked, asked.user)

    def serve(self, asked: Asked, user: str) -> Answer:
        """The answer to a user who has come in."""
        if asked.method == "POST":
            thread_id = f"t-{len(self.threads)}"
            self.threads[thread_id] = user
            return 200, {"id": thread_id, "object": "thread"}
        if asked.method == "DELETE":
            gone = self.threads.pop(asked.path.rpartition("/")[2], None)
            return (404, {"detail": "none"}) if gone is None else (200, {"deleted": True})
        return 200, {"user": user}

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one HTTP connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.rstrip().split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines)
                }
                raw = await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = first.split(" ")
                _, _, token = headers.get("authorization", "").partition(" ")
                claims = self.claims(token)
                user = None if claims is None else claims.subject
                self.tokens.append(token if "authorization" in headers else None)
                asked = Asked(method, path, headers, json.loads(raw) if raw else None, user)
                self.asked.append(asked)
                status, body = await self.answer(asked)
                sent = body if isinstance(body, bytes) else json.dumps(body).encode()
                writer.write(
                    f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
                    f"Content-Length: {len(sent)}\r\n\r\n".encode()
                    + sent
                )
                await writer.drain()
        writer.transport.abort()

    async def chat(self, socket: ServerConnection) -> None:
        """Serve one WebSocket."""
        assert socket.request is not None
        said = socket.request.headers.get("Authorization")
        token = None if said is None else said.partition(" ")[2]
        self.chat_tokens.append(token)
        claims = self.claims(token)
        with contextlib.suppress(ConnectionClosed):
            if claims is None:
                await socket.close(1008, "refused")
                return
            user = claims.subject
            self.sockets[user] = socket
            await socket.send(json.dumps({"type": "connection_established", "data": {}}))
            async for raw in socket:
                frame = json.loads(raw)
                if frame["type"] == "start_agent":
                    await self.run(user, frame["run_id"])

    async def run(self, user: str, run_id: str) -> None:
        """Send the events of a run to its user, and what goes astray to somebody else."""
        for kind, data in EVENTS:
            event = {**data, "run_id": run_id, "user_id": user}
            await self.sockets[user].send(json.dumps({"type": kind, "data": event}))
            strayed = None if self.stray is None else self.stray(user, kind, event)
            if strayed is not None:
                to, other = strayed
                await self.sockets[to].send(json.dumps({"type": kind, "data": other}))


@contextlib.asynccontextmanager
async def deployment() -> AsyncIterator[Deployment]:
    """A deployment that runs for as long as the block."""
    there = Deployment(JwtSecret.generate("a test"))
    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            # The streams of Python 3.11 report a connection that was cancelled as an error.
            with contextlib.suppress(asyncio.CancelledError):
                await there.talk(reader, writer)
        finally:
            talking.discard(task)
            writer.transport.abort()

    http = await asyncio.start_server(talk, "127.0.0.1", 0)
    there.root = f"http://127.0.0.1:{http.sockets[0].getsockname()[1]}"
    async with serve(
        there.chat, "127.0.0.1", 0, compression=None, close_timeout=0.1, ping_interval=None
    ) as sockets:
        port = next(iter(sockets.sockets)).getsockname()[1]
        there.sockets_at = f"ws://127.0.0.1:{port}/ws"
        try:
            yield there
        finally:
            for socket in there.sockets.values():
                socket.transport.abort()
            http.close()
            for task in list(talking):
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)


def staged(there: Deployment, directory: Path, *, known: int = 3, **options: Any) -> Staging:
    """A staging with so many users that exist, and no more."""
    config = there.config(**options)
    pool = UserPool(
        PEOPLE[:known], environment=config.environment, endless=False, directory=directory
    )
    return Staging(config, pool=pool)


def free(staging: Staging) -> set[str]:
    """Who can be leased now."""
    found: set[str] = set()
    with contextlib.ExitStack() as stack, contextlib.suppress(TimeoutError):
        while len(found) < len(staging.pool.known):
            lease = staging.pool.lease(within=0.001)
            found.add(stack.enter_context(lease).user_id)
    return found


def recorded(staging: Staging, kind: str) -> list[str]:
    """The texts of what was recorded of a kind."""
    lines = [json.loads(line) for line in staging.trace.lines()]
    return [line["text"] for line in lines if line["kind"] == kind]
