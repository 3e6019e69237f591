"""Sockets of a broken deployment: open to others' threads, and dead of what cannot be read."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import ALICE, BOB, client, receive, receive_until, send, socket

from netra_testkit.local.faults import Fault
from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from websockets.asyncio.client import ClientConnection


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0) as started:
        yield started


@pytest.fixture
def server(shared: LocalStaging) -> Iterator[LocalStaging]:
    yield shared
    shared.faults.clear()


@pytest.fixture
async def bob(server: LocalStaging) -> AsyncIterator[ClientConnection]:
    async with socket(server, BOB) as connection:
        await receive_until(connection, "handshake_response")
        yield connection


async def thread_of_alice(server: LocalStaging) -> str:
    """A thread of hers in which she has said one thing; its id."""
    async with client(server, ALICE) as http:
        thread_id = f"alices-{uuid.uuid4()}"
        async with socket(server) as connection:
            await send(connection, "user_message", content="a secret", thread_id=thread_id)
            await receive_until(connection, "agent_completed")
        assert await said_in(http, thread_id) == ["a secret"]
    return thread_id


async def said_in(http: Any, thread_id: str) -> list[str]:
    messages = (await http.get(f"/api/threads/{thread_id}/messages")).json()["messages"]
    return [each["content"] for each in messages if each["role"] == "user"]


async def test_an_open_conversation_takes_what_others_say(
    server: LocalStaging, bob: ClientConnection
) -> None:
    thread_id = await thread_of_alice(server)
    server.faults.add(Fault("foreign-conversation"))
    await send(bob, "user_message", content="not hers", thread_id=thread_id)
    await receive_until(bob, "agent_completed")
    async with client(server, ALICE) as http:
        assert await said_in(http, thread_id) == ["a secret", "not hers"]


async def test_an_open_conversation_is_told_to_others(
    server: LocalStaging, bob: ClientConnection
) -> None:
    thread_id = await thread_of_alice(server)
    server.faults.add(Fault("foreign-conversation"))
    await send(bob, "switch_thread", thread_id=thread_id)
    assert (await receive(bob))["type"] == "thread_update"
    await send(bob, "get_thread_history")
    told = (await receive(bob))["data"]
    assert (told["thread_id"], told["messages"][0]["content"]) == (thread_id, "a secret")


@pytest.mark.parametrize("user", [None, "somebody-else"])
async def test_no_conversation_is_open_that_is_not_there(
    server: LocalStaging, bob: ClientConnection, user: str | None
) -> None:
    thread_id = "nobodys" if user is None else await thread_of_alice(server)
    server.faults.add(Fault("foreign-conversation", user=user))
    await send(bob, "get_thread_history", thread_id=thread_id)
    assert (await receive(bob))["error_code"] == "THREAD_NOT_FOUND"


async def test_a_handler_dies_of_a_frame_that_cannot_be_read(
    server: LocalStaging, bob: ClientConnection
) -> None:
    server.faults.add(Fault("bad-frame-dies"))
    await send(bob, "ping")
    assert (await receive(bob))["type"] == "pong"
    await bob.send('{"type": ')
    await bob.wait_closed()
    assert bob.close_code == 1011
