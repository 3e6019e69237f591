"""What a user meets from signing in to the last event of an answer."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from netra_testkit import CRITICAL_EVENTS, AgentEvent, AuthRefused, Frame, MessageType

if TYPE_CHECKING:
    from netra_testkit import Staging, VirtualUser

pytestmark = pytest.mark.phase("experience")


@pytest.mark.priority(1, id="P1-021", name="session_persistence")
@pytest.mark.impact("users are thrown out, or never")
@pytest.mark.needs("register")
async def test_a_session_is_refreshed_and_ends(staging: Staging) -> None:
    """Log in, refresh once, log out: then both tokens are dead, and so is the used one."""
    email = f"e2e-{staging.run_id}@staging.netrasystems.ai"
    account = {"email": email, "password": secrets.token_urlsafe(24)}
    async with staging.anonymous() as nobody:
        await nobody.http.post("/auth/register", json=account)
        with pytest.raises(AuthRefused):
            await nobody.http.post("/auth/login", json=account | {"password": "another"})
        session = (await nobody.http.post("/auth/login", json=account)).json()
        # What lives long enough to renew a session opens nothing by itself.
        async with staging.anonymous().with_token(session["refresh_token"]) as mallory:
            with pytest.raises(AuthRefused):
                await mallory.http.get("/auth/me")
        refresh = {"refresh_token": session["refresh_token"]}
        renewed = (await nobody.http.post("/auth/refresh", json=refresh)).json()
        with pytest.raises(AuthRefused):
            await nobody.http.post("/auth/refresh", json=refresh)
    async with staging.anonymous().with_token(renewed["access_token"]) as newcomer:
        assert (await newcomer.http.get("/auth/me")).json()["email"] == email
        await newcomer.http.post("/auth/logout")
        with pytest.raises(AuthRefused):
            await newcomer.http.get("/auth/me")
    async with staging.anonymous() as nobody:
        # Who has logged out does not come back without a password.
        kept = {"refresh_token": renewed["refresh_token"]}
        with pytest.raises(AuthRefused):
            await nobody.http.post("/auth/refresh", json=kept)


@pytest.mark.priority(1, id="P1-022", name="agent_lifecycle_management")
@pytest.mark.impact("agents cannot be stopped")
async def test_an_agent_is_started_and_cancelled(staging: Staging) -> None:
    """A started agent runs until it is cancelled, and then does nothing more."""
    async with staging.user() as alice:

        async def state(agent_id: str) -> list[str]:
            listed = (await alice.http.get("/api/agents/status")).json()
            return [each["status"] for each in listed if each["agent_id"] == agent_id]

        started = (await alice.http.post("/api/agents/start", json={"agent": "data"})).json()
        agent = {"agent_id": started["agent_id"]}
        assert started["success"]
        assert await state(started["agent_id"]) == ["running"]
        assert (await alice.http.post("/api/agents/cancel", json=agent)).json()["success"]
        assert await state(started["agent_id"]) == ["cancelled"]

        request = {"agent": "data", "message": "Save some budget"}
        async with alice.http.stream("POST", "/api/agents/stream", json=request) as events:
            first = Frame.decode((await anext(events)).data)
            agent = {"agent_id": str(first.first(["agent_id"]))}
            await alice.http.post("/api/agents/cancel", json=agent, expect=None)
            cancelled = await state(agent["agent_id"]) == ["cancelled"]
            later = [Frame.decode(event.data) async for event in events]
        # It may have been too quick to be cancelled, but it cannot be both.
        completed = [each for each in later if each.type is MessageType.AGENT_COMPLETED]
        agents = {each.first(["agent", "agent_name"]) for each in completed}
        assert not (cancelled and first.first(["agent", "agent_name"]) in agents)
        assert await state(started["agent_id"]) == ["cancelled"]


@pytest.mark.priority(1, id="P1-023", name="streaming_partial_results")
@pytest.mark.impact("answers break off unnoticed")
async def test_twenty_streams_have_twenty_ends(staging: Staging) -> None:
    """Each stream comes in pieces, in order, and to its own end; one cut short is an error."""

    async def read(user: VirtualUser) -> list[Frame]:
        request = {"content": f"Save some budget of {user.name}"}
        async with user.http.stream("POST", "/api/chat/stream", json=request) as events:
            return [Frame.decode(event.data) async for event in events]

    def said(frames: list[Frame], kind: MessageType, *names: str) -> str:
        return "".join(str(frame.first(names)) for frame in frames if frame.type is kind)

    async with staging.users(20) as crowd:
        streams = await crowd.each(read)
        asked = [f"Save some budget of {user.name}" for user in crowd.users]
    # Each is answered what it asked, and its pieces are the answer.
    assert [said(each, MessageType.USER_MESSAGE, "content") for each in streams] == asked
    for frames in streams:
        result = said(frames, MessageType.AGENT_COMPLETED, "result", "final_response")
        assert said(frames, MessageType.RESPONSE_CHUNK, "content", "text") == result != ""
        kinds = [frame.type for frame in frames]
        assert (kinds[0], kinds[-1]) == (MessageType.STREAM_START, MessageType.STREAM_END)
        order = [kind for kind in kinds if kind in CRITICAL_EVENTS]
        assert (order[0], order[-1]) == (CRITICAL_EVENTS[0], CRITICAL_EVENTS[-1])


@pytest.mark.priority(1, id="P1-024", name="message_ordering")
@pytest.mark.impact("conversations make no sense")
async def test_ten_messages_stay_in_order(staging: Staging) -> None:
    """Kept in the order said, over HTTP and over the socket, and answered in that order."""
    sent = [f"message {number}" for number in range(10)]
    async with staging.user() as alice:
        thread_id = (await alice.http.post("/api/threads", json={"title": "Order"})).json()["id"]
        for content in sent:
            message = {"content": content, "thread_id": thread_id}
            await alice.http.post("/api/chat/messages", json=message)
        page = (await alice.http.get(f"/api/threads/{thread_id}/messages")).json()
        assert [each["content"] for each in page["messages"]] == sent
        async with alice.chat() as chat:
            asked = [await chat.send(MessageType.PING) for _ in sent]
            answered = [await chat.expect(MessageType.PONG) for _ in sent]
            for content in sent:
                await chat.send(MessageType.USER_MESSAGE, {"content": content})
            last = await chat.request(MessageType.USER_MESSAGE, {"content": "the last"})
        page = (await alice.http.get(f"/api/threads/{last.thread_id}/messages")).json()
    assert [frame.request_id for frame in answered] == asked
    said = [each["content"] for each in page["messages"] if each["role"] == "user"]
    assert said == [*sent, "the last"]


@pytest.mark.priority(1, id="P1-025", name="critical_event_delivery")
@pytest.mark.impact("users see nothing while an agent works")
async def test_a_run_delivers_its_five_events(staging: Staging) -> None:
    """All five events of one run, in order, with their tools, and none of anybody else's."""
    async with staging.users(2) as crowd:

        async def run(user: VirtualUser) -> tuple[AgentEvent, ...]:
            async with user.chat() as chat:
                done = await chat.run_agent("triage", f"What may {user.name} save?")
                done.assert_delivered()
                assert done.user_id == user.name
                # A run has one end, and nothing of anybody else's comes after it.
                await chat.expect_nothing(within=0.1)
                return done.events

        first, second = await crowd.each(run)
    assert {event.run_id for event in first}.isdisjoint({event.run_id for event in second})
