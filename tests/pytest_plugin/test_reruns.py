"""A test that is run again: what was noted of an earlier attempt is not said of a later one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

RERUNS = ("--reruns", "2", "-v", "-s")
LOADED = ("-p", "pytest_rerunfailures")
# What the report of each attempt carries.
SAYS = """
    def pytest_runtest_logreport(report):
        if report.when == "call":
            said = " ".join(f"{name}={value}" for name, value in report.user_properties)
            print(f"<{report.outcome}: {said}>")
"""
HEAD = """
    import time, pytest

    pytestmark = [pytest.mark.priority(1, id="P1-001"), pytest.mark.deadline(DEADLINE)]
    attempts = []

"""
FAILS_ONCE = """
    def test_it(record_property):
        attempts.append(1)
        record_property("own", len(attempts))
        assert len(attempts) > 1
"""
LATE_AND_THEN_WRONG = """
    def test_it():
        attempts.append(1)
        if len(attempts) == 1:
            time.sleep(0.3)
        assert False, "wrong"
"""
# Another plugin of the kind, which shows nothing of a failed attempt.
QUIETLY = """
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        runtestprotocol(item, log=False, nextitem=nextitem)
        item._initrequest()
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""


def attempts(result: pytest.RunResult) -> list[str]:
    """What the report of each attempt at a suite's one test said."""
    return re.findall(r"<((?:rerun|failed|passed): .*)>", result.stdout.str())


def source(text: str, deadline: float = 20) -> str:
    return HEAD.replace("DEADLINE", str(deadline)) + text


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.broad)])
def test_a_pass_after_a_failed_attempt_is_one_on_retry(suite: Suite, workers: int) -> None:
    suite.conftest(SAYS).files(test_it=source(FAILS_ONCE))
    # The workers' processes find the other plugin by themselves.
    result = suite.run(*(() if workers else LOADED), *RERUNS, workers=workers)
    assert result.parseoutcomes() == {"passed": 1, "rerun": 1}
    result.stdout.fnmatch_lines(
        ["*PASSED (on retry)*", "P1-001 * passed on retry *", "priority 1: 1 of 1, on retry: 1"]
    )
    first, second = attempts(result)
    assert "netra.cause=product netra.broke=" in first
    assert "netra.cause" not in second
    assert "netra.retried=attempt 2 of the test" in second
    # What its markers say stays, and so does what is the suite's own.
    assert "netra.check=P1-001" in second
    assert "own=1 own=2" in second


def test_a_limit_that_was_missed_before_is_not_said_again(suite: Suite) -> None:
    suite.conftest(SAYS).files(test_it=source(LATE_AND_THEN_WRONG, deadline=0.2))
    result = suite.run(*LOADED, *RERUNS)
    assert result.parseoutcomes() == {"failed": 1, "rerun": 2}
    result.stdout.fnmatch_lines("P1-001 * failed *")
    assert ["netra.timed_out" in each for each in attempts(result)] == [True, False, False]


def test_what_the_kit_added_to_a_report_is_added_once(suite: Suite) -> None:
    suite.files(
        test_it=source(
            """
    def test_it():
        assert False, "wrong"
"""
        )
    )
    suite.conftest(
        """
        def pytest_runtest_call(item):
            item.add_report_section("call", "netra honesty", "said of one attempt")
        """
    )
    result = suite.run(*LOADED, "--reruns", "1")
    assert result.stdout.str().count("said of one attempt") == 1


@pytest.mark.parametrize("fails", [True, False], ids=["failed", "passed"])
def test_another_plugin_that_runs_a_test_again_is_seen_if_the_test_failed(
    suite: Suite, *, fails: bool
) -> None:
    text = FAILS_ONCE if fails else FAILS_ONCE.replace("> 1", "> 0")
    suite.conftest(QUIETLY).files(test_it=source(text))
    result = suite.run("-v")
    result.assert_outcomes(passed=1)
    on_retry = ", on retry: 1" if fails else ""
    result.stdout.fnmatch_lines(f"priority 1: 1 of 1{on_retry}")


def test_a_stranger_keeps_what_it_has(suite: Suite) -> None:
    suite.environ(NETRA_ENVIRONMENT="test").conftest(SAYS).files(
        test_it="""
        attempts = []

        def test_it(record_property):
            attempts.append(1)
            record_property("netra.of_theirs", len(attempts))
            assert len(attempts) > 1
        """
    )
    result = suite.run(*LOADED, *RERUNS)
    assert result.parseoutcomes() == {"passed": 1, "rerun": 1}
    assert attempts(result)[-1] == "passed: netra.of_theirs=1 netra.of_theirs=2"
