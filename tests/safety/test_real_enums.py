"""The states of the installed Starlette and websockets in the log lines of live servers."""

from __future__ import annotations

import io
import json
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketState
from websockets.asyncio.client import connect
from websockets.asyncio.server import Request, ServerConnection, serve
from websockets.protocol import State
from websockets.sync.client import connect as connect_blocking

from netra_testkit.safety.jsonable import safe_state, to_jsonable
from netra_testkit.safety.logs import CloudLoggingFormatter, SafeExtrasFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("netra.tests.live")


class Kept(logging.Handler):
    """Keeps the records of a server beside the lines it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.lines = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.lines.write(f"{self.format(record)}\n")

    def written(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    handler.setFormatter(CloudLoggingFormatter())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    yield handler
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(logging.NOTSET)


async def endpoint(socket: WebSocket) -> None:
    LOGGER.info("before", extra={"state": socket.client_state})
    await socket.accept()
    LOGGER.info("during %s", socket.client_state, extra={"state": socket.client_state})
    await socket.receive_text()
    await socket.close()
    LOGGER.info("after", extra={"state": socket.application_state})


@contextmanager
def running(app: Starlette) -> Iterator[int]:
    """The app on loopback, in a thread of its own; gives its port."""
    config = uvicorn.Config(
        app,
        port=0,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def start(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = start  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(10)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
    assert not thread.is_alive()


def test_starlettes_states_in_a_live_servers_log(kept: Kept) -> None:
    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])
    with (
        running(app) as port,
        connect_blocking(f"ws://127.0.0.1:{port}/ws", proxy=None) as client,
    ):
        client.send("go on")
        with pytest.raises(websockets.ConnectionClosed):
            client.recv(timeout=5)

    states = [record.state for record in kept.records]  # type: ignore[attr-defined]
    assert states == [
        WebSocketState.CONNECTING,
        WebSocketState.CONNECTED,
        WebSocketState.DISCONNECTED,
    ]
    for state in states:
        with pytest.raises(TypeError, match="WebSocketState is not JSON serializable"):
            json.dumps({"state": state})
        with pytest.raises(TypeError, match="keys must be str"):
            json.dumps({state: 1})
    assert [line["state"] for line in kept.written()] == ["connecting", "connected", "disconnected"]
    assert kept.written()[1]["message"] == "during connected"


async def test_websockets_states_in_a_live_servers_log(kept: Kept) -> None:
    def starting(connection: ServerConnection, _: Request) -> None:
        LOGGER.info("before", extra={"state": connection.state})

    async def handler(connection: ServerConnection) -> None:
        LOGGER.info("during %s", connection.state, extra={"state": connection.state})
        await connection.recv()
        await connection.close()
        LOGGER.info("after", extra={"state": connection.state})

    async with serve(handler, "127.0.0.1", 0, process_request=starting) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
            await client.send("go on")
            await client.wait_closed()

    states = [record.state for record in kept.records]  # type: ignore[attr-defined]
    assert states == [State.CONNECTING, State.OPEN, State.CLOSED]
    # It does not fail: it writes a number that says nothing to whoever reads the log.
    assert json.dumps({"state": states}) == '{"state": [0, 1, 3]}'
    assert json.dumps({State.OPEN: "key"}) == '{"1": "key"}'
    assert f"{State.OPEN}" == "1"
    assert [line["state"] for line in kept.written()] == ["connecting", "open", "closed"]
    assert kept.written()[1]["message"] == "during open"


@pytest.mark.parametrize("state", [*WebSocketState, *State])
def test_every_state_is_its_name_in_lower_case(state: WebSocketState | State) -> None:
    assert safe_state(state) == state.name.lower()
    assert to_jsonable({state: [state]}) == {state.name.lower(): [state.name.lower()]}


def test_the_filter_makes_the_real_states_safe_for_a_plain_json_dump() -> None:
    extras = {"state": WebSocketState.CONNECTED, "states": {State.OPEN: State.CLOSED}}
    with pytest.raises(TypeError):
        json.dumps(extras)
    record = logging.makeLogRecord({"msg": "%s %s", "args": tuple(State)[:2], **extras})
    SafeExtrasFilter().filter(record)
    assert json.dumps([record.state, record.states]) == '["connected", {"open": "closed"}]'  # type: ignore[attr-defined]
    assert record.getMessage() == "connecting open"
