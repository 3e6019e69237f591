"""Many users, limits, mistakes and broken connections."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from netra_testkit import Deadline, Frame, MessageType, RateLimited, UnexpectedStatus, encode

if TYPE_CHECKING:
    from netra_testkit import Staging, VirtualUser

pytestmark = pytest.mark.phase("scale")


@pytest.mark.priority(1, id="P1-016", name="user_context_isolation")
@pytest.mark.impact("users see what is not theirs")
async def test_two_users_share_nothing(staging: Staging) -> None:
    """Threads and runs are their owner's; a header that names somebody else changes nothing."""
    async with staging.user() as alice, staging.user() as bob:
        assert alice.identity and bob.identity
        mine = (await alice.http.post("/api/threads", json={"title": "Mine"})).json()["id"]
        theirs = (await bob.http.post("/api/threads", json={"title": "Theirs"})).json()["id"]
        agent = (await alice.http.post("/api/agents/start", json={"agent": "data"})).json()
        agent_id = {"agent_id": agent["agent_id"]}
        spoofed = {"X-User-ID": alice.identity.user_id, "X-User": alice.identity.email}
        for headers in ({}, spoofed):
            me = (await bob.http.get("/auth/me", headers=headers)).json()
            threads = (await bob.http.get("/api/threads", headers=headers)).json()["threads"]
            assert bob.identity.user_id in json.dumps(me)
            assert theirs in {thread["id"] for thread in threads}
            assert mine not in {thread["id"] for thread in threads}
            listed = (await bob.http.get("/api/agents/status", headers=headers)).json()
            assert agent["agent_id"] not in {each["agent_id"] for each in listed}
            for method, path, body in (
                ("GET", f"/api/threads/{mine}", None),
                ("PUT", f"/api/threads/{mine}", {"title": "Taken"}),
                ("POST", f"/api/threads/{mine}/messages", {"content": "Not by you"}),
                ("POST", "/api/chat/messages", {"content": "Not by you", "thread_id": mine}),
                ("DELETE", f"/api/threads/{mine}", None),
                ("POST", "/api/agents/cancel", agent_id),
            ):
                with pytest.raises(UnexpectedStatus) as refused:
                    await bob.http.request(method, path, json=body, headers=headers)
                assert refused.value.status == 404, (method, path)
        assert (await alice.http.post("/api/agents/cancel", json=agent_id)).json()["success"]
        async with alice.chat() as hers, bob.chat() as his:
            run = await hers.run_agent("triage", "What may only I know?")
            assert run.user_id == alice.identity.user_id
            await his.expect_nothing(within=0.2)
            # It is refused, or said in a thread of that name that is his.
            said = {"content": "Not by you", "thread_id": mine}
            await his.send(MessageType.USER_MESSAGE, said, thread_id=mine)
            await his.ping()
        kept = (await alice.http.get(f"/api/threads/{mine}/messages")).json()["messages"]
        assert kept == []
        # What is for administrators is for no other user either.
        assert (await bob.http.get("/api/config", expect=None)).status in {403, 404}


@pytest.mark.priority(1, id="P1-017", name="concurrent_users")
@pytest.mark.impact("the platform does not scale")
async def test_twenty_users_work_at_once(staging: Staging) -> None:
    """Eighty requests of twenty users succeed, each with its own token, in time."""

    async def work(user: VirtualUser) -> list[str]:
        answer = await user.http.post("/api/threads", json={"title": user.name})
        thread_id = answer.json()["id"]
        said = {"content": f"I am {user.name}.", "thread_id": thread_id}
        await user.http.post("/api/chat/messages", json=said)
        page = (await user.http.get(f"/api/threads/{thread_id}/messages")).json()
        await user.http.post("/api/agents/triage", json={"message": "Save some budget"})
        return [each["content"] for each in page["messages"]]

    async with staging.users(20) as crowd:
        kept = await crowd.each(work)
        assert kept == [[f"I am {user.name}."] for user in crowd.users]
        latency = crowd.latency
    assert (latency.n, latency.identities) == (80, 20)
    assert latency.p95 <= staging.config.budgets.api_p95.limit, latency


@pytest.mark.priority(1, id="P1-018", name="rate_limiting")
@pytest.mark.impact("one user can use up what is everybody's")
@pytest.mark.needs("rate_limit")
async def test_one_request_too_many_is_refused(staging: Staging) -> None:
    """Up to the published limit all is well; the next request is told when to come again.

    Where the limit is a user's, it is nobody else's.
    """
    async with staging.user() as alice:
        limits = (await alice.http.get("/api/config/public")).json()["rate_limits"]
        assert limits
        for limit in limits:
            for _ in range(limit["requests"]):
                await alice.http.request(limit["method"], limit["route"])
            with pytest.raises(RateLimited) as refused:
                await alice.http.request(limit["method"], limit["route"])
            assert refused.value.retry_after is not None
            assert 0 < refused.value.retry_after <= limit["window_seconds"]
            if limit.get("per") == "user":
                # What one has used up is still there for everybody else.
                async with staging.user() as bob:
                    await bob.http.request(limit["method"], limit["route"])


@pytest.mark.priority(1, id="P1-019", name="error_handling")
@pytest.mark.impact("mistakes look like success, or tell secrets")
async def test_mistakes_are_named_and_tell_nothing_else(staging: Staging) -> None:
    """Each bad request has its status and an error body, and no body shows the inside."""
    mistakes = [
        ("GET", "/api/no/such/place", None, 404),
        ("PATCH", "/api/threads", None, 405),
        ("POST", "/api/threads", {"title": ["no", "text"]}, 422),
        ("POST", "/api/chat/messages", {"content": ""}, 422),
        ("GET", "/api/threads?page=0", None, 422),
        ("GET", "/api/threads/no-such-thread", None, 404),
        ("POST", "/api/agents/cancel", {"agent_id": "no-such-agent"}, 404),
    ]
    async with staging.user() as alice:
        for method, path, body, status in mistakes:
            answer = await alice.http.request(method, path, json=body, expect=status)
            said = answer.json()
            assert isinstance(said, dict), (method, path)
            assert "detail" in said or {"error", "error_code", "message"} <= said.keys()
            assert "Traceback" not in answer.text
            assert '.py", line' not in answer.text
        async with alice.chat() as chat:
            await chat.send_raw('{"type": "no_such_type", "payload": {}}')
            assert (await chat.expect(MessageType.ACK)).body["received_type"] == "no_such_type"
            # What nobody understands is not for an agent to answer.
            await chat.expect_nothing(MessageType.AGENT_STARTED, within=0.1)
        # What nobody can read is told so or ends the connection, but no handler dies of it.
        assert await ended_by(staging, '{"type": ') in {None, 1003, 1007, 1008}
    for path in ("/../../../../etc/passwd", "/api/..%2f..%2f..%2fetc/passwd"):
        status, text = await asked_raw(staging, path)
        assert status in {400, 404}, path
        assert "root:" not in text


async def ended_by(staging: Staging, text: str) -> int | None:
    """Say something on a socket and ping it; with which code it is closed, None where it is not."""
    config = staging.config
    connecting = connect(
        config.websocket_url,
        additional_headers=config.get_websocket_headers(),
        close_timeout=config.timeouts.close,
        # No proxy stands between a machine and itself.
        proxy=True if config.websocket_url.startswith("wss:") else None,
    )
    deadline = Deadline.after(config.timeouts.receive)
    async with (
        deadline.guard(phase="receive", waiting_for="an answer to a ping, or a close"),
        connecting as socket,
    ):
        with suppress(ConnectionClosed):
            await socket.send(text)
            await socket.send(encode("ping", message_id="after", timestamp=time.time()))
            async for said in socket:
                if Frame.decode(said).type is MessageType.PONG:
                    return None
        return socket.close_code


async def asked_raw(staging: Staging, path: str) -> tuple[int, str]:
    """Ask for a path that no client would let through; the status and everything else."""
    url = urlsplit(staging.config.base_url)
    deadline = Deadline.after(staging.config.timeouts.receive)
    async with deadline.guard(phase="receive", waiting_for=f"answer from {path}"):
        reader, writer = await asyncio.open_connection(
            url.hostname, url.port or 443, ssl=url.scheme == "https" or None
        )
        try:
            head = f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            # It was asked to close, so the answer ends where the connection does.
            text = (await reader.read()).decode("utf-8", "replace")
        finally:
            writer.close()
    return int(text.split(" ", 2)[1]), text


@pytest.mark.priority(1, id="P1-020", name="connection_resilience")
@pytest.mark.impact("a dropped connection ends a conversation")
async def test_a_thread_outlives_its_connections(staging: Staging) -> None:
    """Five dropped sockets, five new ones: the thread goes on where it was."""
    async with staging.user() as alice:
        thread_id = (await alice.http.post("/api/threads", json={"title": "Long"})).json()["id"]
        for number in range(5):
            async with alice.chat(thread_id=thread_id) as chat:
                payload = {"content": f"part {number}", "thread_id": thread_id}
                await chat.request("user_message", payload)
                chat.abort()
        page = (await alice.http.get(f"/api/threads/{thread_id}/messages")).json()
    said = [each["content"] for each in page["messages"] if each["role"] == "user"]
    assert said == [f"part {number}" for number in range(5)]
