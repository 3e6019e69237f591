"""Every public call that a server can be rude to, as it is made in the matrix."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tests.rude.behaviour import Client

from netra_testkit.clients.availability import probe
from netra_testkit.clients.chat import ChatClient
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.retry import RetryPolicy
from netra_testkit.clients.staging import Staging
from netra_testkit.clients.virtual_user import VirtualUser
from netra_testkit.errors import CallFailed, Cause, NetraError
from netra_testkit.safety.trace import Trace
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.leases import UserPool
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from tests.rude.behaviour import Behaviour

    from netra_testkit.settings.config import StagingConfig

WITHIN = 0.2
OPENED_WITHIN = 5.0
# What is said at once after a welcome has arrived by then, on any machine that is not asleep.
SETTLED = 0.03
# More than the system takes for somebody who does not read.
LARGE = 8 * 1024 * 1024
TOKEN = secrets.token_urlsafe(48)
LOCKS = Path(tempfile.gettempdir()) / f"netra-testkit-matrix-{secrets.token_hex(4)}"


@dataclass
class Met:
    """One meeting: how its call ended, and when.

    Attributes:
        behaviour: Whom it meets.
        failed: The error that came out of the call.
        elapsed: How long the call took, None while it was not made.
        ended_at: When it had ended.
        left: The error that came out of leaving.
    """

    behaviour: Behaviour
    failed: NetraError | None = None
    elapsed: float | None = None
    ended_at: float = field(default=0.0)
    left: NetraError | None = None

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Take the time of the call and keep its error."""
        started = time.monotonic()
        try:
            yield
        except NetraError as failed:
            self.failed = failed
        except ExceptionGroup as failures:
            # Users who do the same at the same time fail alike.
            [self.failed, *_] = [
                each for each in failures.exceptions if isinstance(each, NetraError)
            ]
        finally:
            self.ended_at = time.monotonic()
            self.elapsed = self.ended_at - started

    @property
    def unidentified(self) -> bool:
        """Whether the error of a live call does not say under which id it was logged."""
        failed = self.failed
        return isinstance(failed, CallFailed) and not (failed.request_id and failed.trace_id)


Make: TypeAlias = "Callable[[StagingConfig, Met], Awaitable[None]]"


@dataclass(frozen=True, slots=True)
class Call:
    """A public call, and what it takes to make it meet somebody.

    Attributes:
        name: What it is called.
        client: Who makes it.
        make: Makes it, and leaves everything behind.
        covers: The public coroutines and context managers that it goes through.
        welcomed: Whether it can be made after a welcome only.
    """

    name: str
    client: Client
    make: Make
    covers: tuple[str, ...]
    welcomed: bool = False


def _body(met: Met) -> bytes:
    return bytes(LARGE) if met.behaviour.small_buffer else b"{}"


def _http(name: str, ask: Callable[[HttpClient, Met], Awaitable[object]], *covers: str) -> Call:
    async def make(config: StagingConfig, met: Met) -> None:
        async with HttpClient(config, token=TOKEN, trace=Trace()) as http:
            with met.call():
                await ask(http, met)

    opening = ("HttpClient.__aenter__", "HttpClient.__aexit__")
    return Call(
        name, Client.HTTP, make, (*opening, *covers, f"HttpClient.{name.partition(',')[0]}")
    )


RETRIES = RetryPolicy(attempts=2, base=0.01, longest=0.01)

HTTP_CALLS = (
    _http("get", lambda http, _: http.get("/health", within=WITHIN)),
    _http("post", lambda http, met: http.post("/x", content=_body(met), within=WITHIN)),
    _http("put", lambda http, met: http.put("/x", content=_body(met), within=WITHIN)),
    _http("patch", lambda http, _: http.patch("/x", json={"a": 1}, within=WITHIN)),
    _http("delete", lambda http, _: http.delete("/x", within=WITHIN)),
    _http(
        "request, retried",
        lambda http, _: http.request("GET", "/x", retry=RETRIES, within=WITHIN),
        "RetryPolicy.run",
    ),
)


async def _stream(config: StagingConfig, met: Met) -> None:
    async with HttpClient(config, token=TOKEN, trace=Trace()) as http:
        with met.call():
            async with http.stream("GET", "/api/chat/stream", within=WITHIN) as events:
                async for _ in events:
                    pass


STREAM_CALLS = (
    Call(
        "stream",
        Client.STREAM,
        _stream,
        (
            "HttpClient.stream",
            "EventStream.__aenter__",
            "EventStream.__anext__",
            "EventStream.__aexit__",
        ),
    ),
)


async def _health(config: StagingConfig, met: Met) -> None:
    with met.call():
        await Staging(config).health(within=WITHIN)


async def _wait_until_ready(config: StagingConfig, met: Met) -> None:
    with met.call():
        await Staging(config).wait_until_ready(within=WITHIN)


def _staging(config: StagingConfig) -> Staging:
    nobody = UserPool((), environment=Environment.LOCAL, endless=False, directory=LOCKS)
    return Staging(config, pool=nobody)


async def _register_users(config: StagingConfig, met: Met) -> None:
    with met.call():
        async with _staging(config).users(1, within=WITHIN):
            pass


async def _users_enter(config: StagingConfig, met: Met) -> None:
    with met.call():
        async with Staging(config).users(2, within=WITHIN):
            pass


async def _each(config: StagingConfig, met: Met) -> None:
    async with Staging(config).users(2, within=WITHIN * 5) as crowd:
        with met.call():
            await crowd.each(lambda user: user.http.get("/health", within=WITHIN))


async def _leave_a_user(config: StagingConfig, met: Met) -> None:
    user = VirtualUser(config, lease=None, session="", trace=Trace(), leaving=lambda: WITHIN)
    await user.__aenter__()
    user._made.append("thread-1")  # noqa: SLF001 - only a deployment that answers would make one
    with met.call():
        await user.__aexit__(None, None, None)


async def _availability(config: StagingConfig, met: Met) -> None:
    # The public functions ask once per process and remember: this is what they ask with.
    with met.call():
        ask = partial(probe, config.health_endpoint, within=WITHIN)
        with ThreadPoolExecutor(1) as thread:
            found = await asyncio.get_running_loop().run_in_executor(thread, ask)
        if not found.available:
            raise CallFailed(
                cause=found.cause or Cause.UNDECIDED, request_id="none is sent", trace_id="either"
            )


STAGING_CALLS = (
    Call("health", Client.HTTP, _health, ("Staging.health", "Staging.anonymous")),
    Call("wait_until_ready", Client.HTTP, _wait_until_ready, ("Staging.wait_until_ready",)),
    Call(
        "users, registered",
        Client.HTTP,
        _register_users,
        ("Staging.users", "Crowd.__aenter__", "Crowd.__aexit__"),
    ),
    Call("users", Client.HTTP, _users_enter, ("Staging.users",)),
    Call("each", Client.HTTP, _each, ("Crowd.each",)),
    Call("leaving a user", Client.HTTP, _leave_a_user, ("VirtualUser.__aexit__",)),
    Call(
        "staging_availability",
        Client.HTTP,
        _availability,
        ("is_staging_available", "staging_availability"),
    ),
)


async def _open(config: StagingConfig, met: Met) -> None:
    client = ChatClient(config, token=TOKEN, trace=Trace(), within=WITHIN)
    with met.call():
        await client.__aenter__()
    if met.failed is None:
        await _leave(client, met)


async def _leave(chat: ChatClient, met: Met) -> None:
    try:
        await chat.__aexit__(None, None, None)
    except NetraError as failed:
        met.left = failed


@contextlib.asynccontextmanager
async def _welcomed(config: StagingConfig, met: Met) -> AsyncIterator[ChatClient]:
    chat = ChatClient(config, token=TOKEN, trace=Trace(), within=OPENED_WITHIN)
    await chat.__aenter__()
    await asyncio.sleep(SETTLED)
    yield chat
    await _leave(chat, met)


def _chat(name: str, ask: Callable[[ChatClient, Met], Awaitable[object]], *covers: str) -> Call:
    async def make(config: StagingConfig, met: Met) -> None:
        async with _welcomed(config, met) as chat:
            with met.call():
                await ask(chat, met)

    return Call(name, Client.CHAT, make, covers or (f"ChatClient.{name}",), welcomed=True)


async def _events(chat: ChatClient, _: Met) -> None:
    async with chat.events(within=WITHIN) as feed:
        async for _frame in feed:
            pass


async def _say(chat: ChatClient, met: Met) -> None:
    deadline = Deadline.after(WITHIN)
    size, count = (LARGE // 32, 32) if met.behaviour.small_buffer else (1, 1)
    for _ in range(count):
        await chat.send(MessageType.USER_MESSAGE, {"content": "x" * size}, within=deadline)


STATUS = MessageType.AGENT_STATUS_REQUEST

CHAT_CALLS = (
    Call("open", Client.CHAT, _open, ("ChatClient.__aenter__", "VirtualUser.chat")),
    _chat("send", _say),
    _chat("send_raw", lambda chat, met: chat.send_raw(_body(met), within=WITHIN)),
    _chat("receive", lambda chat, _: chat.receive(within=WITHIN)),
    _chat("expect", lambda chat, _: chat.expect(MessageType.AGENT_STARTED, within=WITHIN)),
    _chat("expect_nothing", lambda chat, _: chat.expect_nothing(within=WITHIN)),
    _chat("request", lambda chat, _: chat.request(STATUS, within=WITHIN)),
    _chat("ping", lambda chat, _: chat.ping(within=WITHIN)),
    _chat("run_agent", lambda chat, _: chat.run_agent("triage", "where", within=WITHIN)),
    _chat("wait_for_thread", lambda chat, _: chat.wait_for_thread(within=WITHIN)),
    _chat(
        "events",
        _events,
        "ChatClient.events",
        "EventFeed.__aenter__",
        "EventFeed.__anext__",
        "EventFeed.__aexit__",
    ),
    _chat("close", lambda chat, _: chat.close(within=WITHIN)),
    _chat("leave", lambda chat, _: chat.__aexit__(None, None, None), "ChatClient.__aexit__"),
)

CALLS = {each.name: each for each in (*HTTP_CALLS, *STREAM_CALLS, *STAGING_CALLS, *CHAT_CALLS)}

# Public coroutines and context managers that no server can be rude to, and why.
NO_SERVER = {
    "Staging.user": "leases an identity of this machine; nothing is sent",
    "VirtualUser.__aenter__": "leases an identity of this machine; nothing is sent",
    "Lease.__aenter__": "locks a file of this machine; nothing is sent",
    "Lease.__aexit__": "unlocks a file of this machine; nothing is sent",
    "UserPool.lease": "locks a file of this machine; nothing is sent",
}
