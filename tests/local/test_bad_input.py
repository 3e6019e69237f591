"""Whatever a client sends, the server answers or drops it, and serves the next one."""

from __future__ import annotations

import contextlib
import socket
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netra_testkit.local.staging import LocalStaging
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.tokens import mint_access_token

if TYPE_CHECKING:
    from collections.abc import Iterator

# A client that buffers little is pushed back soon.
SMALL = 4096
HOST = b"host: x\r\n"
GET = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStaging]:
    with LocalStaging() as server:
        yield server


@pytest.fixture(autouse=True)
def _the_next_client_is_served(server: LocalStaging) -> Iterator[None]:
    yield
    assert_serves(server)


def assert_serves(server: LocalStaging) -> None:
    began = time.monotonic()
    client = HTTPConnection("127.0.0.1", server.port, timeout=1)
    with contextlib.closing(client):
        client.request("GET", "/health/live")
        assert client.getresponse().status == 200
    assert time.monotonic() - began < 1


@contextlib.contextmanager
def connection(server: LocalStaging, *, buffer: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as endpoint:
        endpoint.settimeout(3)
        if buffer is not None:
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        endpoint.connect(("127.0.0.1", server.port))
        yield endpoint


def until_closed(endpoint: socket.socket) -> bytes:
    """All that comes; a reset ends it as well as a close."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := endpoint.recv(65536):
            received += part
    return received


def outcome(server: LocalStaging, request: bytes) -> bytes:
    """What a client hears that sends this and nothing more; it must not wait for ever."""
    with connection(server) as endpoint:
        with contextlib.suppress(ConnectionError):
            endpoint.sendall(request)
            endpoint.shutdown(socket.SHUT_WR)
        return until_closed(endpoint)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00" * 100 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x07" * 500,
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health/live\r\n\r\n",
        b"GET /health/live HTTP/one\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n\r\n",
        b"GET  /health/live  HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /health/live HTTP/1.1\r\nbroken header\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nx: \x00\r\n" + HOST + b"\r\n",
        b"POST /auth/login HTTP/1.1\r\ncontent-length: -5\r\n" + HOST + b"\r\n",
        b"POST /auth/login HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n"
        + HOST
        + b"\r\nhello",
        b"POST /auth/login HTTP/1.1\r\ntransfer-encoding: chunked\r\n" + HOST + b"\r\nzz\r\n",
        b"POST /auth/login HTTP/1.1\r\ntransfer-encoding: gzip\r\n" + HOST + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000 + b"\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=[
        "zeros",
        "tls",
        "text",
        "a method alone",
        "no version",
        "unknown version",
        "no host",
        "double spaces",
        "no colon",
        "zero in a header",
        "negative length",
        "two lengths",
        "a bad chunk",
        "unknown encoding",
        "a long path",
        "a long header",
        "many headers",
        "http/2",
    ],
)
def test_malformed_http_is_refused_or_dropped(server: LocalStaging, request_bytes: bytes) -> None:
    heard = outcome(server, request_bytes)
    assert heard == b"" or heard.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "target",
    [
        b"/%",
        b"/%zz",
        b"/%00",
        b"/\xff",
        b"/../../etc/passwd",
        b"http://x/health",
        b"*",
        b"?",
        b"//",
    ],
    ids=str,
)
def test_a_strange_target_is_no_failure_of_the_server(server: LocalStaging, target: bytes) -> None:
    heard = outcome(server, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert heard == b"" or heard.startswith(b"HTTP/1.1 4")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_are_answered_or_dropped(server: LocalStaging, said: bytes) -> None:
    heard = outcome(server, said + b"\r\n\r\n")
    assert not heard.startswith(b"HTTP/1.1 5")


def test_a_body_that_is_too_long_is_refused(server: LocalStaging) -> None:
    size = 50 * 2**20
    head = b"POST /auth/login HTTP/1.1\r\ncontent-length: %d\r\n" % size + HOST + b"\r\n"
    with connection(server) as endpoint, contextlib.suppress(ConnectionError):
        endpoint.sendall(head)
        for _ in range(size // 2**20):
            endpoint.sendall(b"x" * 2**20)
        assert endpoint.recv(65536).startswith(b"HTTP/1.1 413")


def test_a_body_that_never_ends_keeps_nobody_else_waiting(server: LocalStaging) -> None:
    with connection(server) as endpoint:
        endpoint.sendall(b"POST /auth/login HTTP/1.1\r\ncontent-length: 99\r\n" + HOST + b"\r\n{")
        assert_serves(server)


def test_a_head_that_never_ends_keeps_nobody_else_waiting(server: LocalStaging) -> None:
    with contextlib.ExitStack() as clients:
        for _ in range(50):
            clients.enter_context(connection(server)).sendall(GET[:-2])
        assert_serves(server)


def test_five_hundred_connections_at_once_are_all_served(server: LocalStaging) -> None:
    with contextlib.ExitStack() as clients:
        endpoints = [clients.enter_context(connection(server)) for _ in range(500)]
        for endpoint in endpoints:
            endpoint.sendall(GET)
        answers = [endpoint.recv(65536) for endpoint in endpoints]
        assert_serves(server)
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}


def test_a_flood_of_requests_on_one_connection_is_answered(server: LocalStaging) -> None:
    with connection(server) as endpoint:
        endpoint.sendall(GET * 500)
        received = b""
        while received.count(b"HTTP/1.1 200") < 500:
            received += endpoint.recv(65536)


def test_a_flood_of_requests_that_nobody_reads_is_pushed_back(server: LocalStaging) -> None:
    with connection(server, buffer=SMALL) as endpoint:
        endpoint.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            for _ in range(500):
                endpoint.sendall(GET * 500)
        assert_serves(server)


def frame(opcode: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    size = len(payload)
    bit = 0x80 if masked else 0
    if size < 126:
        length = bytes((bit | size,))
    elif size < 2**16:
        length = bytes((bit | 126,)) + size.to_bytes(2)
    else:
        length = bytes((bit | 127,)) + size.to_bytes(8)
    return bytes((opcode,)) + length + (b"\0\0\0\0" if masked else b"") + payload


@contextlib.contextmanager
def websocket(server: LocalStaging, *, buffer: int | None = None) -> Iterator[socket.socket]:
    config = server.config()
    token = mint_access_token(
        config.jwt_secret(), user=config.users[0], environment=Environment.LOCAL
    )
    with connection(server, buffer=buffer) as endpoint:
        endpoint.sendall(
            b"GET /ws HTTP/1.1\r\n" + HOST + b"upgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"authorization: Bearer " + token.encode() + b"\r\n\r\n"
        )
        received = b""
        while b"connection_established" not in received:
            received += endpoint.recv(65536)
        yield endpoint


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(0x81, b"{}", masked=False), 1002),
        (frame(0x83, b"{}"), 1002),
        (frame(0xF1, b"{}"), 1002),
        (frame(0x80, b"{}"), 1002),
        (frame(0x09, b"x"), 1002),
        (frame(0x89, b"x" * 126), 1002),
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
        (b"\x81\xff" + (2**63 - 1).to_bytes(8) + b"\0\0\0\0", 1009),
    ],
    ids=[
        "not masked",
        "a reserved opcode",
        "reserved bits",
        "a continuation of nothing",
        "a fragmented ping",
        "a long ping",
        "not UTF-8",
        "a close code cut",
        "an illegal close code",
        "a frame too large",
    ],
)
def test_a_malformed_frame_ends_its_connection(
    server: LocalStaging, said: bytes, code: int
) -> None:
    with websocket(server) as endpoint:
        endpoint.sendall(said)
        assert b"\x88" in (heard := until_closed(endpoint))
        assert code.to_bytes(2) in heard


@pytest.mark.parametrize(
    "said",
    [
        frame(0x81, b"not json"),
        frame(0x81, b"[" * 100_000),
        frame(0x81, b'{"type": {"a": 1}}'),
        frame(0x81, b"null"),
        frame(0x81),
        frame(0x82, bytes(range(256))),
        frame(0x82, b"{}"),
    ],
    ids=["text", "deep", "a type that is none", "null", "empty", "bytes", "JSON in bytes"],
)
def test_a_frame_that_says_nothing_keeps_its_connection(server: LocalStaging, said: bytes) -> None:
    with websocket(server) as endpoint:
        endpoint.sendall(said + frame(0x81, b'{"type": "ping", "payload": {}}'))
        received = b""
        while b'"pong"' not in received:
            part = endpoint.recv(65536)
            assert part, received
            received += part


def test_a_message_that_is_too_long_ends_its_connection(server: LocalStaging) -> None:
    with websocket(server) as endpoint:
        with contextlib.suppress(ConnectionError):
            endpoint.sendall(frame(0x81, b"x" * (2**20 + 1)))
        heard = until_closed(endpoint)
    assert heard == b"" or (1009).to_bytes(2) in heard


def test_a_flood_of_messages_is_answered_or_dropped(server: LocalStaging) -> None:
    with websocket(server, buffer=SMALL) as endpoint:
        endpoint.settimeout(0.2)
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(200):
                endpoint.sendall(frame(0x81, b'{"type": "ping"}') * 100)
        assert_serves(server)


def test_a_flood_of_pings_that_nobody_reads_is_pushed_back(server: LocalStaging) -> None:
    pings = frame(0x89, b"x" * 125) * 1000
    with websocket(server, buffer=SMALL) as endpoint:
        endpoint.settimeout(0.2)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 200 * 2**20:
                sent += endpoint.send(pings)
        assert sent < 100 * 2**20
        assert_serves(server)
        endpoint.settimeout(3)
        assert endpoint.recv(65536)


def test_clients_that_vanish_are_forgotten(server: LocalStaging) -> None:
    for _ in range(20):
        with websocket(server) as endpoint:
            endpoint.sendall(frame(0x81, b"{")[:3])
            endpoint.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, (1).to_bytes(4, "little") + bytes(4)
            )
    with websocket(server):
        assert_serves(server)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_frames_are_answered_or_dropped(server: LocalStaging, said: bytes) -> None:
    with websocket(server) as endpoint:
        endpoint.sendall(said)
        with contextlib.suppress(OSError):
            endpoint.shutdown(socket.SHUT_WR)
        until_closed(endpoint)
