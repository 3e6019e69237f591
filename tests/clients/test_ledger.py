from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.chat_server import Peer, chat_server, eventually
from tests.clients.deployment import Answer, Asked, deployment, staged
from tests.clients.http_server import answer, serving
from tests.clients.ledger_calls import SSE, calling, kinds

from netra_testkit.clients import ledger as ledgers
from netra_testkit.clients.chat import ChatClient
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.ledger import Ledger, kept
from netra_testkit.clients.staging import Staging
from netra_testkit.errors import (
    AuthRefused,
    DeadlineExceeded,
    NetraError,
    ServerClosed,
    ServiceUnavailable,
)
from netra_testkit.wire.lifecycle import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from netra_testkit.clients.virtual_user import VirtualUser


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    with kept(ledger):
        yield ledger


@pytest.mark.parametrize(
    ("path", "kind"), [("/refused", "AuthRefused"), ("/busy", "ServiceUnavailable")]
)
async def test_what_leaves_a_request_is_entered(ledger: Ledger, path: str, kind: str) -> None:
    async with calling() as http:
        with pytest.raises(NetraError):
            await http.get(path)
    [entry] = ledger.unaccounted
    assert entry.kind == kind
    assert str(entry).startswith(f"{entry.number}. {kind}: ")


@pytest.mark.parametrize("path", ["/late", "/gone"])
async def test_what_says_enough_by_itself_is_not_entered(ledger: Ledger, path: str) -> None:
    async with calling() as http:
        with pytest.raises(NetraError):
            await http.get(path)
    assert kinds(ledger) == []


async def test_a_deadline_of_an_event_stream_is_entered_once(ledger: Ledger) -> None:
    head = "Content-Type: text/event-stream"
    said = answer(SSE, 200, head).replace(b"Content-Length: ", b"Content-Length: 1")
    async with calling(lambda _: said) as http, http.stream("GET", "/s", gap_within=0.05) as events:
        await anext(events)
        for _ in range(2):
            with pytest.raises(DeadlineExceeded):
                await anext(events)
    assert kinds(ledger) == ["DeadlineExceeded"]
    assert ledger.requests == 1


async def test_a_stream_that_is_refused_is_entered(ledger: Ledger) -> None:
    async with calling() as http:
        with pytest.raises(ServiceUnavailable):
            async with http.stream("GET", "/busy"):
                pytest.fail("it was opened")
    assert kinds(ledger) == ["ServiceUnavailable"]


async def first_of(chat: ChatClient) -> None:
    async with chat.events(within=0.05) as events:
        async for _ in events:
            pytest.fail("nothing was to come")


CHAT_CALLS: dict[str, tuple[Callable[[ChatClient], Any], str]] = {
    "receive": (lambda chat: chat.receive(within=0.05), "DeadlineExceeded"),
    "expect": (lambda chat: chat.expect("pong", within=0.05), "DeadlineExceeded"),
    "request": (lambda chat: chat.request("ping", within=0.05), "DeadlineExceeded"),
    "ping": (lambda chat: chat.ping(within=0.05), "DeadlineExceeded"),
    "run_agent": (lambda chat: chat.run_agent("triage", "x", within=0.05), "DeadlineExceeded"),
    "wait_for_thread": (lambda chat: chat.wait_for_thread(within=0.05), "DeadlineExceeded"),
    "events": (first_of, "DeadlineExceeded"),
}


@pytest.mark.parametrize("name", CHAT_CALLS)
async def test_a_call_of_the_chat_that_takes_too_long_is_entered(ledger: Ledger, name: str) -> None:
    call, kind = CHAT_CALLS[name]
    async with chat_server(Peer.until_gone) as server, ChatClient(server.config) as chat:
        with pytest.raises(DeadlineExceeded):
            await call(chat)
    assert kinds(ledger) == [kind]
    assert ledger.sockets == 1


ENDED_CALLS: dict[str, Callable[[ChatClient], Any]] = {
    "receive": lambda chat: chat.receive(),
    "send": lambda chat: chat.send("ping"),
    "send_raw": lambda chat: chat.send_raw("x"),
    "expect_nothing": lambda chat: chat.expect_nothing(within=0.5),
}


@pytest.mark.parametrize("name", ENDED_CALLS)
async def test_a_socket_that_the_server_closed_is_entered(ledger: Ledger, name: str) -> None:
    async def die(peer: Peer) -> None:
        await peer.socket.close(1011, "boom")

    async with chat_server(die) as server, ChatClient(server.config) as chat:
        with pytest.raises(ServerClosed):
            await chat.receive()
        ledger.entries.clear()
        with pytest.raises(ServerClosed):
            await ENDED_CALLS[name](chat)
    assert kinds(ledger) == ["ServerClosed"]
    assert "1011 (boom)" in next(iter(ledger.entries.values())).text


async def ended(chat: ChatClient) -> None:
    await eventually(lambda: chat.state is ConnectionState.FAILED)


async def test_an_end_that_only_the_blocks_end_says_is_entered(ledger: Ledger) -> None:
    async def die(peer: Peer) -> None:
        await peer.socket.close(1011, "boom")

    async with chat_server(die) as server:
        with pytest.raises(ServerClosed):
            async with ChatClient(server.config) as chat:
                await ended(chat)
    assert kinds(ledger) == ["ServerClosed"]


async def test_an_end_that_is_only_looked_at_is_not_entered(ledger: Ledger) -> None:
    async def die(peer: Peer) -> None:
        await peer.socket.close(1011, "boom")

    async with chat_server(die) as server, ChatClient(server.config) as chat:
        await ended(chat)
        assert isinstance(chat.closed, ServerClosed)
    assert kinds(ledger) == []


async def test_a_refusal_at_the_welcome_is_entered(ledger: Ledger) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.socket.close(1008, "refused")

    async with chat_server(refuse, welcome=False) as server:
        with pytest.raises(AuthRefused):
            async with ChatClient(server.config):
                pytest.fail("it was welcomed")
    assert kinds(ledger) == ["AuthRefused"]


async def test_a_goodbye_without_an_answer_is_entered_when_a_test_waits_for_it(
    ledger: Ledger,
) -> None:
    release = asyncio.Event()

    async def mute(peer: Peer) -> None:
        peer.socket.transport.pause_reading()
        await release.wait()

    async with chat_server(mute, timeouts={"close": 0.05}) as server:
        async with ChatClient(server.config):
            pass
        assert kinds(ledger) == []
        async with ChatClient(server.config) as chat:
            with pytest.raises(DeadlineExceeded):
                await chat.close()
        release.set()
    assert kinds(ledger) == ["DeadlineExceeded"]


async def test_an_identity_that_is_not_free_in_time_is_entered(
    ledger: Ledger, tmp_path: Path
) -> None:
    async with deployment() as there:
        staging = staged(there, tmp_path)
        passed = Deadline(limit=0.01, started_at=Deadline.after(1).started_at - 1)
        with pytest.raises(DeadlineExceeded):
            async with staging.user(within=passed):
                pytest.fail("somebody was leased")
    assert kinds(ledger) == ["DeadlineExceeded"]


async def test_what_users_together_end_in_is_entered_each_for_itself(
    ledger: Ledger, tmp_path: Path
) -> None:
    async def refuse(asked: Asked) -> Answer | None:
        return (401, {}) if asked.path == "/me" else None

    async def ask(user: VirtualUser) -> None:
        await user.http.get("/me")

    async with deployment() as there:
        there.hook = refuse
        async with staged(there, tmp_path).users(3) as crowd:
            with pytest.RaisesGroup(AuthRefused, AuthRefused, AuthRefused) as raised:
                await crowd.each(ask)
    assert kinds(ledger) == ["AuthRefused"] * 3
    assert ledgers.numbers_in(raised.value) == set(ledger.entries)


async def test_who_is_late_is_entered_once_for_all(ledger: Ledger, tmp_path: Path) -> None:
    async def hang(user: VirtualUser) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await user.http.get("/refused")

    async def refuse(asked: Asked) -> Answer | None:
        return (401, {}) if asked.path == "/refused" else None

    async with deployment() as there:
        there.hook = refuse
        async with staged(there, tmp_path).users(2, within=0.3) as crowd:
            with pytest.raises(DeadlineExceeded, match="end of 2 of 2 users"):
                await crowd.each(hang)
    assert kinds(ledger) == ["DeadlineExceeded"]


async def test_what_is_said_beside_a_failure_of_the_block_is_taken_back(
    ledger: Ledger, tmp_path: Path
) -> None:
    async def late() -> None:
        raise ledgers.entered(Deadline.after(1).exceeded(phase="x", waiting_for="y"))

    async with deployment() as there:
        crowd = staged(there, tmp_path).users(1)
        await crowd.__aenter__()
        crowd._stack.push_async_callback(fail_in_a_group, late)  # noqa: SLF001 - nothing fails by itself
        own = OSError("the test's own")
        await crowd.__aexit__(OSError, own, None)
    assert "When the crowd was left" in own.__notes__[0]
    assert kinds(ledger) == []


async def fail_in_a_group(late: Callable[[], Any]) -> None:
    try:
        await late()
    except NetraError as error:
        raise ExceptionGroup("users", [error]) from None


async def test_a_health_that_fails_is_entered(ledger: Ledger) -> None:
    async with serving(answer(b"", 503)) as served:
        with pytest.raises(ServiceUnavailable):
            await Staging(served.config).health()
    assert kinds(ledger) == ["ServiceUnavailable"]
