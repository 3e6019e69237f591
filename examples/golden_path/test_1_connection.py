"""Who gets in over the socket, and what is heard there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect

from netra_testkit import AuthRefused, Deadline, Frame, MessageType, encode

if TYPE_CHECKING:
    from netra_testkit import Staging, VirtualUser

pytestmark = pytest.mark.phase("connection")


@pytest.mark.priority(1, id="P1-001", name="websocket_connection")
@pytest.mark.impact("nobody can chat")
async def test_a_socket_is_refused_without_a_token_and_welcomed_with_one(staging: Staging) -> None:
    """A connection takes a token, and once welcomed it answers."""
    with pytest.raises(AuthRefused):
        async with staging.anonymous() as nobody, nobody.chat():
            pass
    async with staging.user() as alice, alice.chat() as chat:
        assert chat.connection_id
        assert await chat.ping() > 0


@pytest.mark.priority(1, id="P1-002", name="websocket_authentication")
@pytest.mark.impact("anybody can chat as anybody")
async def test_a_socket_takes_good_tokens_only(staging: Staging) -> None:
    """Bad tokens are refused, plain and announced; a good one stands for its own user."""
    bad = staging.bad_tokens
    for token in (bad.expired(), bad.wrong_secret(), bad.wrong_audience(), bad.unsigned()):
        for announced in (False, True):
            with pytest.raises(AuthRefused):
                async with (
                    staging.anonymous().with_token(token) as mallory,
                    mallory.chat(announce_e2e=announced),
                ):
                    pass
    async with staging.user() as alice, alice.chat() as chat:
        assert alice.identity is not None
        assert chat.user_id == alice.identity.user_id
        # A token that is said again stands in the log of every proxy on the way.
        assert not chat.findings, chat.findings


@pytest.mark.priority(1, id="P1-003", name="websocket_message_send")
@pytest.mark.impact("messages vanish")
async def test_a_message_is_acknowledged_in_its_thread(staging: Staging) -> None:
    """What answers a message names that message and the thread it was said in."""
    async with staging.user() as alice:
        thread_id = (await alice.http.post("/api/threads", json={"title": "One"})).json()["id"]
        async with alice.chat(thread_id=thread_id) as chat:
            payload = {"content": "Where does my budget go?", "thread_id": thread_id}
            answer = await chat.request(MessageType.USER_MESSAGE, payload)
            assert answer.type in {MessageType.ACK, MessageType.AGENT_STARTED}
            assert answer.thread_id == thread_id
    assert await answered(staging) == ["early", "late"]


async def answered(staging: Staging) -> list[str | None]:
    """Speak before the welcome, as browsers do, and after it; what is answered, in order."""
    config = staging.config
    connecting = connect(
        config.websocket_url,
        additional_headers=config.get_websocket_headers(),
        close_timeout=config.timeouts.close,
        # No proxy stands between a machine and itself.
        proxy=True if config.websocket_url.startswith("wss:") else None,
    )
    deadline = Deadline.after(config.timeouts.receive)
    answers: list[str | None] = []
    async with (
        deadline.guard(phase="receive", waiting_for="answers to two pings"),
        connecting as socket,
    ):
        await socket.send(encode("ping", message_id="early", timestamp=time.time()))
        async for said in socket:
            frame = Frame.decode(said)
            if frame.type is MessageType.PONG:
                answers.append(frame.request_id)
            elif frame.type in {MessageType.CONNECTION_ESTABLISHED, MessageType.SYSTEM_MESSAGE}:
                await socket.send(encode("ping", message_id="late", timestamp=time.time()))
            if "late" in answers:
                break
    return answers


@pytest.mark.priority(1, id="P1-004", name="websocket_concurrent_connections")
@pytest.mark.impact("users hear one another")
async def test_five_sockets_at_once_are_five_users(staging: Staging) -> None:
    """Each has an identity and a connection of its own, and hears its own answers only."""

    async def connect(user: VirtualUser) -> tuple[str | None, str | None]:
        async with user.chat() as chat:
            assert await chat.ping() > 0
            run = await chat.run_agent("triage", f"What may {user.name} do?")
            assert run.user_id == user.name
            await chat.expect_nothing(within=0.1)
            return chat.user_id, chat.connection_id

    async with staging.users(5) as crowd:
        met = await crowd.each(connect)
        assert {user for user, _ in met} == {user.name for user in crowd.users}
        assert len({connection for _, connection in met}) == 5
