from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.deployment import Answer, Asked, deployment, staged
from tests.clients.http_server import Served, answer, serving
from tests.clients.ledger_calls import AGAIN, calling, kinds, refused

from netra_testkit.clients import ledger as ledgers
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.ledger import Entry, Ledger, kept
from netra_testkit.clients.staging import Staging
from netra_testkit.errors import (
    AuthRefused,
    ClientClosed,
    DeadlineExceeded,
    RateLimited,
    ServiceUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    with kept(ledger):
        yield ledger


async def test_looks_at_a_deployment_that_starts_are_not_entered(ledger: Ledger) -> None:
    answers = iter([answer(b"", 503), b"", answer()])

    async with serving(lambda _: next(answers)) as served:
        await Staging(served.config).wait_until_ready(within=5)
    assert kinds(ledger) == []


async def test_the_end_of_waiting_is_entered_and_the_looks_are_not(ledger: Ledger) -> None:
    hangs = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await hangs.wait()
        writer.transport.abort()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
        served = Served(server.sockets[0].getsockname()[1])
        with pytest.raises(DeadlineExceeded, match="ready"):
            await Staging(served.config).wait_until_ready(within=0.2)
        hangs.set()
        await asyncio.sleep(0)
    assert kinds(ledger) == ["DeadlineExceeded"]


async def test_cleaning_up_after_a_user_is_not_entered(ledger: Ledger, tmp_path: Path) -> None:
    hanging = asyncio.Event()

    async def hang(asked: Asked) -> Answer | None:
        if asked.method == "DELETE":
            await hanging.wait()
        return None

    async with deployment() as there:
        there.hook = hang
        async with staged(there, tmp_path).user() as ann:
            await ann.http.post("/api/threads", json={})
            ann._leaving = lambda: 0.05  # noqa: SLF001 - a second is long for a test
        hanging.set()
    assert kinds(ledger) == []


async def test_a_call_that_is_tried_again_is_noted_and_not_entered(ledger: Ledger) -> None:
    async with calling() as http:
        assert (await http.get("/once", retry=AGAIN)).attempts == 2
    assert kinds(ledger) == []
    assert ledger.retried == ["ServiceUnavailable: GET /once answered 503"]
    assert ledger.requests == 2


async def test_the_last_attempt_is_entered_and_those_before_it_are_not(ledger: Ledger) -> None:
    async with calling() as http:
        with pytest.raises(ServiceUnavailable):
            await http.get("/busy", retry=AGAIN)
    assert kinds(ledger) == ["ServiceUnavailable"]
    assert len(ledger.retried) == 2


async def test_what_a_policy_of_the_tests_own_catches_is_taken_back(ledger: Ledger) -> None:
    async with calling() as http:

        async def ask(left: Deadline) -> int:
            return (await http.get("/once", within=left)).status

        assert await AGAIN.run(ask, deadline=Deadline.after(5), idempotent=True) == 200
    assert kinds(ledger) == []
    assert len(ledger.retried) == 1


async def test_a_call_of_the_kits_own_is_nothing_of_the_tests(ledger: Ledger) -> None:
    async with calling() as http:
        with ledgers.aside():
            await refused(http)
            ledgers.note_connect()
            ledgers.note_socket()
    assert not ledger.contacted
    assert kinds(ledger) == []
    assert ledgers.current() is ledger


async def test_without_a_ledger_nothing_is_numbered() -> None:
    assert ledgers.current() is None
    async with calling() as http:
        error = await refused(http)
        await http.get("/once", retry=AGAIN)
    assert ledgers.numbers_in(error) == frozenset()


async def test_an_error_is_entered_once_however_often_it_leaves(ledger: Ledger) -> None:
    async with calling() as http:
        error = await refused(http)
    assert ledgers.entered(error) is error
    assert ledgers.entered(ExceptionGroup("both", [error])).exceptions == (error,)
    assert len(ledger.entries) == 1


async def test_the_ledger_holds_no_error(ledger: Ledger) -> None:
    async with calling() as http:
        gone = weakref.ref(await refused(http))
    gc.collect()
    assert gone() is None
    assert kinds(ledger) == ["AuthRefused"]


def raised_from(error: BaseException) -> BaseException:
    other = ValueError("its own words")
    other.__cause__ = error
    return other


def raised_while(error: BaseException) -> BaseException:
    other = ValueError("its own words")
    other.__context__ = error
    return other


def in_a_circle(error: BaseException) -> BaseException:
    other = raised_from(error)
    error.__context__ = other
    return other


@pytest.mark.parametrize(
    "above",
    [
        lambda error: error,
        raised_from,
        raised_while,
        in_a_circle,
        lambda error: ExceptionGroup("g", [OSError(), ExceptionGroup("h", [error])]),
        lambda error: BaseExceptionGroup("g", [KeyboardInterrupt(), raised_from(error)]),
    ],
    ids=["itself", "from", "while", "circle", "groups", "chain-in-group"],
)
def test_an_error_above_answers_for_it(ledger: Ledger, above: Callable[[Any], Any]) -> None:
    error = ledgers.entered(AuthRefused(via="http", status=401))
    other = ledgers.entered(AuthRefused(via="http", status=403))
    ledger.account(above(error))
    assert [entry.number for entry in ledger.unaccounted] == list(ledgers.numbers_in(other))


def test_one_that_is_taken_back_from_a_group_is_not_there_any_more(ledger: Ledger) -> None:
    error = ledgers.entered(AuthRefused(via="http", status=401))
    ledgers.taken_back(ExceptionGroup("g", [error, OSError()]))
    assert kinds(ledger) == []
    ledgers.entered(error)
    assert kinds(ledger) == ["AuthRefused"]


def test_one_is_taken_back_without_a_ledger_too() -> None:
    with kept(Ledger()):
        error = ledgers.entered(AuthRefused(via="http", status=401))
    ledgers.taken_back(error)
    assert ledgers.numbers_in(error) == frozenset()


def test_an_entry_is_one_masked_bounded_line(ledger: Ledger) -> None:
    ledgers.entered(AuthRefused(via="http", evidence="x" * 1000))
    [entry] = ledger.entries.values()
    assert isinstance(entry, Entry)
    assert len(entry.text) <= 400
    assert "\n" not in str(entry)


def test_other_errors_have_no_place_in_it(ledger: Ledger) -> None:
    for other in (ClientClosed(what="x"), RateLimited(status=429, method="GET", path="/")):
        ledgers.entered(other)
    ledgers.entered(OSError())
    assert kinds(ledger) == []


def test_a_retry_of_something_without_an_error_is_noted(ledger: Ledger) -> None:
    ledgers.note_retry(None, "again")
    assert ledger.retried == ["again"]


@pytest.mark.parametrize(
    ("note", "contacted"),
    [
        (ledgers.note_request, True),
        (ledgers.note_socket, True),
        (ledgers.note_connect, True),
        (lambda: None, False),
    ],
    ids=["request", "socket", "connect", "nothing"],
)
def test_a_contact_is_any_of_three(
    ledger: Ledger, note: Callable[[], None], *, contacted: bool
) -> None:
    note()
    assert ledger.contacted is contacted
