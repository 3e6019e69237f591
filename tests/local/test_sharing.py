"""WebSockets of which none takes more of the server than its share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.below import Below
from uvicorn.config import Config
from uvicorn.server import ServerState

from netra_testkit.local.sharing import WebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HELLO = b"\x81\x82\0\0\0\0hi"


class Socket:
    """A protocol that is connected, and its application's end."""

    def __init__(self, application: Any = None) -> None:
        config = Config(
            application or self.application,
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            interface="asgi3",
        )
        config.load()
        self.below = Below()
        self.gone = asyncio.Event()
        self.accepted = asyncio.Event()
        self.receive: Any = None
        self.send: Any = None
        self.protocol = WebSocketProtocol(config, ServerState(), {})
        self.protocol.connection_made(self.below)
        self.protocol.data_received(UPGRADE)

    async def application(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.receive = receive
        self.send = send
        self.accepted.set()
        await self.gone.wait()


@pytest.fixture
async def connected() -> AsyncIterator[Socket]:
    connected = Socket()
    await connected.accepted.wait()
    yield connected
    connected.gone.set()
    await asyncio.gather(*connected.protocol.tasks)
    connected.protocol.connection_lost(None)


async def test_a_client_that_does_not_read_is_not_read(connected: Socket) -> None:
    connected.protocol.pause_writing()
    assert not connected.below.reading
    connected.protocol.resume_writing()
    assert connected.below.reading


async def test_it_stays_so_when_the_application_asks_for_more(connected: Socket) -> None:
    connected.protocol.pause_writing()
    connected.below.resume_reading()
    connected.protocol.data_received(b"\x89\x80\0\0\0\0")
    assert not connected.below.reading
    connected.protocol.resume_writing()


async def test_an_application_that_has_enough_is_given_no_more(connected: Socket) -> None:
    connected.protocol.data_received(HELLO)
    assert not connected.below.reading
    connected.protocol.pause_writing()
    connected.protocol.resume_writing()
    assert not connected.below.reading
    assert (await connected.receive())["text"] == "hi"
    assert connected.below.reading


async def test_a_flood_leaves_others_their_turns(connected: Socket) -> None:
    connected.protocol.data_received(HELLO * 100)
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(another())
    for _ in range(100):
        await connected.receive()
    other.cancel()
    assert turns >= 6


async def test_a_client_that_answers_no_close_is_soon_given_up(connected: Socket) -> None:
    await connected.send({"type": "websocket.close", "code": 1000})
    timer = connected.protocol.close_timer
    assert timer is not None
    assert 0 < timer.when() - asyncio.get_running_loop().time() <= 1
    timer.cancel()


async def test_a_refused_upgrade_is_no_failure_of_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refusing(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401})
        body = {"type": "websocket.http.response.body"}
        await send({**body, "body": b"who are ", "more_body": True})
        assert not refused.protocol.handshake_complete
        await send({**body, "body": b"you?"})

    refused = Socket(refusing)
    await asyncio.gather(*refused.protocol.tasks)
    assert refused.below.sent.startswith(b"HTTP/1.1 401 ")
    assert refused.below.sent.endswith(b"who are you?")
    assert caplog.records == []
    refused.protocol.connection_lost(None)
