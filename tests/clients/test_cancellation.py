"""Chat and staging cancelled at every step: it comes out, nothing is left, the next use works."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.chat_server import Peer, chat_server
from tests.clients.http_server import answer, nothing_left, serving

from netra_testkit.clients.chat import ChatClient
from netra_testkit.clients.staging import Staging
from netra_testkit.clients.virtual_user import VirtualUser
from netra_testkit.safety.trace import Trace
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.leases import UserPool
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.wire.lifecycle import ConnectionState
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.clients.http_server import Request

    from netra_testkit.settings.config import StagingConfig

pytestmark = pytest.mark.broad

MOST_STEPS = 400
NUMBERS = itertools.count(1)
SECRET = JwtSecret.generate("the cancellation tests")


async def reply(peer: Peer) -> None:
    """Answer whatever is said, each in its way, and name the thread."""
    await peer.say({"type": "handshake_response", "data": {"thread_id": "t-1"}})
    while True:
        asked = await peer.hear()
        match asked["type"]:
            case "start_agent":
                await peer.run(asked)
            case "ping":
                await peer.say({"type": "pong"})
            case "handshake_acknowledged":
                await peer.say({"type": "handshake_complete"})
            case _:
                await peer.say({"type": "ack", "message_id": asked.get("message_id")})


async def read_events(chat: ChatClient) -> None:
    await chat.send(MessageType.USER_MESSAGE, {"content": "x"})
    async with chat.events() as feed:
        async for _ in feed:
            return


async def say_and(chat: ChatClient, then: Callable[[], Awaitable[object]]) -> None:
    await chat.send(MessageType.USER_MESSAGE, {"content": "x"})
    await then()


CALLS: dict[str, Callable[[ChatClient], Awaitable[object]]] = {
    "send": lambda chat: chat.send(MessageType.USER_MESSAGE, {"content": "x" * 900_000}),
    "send_raw": lambda chat: chat.send_raw(json.dumps({"type": "ack", "x": "x" * 900_000})),
    "receive": lambda chat: say_and(chat, chat.receive),
    "expect": lambda chat: say_and(chat, lambda: chat.expect(MessageType.ACK)),
    "expect_nothing": lambda chat: chat.expect_nothing(within=0.0002),
    "request": lambda chat: chat.request(MessageType.AGENT_STATUS_REQUEST),
    "ping": lambda chat: chat.ping(),
    "run_agent": lambda chat: chat.run_agent("triage", "where"),
    "wait_for_thread": lambda chat: chat.wait_for_thread(),
    "events": read_events,
    "close": lambda chat: chat.close(),
    "leave": lambda chat: chat.__aexit__(None, None, None),
}
ENDS_THE_CONNECTION = {"close", "leave"}


async def cancelled_at(step: int, use: Awaitable[object]) -> bool:
    """Cancel a use after so many turns of the loop; whether it had not ended before."""
    task = asyncio.ensure_future(use)
    for _ in range(step):
        await asyncio.sleep(0)
    if not task.cancel():
        await task
        return False
    with pytest.raises(asyncio.CancelledError):
        await task
    return True


async def open_and_leave(config: StagingConfig) -> None:
    async with ChatClient(config, trace=Trace()) as chat:
        await chat.ping()


async def test_opening_may_be_cancelled_at_any_step() -> None:
    async with chat_server(reply) as server:
        for step in range(MOST_STEPS):
            async with nothing_left():
                went_on = await cancelled_at(step, open_and_leave(server.config))
                await open_and_leave(server.config)
            if not went_on:
                break
        else:
            pytest.fail(f"it did not end within {MOST_STEPS} steps")
    assert step > 5


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_of_a_chat_may_be_cancelled_at_any_step(name: str) -> None:
    async with chat_server(reply) as server:
        for step in range(MOST_STEPS):
            async with nothing_left():
                chat = await ChatClient(server.config, trace=Trace()).__aenter__()
                went_on = await cancelled_at(step, CALLS[name](chat))
                if name not in ENDS_THE_CONNECTION and not chat.state.startswith("clos"):
                    await still_works(chat)
                await chat.__aexit__(None, None, None)
                await open_and_leave(server.config)
            if not went_on:
                break
        else:
            pytest.fail(f"it did not end within {MOST_STEPS} steps")
    assert step > 0


async def still_works(chat: ChatClient) -> None:
    """What a cancelled call was waiting for comes late and disturbs nobody."""
    if chat.closed is None and chat.state is not ConnectionState.FAILED:
        with contextlib.suppress(RuntimeError):  # a cancelled send has cut the connection
            assert await chat.ping() < 2.0


def say(request: Request) -> bytes:
    match request.method, request.target:
        case "POST", "/auth/register":
            return answer(json.dumps({"user": {"id": f"user-{next(NUMBERS)}"}}).encode())
        case "POST", "/api/threads":
            return answer(b'{"id": "thread-1"}')
    return answer()


def peopled(config: StagingConfig, directory: Path) -> Staging:
    """A staging of which nobody is known yet and anybody may be registered."""
    nobody = UserPool((), environment=Environment.LOCAL, endless=False, directory=directory)
    return Staging(config, pool=nobody)


async def lease(config: StagingConfig, directory: Path) -> None:
    pool = UserPool((), environment=Environment.LOCAL, directory=directory)
    async with Staging(config, pool=pool).user() as user:
        await user.http.get("/health")


async def make_a_thread(config: StagingConfig, _: Path) -> None:
    async with VirtualUser(config, lease=None, session="", trace=Trace()) as user:
        await user.http.post("/api/threads", json={})


async def gather_a_crowd(config: StagingConfig, directory: Path) -> None:
    async with peopled(config, directory).users(2) as crowd:
        await crowd.each(lambda user: user.http.get("/health"))


USES: dict[str, Callable[[StagingConfig, Path], Awaitable[Any]]] = {
    "health": lambda config, _: Staging(config).health(),
    "wait_until_ready": lambda config, _: Staging(config).wait_until_ready(),
    "user": lease,
    "leaving a user": make_a_thread,
    "users, registered": gather_a_crowd,
}


@pytest.mark.parametrize("name", USES)
async def test_staging_may_be_cancelled_at_any_step(name: str, tmp_path: Path) -> None:
    async with serving(say) as served:
        config = served.config
        config = type(config)(
            **{
                **config.model_dump(include={"base_url", "api_url", "auth_url", "frontend_url"}),
                "environment": "local",
                "websocket_url": config.websocket_url,
                "jwt_secret": SECRET,
                "allow_registration": True,
            }
        )
        for step in range(MOST_STEPS):
            async with nothing_left():
                went_on = await cancelled_at(step, USES[name](config, tmp_path))
                assert (await Staging(config).health(within=2)).is_ready
            if not went_on:
                break
        else:
            pytest.fail(f"it did not end within {MOST_STEPS} steps")
    assert step > 2
