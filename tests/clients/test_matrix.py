"""Every public call meets every rude behaviour: in time, the right error, nothing left."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.clients import matrix_leaks
from tests.clients.matrix import main, met
from tests.clients.matrix_calls import CALLS, NO_SERVER, WITHIN, Call, Met
from tests.clients.matrix_cells import GRACE, Cell, cells, meet, welcomes
from tests.rude import expected_chat, expected_http
from tests.rude.behaviour import Client, Protocol
from tests.rude.behaviours import BEHAVIOURS, meeting

import netra_testkit
from netra_testkit.errors import CallFailed, Cause, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from netra_testkit.settings.config import StagingConfig

pytestmark = pytest.mark.broad

ENTERING = ("__aenter__", "__aexit__", "__anext__")


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_ends_in_time_as_it_should_and_leaves_nothing(name: str) -> None:
    some = await met(name)
    assert len(some) == len(meeting(CALLS[name].client))
    assert all(each.outcome or each.unmeetable for each in some)
    assert {str(each): each.problems for each in some if each.problems} == {}


def public_coroutines() -> set[str]:
    """What can be awaited or entered of everything that the package offers."""
    found: set[str] = set()
    for name in netra_testkit.__all__:
        offered = getattr(netra_testkit, name)
        if not str(getattr(offered, "__module__", "")).startswith("netra_testkit"):
            continue
        if inspect.isclass(offered):
            found |= {f"{name}.{each}" for each in waiting(offered)}
        elif inspect.iscoroutinefunction(offered):
            found.add(name)
    return found


def waiting(kind: type) -> set[str]:
    """The methods of a class that are awaited, and those that make a context manager."""
    methods = {
        name: inspect.unwrap(method)
        for name, method in inspect.getmembers(kind, inspect.isroutine)
        if name in ENTERING or not name.startswith("_")
    }
    return {
        name
        for name, method in methods.items()
        if inspect.iscoroutinefunction(method) or (name not in ENTERING and makes_one(method))
    }


def makes_one(method: Any) -> bool:
    """Whether what a method gives is entered with `async with`, and not itself."""
    made = getattr(method, "__annotations__", {}).get("return")
    known = {"EventStream", "EventFeed", "VirtualUser", "Crowd", "ChatClient", "Lease"}
    return made in known


def test_no_public_coroutine_is_missing() -> None:
    covered = {each for call in CALLS.values() for each in call.covers} | set(NO_SERVER)
    # They ask in a thread of their own and are no coroutines, but wait like one.
    assert covered - {"is_staging_available", "staging_availability"} == public_coroutines()


def test_no_cell_is_missing() -> None:
    for call in CALLS.values():
        met_by = [cell.behaviour.name for cell in cells(call)]
        assert met_by == [each.name for each in meeting(call.client)]


def test_every_behaviour_has_a_row_in_the_table_of_whom_it_meets() -> None:
    for client in (Client.HTTP, Client.STREAM):
        assert expected_http.known(client) == {each.name for each in meeting(client)}
    chat = {each.name for each in meeting(Client.CHAT) if each.code is None}
    uncoded = {name for name in chat if name.startswith("closes with no code")}
    assert expected_chat.known() == chat - uncoded


def test_who_is_not_met_by_a_call_is_met_by_opening() -> None:
    unmet = {
        cell.behaviour.name
        for call in CALLS.values()
        for cell in cells(call)
        if cell.unmeetable is not None
    }
    assert unmet <= {cell.behaviour.name for cell in cells(CALLS["open"])}
    assert all(not welcomes(BEHAVIOURS[name]) for name in unmet)
    assert {each.name for each in BEHAVIOURS.values() if each.speaks is not Protocol.SSE} >= unmet


def one_of(make: Any) -> Cell:
    """A cell of a call made for the test, whose answer would be unexpected."""
    return Cell(Call("get", Client.HTTP, make, ()), BEHAVIOURS["says nothing"])


def expired(**ids: str) -> DeadlineExceeded:
    facts = {"phase": "http", "limit": 0.2, "elapsed": 0.2, "waiting_for": "answer"}
    return DeadlineExceeded(cause=Cause.INFRASTRUCTURE, **facts, **ids)  # type: ignore[arg-type]


def rude_call(leave: Callable[[StagingConfig], Awaitable[None]], **ids: str) -> Any:
    """A call that ends as it should and leaves something behind."""

    async def make(config: StagingConfig, at: Met) -> None:
        with at.call():
            await leave(config)
            raise expired(**ids)

    return make


kept: list[Any] = []


async def leave_a_task(_: StagingConfig) -> None:
    kept.append(asyncio.create_task(asyncio.Event().wait()))


async def leave_a_socket(config: StagingConfig) -> None:
    port = urlsplit(config.base_url).port
    kept.append(socket.create_connection(("127.0.0.1", port or 0)))


async def leave_a_thread(_: StagingConfig) -> None:
    kept.append(threading.Event())
    threading.Thread(target=kept[-1].wait, name="forgotten").start()


async def leave_a_failure(_: StagingConfig) -> None:
    asyncio.get_running_loop().create_future().set_exception(ValueError("unseen"))


async def take_long(_: StagingConfig) -> None:
    await asyncio.sleep(WITHIN + GRACE + 0.05)


async def leave_nothing(_: StagingConfig) -> None:
    """Be polite."""


async def fail_otherwise(_: StagingConfig) -> None:
    raise CallFailed(request_id="a", trace_id="b")


LEFT = {
    "a task was left": leave_a_task,
    "a socket was left": leave_a_socket,
    "a thread was left": leave_a_thread,
    "the loop complained": leave_a_failure,
    "the call took": take_long,
    "CallFailed (undecided) where DeadlineExceeded (infrastructure) is expected": fail_otherwise,
}


@pytest.mark.parametrize(("said", "leave"), LEFT.items(), ids=LEFT)
async def test_a_cell_says_what_is_wrong(
    said: str,
    leave: Callable[[StagingConfig], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matrix_leaks, "SETTLED_WITHIN", 0.05)
    cell = one_of(rude_call(leave, request_id="a", trace_id="b"))
    try:
        await meet([cell])
    finally:
        for each in kept:
            getattr(each, {asyncio.Task: "cancel", socket.socket: "close"}.get(type(each), "set"))()
        kept.clear()
    assert any(each.startswith(said) for each in cell.problems), cell.problems


async def test_a_cell_of_a_call_that_is_as_it_should_be_is_good() -> None:
    cell = one_of(rude_call(leave_nothing, request_id="a", trace_id="b"))
    await meet([cell])
    assert cell.problems == []


async def test_an_error_without_ids_is_bad() -> None:
    cell = one_of(rude_call(leave_nothing))
    await meet([cell])
    assert cell.problems == ["the error does not say its ids"]


async def test_a_call_that_is_never_made_is_bad() -> None:
    async def call_nobody(_config: StagingConfig, _at: Met) -> None:
        raise ValueError("unforeseen")

    cell = one_of(call_nobody)
    await meet([cell])
    assert [each.partition(":")[0] for each in cell.problems] == [
        "outside of the call",
        "the call was never made",
    ]


def test_the_report_names_every_call_and_every_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["users", "leave"]) == 0
    said = capsys.readouterr().out
    assert "| users | " in said
    assert re.search(r"not met, \d+ cells: never welcomes", said)
    assert all(reason in said for reason in NO_SERVER.values())


def test_the_reference_page_names_every_call_that_is_bounded() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/bounds.md").read_text(encoding="utf-8")
    covered = {each for call in CALLS.values() for each in call.covers} | set(NO_SERVER)
    named = {each.removesuffix("()") for each in re.findall(r"`([A-Za-z_.]+\(\))`", page)}
    public = {each for each in covered if "__" not in each}
    assert public <= named
    assert str(len(BEHAVIOURS)) in page
