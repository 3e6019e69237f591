"""uvicorn in a thread: how it starts, how it stops, and what comes of a failure."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from functools import partial
from itertools import count
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from tests.local.handlers import new_world, thread_of

from netra_testkit.errors import ConfigurationError, DeadlineExceeded
from netra_testkit.local import server
from netra_testkit.local.application import Application
from netra_testkit.local.server import ServerThread, bound_socket
from netra_testkit.local.transport import protocol

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.websockets import WebSocket

LIVE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def test_a_port_is_known_before_anything_runs() -> None:
    with bound_socket("127.0.0.1", 0) as listening:
        assert listening.getsockname()[1] > 0


async def test_an_answer_in_parts_leaves_without_waiting_for_the_client() -> None:
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        option = writer.get_extra_info("socket").getsockopt(IPPROTO_TCP, TCP_NODELAY)
        accepted.set_result(option)
        writer.close()

    listening = bound_socket("127.0.0.1", 0)
    async with await asyncio.start_server(look, sock=listening):
        with create_connection(listening.getsockname(), timeout=5):
            assert await accepted != 0


def test_a_port_that_is_taken_is_a_problem_of_the_configuration() -> None:
    with bound_socket("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} cannot be bound") as refused:
            bound_socket("127.0.0.1", port)
    assert refused.value.hint == "Name another port, or end what has this one."


@pytest.mark.parametrize("port", [-1, 65536], ids=repr)
def test_what_is_no_port_is_one_too(port: int) -> None:
    with pytest.raises(ConfigurationError, match="cannot be bound"):
        bound_socket("127.0.0.1", port)


def test_what_fails_before_it_is_ready_is_raised_by_the_start() -> None:
    listening = bound_socket("127.0.0.1", 0)
    thread = thread_of(new_world(), listening=listening)
    listening.close()
    with pytest.raises(OSError, match=r"[Bb]ad file descriptor|not a socket"):
        thread.start()


def test_a_start_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    class Slow(Application):
        def __call__(self, *_: Any) -> Any:
            # uvicorn calls what it is given, to see whether it makes an application.
            let_go.wait()
            raise TypeError

    world = new_world()
    thread = ServerThread(
        Slow(world, ()),
        protocol=protocol(world.board),
        listening=bound_socket("127.0.0.1", 0),
        message_bytes=1,
    )
    monkeypatch.setattr(server, "READY_WITHIN", 0.05)
    with pytest.raises(DeadlineExceeded) as late:
        thread.start()
    assert late.value.phase == "start"
    let_go.set()
    thread.stop()


def test_what_ends_the_thread_is_raised_by_the_stop() -> None:
    thread = thread_of(new_world())
    thread.start()
    thread.run(lambda: asyncio.get_running_loop().stop())
    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
        thread.stop()


def test_a_stop_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, let_go = threading.Event(), threading.Event()

    async def blocking(_request: Request) -> Response:
        entered.set()
        let_go.wait()
        return PlainTextResponse("at last")

    listening = bound_socket("127.0.0.1", 0)
    thread = thread_of(new_world(), Route("/", blocking), listening=listening)
    thread.start()
    with create_connection(listening.getsockname(), timeout=5) as raw:
        raw.sendall(LIVE)
        assert entered.wait(5)
        with monkeypatch.context() as impatient:
            impatient.setattr(server, "STOPPED_WITHIN", 0.1)
            with pytest.raises(DeadlineExceeded) as late:
                thread.stop()
        assert late.value.phase == "stop"
        let_go.set()
        thread.stop()


def test_a_stop_comes_at_once() -> None:
    took = []
    for _ in range(5):
        thread = thread_of(new_world())
        thread.start()
        began = time.monotonic()
        thread.stop()
        took.append(time.monotonic() - began)
    assert min(took) < 0.05


def test_the_date_of_an_answer_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    dates = count()
    monkeypatch.setattr("uvicorn.server.formatdate", lambda *_, **__: f"{next(dates)}")
    monkeypatch.setattr(server, "DATED", 0.01)
    listening = bound_socket("127.0.0.1", 0)
    thread = thread_of(new_world(), listening=listening)
    thread.start()
    seen: set[bytes] = set()
    end = time.monotonic() + 5
    with create_connection(listening.getsockname(), timeout=5) as raw:
        while len(seen) < 3 and time.monotonic() < end:
            raw.sendall(LIVE)
            seen.add(raw.recv(65536).partition(b"date: ")[2].partition(b"\r\n")[0])
    thread.stop()
    assert len(seen) == 3


def test_a_handler_may_clean_up_before_the_server_is_gone() -> None:
    entered, cleaned = threading.Event(), threading.Event()

    async def cleaning(_request: Request) -> Response:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            cleaned.set()
        raise AssertionError

    listening = bound_socket("127.0.0.1", 0)
    thread = thread_of(new_world(), Route("/", cleaning), listening=listening)
    thread.start()
    with create_connection(listening.getsockname(), timeout=5) as raw:
        raw.sendall(LIVE)
        assert entered.wait(5)
        thread.stop()
    assert cleaned.is_set()


def test_an_upgrade_that_is_about_to_be_answered_is_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "GRACE", 5.0)
    entered = threading.Event()

    async def accepting(websocket: WebSocket) -> None:
        entered.set()
        while not websocket.app.stopping:  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        await websocket.accept()
        await websocket.receive()

    listening = bound_socket("127.0.0.1", 0)
    thread = thread_of(new_world(), WebSocketRoute("/", accepting), listening=listening)
    thread.start()
    with create_connection(listening.getsockname(), timeout=5) as raw:
        raw.sendall(UPGRADE)
        assert entered.wait(5)
        thread.stop()
        received = b"".join(iter(partial(raw.recv, 65536), b""))
    assert received.startswith(b"HTTP/1.1 101 ")
    assert received.endswith(b"\x88\x02\x03\xf4")
    assert caplog.records == []


def test_something_is_done_in_the_servers_own_thread() -> None:
    thread = thread_of(new_world())
    thread.start()
    names: list[str] = []
    thread.run(lambda: names.append(threading.current_thread().name))
    thread.stop()
    assert names[0].startswith("netra-local-")


def test_what_fails_in_the_servers_thread_is_raised_here() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    thread = thread_of(new_world())
    thread.start()
    with pytest.raises(ZeroDivisionError):
        thread.run(fail)
    thread.stop()


def test_the_access_log_of_the_process_stays_as_it_is() -> None:
    logger = logging.getLogger("uvicorn.access")
    handler = logging.NullHandler()
    logger.addHandler(handler)
    try:
        thread = thread_of(new_world())
        thread.start()
        thread.stop()
        assert handler in logger.handlers
        assert logger.propagate
    finally:
        logger.removeHandler(handler)
