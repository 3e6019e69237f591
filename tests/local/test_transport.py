"""Each transport fault, seen from outside with bare clients."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.local.faulty_server import BIG, HUGE, FaultyServer, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from netra_testkit.local.faults import FAULTS, Family, Fault

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

GET = b"GET /plain HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(scope="module")
def one_server() -> Iterator[FaultyServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(one_server: FaultyServer) -> FaultyServer:
    one_server.board.clear()
    one_server.asked.clear()
    return one_server


def fetch(server: FaultyServer, path: str = "/plain", *, within: float = 3.0) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=within) as client:
        return client.get(server.url + path)


def until_closed(endpoint: socket.socket) -> bytes:
    parts = []
    while part := endpoint.recv(65536):
        parts.append(part)
    return b"".join(parts)


def pieces(endpoint: socket.socket, ending: bytes) -> list[bytes]:
    parts: list[bytes] = []
    while not b"".join(parts).endswith(ending):
        parts.append(endpoint.recv(65536))
    return parts


def close_frame_of(endpoint: socket.socket) -> tuple[bytes, int, bytes]:
    """All that came before the last frame, and that frame's code and reason."""
    received = until_closed(endpoint)
    sizes = [size for size in range(2, 126) if received[-size - 2 : -size] == bytes((0x88, size))]
    before, body = received[: -sizes[0] - 2], received[-sizes[0] :]
    return before, int.from_bytes(body[:2]), body[2:]


def upgrade(server: FaultyServer, path: str = "/ws") -> socket.socket:
    endpoint = server.connect()
    endpoint.sendall(
        b"GET " + path.encode() + b" HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
        b"connection: upgrade\r\nsec-websocket-version: 13\r\n"
        b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    return endpoint


def test_without_a_fault_http_and_websockets_are_served(server: FaultyServer) -> None:
    assert fetch(server).text == "served"
    with connect(server.websocket_url, proxy=None) as websocket:
        assert "connection_established" in str(websocket.recv(3))


def test_latency_holds_up_what_the_server_sends(server: FaultyServer) -> None:
    server.board.add(Fault("latency", latency=60))
    began = time.monotonic()
    assert fetch(server).text == "served"
    assert time.monotonic() - began >= 0.06


def test_latency_acts_on_the_frames_of_a_websocket(server: FaultyServer) -> None:
    server.board.add(Fault("latency", latency=50, route="/ws"))
    with connect(server.websocket_url, proxy=None) as websocket:
        websocket.recv(3)
        began = time.monotonic()
        websocket.send("hello")
        assert "hello" in str(websocket.recv(3))
        assert time.monotonic() - began >= 0.05


def test_bandwidth_makes_a_large_answer_slow(server: FaultyServer) -> None:
    server.board.add(Fault("bandwidth", rate=BIG / 1000 / 0.1))
    began = time.monotonic()
    assert len(fetch(server, "/big").content) == BIG
    assert time.monotonic() - began >= 0.1


def test_slow_close_keeps_a_closed_connection_open(server: FaultyServer) -> None:
    server.board.add(Fault("slow_close", delay=100))
    with server.connect() as endpoint:
        endpoint.sendall(b"GET /plain HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        pieces(endpoint, b"served")
        began = time.monotonic()
        endpoint.sendall(GET)
        assert until_closed(endpoint) == b""
        assert time.monotonic() - began >= 0.075


def test_timeout_lets_nothing_through_and_then_closes(server: FaultyServer) -> None:
    server.board.add(Fault("timeout", timeout=50))
    with server.connect() as endpoint:
        began = time.monotonic()
        endpoint.sendall(GET)
        assert until_closed(endpoint) == b""
        assert time.monotonic() - began >= 0.05
    assert server.asked == []


def test_timeout_0_never_closes() -> None:
    with serving(head_seconds=0.05) as server:
        server.board.add(Fault("timeout"))
        with server.connect(within=0.15) as endpoint:
            endpoint.sendall(GET)
            endpoint.sendall(GET)
            with pytest.raises(TimeoutError):
                endpoint.recv(1)


def test_reset_peer_resets(server: FaultyServer) -> None:
    server.board.add(Fault("reset_peer", timeout=50))
    with server.connect() as endpoint, pytest.raises(ConnectionResetError):
        until_closed(endpoint)


def test_reset_peer_of_a_route_resets_after_its_request(server: FaultyServer) -> None:
    server.board.add(Fault("reset_peer", route="/plain"))
    with server.connect() as endpoint:
        endpoint.sendall(GET)
        with pytest.raises(ConnectionResetError):
            until_closed(endpoint)
    assert server.asked == []


def test_slicer_sends_small_pieces(server: FaultyServer) -> None:
    server.board.add(Fault("slicer", average_size=40, size_variation=0, delay=20_000))
    with server.connect() as endpoint:
        endpoint.sendall(GET)
        parts = pieces(endpoint, b"served")
    assert len(parts) > 1
    assert len(parts[0]) % 40 == 0


def test_limit_data_closes_after_that_many_bytes(server: FaultyServer) -> None:
    server.board.add(Fault("limit_data", bytes=1000))
    with server.connect() as endpoint:
        endpoint.sendall(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n")
        assert len(until_closed(endpoint)) == 1000


def test_down_drops_every_connection(server: FaultyServer) -> None:
    server.board.add(Fault("down"))
    with server.connect() as endpoint:
        assert until_closed(endpoint) == b""
    with pytest.raises(httpx.TransportError):
        fetch(server)


def test_down_for_a_route_leaves_the_others(server: FaultyServer) -> None:
    server.board.add(Fault("down", route="/other/*"))
    with pytest.raises(httpx.TransportError):
        fetch(server, "/other/thing")
    assert fetch(server).text == "served"
    assert server.asked == ["/plain"]


@pytest.mark.parametrize("code", [401, 1005, 1006, 1015, 5000, 65535])
def test_close_frame_sends_any_number(server: FaultyServer, code: int) -> None:
    server.board.add(Fault("close-frame", code=code, reason="broken"))
    with upgrade(server) as endpoint:
        before, number, reason = close_frame_of(endpoint)
    assert b"connection_established" in before
    assert (number, reason) == (code, b"broken")


@pytest.mark.parametrize(
    ("phase", "seen", "unseen"),
    [
        ("upgrade", b"101", b"connection_established"),
        ("before-welcome", b"101", b"connection_established"),
        ("after-welcome", b"connection_established", b"agent_started"),
        ("mid-run", b"agent_started", b"ack"),
    ],
)
def test_close_frame_comes_at_its_phase(
    server: FaultyServer, phase: str, seen: bytes, unseen: bytes
) -> None:
    server.board.add(Fault("close-frame", code=401, phase=phase))
    with upgrade(server) as endpoint:
        endpoint.recv(1)
        with contextlib.suppress(ConnectionError):
            endpoint.sendall(b"\x81\x83\x00\x00\x00\x00run")
        before, number, _ = close_frame_of(endpoint)
    assert seen in b"H" + before
    assert unseen not in before
    assert number == 401


def test_an_illegal_close_code_breaks_the_protocol_for_a_client(server: FaultyServer) -> None:
    server.board.add(Fault("close-frame", code=1015))
    with connect(server.websocket_url, proxy=None) as websocket:
        websocket.recv(3)
        with pytest.raises(ConnectionClosed) as caught:
            websocket.recv(3)
    assert caught.value.rcvd is None
    assert caught.value.sent is not None
    assert caught.value.sent.code == 1002


def test_a_refused_upgrade_gets_no_close_frame(server: FaultyServer) -> None:
    server.board.add(Fault("close-frame", phase="upgrade"))
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(f"ws://127.0.0.1:{server.port}/refuse", proxy=None),
    ):
        pass
    assert caught.value.response.status_code == 403


def test_every_transport_fault_is_tried_here() -> None:
    names = [name for name, kind in FAULTS.items() if kind.family is Family.TRANSPORT]
    text = Path(__file__).read_text("utf-8")
    assert [name for name in names if f'Fault("{name}"' not in text] == []


def test_the_faults_are_those_of_the_first_request(server: FaultyServer) -> None:
    server.board.add(Fault("latency", latency=2000, route="/plain"))
    with httpx.Client(trust_env=False, timeout=3) as client:
        client.get(server.url + "/other/thing")
        began = time.monotonic()
        client.get(server.url + "/plain")
        assert time.monotonic() - began < 2


def test_a_count_is_used_up_by_connections(server: FaultyServer) -> None:
    server.board.add(Fault("down", count=1))
    with pytest.raises(httpx.TransportError):
        fetch(server)
    assert fetch(server).text == "served"


def test_a_connection_draws_its_chance_once(server: FaultyServer) -> None:
    # The first number of this seed is a miss and the second a hit.
    server.board.add(Fault("down", probability=0.5, seed=10))
    assert fetch(server).text == "served"
    with pytest.raises(httpx.TransportError):
        fetch(server)


def test_a_stop_sends_what_a_fault_has_held_back() -> None:
    with contextlib.ExitStack() as clients:
        with serving() as server:
            server.board.add(Fault("latency", latency=60_000))
            endpoint = clients.enter_context(server.connect())
            endpoint.sendall(GET)
            seldom = threading.Event()
            while not server.asked:
                seldom.wait(0.005)
        assert until_closed(endpoint).endswith(b"served")


def test_several_faults_act_together(server: FaultyServer) -> None:
    server.board.add(Fault("latency", latency=50))
    server.board.add(Fault("limit_data", bytes=40))
    server.board.add(Fault("slow_close", delay=50))
    began = time.monotonic()
    with server.connect() as endpoint:
        endpoint.sendall(GET)
        assert len(until_closed(endpoint)) == 40
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("kind", ["slicer", "slow_close"])
def test_a_client_that_reads_slowly_gets_all(server: FaultyServer, kind: str) -> None:
    sizes = {"average_size": 60_000, "size_variation": 0, "delay": 0}
    server.board.add(Fault(kind, **(sizes if kind == "slicer" else {"delay": 1})))
    with server.connect(buffer=4096) as endpoint:
        endpoint.sendall(b"GET /huge HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert until_closed(endpoint).count(b"y") >= HUGE


def test_a_path_is_compared_without_its_query_and_decoded(server: FaultyServer) -> None:
    server.board.add(Fault("down", route="/other/a b"))
    with pytest.raises(httpx.TransportError):
        fetch(server, "/other/a%20b?c=d")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("timeout"),
        Fault("reset_peer", timeout=60_000),
        Fault("latency", latency=60_000),
        Fault("bandwidth", rate=0.01),
        Fault("slow_close", delay=60_000),
        Fault("close-frame"),
    ],
    ids=str,
)
def test_a_stop_ends_every_fault_at_once(fault: Fault) -> None:
    with contextlib.ExitStack() as clients:
        with serving() as server:
            server.board.add(fault)
            for _ in range(3):
                clients.enter_context(upgrade(server)).sendall(b"x")
                endpoint = clients.enter_context(server.connect())
                endpoint.sendall(b"GET /plain HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            endpoint = server.connect()
            clients.enter_context(endpoint)
            endpoint.sendall(b"GET")
            began = time.monotonic()
        assert time.monotonic() - began < 2
