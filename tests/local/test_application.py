"""What stands around every handler: ids, refusals, crashes, and what was seen."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from socket import create_connection
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from tests.local.bare import NO_AUTHORITIES
from tests.local.handlers import new_world, serving
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from netra_testkit.local.application import Application
from netra_testkit.local.faults import Fault
from netra_testkit.local.refusals import CutOff, PlatformError
from netra_testkit.local.truth import exchange_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.requests import Request
    from starlette.types import Message
    from starlette.websockets import WebSocket

    from netra_testkit.local.notes import SocketConnection
    from netra_testkit.local.world import World

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def fine(_request: Request) -> Response:
    return PlainTextResponse("fine")


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def refusing(_request: Request) -> Response:
    raise PlatformError(429, "RATE_LIMITED", "Slow down.", {"limit": 3}, {"Retry-After": "7"})


async def teapot(_request: Request) -> Response:
    raise HTTPException(418, "short and stout")


async def dying(_request: Request) -> Response:
    raise ZeroDivisionError("a detail that is nobody's business")


async def cancelling(_request: Request) -> Response:
    raise asyncio.CancelledError


def streaming(error: type[Exception]) -> Any:
    async def body() -> AsyncIterator[str]:
        yield "first"
        raise error

    async def stream(_request: Request) -> Response:
        return StreamingResponse(body())

    return stream


FINE = Route("/fine", fine)


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    """One server for the tests that leave nothing behind."""
    with serving(
        FINE,
        Route("/echo", echo, methods=["POST"]),
        Route("/refusing", refusing),
        Route("/teapot", teapot),
        Route("/dying", dying),
        Route("/cancelling", cancelling),
    ) as world:
        yield world


def call(world: World, path: str, **options: Any) -> httpx.Response:
    with httpx.Client(
        base_url=world.urls.base, trust_env=False, timeout=5.0, verify=NO_AUTHORITIES
    ) as client:
        return client.request(options.pop("method", "GET"), path, **options)


def socket(world: World, path: str = "/ws", **options: Any) -> connect:
    url = f"{world.urls.base.replace('http', 'ws')}{path}"
    return connect(url, proxy=None, compression=None, close_timeout=0.5, **options)


async def closing(connection: Any) -> ConnectionClosed:
    """How a connection ends."""
    async with asyncio.timeout(5):
        while True:
            try:
                await connection.recv()
            except ConnectionClosed as closed:
                return closed


async def eventually(condition: Callable[[], bool]) -> None:
    """Give the server its turns until something holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.01)


async def ended(world: World) -> SocketConnection:
    """The one socket of a server, once the server has noted its end."""
    await eventually(lambda: bool(world.truth.connections) and not world.truth.open_connections)
    (one,) = world.truth.connections
    return one


def test_an_answer_carries_the_ids_of_its_request(shared: World) -> None:
    headers = {"X-Request-ID": "my-id_1.2", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = call(shared, "/fine", headers=headers)
    assert answer.headers["X-Request-ID"] == "my-id_1.2"
    assert answer.headers["X-Trace-ID"] == TRACE


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Request-ID": "with space", "traceparent": "nonsense"},
        {"X-Request-ID": "x" * 129, "traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"},
        {"X-Request-ID": "<script>", "traceparent": f"00-{TRACE.upper()}-00f067aa0ba902b7-01"},
    ],
    ids=["none", "unreadable", "too long and null", "unsafe and upper case"],
)
def test_an_answer_has_ids_of_its_own_where_the_request_has_no_usable_ones(
    shared: World,
    headers: dict[str, str],
) -> None:
    first, second = (call(shared, "/fine", headers=headers) for _ in range(2))
    for name in ("X-Request-ID", "X-Trace-ID"):
        assert len(first.headers[name]) == 32
        assert first.headers[name] != second.headers[name]


def test_a_refusal_is_the_platforms_body(shared: World) -> None:
    answer = call(shared, "/refusing")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    body = answer.json()
    assert body.pop("timestamp") > 0
    assert body == {
        "error": True,
        "error_code": "RATE_LIMITED",
        "message": "Slow down.",
        "trace_id": answer.headers["X-Trace-ID"],
        "request_id": answer.headers["X-Request-ID"],
        "details": {"limit": 3},
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/fine/", 404, "NOT_FOUND"),
        ("POST", "/fine", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/teapot", 418, "HTTP_418"),
        ("GET", "/dying", 500, "INTERNAL_ERROR"),
    ],
    ids=["unknown path", "trailing slash", "wrong method", "the framework's", "crash"],
)
def test_what_goes_wrong_is_the_platforms_body_too(
    shared: World, method: str, path: str, status: int, code: str
) -> None:
    answer = call(shared, path, method=method)
    assert answer.status_code == status
    assert answer.json()["error_code"] == code


def test_two_routes_may_share_a_path() -> None:
    with serving(Route("/both", fine), Route("/both", echo, methods=["POST"])) as world:
        assert call(world, "/both").text == "fine"
        assert call(world, "/both", method="POST", content=b"x").text == "x"


def test_a_wrong_method_is_told_the_right_ones(shared: World) -> None:
    assert "GET" in call(shared, "/fine", method="POST").headers["Allow"]


def test_a_crash_is_logged_and_tells_the_client_nothing(
    shared: World, caplog: pytest.LogCaptureFixture
) -> None:
    answer = call(shared, "/dying")
    assert call(shared, "/fine").status_code == 200
    assert "detail" not in answer.json()["message"]
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    request_id = answer.headers["X-Request-ID"]
    assert record.getMessage() == f"the handler of /dying died, request {request_id}"
    assert record.exc_info is not None


@pytest.mark.parametrize("error", [CutOff, ZeroDivisionError], ids=["cut off", "crash"])
def test_an_answer_that_has_begun_ends_where_it_stands(error: type[Exception]) -> None:
    with serving(Route("/", streaming(error))) as world:
        with pytest.raises(httpx.RemoteProtocolError):
            call(world, "/")
        (seen,) = world.truth.requests
    assert seen.status == 200


def test_a_handler_that_cancels_itself_is_a_crash(shared: World) -> None:
    assert call(shared, "/cancelling").status_code == 500


def test_a_body_reaches_its_handler(shared: World) -> None:
    body = b"x" * 100_000
    assert call(shared, "/echo", method="POST", content=body).content == body


async def test_a_client_that_leaves_while_it_sends_is_no_crash(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(Route("/", echo, methods=["POST"])) as world:
        with create_connection(("127.0.0.1", world.urls.port), timeout=5) as raw:
            raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        await eventually(lambda: bool(world.truth.requests))
    assert world.truth.requests[0].status is None
    assert caplog.records == []


def test_no_request_is_written_to_the_log_of_the_process(
    shared: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert call(shared, "/fine").status_code == 200
    assert "uvicorn.access" not in {each.name for each in caplog.records}


def test_every_request_is_noted() -> None:
    with serving(FINE) as world:
        answer = call(world, "/fine?token=x", headers={"Accept": "a/b"})
        call(world, "/nowhere", method="PUT")
        first, second = world.truth.requests
    assert (first.method, first.path, first.status, first.user) == ("GET", "/fine", 200, None)
    assert first.request_id == answer.headers["X-Request-ID"]
    assert first.headers["accept"] == "a/b"
    assert (second.method, second.path, second.status) == ("PUT", "/nowhere", 404)


def test_a_server_that_stops_ends_what_waits_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    entered = threading.Event()

    async def waiting(_request: Request) -> Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    with serving(Route("/", waiting)) as world:
        raw = create_connection(("127.0.0.1", world.urls.port), timeout=5)
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert entered.wait(5)
    with raw, contextlib.suppress(ConnectionResetError):
        assert raw.recv(1) == b""
    assert world.truth.requests[0].status is None
    assert caplog.records == []


async def test_a_request_is_noted_before_its_answer_has_left() -> None:
    world = new_world()
    noted: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            noted.append(len(world.truth.requests))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/fine", "headers": [], "query_string": b""}
    await Application(world, [FINE])(scope, receive, send)
    assert noted == [1]


async def test_a_closure_is_noted_before_the_client_is_told() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000)

    world = new_world()
    open_when_told: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "websocket.close":
            open_when_told.append(len(world.truth.open_connections))

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b""}
    await Application(world, [a_socket(handler)])(scope, receive, send)
    assert open_when_told == [0]


def a_socket(handler: Any) -> WebSocketRoute:
    return WebSocketRoute("/ws", handler)


async def test_a_socket_that_dies_closes_as_the_platform_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ZeroDivisionError

    with serving(a_socket(handler)) as world:
        async with socket(world) as connection:
            closed = await closing(connection)
        seen = await ended(world)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1011
    assert seen.close_code == 1011
    [said] = [each.getMessage() for each in caplog.records]
    assert said == f"the handler of /ws died, request {seen.request_id}"


async def test_a_socket_that_dies_at_the_upgrade_is_answered_500() -> None:
    async def handler(_websocket: WebSocket) -> None:
        raise ZeroDivisionError

    with serving(a_socket(handler)) as world:
        with pytest.raises(InvalidStatus) as refused:
            await socket(world)
        (seen,) = world.truth.requests
    assert refused.value.response.status_code == 500
    assert b"INTERNAL_ERROR" in (refused.value.response.body or b"")
    assert (seen.method, seen.path, seen.status) == ("GET", "/ws", 500)


async def test_a_socket_is_refused_at_the_upgrade_with_body_and_ids(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(_websocket: WebSocket) -> None:
        raise PlatformError(401, "NO_TOKEN", "Who are you?")

    with serving(a_socket(handler)) as world:
        with pytest.raises(InvalidStatus) as refused:
            await socket(world, additional_headers={"X-Request-ID": "mine"})
        assert world.truth.connections == ()
    assert caplog.records == []
    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["X-Request-ID"] == "mine"
    assert b'"error_code":"NO_TOKEN"' in (response.body or b"")


async def test_a_socket_that_dies_after_its_refusal_stays_refused() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("no", 418))
        raise ZeroDivisionError

    with serving(a_socket(handler)) as world:
        with pytest.raises(InvalidStatus) as refused:
            await socket(world)
        assert [each.status for each in world.truth.requests] == [418]
    assert refused.value.response.status_code == 418


async def test_a_handler_may_turn_a_socket_away_without_a_word() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.close()

    with serving(a_socket(handler)) as world:
        with pytest.raises(InvalidStatus) as refused:
            await socket(world)
        assert world.truth.requests[0].status == 403
    assert refused.value.response.status_code == 403


async def test_a_socket_elsewhere_is_not_found() -> None:
    with serving(FINE) as world, pytest.raises(InvalidStatus) as refused:
        await socket(world, "/elsewhere")
    assert refused.value.response.status_code == 404


async def test_a_socket_left_open_by_its_handler_is_closed_in_order() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()

    with serving(a_socket(handler)) as world:
        async with socket(world) as connection:
            assert connection.response is not None
            assert len(connection.response.headers["X-Trace-ID"]) == 32
            closed = await closing(connection)
        seen = await ended(world)
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1000
    assert seen.close_code == 1000


async def test_a_socket_that_is_cut_off_ends_without_a_frame() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise CutOff

    with serving(a_socket(handler)) as world:
        async with socket(world) as connection:
            closed = await closing(connection)
        seen = await ended(world)
    assert isinstance(closed, ConnectionClosedError)
    assert closed.rcvd is None
    assert seen.close_code == 1006


async def test_a_socket_is_noted_with_who_it_was_and_how_it_closed() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        exchange_of(websocket).subject = "ann"
        await websocket.send_text("known")
        await websocket.receive_text()

    with serving(a_socket(handler)) as world:
        async with socket(world, additional_headers={"X-Request-ID": "mine"}) as connection:
            await connection.recv()
            (seen,) = world.truth.open_connections
            assert (seen.user, seen.path, seen.request_id) == ("ann", "/ws", "mine")
            await connection.close(4000)
        closed = await ended(world)
    assert (closed.user, closed.close_code) == ("ann", 4000)
    assert world.truth.requests == ()


async def test_the_handlers_own_close_is_what_is_noted() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4401)

    with serving(a_socket(handler)) as world:
        async with socket(world) as connection:
            closed = await closing(connection)
        seen = await ended(world)
    assert closed.rcvd is not None
    assert (closed.rcvd.code, seen.close_code) == (4401, 4401)


async def test_a_client_that_vanishes_is_noted_as_gone(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.send_text("more" * 1000)
            await asyncio.sleep(0)

    with serving(a_socket(handler)) as world:
        async with socket(world) as connection:
            await connection.recv()
            connection.transport.abort()
        seen = await ended(world)
    assert seen.close_code == 1006
    assert caplog.records == []


def test_a_status_answers_in_the_place_of_a_handler() -> None:
    faults = [Fault("status", route="/fine", status=503, retry_after=3)]
    with serving(FINE, Route("/other", fine), faults=faults) as world:
        answer = call(world, "/fine")
        assert call(world, "/other").status_code == 200
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert answer.json()["error_code"] == "SERVICE_UNAVAILABLE"


def test_a_status_may_come_from_a_proxy() -> None:
    with serving(FINE, faults=[Fault("status", status=502, plain=True)]) as world:
        answer = call(world, "/fine")
    assert (answer.status_code, answer.text) == (502, "Bad Gateway\n")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body_gets_none(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with serving(FINE, faults=[Fault("status", status=status)]) as world:
        answer = call(world, "/fine")
    assert caplog.records == []
    assert (answer.status_code, answer.content) == (status, b"")


async def test_a_status_strikes_the_upgrade_too() -> None:
    faults = [Fault("status", status=500)]
    with serving(faults=faults) as world, pytest.raises(InvalidStatus) as refused:
        await socket(world)
    assert refused.value.response.status_code == 500
