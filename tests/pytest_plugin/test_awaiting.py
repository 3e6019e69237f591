from __future__ import annotations

import functools
import unittest
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin.awaiting import watched

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


async def example() -> None:
    """A test, as somebody wrote it."""


async def another() -> None:
    """Not the test."""


class Case(unittest.TestCase):
    async def example(self) -> None:
        """A test, as somebody wrote it."""


@functools.wraps(example)
def dropping() -> None:
    example()  # type: ignore[unused-coroutine] # what is caught


@functools.wraps(example)
async def bounded() -> None:
    await example()


@pytest.mark.parametrize(
    ("test", "call", "name"),
    [
        (example, lambda: example(), "example"),  # noqa: PLW0108 - the coroutine is dropped
        (dropping, dropping, "example"),
        (bounded, lambda: bounded(), "example"),  # noqa: PLW0108 - the coroutine is dropped
        (Case("example").example, lambda: Case("example").example(), "Case.example"),
    ],
    ids=["function", "decorator-that-drops", "wrapped-by-a-plugin", "unittest"],
)
def test_a_coroutine_that_is_dropped_is_named(
    test: object, call: Callable[[], Any], name: str
) -> None:
    with watched(test) as forgotten:
        call()
    assert forgotten == [name]


@pytest.mark.parametrize("action", ["ignore", "always", "error"])
def test_it_does_not_depend_on_what_is_shown(action: Any) -> None:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter(action)
        with watched(example) as forgotten, pytest.MonkeyPatch.context() as patched:
            patched.setattr("sys.unraisablehook", lambda _: None)
            example()  # type: ignore[unused-coroutine] # what is caught
    assert forgotten == ["example"]


def test_the_interpreter_warns_as_ever() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with watched(example):
            example()  # type: ignore[unused-coroutine] # what is caught
    assert [str(each.message) for each in said] == ["coroutine 'example' was never awaited"]


async def test_one_that_is_awaited_is_not_named() -> None:
    with watched(example) as forgotten:
        await example()
        await bounded()
    assert forgotten == []


def test_one_that_is_not_the_test_is_not_named() -> None:
    with watched(example) as forgotten:
        another()  # type: ignore[unused-coroutine] # what is not caught
    assert forgotten == []


@pytest.mark.parametrize("test", [len, None, "text"], ids=["sync", "none", "no-function"])
def test_what_is_no_coroutine_test_is_not_watched(test: object) -> None:
    before = vars(warnings)["_warn_unawaited_coroutine"]
    with watched(test) as forgotten:
        assert vars(warnings)["_warn_unawaited_coroutine"] is before
    assert forgotten == []


def test_an_interpreter_without_the_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(warnings, "_warn_unawaited_coroutine")
    with watched(example) as forgotten:
        assert not hasattr(warnings, "_warn_unawaited_coroutine")
    assert forgotten == []


def test_afterwards_the_interpreter_is_as_it_was_found() -> None:
    before = vars(warnings)["_warn_unawaited_coroutine"]
    with pytest.raises(KeyError), watched(example):
        raise KeyError
    assert vars(warnings)["_warn_unawaited_coroutine"] is before
