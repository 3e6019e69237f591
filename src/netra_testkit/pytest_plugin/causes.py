"""Whose fault a failure is, and what it was, noted on its report and said beside its verdict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin.attempts import note_failure
from netra_testkit.pytest_plugin.deadlines import TIMED_OUT
from netra_testkit.pytest_plugin.run import PREFIX, run_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from netra_testkit.errors import NetraError

__all__ = [
    "BROKE",
    "CAUSE",
    "RETRIED",
    "fact",
    "pytest_report_teststatus",
    "pytest_runtest_makereport",
    "told_by",
]

CAUSE = f"{PREFIX}cause"
"""The fact whose fault a failure is."""

BROKE = f"{PREFIX}broke"
"""The fact what a failure was, in one line."""

RETRIED = f"{PREFIX}retried"
LONGEST = 200


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on the report of a failure what it was, and of every report where it was."""
    report = yield
    run = run_of(item.config)
    if not run.applies(item):
        return report
    if call.excinfo is not None and report.failed:
        note_failure(item)
        cause, broke = told_by(call.excinfo.value)
        if _is_judged(report):
            cause = "test"
        elif run.unreachable is not None and run.unreachable == str(call.excinfo.value):
            cause = run.unreachable.partition("(")[2].partition(")")[0]
        _note(item, report, CAUSE, cause)
        _note(item, report, BROKE, broke)
        error = _kit_error(call.excinfo.value)
        for name in ("request_id", "trace_id"):
            if isinstance(value := getattr(error, name, None), str):
                _note(item, report, f"{PREFIX}{name}", value)
    if report.when == "call":
        staging = getattr(item, "funcargs", {}).get("staging")
        for name, value in (
            ("environment", str(run.environment)),
            ("mode", run.mode),
            ("run_id", getattr(staging, "run_id", None)),
        ):
            if isinstance(value, str):
                _note(item, report, f"{PREFIX}{name}", value)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Say beside FAILED whose fault it is, and beside PASSED that it took a retry."""
    if not isinstance(report, pytest.TestReport):
        return None
    cause = fact(report, CAUSE)
    if report.failed and cause is not None:
        category, letter = ("failed", "F") if report.when == "call" else ("error", "E")
        limit = fact(report, TIMED_OUT)
        word = {"failed": "FAILED", "error": "ERROR"}[category]
        said = f"{word} ({cause})" if limit is None else f"TIMED OUT ({limit}; {cause})"
        return category, letter, (said, {"red": True})
    if report.passed and report.when == "call" and fact(report, RETRIED) is not None:
        return "passed", ".", ("PASSED (on retry)", {"yellow": True})
    return None


def fact(report: pytest.TestReport, name: str) -> str | None:
    """What a report says by one name; the last word counts."""
    said = [str(value) for key, value in report.user_properties if key == name]
    return said[-1] if said else None


def _is_judged(report: pytest.TestReport) -> bool:
    """Whether a check of the test's honesty ended it."""
    return any(name.startswith(f"{PREFIX}honesty") for name, _ in report.user_properties)


def _note(item: pytest.Item, report: pytest.TestReport, name: str, value: str) -> None:
    # The report has a copy already, and the later phases of a test have reports of their own.
    if (name, value) not in item.user_properties:
        item.user_properties.append((name, value))
    if (name, value) not in report.user_properties:
        report.user_properties.append((name, value))


def told_by(raised: BaseException) -> tuple[str, str]:
    """Whose fault it is that an error ended a test, and what broke, in one line."""
    error = _kit_error(raised)
    if error is not None:
        return str(error.cause), _line(f"{type(error).__name__}: {error}")
    # The deployment has answered, and not as the test says it should.
    cause = "product" if _is_verdict(raised) else "undecided"
    return cause, _line(f"{type(raised).__name__}: {raised}")


def _is_verdict(raised: BaseException) -> bool:
    """Whether a test has said that what it saw is wrong, and nothing else went wrong."""
    if isinstance(raised, BaseExceptionGroup):
        return all(_is_verdict(each) for each in raised.exceptions)
    return isinstance(raised, (AssertionError, pytest.fail.Exception))


def _kit_error(raised: BaseException) -> NetraError | None:
    """The first error of the kit among an error, those it holds, and those behind it."""
    errors = sys.modules.get("netra_testkit.errors")
    if errors is None:
        return None
    return next((each for each in _within(raised, set()) if _is(each, errors.NetraError)), None)


def _is(error: BaseException, kind: Any) -> bool:  # noqa: ANN401 - a module's attribute
    return isinstance(error, kind)


def _within(raised: BaseException | None, seen: set[int]) -> Iterator[Any]:
    if raised is None or id(raised) in seen:
        return
    seen.add(id(raised))
    yield raised
    if isinstance(raised, BaseExceptionGroup):
        for each in raised.exceptions:
            yield from _within(each, seen)
    yield from _within(raised.__cause__, seen)
    if not raised.__suppress_context__:
        yield from _within(raised.__context__, seen)


def _line(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 1]}…"
