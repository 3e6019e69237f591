"""Faults set from another process, by whoever holds the key."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from netra_testkit.local.board import FaultBoard
from netra_testkit.local.control import KEY_HEADER, ControlEndpoint
from netra_testkit.local.faults import Fault
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[FaultBoard, ControlEndpoint]]:
    board = FaultBoard()
    with ControlEndpoint(board) as control:
        yield board, control


@pytest.fixture
def board(opened: tuple[FaultBoard, ControlEndpoint]) -> FaultBoard:
    opened[0].clear()
    return opened[0]


@pytest.fixture
def control(opened: tuple[FaultBoard, ControlEndpoint]) -> ControlEndpoint:
    return opened[1]


def ask(control: ControlEndpoint, method: str, **options: Any) -> httpx.Response:
    headers = {KEY_HEADER: control.key} | options.pop("headers", {})
    url = options.pop("url", control.url)
    with httpx.Client(trust_env=False, timeout=3) as client:
        return client.request(method, url, headers=headers, **options)


def test_a_fault_is_added_listed_and_cleared(board: FaultBoard, control: ControlEndpoint) -> None:
    spec = "close:code=4001,phase=mid-run"
    added = ask(control, "POST", json={"fault": spec})
    assert (added.status_code, added.json()) == (200, {"faults": ["close:phase=mid-run,code=4001"]})
    assert board.faults == (Fault.parse(spec),)
    assert ask(control, "GET").json() == added.json()
    assert ask(control, "DELETE").json() == {"faults": []}
    assert board.faults == ()


@pytest.mark.parametrize(
    "headers",
    [{KEY_HEADER: ""}, {KEY_HEADER: "wrong"}, {KEY_HEADER: "\xe9"}, {"Origin": "http://a.page"}],
    ids=["none", "wrong", "not ASCII", "from a web page"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_nobody_else_comes_in(
    board: FaultBoard, control: ControlEndpoint, method: str, headers: dict[str, str]
) -> None:
    board.add(Fault("down"))
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    refused = ask(control, method, headers=encoded, content=b'{"fault": "mute"}')
    assert refused.status_code == 403
    assert board.faults == (Fault("down"),)
    assert control.key not in refused.text


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b'{"fault": "closse"}', 422, "use close"),
        (b'{"fault": 3}', 422, "send"),
        (b'["fault"]', 422, "send"),
        (b"{", 422, "send"),
        (b"\xff", 422, "send"),
        (b"x" * 70_000, 413, "at most"),
    ],
    ids=["unknown", "number", "list", "cut", "bytes", "long"],
)
def test_what_is_no_fault_is_refused(
    board: FaultBoard, control: ControlEndpoint, content: bytes, status: int, reason: str
) -> None:
    refused = ask(control, "POST", content=content)
    assert refused.status_code == status
    assert reason in refused.json()["error"]
    assert board.faults == ()


def test_a_body_without_a_length_is_refused(control: ControlEndpoint) -> None:
    assert ask(control, "POST", content=iter([b"{}"])).status_code == 413


def test_there_is_one_path(control: ControlEndpoint) -> None:
    assert ask(control, "GET", url=control.url + "/other").status_code == 404


def test_other_methods_are_refused(control: ControlEndpoint) -> None:
    assert ask(control, "OPTIONS").status_code == 501


def test_it_listens_on_loopback_and_its_key_is_masked(control: ControlEndpoint) -> None:
    assert control.url.startswith("http://127.0.0.1:")
    assert control.key not in mask(json.dumps({"key": control.key}))


def test_those_who_say_nothing_leave_room_for_it_to_end_and_to_go_on() -> None:
    with ControlEndpoint(FaultBoard()) as control, contextlib.ExitStack() as stack:
        address = ("127.0.0.1", int(control.url.split(":")[2].split("/")[0]))
        silent = [
            stack.enter_context(socket.create_connection(address, timeout=3)) for _ in range(20)
        ]
        dropped: set[socket.socket] = set()
        end = time.monotonic() + 5
        while len(dropped) < 4 and time.monotonic() < end:
            heard, _, _ = select.select([each for each in silent if each not in dropped], [], [], 1)
            dropped |= {each for each in heard if each.recv(1) == b""}
        assert len(dropped) >= 4
        assert answering() <= 16
        for each in silent:
            each.close()
        end = time.monotonic() + 5
        while answering() and time.monotonic() < end:
            threading.Event().wait(0.01)
        assert ask(control, "GET").status_code == 200


def answering() -> int:
    """How many threads answer somebody."""
    return sum("process_request_thread" in each.name for each in threading.enumerate())


def test_it_is_gone_at_once_when_it_is_closed() -> None:
    with ControlEndpoint(FaultBoard()) as control:
        address = ("127.0.0.1", int(control.url.split(":")[2].split("/")[0]))
        hanging = socket.create_connection(address, timeout=3)
        hanging.sendall(b"GET")
        began = time.monotonic()
    with hanging:
        assert time.monotonic() - began < 2
        with pytest.raises(ConnectionError):
            socket.create_connection(address, timeout=3)
    assert "serve_forever" not in {each.name for each in threading.enumerate()}
