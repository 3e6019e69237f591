"""What a server does instead of a goodbye, and a flood in front of one."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.clients.chat_server import Peer, chat_server, eventually
from tests.clients.http_server import config_for, within
from tests.rude.behaviours import BEHAVIOURS, rude

from netra_testkit.clients import mailbox
from netra_testkit.clients.chat import ChatClient
from netra_testkit.errors import Cause, DeadlineExceeded, HandshakeFailed, ServerClosed


@pytest.mark.parametrize(
    ("code", "facts"),
    [(1011, (1011, "server", Cause.PRODUCT)), (401, (1002, "client", Cause.PRODUCT))],
    ids=["a crash", "an illegal code"],
)
async def test_a_goodbye_answered_with_a_failure_is_said(
    code: int, facts: tuple[int, str, Cause]
) -> None:
    with (
        rude(BEHAVIOURS[f"closes with {code} at close"]) as server,
        pytest.raises(ServerClosed) as caught,
    ):
        async with ChatClient(config_for(server.authority)):
            pass
    closed = caught.value
    assert (closed.code, closed.closed_by, closed.cause) == facts
    assert closed.phase == "close"


async def test_what_the_block_raised_comes_before_the_answer_to_the_goodbye() -> None:
    with (
        rude(BEHAVIOURS["closes with 1011 at close"]) as server,
        pytest.raises(ValueError, match="mine"),
    ):
        async with ChatClient(config_for(server.authority)):
            raise ValueError("mine")


@pytest.mark.parametrize("name", ["never answers a close", "only JSON pings", "floods frames"])
async def test_closing_waits_as_long_as_it_is_told_to(name: str) -> None:
    with rude(BEHAVIOURS[name]) as server:
        async with ChatClient(config_for(server.authority, timeouts={"close": 0.05})) as chat:
            with within(0.15), pytest.raises(DeadlineExceeded) as late:
                await chat.close(within=0.15)
    assert late.value.elapsed >= 0.149  # some loops count in milliseconds


async def test_a_goodbye_is_heard_behind_more_than_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Still more than what a single read brings.
    most = 5_000
    monkeypatch.setattr(mailbox, "MOST_FRAMES", most)

    async def talk(peer: Peer) -> None:
        await peer.hear()
        for _ in range(20):
            await peer.say(*['{"type": "ack"}'] * (most // 10))
            await asyncio.sleep(0)
        await peer.until_gone()

    async with chat_server(talk) as server, ChatClient(server.config) as chat:
        await chat.send("chat", {"content": "go on"})
        inbox = chat._connection.hearing.inbox  # noqa: SLF001 - how much is kept is not public
        await eventually(lambda: inbox.full)
        await chat.close(within=5.0)
        assert len(inbox) < most * 2


@pytest.mark.broad
async def test_a_flood_of_tiny_frames_leaves_the_loop_to_others_and_is_not_kept() -> None:
    with rude(BEHAVIOURS["floods empty frames"]) as server:
        chat = await ChatClient(config_for(server.authority)).__aenter__()
        inbox = chat._connection.hearing.inbox  # noqa: SLF001 - how much is kept is not public
        longest, until = 0.0, time.monotonic() + 20.0
        while not inbox.full:
            began, used = time.monotonic(), time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - used)
            assert began < until
        await asyncio.sleep(0.05)
        assert len(inbox) < mailbox.MOST_FRAMES * 2
        chat.abort()
        await chat.__aexit__(None, None, None)
    assert longest < 0.5


async def test_an_upgrade_is_not_redirected() -> None:
    with rude(BEHAVIOURS["redirects in a loop"]) as server:
        with pytest.raises(HandshakeFailed, match="307"):
            async with ChatClient(config_for(server.authority)):
                pass
        assert server.accepted == 1
