from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import (
    ALICE,
    BOB,
    WITHIN,
    call,
    client,
    mint,
    receive,
    receive_until,
    send,
    socket,
)
from websockets.exceptions import ConnectionClosed

from netra_testkit.local.options import Limits
from netra_testkit.local.staging import LocalStaging
from netra_testkit.wire.types import MESSAGE_TYPES, Direction, MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from websockets.asyncio.client import ClientConnection

UNANSWERED = {"pong", "heartbeat_ack", "ack", "jsonrpc_response", "jsonrpc_notification"}
OTHERWISE_ANSWERED = {
    "ping": "pong",
    "heartbeat": "heartbeat_ack",
    "handshake_acknowledged": "handshake_complete",
    "user_message": "error_message",
    "chat": "error_message",
    "start_agent": "error_message",
    "agent_request": "error_message",
    "agent_task": "error_message",
    "agent_status_request": "agent_status_update",
    "create_thread": "thread_created",
    "switch_thread": "error_message",
    "get_thread_history": "thread_update",
    "jsonrpc_request": None,
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0, limits=Limits(message_bytes=20_000)) as started:
        yield started


@pytest.fixture
async def alice(server: LocalStaging) -> AsyncIterator[ClientConnection]:
    async with socket(server) as connection:
        await receive_until(connection, "handshake_response")
        yield connection


async def answer(connection: ClientConnection, raw: str | bytes) -> dict[str, Any]:
    await connection.send(raw)
    return await receive(connection)


async def asked(connection: ClientConnection, type_name: str, **payload: Any) -> dict[str, Any]:
    await send(connection, type_name, **payload)
    return await receive(connection)


async def test_ping_is_answered_with_the_time(alice: ClientConnection) -> None:
    document = {"type": "ping", "payload": {}, "message_id": "m-1"}
    pong = await answer(alice, json.dumps(document))
    assert pong["type"] == "pong"
    assert isinstance(pong["data"]["timestamp"], float)
    assert (pong["message_id"], pong["request_id"]) == ("m-1", "m-1")


async def test_heartbeat_is_acknowledged(alice: ClientConnection) -> None:
    assert (await asked(alice, "heartbeat"))["type"] == "heartbeat_ack"


@pytest.mark.parametrize("form", ["flat", "payload", "data", "bytes"])
async def test_every_form_of_a_frame_is_read(alice: ClientConnection, form: str) -> None:
    body = {"content": "hello", "run_id": None, "thread_id": "t-form"}
    document = {"type": "chat_message", **({form: body} if form in {"payload", "data"} else body)}
    text = json.dumps(document)
    ack = await answer(alice, text.encode() if form == "bytes" else text)
    assert ack["type"] == "ack"
    assert ack["data"]["thread_id"] == "t-form"
    await receive_until(alice, "agent_completed")


@pytest.mark.parametrize("name", ["nonsense", "cancel_agent", "x" * 500])
async def test_an_unknown_type_is_acknowledged_by_name(alice: ClientConnection, name: str) -> None:
    ack = await asked(alice, name, content="is this chat?")
    assert ack["type"] == "ack"
    assert ack["data"] == {"received_type": name[:100], "known": False}


async def test_every_known_type_has_its_answer(alice: ClientConnection) -> None:
    answers: dict[str, Any] = {}
    for kind in MessageType:
        if kind is MessageType.DISCONNECT:
            continue
        await alice.send(json.dumps({"type": kind.value, "jsonrpc": "2.0"}))
        await alice.send(json.dumps({"type": "ping", "message_id": "after"}))
        first = await receive(alice)
        if first.get("message_id") != "after":
            answers[kind.value] = first.get("type")
            if first.get("type") == "ack":
                assert first["data"]["received_type"] == kind.value
            assert (await receive(alice))["message_id"] == "after"
    kinds = {kind.value for kind in MessageType} - UNANSWERED - {"disconnect"}
    assert answers == {kind: OTHERWISE_ANSWERED.get(kind, "ack") for kind in kinds}


async def test_who_disconnects_is_let_go(alice: ClientConnection) -> None:
    with pytest.raises(ConnectionClosed) as closed:
        await asked(alice, "disconnect")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000


async def test_an_alias_is_answered_like_what_it_stands_for(alice: ClientConnection) -> None:
    aliases = [each for each in MESSAGE_TYPES if each not in set(MessageType)]
    answers = {name: (await asked(alice, name))["type"] for name in aliases}
    assert answers == {
        name: OTHERWISE_ANSWERED.get(MESSAGE_TYPES[name].value, "ack") for name in aliases
    }


async def test_an_event_from_a_client_starts_nothing(
    server: LocalStaging, alice: ClientConnection
) -> None:
    before = len(server.received.runs)
    for kind in MessageType:
        if kind.direction is Direction.EVENT:
            first = await asked(alice, kind.value, agent="triage", message="hello")
            assert first["type"] == "ack"
    assert len(server.received.runs) == before


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "no json",
        "[]",
        "null",
        "7",
        "{}",
        '{"type": 7}',
        '{"type": ""}',
        '{"type": "ping", "a": NaN}',
        '{"type":' * 100 + "1" + "}" * 100,
        b"\xff\xfe",
        b"\x00",
        '{"type": "ping"} trailing',
    ],
)
async def test_a_bad_frame_is_told_and_the_connection_lives(
    alice: ClientConnection, raw: str | bytes
) -> None:
    error = await answer(alice, raw)
    assert error["type"] == "error_message"
    assert error["error_code"] == "INVALID_FRAME"
    assert error["error_message"]
    assert (await asked(alice, "ping"))["type"] == "pong"


@pytest.mark.parametrize(
    "document",
    [
        {"type": "start_agent", "payload": 7},
        {"type": "start_agent", "payload": {"agent": {}, "message": [1]}},
        {"type": "start_agent", "payload": {"agent": "nobody", "message": "x"}},
        {"type": "user_message", "payload": {"content": "x" * 8001}},
        {"type": "user_message", "content": "\ud800"},
        {"type": "user_message", "content": "nul\0"},
        {"type": "user_message", "content": "x", "thread_id": "t" * 500},
        {"type": "switch_thread"},
        {"type": "get_thread_history", "payload": {"thread_id": "nobody's"}},
        {"type": "stop_agent", "payload": {"run_id": "never"}},
    ],
    ids=[
        "no-body",
        "no-text",
        "no-such-agent",
        "too-long",
        "half-a-pair",
        "nul",
        "no-id",
        "no-thread",
        "another-thread",
        "no-run",
    ],
)
async def test_a_request_that_cannot_be_done_is_told(
    alice: ClientConnection, document: dict[str, Any]
) -> None:
    error = await answer(alice, json.dumps({**document, "message_id": "m"}))
    assert error["type"] == "error_message"
    assert (error["message_id"], error["request_id"]) == ("m", "m")
    assert (await asked(alice, "ping"))["type"] == "pong"


@pytest.mark.parametrize(
    "raw", ["x" * 20_001, "ä" * 10_001, b"x" * 20_001], ids=["text", "wide-text", "bytes"]
)
async def test_a_message_that_is_too_large_ends_the_connection(
    alice: ClientConnection, raw: str | bytes
) -> None:
    with pytest.raises(ConnectionClosed) as closed:
        await answer(alice, raw)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_more_messages_than_allowed_are_refused_and_the_connection_lives() -> None:
    with LocalStaging(pace=0, limits=Limits(messages_per_minute=3)) as server:
        async with socket(server) as connection:
            await receive_until(connection, "handshake_response")
            for _ in range(3):
                assert (await asked(connection, "ping"))["type"] == "pong"
            for raw in ('{"type": "ping"}', "broken"):
                error = await answer(connection, raw)
                assert error["error_code"] == "RATE_LIMIT_EXCEEDED"
                assert error["details"]["limit"] == 3
                assert 0 < error["details"]["retry_after"] <= 60
        async with socket(server) as another_of_the_same:
            await receive_until(another_of_the_same, "handshake_response")
            error = await asked(another_of_the_same, "ping")
            assert error["error_code"] == "RATE_LIMIT_EXCEEDED"
        health = call(server, "GET", "/ws/health").json()
        assert health["metrics"]["authentication"]["rate_limited_requests"] == 3
        async with socket(server, BOB) as other:
            await receive_until(other, "handshake_response")
            assert (await asked(other, "ping"))["type"] == "pong"


@pytest.mark.parametrize("given", [7, "seven", None, 1.5, [1]])
async def test_a_method_call_is_refused_in_its_own_form(
    alice: ClientConnection, given: object
) -> None:
    call = {"jsonrpc": "2.0", "id": given, "method": "tools/list"}
    response = await answer(alice, json.dumps(call))
    assert response["error"]["code"] == -32601
    assert response["id"] == (given if isinstance(given, int | str) else None)


async def test_a_chat_is_kept_and_answered(server: LocalStaging, alice: ClientConnection) -> None:
    await alice.send(
        json.dumps({"type": "user_message", "content": "hello", "thread_id": "t-kept"})
    )
    frames = await receive_until(alice, "agent_completed")
    assert frames[0]["type"] == "ack"
    assert frames[0]["data"]["status"] == "created"
    assert {each["run_id"] for each in frames[1:]} == {frames[0]["data"]["run_id"]}
    result = frames[-1]["data"]["result"]
    async with client(server, ALICE) as http:
        listed = (await http.get("/api/threads/t-kept/messages")).json()["messages"]
    assert [each["content"] for each in listed] == ["hello", result]
    history = await asked(alice, "get_thread_history", thread_id="t-kept")
    assert [(each["role"], each["content"]) for each in history["data"]["messages"]] == [
        ("user", "hello"),
        ("assistant", result),
    ]
    assert (history["data"]["total_count"], history["data"]["has_more"]) == (2, False)


async def test_a_history_is_the_latest_page(alice: ClientConnection) -> None:
    for number in range(16):
        await send(alice, "user_message", content=f"message {number}", thread_id="t-long")
        await receive_until(alice, "agent_completed")
    data = (await asked(alice, "get_thread_history", thread_id="t-long"))["data"]
    assert (len(data["messages"]), data["total_count"], data["has_more"]) == (30, 32, True)
    assert data["messages"][-2]["content"] == "message 15"


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("Costs", "Costs"),
        ("x" * 300, "x" * 200),
        ("a\nb", "New conversation"),
        (7, "New conversation"),
        (None, "New conversation"),
    ],
)
async def test_threads_are_made_and_switched_to(
    alice: ClientConnection, given: object, title: str
) -> None:
    created = await asked(alice, "create_thread", title=given)
    assert created["data"]["title"] == title
    thread_id = created["data"]["thread_id"]
    switched = await answer(
        alice,
        json.dumps(
            {"type": "switch_thread", "payload": {"thread_id": thread_id}, "thread_id": "around"}
        ),
    )
    assert switched["data"] == {"thread_id": thread_id, "action": "switched"}
    assert (await asked(alice, "user_message", content="hi"))["data"]["thread_id"] == thread_id
    await receive_until(alice, "agent_completed")


async def test_a_thread_around_the_body_can_be_asked_for(alice: ClientConnection) -> None:
    created = await asked(alice, "create_thread")
    thread_id = created["data"]["thread_id"]
    raw = json.dumps({"type": "switch_thread", "payload": {}, "thread_id": thread_id})
    assert (await answer(alice, raw))["data"]["thread_id"] == thread_id


@pytest.mark.parametrize("type_name", ["switch_thread", "get_thread_history"])
async def test_another_users_thread_is_like_none(
    server: LocalStaging, alice: ClientConnection, type_name: str
) -> None:
    created = await asked(alice, "create_thread", title="mine")
    async with socket(server, BOB) as bob:
        await receive_until(bob, "handshake_response")
        for thread_id in (created["data"]["thread_id"], "no such thread"):
            error = await asked(bob, type_name, thread_id=thread_id)
            assert error["error_code"] == "THREAD_NOT_FOUND"
            assert error["error_message"] == "You have no such thread."


async def test_what_is_said_in_a_thread_of_another_user_stays_with_the_speaker(
    server: LocalStaging, alice: ClientConnection
) -> None:
    await send(alice, "user_message", content="secret plans", thread_id="shared-name")
    await receive_until(alice, "agent_completed")
    async with socket(server, BOB) as bob:
        await receive_until(bob, "handshake_response")
        await send(bob, "user_message", content="bob's own", thread_id="shared-name")
        await receive_until(bob, "agent_completed")
        told = await asked(bob, "get_thread_history", thread_id="shared-name")
    assert "secret plans" not in json.dumps(told)


async def test_what_was_received_is_known_with_its_type(
    server: LocalStaging, alice: ClientConnection
) -> None:
    await asked(alice, "Whatever", a=1)
    await answer(alice, "broken" + "x" * 5000)
    known, broken = server.received.frames[-2:]
    assert (known.type_name, known.user) == ("Whatever", ALICE.user_id)
    assert json.loads(known.raw)["payload"] == {"a": 1}
    assert (broken.type_name, len(broken.raw)) == (None, 4096)


async def test_a_secret_is_masked_although_the_frame_is_cut_within_it(
    server: LocalStaging, alice: ClientConnection
) -> None:
    token = mint(server)
    text = f"{'x' * (4040 - len(token) // 2)} {token} {'y' * 500}"
    await asked(alice, "unknown", text=text)
    _, claims, signature = token.split(".")
    noted = server.received.frames[-1].raw
    assert claims[:30] not in noted
    assert signature[:20] not in noted


async def test_a_flood_without_reading_neither_kills_nor_blocks(server: LocalStaging) -> None:
    async with socket(server, max_queue=1) as rude:
        for _ in range(300):
            await rude.send("{" * 500)
        async with asyncio.timeout(WITHIN), socket(server, BOB) as polite:
            await receive_until(polite, "handshake_response")
            assert (await asked(polite, "ping"))["type"] == "pong"
        rude.transport.abort()
