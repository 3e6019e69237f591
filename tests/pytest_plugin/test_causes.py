"""Whose fault a failure is: on its report, and beside its verdict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import nobody_there, publishing

from netra_testkit.errors import AuthRefused, Cause, ServerClosed, UnknownMessageType
from netra_testkit.pytest_plugin.causes import LONGEST, told_by

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

PROPERTIES = """
    def pytest_runtest_logreport(report):
        said = (f"{name}={value}" for name, value in report.user_properties)
        print("<" + report.when + ": " + "; ".join(said) + ">")
"""
CLOSED = ServerClosed(
    code=1011, reason="", closed_by="server", phase="receive", frames=(), cause=Cause.PRODUCT
)
REFUSED = AuthRefused(via="http", status=401)


def chained(error: BaseException, *, cause: BaseException | None = None) -> BaseException:
    error.__cause__ = cause
    return error


def during(error: BaseException, context: BaseException, *, hidden: bool = False) -> BaseException:
    error.__context__ = context
    error.__suppress_context__ = hidden
    return error


@pytest.mark.parametrize(
    ("raised", "cause", "broke"),
    [
        (CLOSED, "product", "ServerClosed: "),
        (REFUSED, "authentication", "AuthRefused: "),
        (chained(ValueError("outer"), cause=REFUSED), "authentication", "AuthRefused: "),
        (during(ValueError("outer"), CLOSED), "product", "ServerClosed: "),
        (during(ValueError("outer"), CLOSED, hidden=True), "undecided", "ValueError: outer"),
        (ExceptionGroup("some", [ValueError("one"), REFUSED]), "authentication", "AuthRefused: "),
        (AssertionError("1 == 2"), "product", "AssertionError: 1 == 2"),
        (KeyError("id"), "undecided", "KeyError: 'id'"),
        (ExceptionGroup("some", [AssertionError()]), "product", "ExceptionGroup: some"),
        (ExceptionGroup("some", [AssertionError(), KeyError()]), "undecided", "ExceptionGroup: "),
        (pytest.fail.Exception("too many"), "product", "Failed: too many"),
        (ValueError("\n\n  second line\nthird"), "undecided", "ValueError:"),
        (UnknownMessageType(name="x", nearest=()), "test", "UnknownMessageType: "),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_cause_is_that_of_the_first_error_of_the_kit(
    raised: BaseException, cause: str, broke: str
) -> None:
    said_cause, said_broke = told_by(raised)
    assert said_cause == cause
    assert said_broke.startswith(broke)


def test_an_error_behind_itself_is_met_once() -> None:
    error = ValueError("again")
    error.__context__ = RuntimeError("between")
    error.__context__.__context__ = error
    assert told_by(error) == ("undecided", "ValueError: again")


def test_a_run_that_never_met_the_kit_has_no_error_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "netra_testkit.errors")
    assert told_by(REFUSED)[0] == "undecided"


def test_what_broke_is_one_short_line() -> None:
    _, broke = told_by(ValueError("x" * 1000))
    assert len(broke) == LONGEST
    assert broke.endswith("…")


def test_a_failure_says_its_cause_beside_its_verdict(suite: Suite) -> None:
    suite.files(
        test_it="""
        import pytest
        from netra_testkit.errors import AuthRefused, Cause

        pytestmark = pytest.mark.priority(1)

        @pytest.fixture
        def broken(): raise AuthRefused(via="http", status=401)

        def test_asserts(): assert False
        def test_refused(): raise AuthRefused(via="http", status=401)
        def test_setup(broken): pass
        def test_good(): pass
        """
    )
    result = suite.run("-v")
    result.stdout.fnmatch_lines(
        [
            "*::test_asserts FAILED (product)*",
            "*::test_refused FAILED (authentication)*",
            "*::test_setup ERROR (authentication)*",
            "*::test_good PASSED *",
        ]
    )
    result.assert_outcomes(passed=1, failed=2, errors=1)


def test_dots_stay_dots(suite: Suite) -> None:
    suite.files(
        test_it="""
        import pytest

        pytestmark = pytest.mark.priority(1)

        def test_good(): pass
        def test_bad(): assert False
        """
    )
    suite.run("--tb=no").stdout.fnmatch_lines("test_it.py .F*")


def test_a_test_out_of_time_says_so(suite: Suite) -> None:
    suite.files(
        test_it="""
        import asyncio
        import pytest

        @pytest.mark.deadline(0.05)
        @pytest.mark.asyncio
        async def test_late(): await asyncio.sleep(30)
        """
    )
    result = suite.run("-v")
    result.stdout.fnmatch_lines("*::test_late TIMED OUT (call, 0.05 s; *)*")
    result.assert_outcomes(failed=1)


def test_a_test_that_asks_nothing_is_its_own_fault(suite: Suite) -> None:
    suite.files(test_it="def test_it(staging): pass")
    with publishing({}) as there:
        suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=there)
        result = suite.run("-v")
    result.stdout.fnmatch_lines("*::test_it FAILED (test)*")


def test_a_deployment_that_is_not_there_is_nobody_elses_fault(suite: Suite) -> None:
    suite.files(test_it="def test_it(staging): pass")
    suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=nobody_there())
    suite.run("-v").stdout.fnmatch_lines("*::test_it ERROR (infrastructure)*")


def test_a_test_that_does_not_concern_the_kit_is_left_alone(suite: Suite) -> None:
    suite.conftest(PROPERTIES).files(test_it="def test_it(): assert False")
    result = suite.run("-v", "-s", "--tb=no")
    result.stdout.fnmatch_lines("FAILED<call: >")
    result.stdout.no_fnmatch_line("*FAILED (*")


def test_a_report_says_where_it_was_and_how_to_find_it_in_the_logs(suite: Suite) -> None:
    suite.conftest(PROPERTIES).environ(NETRA_ENVIRONMENT="development").files(
        test_it="""
        import pytest
        from netra_testkit.errors import ServiceUnavailable

        @pytest.mark.priority(1)
        def test_it():
            raise ServiceUnavailable(
                status=503, method="GET", path="/health", request_id="r-1", trace_id="t-1"
            )
        """
    )
    suite.run("-s", "--tb=no", "-p", "no:netra-reachability").stdout.fnmatch_lines(
        "*<call: *netra.cause=*netra.request_id=r-1; netra.trace_id=t-1; "
        "netra.environment=development; netra.mode=live>*"
    )
