"""What a test expects to be raised: `pytest.raises` and its kin, seen when they have matched."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["is_observable", "understood", "watched"]


def is_observable() -> bool:
    """Whether this pytest has public types for what it expects, as it does from 8.4 on."""
    return hasattr(pytest, "RaisesExc") and hasattr(pytest, "RaisesGroup")


@contextlib.contextmanager
def watched(account: Callable[[BaseException], None]) -> Iterator[None]:
    """Hand over what leaves an expectation that is narrower than Exception.

    The way they leave is replaced for the block only, so a test that does not concern the kit
    meets pytest as it is.

    Args:
        account: Is given each error that was expected by name.
    """
    before = [(kind, vars(kind)["__exit__"]) for kind in _expectations()]
    for kind, leave in before:
        kind.__exit__ = _telling(leave, account)
    try:
        yield
    finally:
        for kind, leave in before:
            kind.__exit__ = leave


def understood(expectation: object, error: BaseException) -> list[BaseException]:
    """What of a matched error the expectation named more narrowly than Exception.

    Args:
        expectation: A RaisesExc, a RaisesGroup or what unittest's assertRaises makes.
        error: What it matched.
    """
    if isinstance(expectation, pytest.RaisesGroup):
        names = tuple(_narrow(_named_in(expectation)))
        return [each for each in _leaves(error) if isinstance(each, names)]
    named = _named_in(expectation)
    return [error] if named and len(_narrow(named)) == len(named) else []


def _expectations() -> list[Any]:
    import unittest

    case = unittest.TestCase()
    # unittest gives its own no public name.
    theirs = type(case.assertRaises(OSError))  # noqa: PT027 - only its type is wanted
    return [pytest.RaisesExc, pytest.RaisesGroup, _home_of_exit(theirs)]


def _home_of_exit(kind: type) -> type:
    return next(each for each in kind.__mro__ if "__exit__" in vars(each))


def _telling(leave: Callable[..., Any], account: Callable[[BaseException], None]) -> Any:  # noqa: ANN401 - takes the place of what it is given
    @functools.wraps(leave)
    def leave_and_tell(
        self: object,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: object,
    ) -> Any:  # noqa: ANN401 - what is replaced decides
        __tracebackhide__ = True
        matched = leave(self, kind, error, traceback)
        if matched and error is not None:
            for each in understood(self, error):
                account(each)
        return matched

    return leave_and_tell


def _named_in(expectation: object) -> tuple[type[BaseException], ...]:
    """The types that an expectation names, those inside its groups included."""
    if not isinstance(expectation, pytest.RaisesExc | pytest.RaisesGroup):
        expected: Any = getattr(expectation, "expected", ())
        return expected if isinstance(expected, tuple) else (expected,)
    named: list[type[BaseException]] = []
    for each in expectation.expected_exceptions:
        named += (each,) if isinstance(each, type) else _named_in(each)
    return tuple(named)


def _narrow(named: tuple[type[BaseException], ...]) -> list[type[BaseException]]:
    return [each for each in named if each is not Exception and issubclass(each, Exception)]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
