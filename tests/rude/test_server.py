"""The rude server itself: it is always stopped in time and leaves nothing behind."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.rude import server as rude_server
from tests.rude.behaviours import BEHAVIOURS, rude
from tests.rude.closings import CLOSINGS
from tests.rude.probe import OPENINGS, probing
from tests.rude.server import STOPS_WITHIN, Listening, RudeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rude.behaviour import Behaviour
    from tests.rude.server import Peer

AT_ONCE = 16
ONE_OF_EACH_CODE = [
    each for each in BEHAVIOURS.values() if each not in CLOSINGS or each.code in {1000, 401}
]


def threads_of(server: RudeServer) -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.endswith(f" {server.port}")]


@pytest.fixture
def held() -> Iterator[RudeServer]:
    with RudeServer(act=lambda peer: peer.hold()) as server:
        yield server


def time_to_stop(behaviour: Behaviour) -> tuple[float, list[str]]:
    """How long a server takes to stop in the middle of its behaviour, and what it leaves."""
    with rude(behaviour) as server:
        if behaviour.listening is Listening.ACCEPTS:
            with probing(server) as probe:
                probe.say(OPENINGS[behaviour.speaks])
                started = time.monotonic()
                server.stop()
                return time.monotonic() - started, threads_of(server)
        started = time.monotonic()
    return time.monotonic() - started, threads_of(server)


def test_sixteen_at_a_time_every_behaviour_is_stopped_in_time_with_its_client_connected() -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip(ONE_OF_EACH_CODE, pool.map(time_to_stop, ONE_OF_EACH_CODE), strict=True))
    late = {each.name: taken for each, (taken, _) in results.items() if taken > STOPS_WITHIN}
    left = {each.name: threads for each, (_, threads) in results.items() if threads}
    assert (late, left) == ({}, {})


def test_each_server_has_a_port_of_its_own() -> None:
    with rude(BEHAVIOURS["refuses"]) as one, rude(BEHAVIOURS["says nothing"]) as other:
        assert one.port != other.port
        assert other.authority == f"127.0.0.1:{other.port}"


def test_connections_are_counted() -> None:
    name = "greets in another protocol"
    with rude(BEHAVIOURS[name]) as server, probing(server) as one, probing(server) as other:
        one.hear_until(b"mail.invalid")
        other.hear_until(b"mail.invalid")
        assert server.accepted == 2


def test_many_connections_are_served_at_a_time() -> None:
    with rude(BEHAVIOURS["answers twice"]) as server, probing(server), probing(server) as probe:
        probe.say(OPENINGS[BEHAVIOURS["answers twice"].speaks])
        probe.hear_until(b"healthy")


def taken(server: RudeServer) -> int:
    """How much can be said to a server before it blocks."""
    said, piece = 0, b"x" * 65_536
    with probing(server) as probe:
        probe.connection.settimeout(0.05)
        with contextlib.suppress(TimeoutError):
            while said < 2**27:
                said += probe.connection.send(piece)
    return said


def test_a_small_buffer_takes_less(held: RudeServer) -> None:
    with RudeServer(act=lambda peer: peer.hold(), small_buffer=True) as small:
        assert taken(small) < taken(held)


def test_a_fault_of_a_behaviour_is_raised_where_the_server_is_stopped() -> None:
    def act(peer: Peer) -> None:
        peer.receive()
        raise ZeroDivisionError

    server = RudeServer(act=act)
    server.start()
    with probing(server) as probe:
        probe.say(b"x")
        assert probe.ends()
    with pytest.raises(ExceptionGroup) as out:
        server.stop()
    assert out.group_contains(ZeroDivisionError)


def test_a_behaviour_that_will_not_stop_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rude_server, "STOPS_WITHIN", 0.05)
    let_go = threading.Event()
    entered = threading.Event()

    def act(peer: Peer) -> None:
        del peer
        entered.set()
        let_go.wait()

    server = RudeServer(act=act)
    server.start()
    with probing(server):
        entered.wait(10.0)
        with pytest.raises(RuntimeError, match="still running"):
            server.stop()
        let_go.set()


def test_a_server_can_be_stopped_twice(held: RudeServer) -> None:
    held.stop()
    held.stop()
    assert threads_of(held) == []


def test_what_is_read_is_split_where_it_is_asked_to_be() -> None:
    seen: list[bytes] = []

    def act(peer: Peer) -> None:
        seen.append(peer.read_until(b"\n"))
        seen.append(peer.read_exactly(0))
        seen.append(peer.read_exactly(2))
        seen.append(peer.receive())

    with RudeServer(act=act) as server, probing(server) as probe:
        probe.say(b"one\ntwo")
        assert probe.ends()
    assert seen == [b"one\n", b"", b"tw", b"o"]


def test_a_request_is_read_with_its_body() -> None:
    seen: list[dict[str, str]] = []

    def act(peer: Peer) -> None:
        seen.extend((peer.read_request(), peer.read_request()))

    request = b'POST /%d HTTP/1.1\r\nContent-Length: 8\r\nX-Name: a: b\r\n\r\n{"a": 1}'
    with RudeServer(act=act) as server, probing(server) as probe:
        probe.say(request % 1 + request % 2)
        assert probe.ends()
    assert seen == [
        {":path": f"/{number}", "content-length": "8", "x-name": "a: b"} for number in (1, 2)
    ]
