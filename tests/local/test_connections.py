from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from starlette.websockets import WebSocket

from netra_testkit.local import connections
from netra_testkit.local.connections import Connection, Connections, connections_of

if TYPE_CHECKING:
    from collections.abc import MutableMapping


async def accepted(send: Any) -> WebSocket:
    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    heard: list[str] = []

    async def sends(message: MutableMapping[str, Any]) -> None:
        heard.append(message["type"])
        if len(heard) > 1:
            await send(message)

    scope = {"type": "websocket", "headers": [], "path": "/ws"}
    websocket = WebSocket(scope, receive, sends)
    await websocket.accept()
    return websocket


def connection(websocket: WebSocket, user_id: str = "u") -> Connection:
    return Connection(websocket, connection_id="c", user_id=user_id, thread_id="t")


async def test_a_peer_that_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SEND_WITHIN", 0.02)

    async def never(_: object) -> None:
        await asyncio.Event().wait()

    stuck = connection(await accepted(never))
    assert await stuck.send({"type": "pong"}) is False
    assert stuck.stalled.is_set()
    assert await stuck.send({"type": "pong"}) is False


async def test_a_peer_that_is_gone_is_no_error() -> None:
    async def gone(_: object) -> None:
        raise OSError

    lost = connection(await accepted(gone))
    assert await lost.send({"type": "pong"}) is False
    assert await lost.send({"type": "pong"}) is False
    await lost.close(1000)
    assert not lost.stalled.is_set()


async def test_a_frame_is_sent_and_nothing_after_the_close() -> None:
    sent: list[Any] = []

    async def kept(message: object) -> None:
        sent.append(message)

    open_one = connection(await accepted(kept))
    assert await open_one.send({"type": "pong"}) is True
    await open_one.close(1001, "bye")
    assert await open_one.send({"type": "pong"}) is False
    assert sent == [
        {"type": "websocket.send", "text": '{"type":"pong"}'},
        {"type": "websocket.close", "code": 1001, "reason": "bye"},
    ]


async def test_who_is_connected_is_counted_per_user() -> None:
    async def nothing(_: object) -> None:
        raise AssertionError

    websocket = await accepted(nothing)
    one, two, other = (connection(websocket, user) for user in ("u", "u", "v"))
    everybody = Connections()
    assert everybody.of_another("u") is None
    with everybody.joined(one), everybody.joined(two):
        assert (everybody.count("u"), everybody.of_another("u")) == (2, None)
        with everybody.joined(other):
            assert everybody.of_another("u") is other
            assert everybody.of_another("v") is two
        assert everybody.count("v") == 0
    assert everybody.count("u") == 0


async def test_a_crash_is_counted_out() -> None:
    everybody = Connections()
    one = connection(await accepted(None))
    with pytest.raises(ZeroDivisionError), everybody.joined(one):
        raise ZeroDivisionError
    assert everybody.count("u") == 0


def test_a_server_has_one_list_of_sockets() -> None:
    request: Any = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace()))
    assert connections_of(request) is connections_of(request)
