"""A request head that never ends is dropped, and nothing else is."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.local.below import Below
from tests.local.faulty_server import FaultyServer, serving
from uvicorn.config import Config
from uvicorn.server import ServerState

from netra_testkit.local.faults import Fault
from netra_testkit.local.head import TOO_LATE, HttpProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

SECONDS = 0.25
GET = b"GET /plain HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with serving(head_seconds=SECONDS) as server:
        yield server


def until_closed(endpoint: socket.socket) -> bytes:
    parts = []
    while part := endpoint.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answer(endpoint: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"served"):
        received += endpoint.recv(65536)
    return received


BEGUN = (
    b"",
    b"\r\n",
    b"GET /pl",
    b"GET /plain HTTP/1.1\r\n",
    b"GET /plain HTTP/1.1\r\nhost: x\r\nx-a",
)


def at_once(server: FaultyServer, *clients: Callable[[FaultyServer], None]) -> None:
    """Have each talk to the server at the same time, so that all of them wait but once."""
    with ThreadPoolExecutor(len(clients)) as pool:
        for talk in [pool.submit(each, server) for each in clients]:
            talk.result()


def begins(begun: bytes, server: FaultyServer) -> None:
    with server.connect() as endpoint:
        began = time.monotonic()
        endpoint.sendall(begun)
        assert until_closed(endpoint).startswith(b"HTTP/1.1 408 "), begun
        assert SECONDS * 0.8 <= time.monotonic() - began < SECONDS + 2, begun


def drips(server: FaultyServer) -> None:
    with server.connect() as endpoint:
        began = time.monotonic()
        endpoint.settimeout(0.03)
        endpoint.sendall(b"GET /plain HTTP/1.1\r\nx-slow: ")
        received = b""
        for byte in b"x" * 100:
            endpoint.send(bytes((byte,)))
            try:
                received = endpoint.recv(100)
                break
            except TimeoutError:
                continue
        assert received.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < SECONDS + 2


def begins_the_next(server: FaultyServer) -> None:
    with server.connect() as endpoint:
        endpoint.sendall(GET)
        answer(endpoint)
        began = time.monotonic()
        endpoint.sendall(GET[:10])
        assert until_closed(endpoint).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began >= SECONDS * 0.8


def test_a_head_that_never_ends_is_dropped(server: FaultyServer) -> None:
    at_once(server, drips, begins_the_next, *(partial(begins, each) for each in BEGUN))


def is_idle(server: FaultyServer) -> None:
    with server.connect(within=SECONDS * 2) as endpoint:
        endpoint.sendall(GET)
        answer(endpoint)
        with pytest.raises(TimeoutError):
            endpoint.recv(1)
        endpoint.settimeout(3)
        endpoint.sendall(GET)
        assert b"200 OK" in answer(endpoint)


def sends_its_body_late(server: FaultyServer) -> None:
    with server.connect(within=SECONDS * 2) as endpoint:
        endpoint.sendall(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nser")
        with pytest.raises(TimeoutError):
            endpoint.recv(1)
        endpoint.settimeout(3)
        endpoint.sendall(b"ved")
        assert b"200 OK" in answer(endpoint)


def test_whoever_has_sent_a_head_may_wait_longer(server: FaultyServer) -> None:
    at_once(server, is_idle, sends_its_body_late)


def test_a_head_that_comes_in_parts_is_served(server: FaultyServer) -> None:
    with server.connect() as endpoint:
        for place in range(0, len(GET), 8):
            endpoint.sendall(GET[place : place + 8])
        assert b"200 OK" in answer(endpoint)


def test_a_head_that_is_dropped_under_a_fault_is_dropped(server: FaultyServer) -> None:
    server.board.add(Fault("slow_close", delay=50))
    with server.connect() as endpoint:
        endpoint.sendall(b"GET /plain HTTP/1.1\r\n")
        assert until_closed(endpoint).startswith(b"HTTP/1.1 408 ")
    server.board.clear()


def test_the_next_client_is_served(server: FaultyServer) -> None:
    with server.connect() as endpoint:
        endpoint.sendall(b"GET")
        assert httpx.get(server.url + "/plain", trust_env=False, timeout=1).text == "served"


async def never(_scope: object, _receive: object, _send: object) -> None:
    """An application that no request comes to."""


class Connected:
    """A protocol without a server, over a transport that keeps what it is told."""

    def __init__(self, *, seconds: float, first_within: float) -> None:
        loop = asyncio.get_running_loop()
        config = Config(never, lifespan="off", log_config=None, interface="asgi3", ws="none")
        config.load()
        self.below = Below()
        self.protocol = HttpProtocol(
            config, ServerState(), {}, seconds=seconds, first_within=loop.time() + first_within
        )
        self.protocol.connection_made(self.below)
        self.protocol.data_received(b"GET")


async def test_the_time_of_the_first_head_began_with_the_connection() -> None:
    connected = Connected(seconds=60, first_within=0.01)
    await asyncio.sleep(0.05)
    assert (connected.below.sent, connected.below.done) == (TOO_LATE, ["close"])


async def test_a_connection_that_is_gone_is_told_nothing() -> None:
    connected = Connected(seconds=60, first_within=0.01)
    connected.protocol.connection_lost(ConnectionResetError())
    await asyncio.sleep(0.05)
    assert connected.below.sent == b""
