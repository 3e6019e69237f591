"""A coroutine test whose decorator keeps the coroutine, and never has it awaited."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin.awaiting import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.pytest_plugin.suites import Suite

DECORATED = """
    import asyncio, functools, pytest

    pytestmark = pytest.mark.priority(1)
    kept = []

    def keeps(test):
        @functools.wraps(test)
        def run(): kept.append(test())
        return run

    def keeps_in_silence(test):
        def run(): kept.append(test())
        return run

    def awaits(test):
        def run(): asyncio.run(test())
        return run

    @keeps
    async def test_kept(): assert False

    @keeps_in_silence
    async def test_kept_in_silence(): assert False

    class TestIt:
        def keeps(test):
            @functools.wraps(test)
            def run(self): kept.append(test(self))
            return run

        @keeps
        async def test_kept_of_a_class(self): assert False

    @awaits
    async def test_awaited(): await asyncio.sleep(0)

    def test_tidies():
        for each in kept: each.close()
"""


async def example() -> None:
    """A test, as somebody wrote it."""


@pytest.fixture
def kept() -> Iterator[list[Any]]:
    coroutines: list[Any] = []
    yield coroutines
    for each in coroutines:
        each.close()


def keeping(kept: list[Any], *, tells: bool) -> Callable[[], None]:
    test = example

    def run() -> None:
        kept.append(test())

    return functools.wraps(test)(run) if tells else run


def test_a_test_that_only_seems_to_run_fails(suite: Suite) -> None:
    suite.files(test_it=DECORATED)
    result = suite.run("-p", "no:asyncio")
    result.assert_outcomes(passed=2, failed=3)
    said = "awaited: {} is a coroutine that nobody awaited, so nothing in it ran."
    names = ("test_kept", "test_kept_in_silence", "TestIt.test_kept_of_a_class")
    result.stdout.fnmatch_lines([said.format(name) for name in names])


@pytest.mark.parametrize("tells", [True, False], ids=["told", "silent"])
def test_a_coroutine_that_is_kept_is_named(kept: list[Any], *, tells: bool) -> None:
    run = keeping(kept, tells=tells)
    with watched(run, "example") as forgotten:
        run()
    assert forgotten == ["example"]


def test_one_that_was_kept_before_is_not_named_again(kept: list[Any]) -> None:
    kept.append(example())
    with watched(keeping(kept, tells=True), "example") as forgotten:
        asyncio.run(example())
    assert forgotten == []


def test_one_that_somebody_awaits_later_is_not_named(kept: list[Any]) -> None:
    run = keeping(kept, tells=True)
    with watched(run, "example") as forgotten:
        run()
        asyncio.run(kept[0])
    assert forgotten == []


def test_a_function_of_another_name_is_not_the_test(kept: list[Any]) -> None:
    run = keeping(kept, tells=False)
    with watched(run, "another") as forgotten:
        run()
    assert forgotten == []


def test_what_a_decorator_will_hold_only_later_is_no_test() -> None:
    def outer() -> Callable[[], None]:
        def run() -> None:
            held()

        yet = run
        if yet is None:
            held = outer
        return yet

    with watched(outer(), "outer") as forgotten:
        pass
    assert forgotten == []
