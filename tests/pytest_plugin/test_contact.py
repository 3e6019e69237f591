from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin import contact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "_probed", [])
    # One that another test has imported says nothing about this loop.
    monkeypatch.setattr(contact, "FOREIGN_LOOPS", ())


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def connects(address: tuple[str, int]) -> None:
    with contextlib.closing(socket.create_connection(address)):
        pass


def socketpair(address: tuple[str, int]) -> None:
    """An event loop's way to itself, where the system has no pairs."""
    connects_as_such(address)


def connects_as_such(address: tuple[str, int]) -> None:
    with socket.socket() as one:
        _fallback_socketpair(one, address)


def _fallback_socketpair(one: socket.socket, address: tuple[str, int]) -> None:
    one.connect(address)


def test_every_connection_in_the_block_is_noted(address: tuple[str, int]) -> None:
    seen: list[int] = []
    connects(address)
    with contact.watched(lambda: seen.append(1)):
        connects(address)
        thread = threading.Thread(target=connects, args=(address,))
        thread.start()
        thread.join()
    connects(address)
    assert len(seen) == 2


async def test_an_event_loops_connection_is_noted(address: tuple[str, int]) -> None:
    seen: list[int] = []
    with contact.watched(lambda: seen.append(1)):
        _, writer = await asyncio.open_connection(*address)
        writer.transport.abort()
    assert seen == [1]


def test_one_that_is_refused_is_noted() -> None:
    seen: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with contact.watched(lambda: seen.append(1)), pytest.raises(ConnectionRefusedError):
        connects(address)
    assert seen == [1]


def test_blocks_may_be_nested(address: tuple[str, int]) -> None:
    outer: list[int] = []
    inner: list[int] = []
    with contact.watched(lambda: outer.append(1)):
        with contact.watched(lambda: inner.append(1)):
            connects(address)
        connects(address)
    assert (len(outer), len(inner)) == (2, 1)


def test_a_loops_way_to_itself_is_none(address: tuple[str, int]) -> None:
    seen: list[int] = []
    with contact.watched(lambda: seen.append(1)):
        socketpair(address)
    assert seen == []


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets here")
def test_a_path_is_none(tmp_path: Path) -> None:
    seen: list[int] = []
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as one:
        server.bind(path)
        server.listen()
        with contact.watched(lambda: seen.append(1)):
            one.connect(path)
    assert seen == []


def test_what_else_the_interpreter_reports_is_none(tmp_path: Path) -> None:
    seen: list[int] = []
    with contact.watched(lambda: seen.append(1)):
        (tmp_path / "f").write_text("")
        socket.getaddrinfo("localhost", 80)
    assert seen == []


async def test_it_is_observable_here_also_while_a_loop_runs() -> None:
    assert contact.is_observable()
    assert contact.is_observable()
    assert contact._probed == [True]  # noqa: SLF001 - asked once


def test_where_the_interpreter_reports_nothing_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "EVENT", "none")
    assert not contact.is_observable()


def test_with_a_foreign_loop_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "FOREIGN_LOOPS", ("uvloop",))
    monkeypatch.setitem(sys.modules, "uvloop", contact)
    assert not contact.is_observable()


def test_where_asking_comes_to_no_end_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "LONG_ENOUGH", 0.01)
    ended = threading.Event()
    monkeypatch.setattr(contact, "_probe", ended.wait)
    assert not contact.is_observable()
    ended.set()


def test_the_hook_is_set_when_it_is_first_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    set_now: list[object] = []
    monkeypatch.setattr(contact, "_hooked", threading.Event())
    monkeypatch.setattr(sys, "addaudithook", set_now.append)
    for _ in range(2):
        with contact.watched(lambda: None):
            pass
    assert len(set_now) == 1
