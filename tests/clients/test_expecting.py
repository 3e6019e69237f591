from __future__ import annotations

import asyncio
import contextlib
import contextvars
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.deployment import Answer, Asked, Deployment, deployment, staged
from tests.clients.http_server import answer, config_for, serving

from netra_testkit.clients import ledger as ledgers
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.expecting import ExpectedFailures, expecting
from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.ledger import Ledger, kept
from netra_testkit.clients.retry import RetryPolicy
from netra_testkit.clients.staging import Staging
from netra_testkit.errors import (
    AuthRefused,
    Misuse,
    NetraError,
    NothingFailed,
    RateLimited,
    ServiceUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from netra_testkit.clients.virtual_user import VirtualUser


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async def hook(asked: Asked) -> Answer | None:
        statuses = {"/refused": 401, "/busy": 503, "/late": 429}
        return (statuses[asked.path], {}) if asked.path in statuses else None

    async with deployment() as running:
        running.hook = hook
        yield running


def refusal() -> AuthRefused:
    return AuthRefused(via="http", status=401)


async def test_it_lists_what_came_and_swallows_nothing(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as ann:
        with pytest.raises(AuthRefused), staging.expecting(AuthRefused) as expected:
            await ann.http.get("/refused")
    [entry] = expected
    assert entry.kind == "AuthRefused"
    assert expected[:1] == [entry]
    assert repr(expected) == f"<ExpectedFailures: {entry}>"


async def test_it_answers_for_what_the_block_catches(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    with kept(Ledger()):
        ledger = ledgers.current()
        async with staging.user() as ann:
            with staging.expecting(AuthRefused, RateLimited) as expected:
                for path in ("/refused", "/late", "/busy"):
                    with contextlib.suppress(NetraError):
                        await ann.http.get(path)
    assert [entry.kind for entry in expected] == ["AuthRefused", "RateLimited"]
    assert ledger is not None
    assert [entry.kind for entry in ledger.unaccounted] == ["ServiceUnavailable"]


async def test_a_block_without_any_of_them_fails(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as ann:
        with (
            pytest.raises(NothingFailed, match="AuthRefused or RateLimited was expected"),
            staging.expecting(AuthRefused, RateLimited),
        ):
            await ann.http.get("/health")


def test_the_blocks_own_error_comes_before_that() -> None:
    with pytest.raises(OSError, match="mine"), expecting(AuthRefused):
        raise OSError("mine")


def test_one_of_several_types_is_enough() -> None:
    with expecting(AuthRefused, RateLimited) as expected:
        ledgers.entered(refusal())
    assert len(expected) == 1


def test_a_type_answers_for_those_below_it() -> None:
    with expecting(NetraError) as expected:
        ledgers.entered(refusal())
    assert len(expected) == 1


def test_what_comes_before_and_after_the_block_is_not_expected() -> None:
    with kept(Ledger()):
        ledger = ledgers.current()
        assert ledger is not None
        ledgers.entered(refusal())
        with expecting(AuthRefused):
            ledgers.entered(refusal())
        ledgers.entered(refusal())
        assert len(ledger.unaccounted) == 2


@pytest.mark.parametrize(
    "errors",
    [(), (OSError,), (AuthRefused, Exception), ("AuthRefused",), (refusal(),)],
    ids=["none", "foreign", "too-broad", "name", "instance"],
)
def test_it_takes_errors_of_the_kit_only(errors: Any) -> None:
    with pytest.raises(Misuse, match="expecting"), expecting(*errors):
        pytest.fail("the block was entered")


async def test_each_user_of_a_crowd_expects_for_itself(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    first_is_in = asyncio.Event()

    async def act(user: VirtualUser) -> int:
        with staging.expecting(AuthRefused) as expected:
            first_is_in.set()
            with contextlib.suppress(AuthRefused):
                await user.http.get("/refused")
        return len(expected)

    async with staging.users(3) as crowd:
        assert await crowd.each(act) == [1, 1, 1]


async def test_a_block_around_takes_what_no_block_within_names() -> None:
    with expecting(AuthRefused) as outer, expecting(RateLimited, AuthRefused) as inner:
        ledgers.entered(refusal())
    assert (len(outer), len(inner)) == (1, 1)


async def test_what_fails_where_no_block_was_opened_is_taken_too() -> None:
    elsewhere = contextvars.copy_context()
    with expecting(AuthRefused) as expected:
        elsewhere.run(ledgers.entered, refusal())
    assert len(expected) == 1


def test_it_may_be_left_in_another_context() -> None:
    block = expecting(AuthRefused)
    expected = contextvars.copy_context().run(block.__enter__)
    ledgers.entered(refusal())
    contextvars.copy_context().run(block.__exit__, None, None, None)
    assert len(expected) == 1


async def test_what_a_retry_caught_did_not_come() -> None:
    answers = iter([answer(b"", 503), answer()])

    async def ask(left: Deadline) -> int:
        return (await http.get("/", within=left)).status

    again = RetryPolicy(attempts=2).without_waits()
    async with serving(lambda _: next(answers)) as served, HttpClient(served.config) as http:
        with pytest.raises(NothingFailed), expecting(ServiceUnavailable) as expected:
            assert await again.run(ask, deadline=Deadline.after(5), idempotent=True) == 200
    assert list(expected) == []
    assert repr(expected) == "<ExpectedFailures: none>"


def test_nothing_of_it_stays_behind() -> None:
    with pytest.raises(NothingFailed), Staging(config_for("127.0.0.1:9")).expecting(AuthRefused):
        pass
    assert ledgers.numbers_in(ledgers.entered(refusal())) == frozenset()


def test_its_failure_says_what_was_to_come_and_can_be_pickled() -> None:
    failure = NothingFailed(expected=("AuthRefused",))
    assert isinstance(failure, AssertionError)
    assert str(pickle.loads(pickle.dumps(failure))) == str(failure)  # noqa: S301 - our own
    assert isinstance(ExpectedFailures((AuthRefused,)).errors, tuple)
