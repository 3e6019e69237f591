from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.chat_server import EVENTS, Peer, chat_server, eventually

from netra_testkit.clients import mailbox
from netra_testkit.clients.chat import ChatClient
from netra_testkit.errors import (
    AlreadyReading,
    ClientClosed,
    DeadlineExceeded,
    InvalidBound,
    MalformedFrame,
    Misuse,
    NetraError,
    RequestRefused,
    ServerClosed,
    Unencodable,
    UnexpectedFrame,
    UnknownMessageType,
    WrongLoop,
)
from netra_testkit.safety.trace import Trace
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.users import StagingUser
from netra_testkit.wire.lifecycle import ConnectionState
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Callable

ANN = StagingUser(user_id="ann", email="ann@example.com")


async def silent(peer: Peer) -> None:
    await peer.until_gone()


async def echo(peer: Peer) -> None:
    while True:
        frame = await peer.hear()
        await peer.say({"type": "ack", "message_id": frame["message_id"], "data": frame["payload"]})


async def test_inside_the_block_the_connection_is_ready_and_after_it_closed() -> None:
    async with chat_server(silent) as chat, ChatClient(chat.config) as client:
        assert client.state is ConnectionState.PROCESSING_READY
        assert client.connection_id == "c-1"
        assert client.closed is None
    assert client.state is ConnectionState.CLOSED
    assert client.closed is None


async def test_a_token_travels_in_the_header_and_in_a_subprotocol_only() -> None:
    token = secrets.token_urlsafe(40)
    async with chat_server(silent, subprotocols=["jwt-auth"]) as chat:
        async with ChatClient(chat.config, token=token) as client:
            assert client.subprotocol == "jwt-auth"
        request = chat.peers[0].socket.request
    assert request is not None
    encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    assert request.headers["Authorization"] == f"Bearer {token}"
    assert request.headers["Sec-WebSocket-Protocol"] == f"jwt-auth, jwt.{encoded}"
    assert request.path == "/ws"


async def test_an_anonymous_client_offers_nothing() -> None:
    async with chat_server(silent) as chat:
        async with ChatClient(chat.config) as client:
            assert client.subprotocol is None
        request = chat.peers[0].socket.request
    assert request is not None
    assert "Authorization" not in request.headers
    assert "Sec-WebSocket-Protocol" not in request.headers


@pytest.mark.parametrize("asked", [None, True, False])
@pytest.mark.parametrize("configured", [True, False])
async def test_a_test_announces_itself_only_when_asked(
    asked: bool | None,  # noqa: FBT001 - a column of the table
    configured: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async with chat_server(silent) as chat:
        config = StagingConfig(
            environment="local",
            base_url=chat.config.base_url,
            api_url=chat.config.api_url,
            websocket_url=chat.config.websocket_url,
            auth_url=chat.config.auth_url,
            frontend_url=chat.config.frontend_url,
            announce_e2e=configured,
        )
        async with ChatClient(config, announce_e2e=asked):
            pass
        request = chat.peers[0].socket.request
    assert request is not None
    assert ("X-E2E-Test" in request.headers) is (configured if asked is None else asked)
    assert {"x-request-id", "traceparent", "x-test-session"} <= {
        name.lower() for name in request.headers
    }


async def test_a_server_that_echoes_the_token_is_a_finding_and_the_token_is_masked() -> None:
    token = secrets.token_urlsafe(40)

    def choose(_: object, offered: Any) -> Any:
        return offered[1]

    async with (
        chat_server(silent, select_subprotocol=choose) as chat,
        ChatClient(chat.config, token=token) as client,
    ):
        assert client.subprotocol == "[masked token]"
        assert client.findings == ("the server chose the subprotocol that carries the token",)


async def test_what_is_sent_has_the_form_of_a_client() -> None:
    async with chat_server(echo) as chat:
        async with ChatClient(chat.config, thread_id="t-1") as client:
            message_id = await client.send("user_message", {"content": "hello"}, run_id="r-1")
            answer = await client.receive()
        [heard] = chat.peers[0].heard
    assert answer.message_id == message_id
    assert heard.pop("timestamp") == pytest.approx(time.time(), abs=60)
    assert heard == {
        "type": "user_message",
        "payload": {"content": "hello"},
        "message_id": message_id,
        "thread_id": "t-1",
        "run_id": "r-1",
    }


@pytest.mark.parametrize("data", ["no json", '{"type": "nonsense"}', b"\x00\x01"])
async def test_wrong_things_can_be_said_raw(data: str | bytes) -> None:
    async def repeat(peer: Peer) -> None:
        data = await peer.socket.recv()
        await peer.say({"type": "ack", "data": {"heard": repr(data)}})
        await peer.until_gone()

    async with chat_server(repeat) as chat, ChatClient(chat.config) as client:
        await client.send_raw(data)
        assert (await client.receive()).body["heard"] == repr(data)


async def test_frames_that_nobody_asked_for_wait_in_order() -> None:
    async def chatty(peer: Peer) -> None:
        await peer.say(*({"type": "ack", "data": {"number": each}} for each in range(5)))
        await peer.say({"type": "pong"})
        await peer.until_gone()

    async with chat_server(chatty) as chat, ChatClient(chat.config) as client:
        await client.expect("pong")
        assert [(await client.receive()).body["number"] for _ in range(5)] == list(range(5))


async def test_expect_takes_the_first_that_matches_and_leaves_the_others() -> None:
    async def chatty(peer: Peer) -> None:
        await peer.say(*({"type": "ack", "data": {"number": each}} for each in range(4)))
        await peer.until_gone()

    async with chat_server(chatty) as chat, ChatClient(chat.config) as client:
        third = await client.expect("ack", where=lambda frame: frame.body["number"] == 2)
        assert third.body["number"] == 2
        assert [(await client.receive()).body["number"] for _ in range(3)] == [0, 1, 3]


async def test_a_condition_that_fails_fails_the_test_and_not_the_connection() -> None:
    async def chatty(peer: Peer) -> None:
        await peer.say({"type": "ack"}, {"type": "ack"})
        await peer.until_gone()

    async with chat_server(chatty) as chat, ChatClient(chat.config) as client:
        with pytest.raises(KeyError):
            await client.expect("ack", where=lambda frame: bool(frame.body["number"]))
        assert (await client.receive()).type is MessageType.ACK


async def test_pings_heartbeats_and_the_thread_handshake_are_answered_while_nobody_waits() -> None:
    answered = asyncio.Event()

    async def ask(peer: Peer) -> None:
        await peer.say({"type": "ping"}, {"type": "heartbeat"})
        await peer.say({"type": "handshake_response", "thread_id": "t-9"})
        for kind in ("pong", "heartbeat_ack", "handshake_acknowledged"):
            assert (await peer.hear())["type"] == kind
        await peer.say({"type": "handshake_complete"})
        answered.set()
        await peer.until_gone()

    trace = Trace()
    async with chat_server(ask) as chat, ChatClient(chat.config, trace=trace) as client:
        async with asyncio.timeout(2):
            await answered.wait()
        assert client.thread_id == "t-9"
        with pytest.raises(DeadlineExceeded):
            await client.receive(within=0.05)
    assert chat.peers[0].heard[2]["payload"]["thread_id"] == "t-9"
    assert sum(json.loads(line)["kind"] == "sent" for line in trace.tail(20)) == 3


async def test_waiting_for_the_thread_ends_when_the_server_names_it() -> None:
    async def late(peer: Peer) -> None:
        await peer.hear()
        await peer.say({"type": "handshake_response", "thread_id": "t-9"})
        await peer.until_gone()

    async with chat_server(late) as chat, ChatClient(chat.config) as client:
        with pytest.raises(DeadlineExceeded, match="handshake_response"):
            await client.wait_for_thread(within=0.05)
        await client.send("chat")
        assert await client.wait_for_thread() == "t-9"
        assert await client.wait_for_thread() == "t-9"


async def test_waiting_for_the_thread_ends_with_the_connection() -> None:
    async def close(peer: Peer) -> None:
        await peer.socket.close(1011)

    async with chat_server(close) as chat:
        client = ChatClient(chat.config)
        async with client:
            with pytest.raises(ServerClosed):
                await client.wait_for_thread()


async def test_request_takes_the_answer_that_names_it_and_leaves_the_rest() -> None:
    async def answer(peer: Peer) -> None:
        asked = await peer.hear()
        await peer.say({"type": "ack", "message_id": "another"})
        await peer.say({"type": "ack", "data": {"request_id": asked["message_id"], "ok": True}})
        await peer.until_gone()

    async with chat_server(answer) as chat, ChatClient(chat.config) as client:
        assert (await client.request("switch_thread", {"id": "t"})).body["ok"] is True
        assert (await client.receive()).message_id == "another"


async def test_a_late_answer_is_not_read_as_the_next_ones() -> None:
    async def late(peer: Peer) -> None:
        first, second = await peer.hear(), await peer.hear()
        for asked in (first, second):
            await peer.say({"type": "ack", "message_id": asked["message_id"]})
        await peer.until_gone()

    async with chat_server(late) as chat, ChatClient(chat.config) as client:
        with pytest.raises(DeadlineExceeded, match="answer to switch_thread"):
            await client.request("switch_thread", within=0.05)
        second = await client.request("create_thread")
        first = await client.receive()
        asked = [each["message_id"] for each in chat.peers[0].heard]
        assert [first.message_id, second.message_id] == asked


async def test_an_error_frame_is_no_answer() -> None:
    async def refuse(peer: Peer) -> None:
        asked = await peer.hear()
        error = {"error_code": "NOT_FOUND", "error_message": "no such thread"}
        await peer.say({"type": "error_message", "message_id": asked["message_id"], **error})
        await peer.until_gone()

    async with chat_server(refuse) as chat, ChatClient(chat.config) as client:
        with pytest.raises(RequestRefused, match="no such thread") as caught:
            await client.request("switch_thread")
    assert caught.value.error_code == "NOT_FOUND"


async def test_requests_at_the_same_time_each_get_their_own() -> None:
    async def reversed_order(peer: Peer) -> None:
        asked = [await peer.hear() for _ in range(8)]
        for each in reversed(asked):
            await peer.say(
                {"type": "ack", "message_id": each["message_id"], "data": each["payload"]}
            )
        await peer.until_gone()

    async with chat_server(reversed_order) as chat, ChatClient(chat.config) as client:
        answers = await asyncio.gather(
            *(client.request("chat", {"number": number}) for number in range(8))
        )
    assert [each.body["number"] for each in answers] == list(range(8))


async def test_ping_gives_the_seconds_until_its_pong() -> None:
    async def answer(peer: Peer) -> None:
        await peer.hear("ping")
        await peer.say({"type": "pong", "data": {"timestamp": time.time()}})
        await peer.until_gone()

    async with chat_server(answer) as chat, ChatClient(chat.config) as client:
        assert 0 < await client.ping() < 2


async def test_a_run_is_delivered_with_its_own_events_only() -> None:
    async def deliver(peer: Peer) -> None:
        request = await peer.hear("start_agent")
        await peer.say({"type": "agent_started", "data": {"agent": "x", "run_id": "another"}})
        await peer.run(request, user_id="ann")
        await peer.until_gone()

    async with chat_server(deliver) as chat:
        async with ChatClient(chat.config, identity=ANN) as client:
            run = await client.run_agent("triage", "where?", context={"month": 11})
            run.assert_delivered()
            assert client.state is ConnectionState.IDLE
            assert (await client.receive()).run_id == "another"
        payload = chat.peers[0].heard[0]["payload"]
    assert len(run.events) == 5
    assert (payload["agent"], payload["agent_type"]) == ("triage", "triage")
    assert (payload["user_request"], payload["message"]) == ("where?", "where?")
    assert (payload["context"], payload["run_id"]) == ({"month": 11}, run.run_id)


async def test_runs_at_the_same_time_are_told_apart() -> None:
    async def interleave(peer: Peer) -> None:
        first, second = await peer.hear("start_agent"), await peer.hear("start_agent")
        for event in EVENTS:
            await peer.run(second, [event])
            await peer.run(first, [event])
        await peer.until_gone()

    async with chat_server(interleave) as chat, ChatClient(chat.config) as client:
        async with asyncio.TaskGroup() as group:
            runs = [group.create_task(client.run_agent("triage", str(n))) for n in range(2)]
        for run in runs:
            run.result().assert_delivered()
        assert client.state is ConnectionState.IDLE


async def test_an_event_addressed_to_another_user_is_a_breach() -> None:
    async def cross(peer: Peer) -> None:
        request = await peer.hear("start_agent")
        await peer.say({"type": "agent_thinking", "data": {"user_id": "bob", "run_id": "b"}})
        await peer.run(request)
        await peer.until_gone()

    async with (
        chat_server(cross) as chat,
        ChatClient(chat.config, identity=ANN) as client,
    ):
        run = await client.run_agent("triage", "where?")
    assert len(run.breaches) == 1


async def test_an_error_frame_before_any_event_fails_the_run() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.hear("start_agent")
        await peer.say({"type": "error", "error": {"code": "BUSY", "message": "no"}})
        await peer.until_gone()

    async with chat_server(refuse) as chat, ChatClient(chat.config) as client:
        run = await client.run_agent("triage", "where?")
    assert (run.outcome, run.error_code) == ("failed", "BUSY")


async def test_a_run_whose_outer_agent_never_completes_ends_after_a_while() -> None:
    async def forget(peer: Peer) -> None:
        request = await peer.hear("start_agent")
        nested = [("agent_started", {"agent": "data"}), ("agent_completed", {"agent": "data"})]
        await peer.run(request, [EVENTS[0], *nested])
        await peer.until_gone()

    timeouts = {"completion": 0.1}
    async with chat_server(forget, timeouts=timeouts) as chat, ChatClient(chat.config) as client:
        run = await client.run_agent("triage", "where?")
    assert run.ending == "never_completed"


async def test_a_run_that_does_not_end_says_what_did_not_come_and_the_rest_is_kept() -> None:
    async def stop(peer: Peer) -> None:
        request = await peer.hear("start_agent")
        await peer.run(request, EVENTS[:2])
        await peer.hear("chat")
        await peer.run(request, EVENTS[2:3])
        await peer.until_gone()

    async with chat_server(stop) as chat, ChatClient(chat.config) as client:
        with pytest.raises(DeadlineExceeded, match="tool_executing and tool_completed") as caught:
            await client.run_agent("triage", "where?", within=0.1)
        assert caught.value.phase == "agent"
        assert caught.value.cause == "product"
        await client.send("chat")
        assert (await client.receive()).type is MessageType.TOOL_EXECUTING


async def test_a_feed_gives_every_frame_and_leaves_what_was_not_taken() -> None:
    async def chatty(peer: Peer) -> None:
        await peer.say(*({"type": "ack", "data": {"number": each}} for each in range(5)))
        await peer.until_gone()

    async with chat_server(chatty) as chat, ChatClient(chat.config) as client:
        seen: list[object] = []
        async with client.events() as feed:
            async for frame in feed:
                seen.append(frame.body["number"])
                if len(seen) == 3:
                    break
        assert (await client.receive()).body["number"] == 3
        with pytest.raises(ClientClosed):
            await anext(feed)
        async with client.events(within=0.05) as feed:
            assert (await anext(feed)).body["number"] == 4
            with pytest.raises(DeadlineExceeded):
                await anext(feed)
    assert seen == [0, 1, 2]


async def test_nothing_came() -> None:
    async with chat_server(silent) as chat, ChatClient(chat.config) as client:
        started = time.monotonic()
        await client.expect_nothing(within=0.1)
        assert time.monotonic() - started >= 0.09


async def test_another_type_may_come_where_one_may_not() -> None:
    async def chatty(peer: Peer) -> None:
        await peer.say({"type": "ack"})
        await peer.until_gone()

    async with chat_server(chatty) as chat, ChatClient(chat.config) as client:
        await client.expect_nothing("agent_started", within=0.1)
        with pytest.raises(UnexpectedFrame, match="ack came within"):
            await client.expect_nothing("ack", "pong", within=0.1)


READERS: dict[str, Callable[[ChatClient], Any]] = {
    "receive": lambda client: client.receive(within=0.5),
    "expect": lambda client: client.expect("ack", within=0.5),
    "expect_nothing": lambda client: client.expect_nothing(within=0.5),
    "events": lambda client: client.events(within=0.5).__aenter__(),
}


@pytest.mark.parametrize("second", READERS)
@pytest.mark.parametrize("first", ["receive", "expect", "expect_nothing"])
async def test_two_readers_at_once_are_refused(first: str, second: str) -> None:
    async with chat_server(silent) as chat, ChatClient(chat.config) as client:
        waiting = asyncio.create_task(READERS[first](client))
        await asyncio.sleep(0)
        with pytest.raises(AlreadyReading, match=f"{second} while {first} is reading"):
            await READERS[second](client)
        waiting.cancel()
        await asyncio.wait({waiting})


CALLS: dict[str, Callable[[ChatClient, Any], Any]] = {
    "send": lambda client, within: client.send("chat", within=within),
    "send_raw": lambda client, within: client.send_raw("x", within=within),
    "receive": lambda client, within: client.receive(within=within),
    "expect": lambda client, within: client.expect("ack", within=within),
    "expect_nothing": lambda client, within: client.expect_nothing(within=within),
    "request": lambda client, within: client.request("chat", within=within),
    "ping": lambda client, within: client.ping(within=within),
    "run_agent": lambda client, within: client.run_agent("a", "b", within=within),
    "wait_for_thread": lambda client, within: client.wait_for_thread(within=within),
    "close": lambda client, within: client.close(within=within),
}


@pytest.mark.parametrize("within", [0, -1, float("nan"), float("inf"), True, "1"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_bound_that_is_none_is_refused_before_anything_is_sent(
    call: str, within: object
) -> None:
    async with chat_server(silent) as chat:
        async with ChatClient(chat.config) as client:
            with pytest.raises(InvalidBound):
                await CALLS[call](client, within)
        assert chat.peers[0].heard == []


@pytest.mark.parametrize("within", [0, float("nan")])
async def test_a_bound_of_opening_or_of_a_feed_that_is_none_is_refused_at_once(
    within: float,
) -> None:
    async with chat_server(silent) as chat:
        with pytest.raises(InvalidBound):
            ChatClient(chat.config, within=within)
        async with ChatClient(chat.config) as client:
            with pytest.raises(InvalidBound):
                client.events(within=within)
        assert len(chat.peers) == 1


@pytest.mark.parametrize("call", [name for name in CALLS if name != "close"])
async def test_a_call_on_a_client_that_is_not_open_is_refused(call: str) -> None:
    async with chat_server(silent) as chat:
        client = ChatClient(chat.config)
        with pytest.raises(ClientClosed, match="never opened"):
            await CALLS[call](client, 1)
        async with client:
            pass
        with pytest.raises(ClientClosed, match="is closed"):
            await CALLS[call](client, 1)
        with pytest.raises(Misuse, match="entered twice"):
            async with client:
                pass


async def test_closing_what_is_not_open_does_nothing() -> None:
    async with chat_server(silent) as chat:
        client = ChatClient(chat.config)
        await client.close()
        client.abort()
        async with client:
            await client.close()
            await client.close()
            assert client.state is ConnectionState.CLOSED


@pytest.mark.parametrize("call", [name for name in CALLS if name != "close"])
async def test_a_use_from_another_loop_is_refused(call: str) -> None:
    async with chat_server(silent) as chat, ChatClient(chat.config) as client:

        async def elsewhere() -> None:
            with pytest.raises(WrongLoop):
                await CALLS[call](client, 1)

        await asyncio.to_thread(asyncio.run, elsewhere())


@pytest.mark.parametrize(
    ("say", "kind"),
    [
        (lambda client: client.send("nonsense"), UnknownMessageType),
        (lambda client: client.expect("nonsense"), UnknownMessageType),
        (lambda client: client.expect_nothing("nonsense", within=1), UnknownMessageType),
        (lambda client: client.send("agent_started"), Unencodable),
        (lambda client: client.send("chat", {"bad": float("nan")}), Unencodable),
        (lambda client: client.send("chat", {"bad": {1, 2}}), Unencodable),
        (lambda client: client.request("chat", {"bad": object()}), Unencodable),
        (lambda client: client.run_agent("a", "b", context={"bad": b"x"}), Unencodable),
    ],
    ids=[
        "send a stranger",
        "expect a stranger",
        "expect_nothing of a stranger",
        "send an event",
        "send NaN",
        "send a set",
        "request with an object",
        "run with bytes",
    ],
)
async def test_what_cannot_be_said_is_refused_before_anything_is_sent(
    say: Callable[[ChatClient], Any], kind: type[NetraError]
) -> None:
    async with chat_server(silent) as chat:
        async with ChatClient(chat.config) as client:
            with pytest.raises(kind):
                await say(client)
        assert chat.peers[0].heard == []


async def test_an_event_can_be_sent_by_saying_so() -> None:
    async with chat_server(echo) as chat:
        async with ChatClient(chat.config) as client:
            await client.send("agent_started", {"agent": "x"}, as_server=True)
        await eventually(lambda: bool(chat.peers[0].heard))
        assert chat.peers[0].heard[0]["data"] == {"agent": "x"}


async def test_an_unreadable_frame_is_raised_by_whoever_reads_next() -> None:
    async def garble(peer: Peer) -> None:
        await peer.say("no json", {"type": "ack"})
        await peer.until_gone()

    async with chat_server(garble) as chat, ChatClient(chat.config) as client:
        with pytest.raises(MalformedFrame):
            await client.receive()
        assert (await client.receive()).type is MessageType.ACK


async def test_an_unreadable_frame_ends_the_call_that_waits_for_its_answer() -> None:
    async def garble(peer: Peer) -> None:
        await peer.hear()
        await peer.say("no json")
        await peer.until_gone()

    async with chat_server(garble) as chat, ChatClient(chat.config) as client:
        with pytest.raises(MalformedFrame):
            await client.request("chat")


@pytest.mark.parametrize("call", ["receive", "expect", "request", "run_agent", "expect_nothing"])
async def test_a_crash_of_the_server_is_never_a_pass(call: str) -> None:
    async def crash(peer: Peer) -> None:
        await peer.say({"type": "ping"})
        await peer.hear("pong")
        await peer.socket.close(1011, "internal error")

    async with chat_server(crash) as chat:
        client = ChatClient(chat.config)
        async with client:
            with pytest.raises(ServerClosed) as caught:
                await CALLS[call](client, 2)
    error = caught.value
    assert (error.code, error.reason, error.closed_by) == (1011, "internal error", "server")
    assert error.cause == "product"
    assert error.phase == ("agent" if call == "run_agent" else call)
    assert any('"ping"' in frame for frame in error.frames)
    assert client.state is ConnectionState.FAILED
    assert client.closed is not None


async def test_a_crash_that_no_call_has_met_is_raised_at_the_blocks_end() -> None:
    async def crash(peer: Peer) -> None:
        await peer.socket.close(1011)

    async with chat_server(crash) as chat:
        client = ChatClient(chat.config)
        with pytest.raises(ServerClosed, match="1011") as caught:
            async with client:
                await eventually(lambda: client.state is ConnectionState.FAILED)
    assert caught.value.phase == "the block's end"


async def test_a_clean_goodbye_that_no_call_has_met_is_none() -> None:
    async def leave(peer: Peer) -> None:
        await peer.socket.close(1000)

    async with chat_server(leave) as chat, ChatClient(chat.config) as client:
        await eventually(lambda: client.state is ConnectionState.CLOSED)
        with pytest.raises(ServerClosed, match="1000"):
            await client.receive()


async def test_what_failed_in_the_block_is_not_covered_by_the_close() -> None:
    async def crash(peer: Peer) -> None:
        await peer.socket.close(1011)

    async with chat_server(crash) as chat:
        client = ChatClient(chat.config)
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block's end must not hide it
            async with client:
                await eventually(lambda: client.state is ConnectionState.FAILED)
                raise ZeroDivisionError


async def test_frames_kept_before_the_end_are_read_before_it_is_raised() -> None:
    async def leave(peer: Peer) -> None:
        await peer.say({"type": "ack"}, {"type": "pong"})
        await peer.socket.close(1012)

    async with chat_server(leave) as chat:
        client = ChatClient(chat.config)
        async with client:
            assert (await client.expect("pong")).type is MessageType.PONG
            assert (await client.receive()).type is MessageType.ACK
            with pytest.raises(ServerClosed):
                await client.receive()


async def test_a_send_after_the_end_says_how_it_ended() -> None:
    async def leave(peer: Peer) -> None:
        await peer.socket.close(1012)

    async with chat_server(leave) as chat, ChatClient(chat.config) as client:
        with pytest.raises(ServerClosed, match="1012"):
            await client.receive()
        with pytest.raises(ServerClosed, match="1012"):
            await client.send("chat")


async def test_an_aborted_connection_is_gone_for_whoever_waits() -> None:
    async with chat_server(silent) as chat, ChatClient(chat.config) as client:
        waiting = asyncio.create_task(client.receive())
        await asyncio.sleep(0)
        client.abort()
        with pytest.raises(ClientClosed, match="closed during receive"):
            await waiting


async def test_a_cancelled_wait_loses_no_frame() -> None:
    async def answer(peer: Peer) -> None:
        await peer.hear()
        await peer.say({"type": "ack"})
        await peer.until_gone()

    async with chat_server(answer) as chat, ChatClient(chat.config) as client:
        waiting = asyncio.create_task(client.receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await client.send("chat")
        assert (await client.receive()).type is MessageType.ACK


async def test_everything_said_and_heard_is_recorded() -> None:
    trace = Trace()
    async with chat_server(echo) as chat, ChatClient(chat.config, trace=trace) as client:
        await client.send("chat", {"content": "hello"})
        await client.receive()
    kinds = [json.loads(line)["kind"] for line in trace.tail(10)]
    assert kinds == ["received", "sent", "received"]


async def test_production_may_be_listened_to_and_told_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with chat_server(silent) as chat:
        monkeypatch.setattr(type(chat.config), "read_only", property(lambda _: True))
        async with ChatClient(chat.config) as client:
            await client.send("ping")
            for call in ("send", "send_raw", "request", "run_agent"):
                with pytest.raises(Misuse, match="read-only"):
                    await CALLS[call](client, 1)


async def test_a_flood_is_read_only_as_far_as_it_is_kept_and_nothing_of_it_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert mailbox.MOST_FRAMES == 10_000
    monkeypatch.setattr(mailbox, "MOST_FRAMES", 1_000)
    count = 3_000

    async def flood(peer: Peer) -> None:
        await peer.hear()
        for number in range(count):
            await peer.say({"type": "ack", "data": {"number": number}})
        await peer.until_gone()

    stopped = asyncio.Event()

    class Watched(Trace):
        def record(self, kind: str, text: str = "", **facts: Any) -> None:
            if kind == "wait" and "reading stops with 1000 frames" in text:
                stopped.set()
            super().record(kind, text, **facts)

    async with chat_server(flood) as chat, ChatClient(chat.config, trace=Watched()) as client:
        await client.send("chat")
        async with asyncio.timeout(30):
            await stopped.wait()
        seen = [(await client.receive()).body["number"] for _ in range(count)]
    assert seen == list(range(count))


async def test_nothing_is_left_behind() -> None:
    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())

    async with chat_server(echo) as chat:
        before = held()
        for _ in range(20):
            async with ChatClient(chat.config) as client:
                await client.request("chat", {"content": "x"})
        await eventually(lambda: held() == before)


class Witnessed:
    """Notes what a witness is shown."""

    def __init__(self) -> None:
        self.runs: list[str | None] = []
        self.kinds: list[str] = []

    def started(self, run: Any) -> None:
        self.runs.append(run.run_id)

    def heard(self, frame: Any) -> None:
        self.kinds.append(frame.type_name)


async def test_a_witness_sees_every_run_and_every_frame_that_is_no_chatter() -> None:
    async def deliver(peer: Peer) -> None:
        await peer.say({"type": "ping"})
        await peer.run(await peer.hear("start_agent"))
        await peer.until_gone()

    witness = Witnessed()
    async with chat_server(deliver) as chat, ChatClient(chat.config, witness=witness) as client:
        run = await client.run_agent("triage", "where?")
    assert witness.runs == [run.run_id]
    assert witness.kinds == [kind for kind, _ in EVENTS]


async def test_other_frames_of_a_run_go_with_it_and_those_of_others_stay() -> None:
    async def deliver(peer: Peer) -> None:
        request = await peer.hear("start_agent")
        await peer.say({"type": "agent_progress", "data": {"run_id": request["run_id"]}})
        await peer.say({"type": "agent_progress", "data": {"run_id": "another"}})
        await peer.say({"type": "ack", "data": {"about": "nothing"}})
        await peer.run(request)
        await peer.until_gone()

    async with chat_server(deliver) as chat, ChatClient(chat.config) as client:
        run = await client.run_agent("triage", "where?")
        run.assert_delivered()
        assert (await client.receive()).run_id == "another"
        assert (await client.receive()).type is MessageType.ACK
        await client.expect_nothing(within=0.05)


async def test_what_follows_the_end_of_a_run_at_once_stays_for_receive() -> None:
    async def deliver(peer: Peer) -> None:
        request = await peer.hear("start_agent")
        await peer.run(request, [*EVENTS, ("agent_thinking", {"thought": "too late"})])
        await peer.until_gone()

    async with chat_server(deliver) as chat, ChatClient(chat.config) as client:
        run = await client.run_agent("triage", "where?")
        run.assert_delivered()
        assert (await client.receive()).body["thought"] == "too late"


async def test_what_is_kept_is_read_to_the_end_also_when_the_connection_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox, "MOST_FRAMES", 4)

    async def leave(peer: Peer) -> None:
        await peer.say(*({"type": "ack", "data": {"number": number}} for number in range(4)))
        await peer.hear()
        peer.socket.transport.abort()

    async with chat_server(leave) as chat, ChatClient(chat.config) as client:
        await eventually(lambda: client._connection.hearing.inbox.full)  # noqa: SLF001 - nothing tells of it
        await client.send("chat")
        client._connection._opened().transport.resume_reading()  # noqa: SLF001 - lets the end be seen
        await eventually(lambda: client.state is ConnectionState.FAILED)
        assert [(await client.receive()).body["number"] for _ in range(4)] == list(range(4))
        with pytest.raises(ServerClosed):
            await client.receive()
