from __future__ import annotations

import unittest
from typing import Any

import pytest

from netra_testkit.pytest_plugin.expectations import is_observable, understood, watched

CASE = unittest.TestCase()
ERROR = ConnectionResetError("gone")
OTHER = LookupError("none")


@pytest.mark.parametrize(
    "expectation",
    [
        pytest.raises(ConnectionError),
        pytest.raises((OSError, ValueError)),
        pytest.raises(OSError, match="gone"),
        CASE.assertRaises(OSError),  # noqa: PT027 - what is seen
        CASE.assertRaises((OSError, ValueError)),  # noqa: PT027 - what is seen
        CASE.assertRaisesRegex(OSError, "gone"),  # noqa: PT027 - what is seen
    ],
    ids=["type", "types", "match", "unittest", "unittest-types", "unittest-regex"],
)
def test_an_expectation_by_name_understands(expectation: object) -> None:
    assert understood(expectation, ERROR) == [ERROR]


@pytest.mark.parametrize(
    "expectation",
    [
        pytest.raises(Exception),  # noqa: PT011 - what is seen
        pytest.raises(BaseException),  # noqa: PT011 - what is seen
        pytest.raises((OSError, Exception)),
        pytest.raises(Exception, match="gone"),
        pytest.RaisesExc(match="gone"),
        pytest.RaisesExc(check=lambda _: True),
        CASE.assertRaises(Exception),  # noqa: PT027 - what is seen
        CASE.assertRaises((OSError, Exception)),  # noqa: PT027 - what is seen
        object(),
    ],
    ids=[
        "exception",
        "base",
        "one-of-two",
        "match",
        "only-match",
        "only-check",
        "unittest",
        "unittest-one-of-two",
        "foreign",
    ],
)
def test_an_expectation_of_anything_understands_nothing(expectation: object) -> None:
    assert understood(expectation, ERROR) == []


@pytest.mark.parametrize(
    ("group", "left"),
    [
        (pytest.RaisesGroup(OSError, LookupError), [ERROR, OTHER]),
        (pytest.RaisesGroup(OSError, Exception), [ERROR]),
        (pytest.RaisesGroup(Exception, Exception), []),
        (pytest.RaisesGroup(pytest.RaisesExc(OSError), pytest.RaisesExc(match="none")), [ERROR]),
        (pytest.RaisesGroup(pytest.RaisesGroup(LookupError), OSError), [ERROR, OTHER]),
    ],
    ids=["both", "one", "neither", "matchers", "nested"],
)
def test_of_a_group_those_are_understood_that_are_named(
    group: Any, left: list[BaseException]
) -> None:
    assert understood(group, ExceptionGroup("g", [ERROR, ExceptionGroup("h", [OTHER])])) == left


def test_what_is_matched_is_handed_over() -> None:
    seen: list[BaseException] = []
    with watched(seen.append):
        with pytest.raises(OSError, match="gone"):
            raise ERROR
        with pytest.RaisesGroup(LookupError):
            raise ExceptionGroup("g", [OTHER])
        with CASE.assertRaises(OSError):  # noqa: PT027 - what is seen
            raise ERROR
    assert seen == [ERROR, OTHER, ERROR]


def test_the_form_with_a_function_is_seen_too() -> None:
    seen: list[BaseException] = []
    with watched(seen.append):
        pytest.raises(ValueError, int, "x")  # noqa: RUF061 - what is seen
        CASE.assertRaises(ValueError, int, "x")  # noqa: PT027 - what is seen
    assert [type(each) for each in seen] == [ValueError, ValueError]


def test_what_does_not_match_is_not() -> None:
    seen: list[BaseException] = []
    with watched(seen.append):
        with pytest.raises(LookupError), pytest.raises(OSError, match="gone"):
            raise OTHER
        with (
            pytest.raises(AssertionError, match="Regex pattern did not match"),
            pytest.raises(OSError, match="here"),
        ):
            raise ERROR
    assert [type(each) for each in seen] == [LookupError, AssertionError]


def test_an_expectation_that_nothing_met_fails_as_ever() -> None:
    seen: list[BaseException] = []
    with (
        watched(seen.append),
        pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"),
        pytest.raises(OSError, match="gone"),
    ):
        pass
    assert seen == []


def test_afterwards_pytest_is_as_it_was_found() -> None:
    kinds: list[Any] = [pytest.RaisesExc, pytest.RaisesGroup, type(CASE.assertRaises(OSError))]  # noqa: PT027 - what is seen
    before = [kind.__exit__ for kind in kinds]
    with watched(lambda _: None):
        assert not any(kind.__exit__ in before for kind in kinds)
    with pytest.raises(KeyError), watched(lambda _: None):
        raise KeyError
    assert [kind.__exit__ for kind in kinds] == before


def test_it_is_observable_here_and_not_below(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_observable()
    monkeypatch.delattr(pytest, "RaisesExc")
    assert not is_observable()
