from __future__ import annotations

import asyncio
import contextlib
import http
import json
import secrets
import socket
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.chat_server import WELCOME, Peer, chat_server, config_for

from netra_testkit.clients.chat import ChatClient
from netra_testkit.errors import (
    AuthRefused,
    Cause,
    ConnectionFailed,
    DeadlineExceeded,
    HandshakeFailed,
    NetraError,
    RateLimited,
    ServerClosed,
    ServiceUnavailable,
    WrongLoop,
)
from netra_testkit.wire.lifecycle import ConnectionState

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

PLATFORM = json.dumps({"error": True, "error_code": "NO_TOKEN", "message": "no", "trace_id": "t"})
WRONG_KEY = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: wrong\r\n\r\n"
)
NOT_READY = {
    "type": "system_message",
    "data": {"event": "connection_established", "connection_ready": False},
}


async def silent(peer: Peer) -> None:
    await peer.until_gone()


async def opening(config: Any, **options: Any) -> ChatClient:
    """Open a client and leave it; what opening raises comes out."""
    client = ChatClient(config, **options)
    async with client:
        pass
    return client


@pytest.mark.parametrize(
    ("status", "body", "kind", "cause"),
    [
        (401, PLATFORM, AuthRefused, "authentication"),
        (403, "", AuthRefused, "authentication"),
        (429, PLATFORM, RateLimited, "undecided"),
        (500, PLATFORM, HandshakeFailed, "product"),
        (500, "<html>", HandshakeFailed, "undecided"),
        (502, "<html>", ServiceUnavailable, "deployment"),
        (503, PLATFORM, ServiceUnavailable, "product"),
        (504, "", ServiceUnavailable, "deployment"),
        (404, "", HandshakeFailed, "undecided"),
        (200, "fine", HandshakeFailed, "undecided"),
    ],
)
async def test_a_status_at_the_upgrade_has_its_error_and_cause(
    status: int, body: str, kind: type[NetraError], cause: str
) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(http.HTTPStatus(status), body)

    async with chat_server(silent, process_request=refuse) as chat:
        with pytest.raises(kind) as caught:
            await opening(chat.config)
    assert caught.value.cause == cause
    assert str(status) in str(caught.value)


async def test_a_refusal_at_the_upgrade_keeps_its_evidence() -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, PLATFORM)

    token = secrets.token_urlsafe(40)
    async with chat_server(silent, process_request=refuse) as chat:
        with pytest.raises(AuthRefused) as caught:
            await opening(chat.config, token=token)
    error = caught.value
    assert (error.via, error.status, error.error_code) == ("upgrade", 401, "NO_TOKEN")
    assert error.request_id is not None
    assert token not in str(error)


@pytest.mark.parametrize(
    ("code", "frame", "kind"),
    [
        (1008, None, AuthRefused),
        (1008, "AUTH_FAILED", AuthRefused),
        (4001, None, AuthRefused),
        (4002, None, AuthRefused),
        (4401, "TOKEN_EXPIRED", AuthRefused),
        (4403, None, AuthRefused),
        (1011, "VALIDATION_FAILED", AuthRefused),
        (1011, None, ServerClosed),
        (1011, "RATE_LIMITED", ServerClosed),
        (1000, None, ServerClosed),
        (1013, None, ServerClosed),
        (4999, None, ServerClosed),
    ],
)
async def test_a_close_before_the_welcome_is_a_refusal_where_its_code_or_frame_says_so(
    code: int, frame: str | None, kind: type[NetraError]
) -> None:
    async def refuse(peer: Peer) -> None:
        if frame is not None:
            await peer.say({"type": "error_message", "error_code": frame, "error_message": "no"})
        await peer.socket.close(code)

    async with chat_server(refuse, welcome=False) as chat:
        client = ChatClient(chat.config)
        with pytest.raises(kind) as caught:
            async with client:
                pass
    assert client.state is ConnectionState.FAILED
    if isinstance(caught.value, AuthRefused):
        facts = (caught.value.via, caught.value.close_code, caught.value.error_code)
        assert facts == ("close", code, frame)
    else:
        assert isinstance(caught.value, ServerClosed)
        assert (caught.value.code, caught.value.phase) == (code, "welcome")


async def test_a_refusal_that_does_not_close_is_one_when_the_time_is_over() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.say({"type": "error_message", "error_code": "NO_TOKEN", "error_message": "no"})
        await peer.until_gone()

    async with chat_server(refuse, welcome=False) as chat:
        with pytest.raises(AuthRefused) as caught:
            await opening(chat.config, within=0.2)
    assert caught.value.close_code is None
    assert "NO_TOKEN" in caught.value.evidence


async def test_a_welcome_that_says_not_ready_is_no_welcome() -> None:
    async def unready(peer: Peer) -> None:
        await peer.say(NOT_READY)
        await peer.until_gone()

    async with chat_server(unready, welcome=False) as chat:
        with pytest.raises(HandshakeFailed, match="not ready") as caught:
            await opening(chat.config, within=0.2)
    assert caught.value.phase == "welcome"
    assert "connection_ready" in caught.value.frames[0]


@pytest.mark.parametrize("chatter", [[], [{"type": "ping"}, {"type": "ack"}]])
async def test_a_welcome_that_does_not_come_is_not_waited_for_longer_than_allowed(
    chatter: list[dict[str, Any]],
) -> None:
    async def withhold(peer: Peer) -> None:
        await peer.say(*chatter)
        await peer.until_gone()

    async with chat_server(withhold, welcome=False) as chat:
        client = ChatClient(chat.config, within=0.2)
        with pytest.raises(DeadlineExceeded) as caught:
            async with client:
                pass
    error = caught.value
    assert (error.phase, error.cause) == ("welcome", "undecided")
    assert error.elapsed < 0.7
    assert client.state is ConnectionState.FAILED


async def test_what_comes_before_the_welcome_and_is_no_chatter_is_kept() -> None:
    async def early(peer: Peer) -> None:
        await peer.say({"type": "ack", "data": {"early": True}}, WELCOME)
        await peer.until_gone()

    async with chat_server(early, welcome=False) as chat, ChatClient(chat.config) as client:
        assert (await client.receive()).body["early"] is True


async def test_a_welcome_with_a_goodbye_opens_and_the_next_call_says_it() -> None:
    async def leave(peer: Peer) -> None:
        await peer.socket.close(1012)

    async with chat_server(leave) as chat:
        client = ChatClient(chat.config)
        async with client:
            with pytest.raises(ServerClosed, match="1012"):
                await client.receive()
            assert client.state is ConnectionState.FAILED


async def test_a_closed_port_is_a_failed_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionFailed) as caught:
            await opening(config_for(port))
    assert (caught.value.phase, caught.value.cause) == ("tcp", "infrastructure")
    assert caught.value.target == f"127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def raw_server(answer: bytes | None, *, close: bool = False) -> Any:
    """Answer every connection's first bytes with these; None for nothing."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(65536)
        if answer is not None:
            writer.write(answer)
        if close:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield config_for(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize(
    ("answer", "cause", "heard"),
    [(None, Cause.INFRASTRUCTURE, False), (b"HTTP/1.1 101 Sw", Cause.UNDECIDED, True)],
    ids=["silence", "half an answer"],
)
async def test_an_upgrade_that_does_not_come_ends_in_time(
    answer: bytes | None,
    cause: Cause,
    heard: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async with raw_server(answer) as config:
        with pytest.raises(DeadlineExceeded) as caught:
            await opening(config, within=0.2)
    error = caught.value
    assert (error.phase, error.cause, error.last_activity is not None) == ("connect", cause, heard)
    assert error.elapsed < 0.7


@pytest.mark.parametrize(
    ("answer", "close", "kind"),
    [
        (b"", True, ConnectionFailed),
        (b"SSH-2.0-OpenSSH\r\n\r\n", False, HandshakeFailed),
        (
            WRONG_KEY,
            False,
            HandshakeFailed,
        ),
        (b"HTTP/1.1 301 Moved\r\nLocation: ws://evil.example/ws\r\n\r\n", True, HandshakeFailed),
    ],
    ids=["closed at once", "not HTTP", "a wrong key", "a redirect elsewhere"],
)
async def test_what_is_no_upgrade_is_refused(
    answer: bytes,
    close: bool,  # noqa: FBT001 - a column of the table
    kind: type[NetraError],
) -> None:
    async with raw_server(answer, close=close) as config:
        with pytest.raises(kind):
            await opening(config, token=secrets.token_urlsafe(40))


async def test_a_subprotocol_that_was_never_offered_is_refused() -> None:
    async with chat_server(silent, select_subprotocol=lambda *_: "invented") as chat:
        with pytest.raises(HandshakeFailed, match="invented"):
            await opening(chat.config, token=secrets.token_urlsafe(40))


@pytest.mark.parametrize("phase", ["connect", "welcome"])
async def test_cancelling_an_opening_cuts_the_connection(phase: str) -> None:
    reached, over = asyncio.Event(), asyncio.Event()

    async def wait(peer: Peer) -> None:
        reached.set()
        await peer.until_gone()

    async def stall(*_: object) -> None:
        reached.set()
        await over.wait()

    how = {"process_request": stall} if phase == "connect" else {}
    async with chat_server(wait, welcome=False, **how) as chat:
        task = asyncio.create_task(opening(chat.config))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [each for each in asyncio.all_tasks() if "netra" in each.get_name()] == []
        over.set()


async def test_the_user_whom_the_server_welcomed_is_known() -> None:
    async def welcome(peer: Peer) -> None:
        data = {"connection_id": "c-1", "user_id": "u-7"}
        await peer.say({"type": "connection_established", "data": data})
        await peer.until_gone()

    async with (
        chat_server(welcome, welcome=False) as server,
        ChatClient(server.config) as client,
    ):
        assert (client.connection_id, client.user_id) == ("c-1", "u-7")


def test_it_is_not_opened_on_a_loop_of_another_library() -> None:
    client = ChatClient(config_for(9))
    # Driven by hand, as any loop that is not asyncio's does.
    with pytest.raises(WrongLoop, match="no event loop of asyncio runs"):
        client.__aenter__().send(None)
