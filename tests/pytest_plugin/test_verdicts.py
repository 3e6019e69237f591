"""What became of each declared test, wherever it ran and whatever kept it from running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

HEAD = """
import os
import pytest
from netra_testkit.errors import AuthRefused

pytestmark = [pytest.mark.priority(1), pytest.mark.phase("one")]
"""
EVERY_WAY = f"""
{HEAD}

@pytest.fixture
def broken_setup(): raise AuthRefused(via="http", status=401)

@pytest.fixture
def broken_teardown():
    yield
    raise AuthRefused(via="http", status=401)

def test_passed(): pass
def test_failed(): assert False
def test_errored(broken_setup): pass
def test_teardown(broken_teardown): pass
def test_both(broken_teardown): assert False
def test_skipped(): pytest.skip("no reason")

@pytest.mark.xfail(reason="known")
def test_expected(): assert False

@pytest.mark.skip
def test_marked(): pass

@pytest.mark.asyncio
@pytest.mark.deadline(0.05)
async def test_late():
    import asyncio
    await asyncio.sleep(30)
"""
WAYS = {
    "passed": "passed",
    "failed": "failed*AssertionError: assert False*product",
    "errored": "errored*AuthRefused*authentication",
    "teardown": "errored*AuthRefused*authentication",
    "both": "failed*AssertionError*",
    "skipped": "skipped*no reason",
    "expected": "skipped*known",
    "marked": "skipped*unconditional skip",
    "late": "timed out*call, 0.05 s*",
}


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.broad)])
def test_every_way_to_end_has_its_word(suite: Suite, workers: int) -> None:
    suite.files(test_it=EVERY_WAY)
    result = suite.run("-v", workers=workers)
    for name, said in WAYS.items():
        result.stdout.fnmatch_lines(f"test_{name} *{said}*")
    result.stdout.fnmatch_lines("priority 1: 1 of 9, not met: *, 3 not run: *")
    result.stdout.fnmatch_lines("phase one: 1 of 9, *")


def test_a_pass_on_retry_is_seen_as_such(suite: Suite) -> None:
    suite.files(
        test_it=f"""
        {HEAD}

        def test_it(request):
            request.node.user_properties.append(("netra.retried", "GET /health, 2 attempts"))
        """.replace("\n        ", "\n").replace(HEAD, HEAD)
    )
    result = suite.run("-v")
    result.stdout.fnmatch_lines(["*::test_it PASSED (on retry)*", "*test_it*passed on retry*GET*"])
    result.stdout.fnmatch_lines("priority 1: 1 of 1, on retry: test_it")


def test_another_plugins_reruns_count_as_retries(suite: Suite) -> None:
    suite.conftest(
        """
        import copy
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if report.when == "call" and report.failed:
                item.ihook.pytest_runtest_logreport(report=rerun(report))
                report.outcome, report.longrepr = "passed", None
            return report

        def rerun(report):
            again = copy.copy(report)
            again.outcome = "rerun"
            return again

        def pytest_report_teststatus(report):
            if report.outcome == "rerun":
                return "rerun", "R", "RERUN"
        """
    ).files(test_it=f"{HEAD}\ndef test_it(): assert False")
    suite.run("-v").stdout.fnmatch_lines("priority 1: 1 of 1, on retry: test_it")


def test_what_was_left_out_is_declared_all_the_same(suite: Suite) -> None:
    suite.files(
        test_it="""
        import pytest

        @pytest.mark.priority(1)
        def test_chosen(): pass

        @pytest.mark.priority(2)
        def test_left_out(): pass
        """
    )
    for arguments in (("--priority", "1"), ("-k", "chosen")):
        result = suite.run("-v", *arguments)
        result.stdout.fnmatch_lines(["priority 1: 1 of 1", "priority 2: 0 of 1, 1 not run: *"])
        result.stdout.no_fnmatch_line("test_left_out *deselected*")


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.broad)])
def test_what_maxfail_leaves_is_not_reached(suite: Suite, workers: int) -> None:
    tests = "\n".join(f"def test_{at}(): assert False" for at in range(9))
    suite.files(test_it=f"{HEAD}\n{tests}")
    result = suite.run("-v", "--maxfail=1", workers=workers)
    result.stdout.fnmatch_lines(["test_8 *not reached*", "priority 1: 0 of 9, not met: *"])


def test_what_cannot_be_imported_is_said(suite: Suite) -> None:
    suite.files(test_good=f"{HEAD}\ndef test_it(): pass", test_bad="import no_such_module")
    result = suite.run("-v", "--continue-on-collection-errors")
    result.stdout.fnmatch_lines(
        ["priority 1: 1 of 1, not counted: *", "not collected: test_bad.py"]
    )


def test_what_pytest_warns_it_cannot_collect_is_said(suite: Suite) -> None:
    suite.files(
        test_it=f"""{HEAD}
class TestWithConstructor:
    def __init__(self): pass
    def test_never(self): pass

def test_it(): pass
"""
    )
    result = suite.run("-v", "-W", "default")
    result.stdout.fnmatch_lines("not collected: *cannot collect*TestWithConstructor*")


def test_a_crashed_workers_test_is_unknown(suite: Suite) -> None:
    suite.files(test_it=f"{HEAD}\ndef test_dies(): os._exit(3)\ndef test_it(): pass")
    result = suite.run("-v", workers=1)
    result.stdout.fnmatch_lines(
        ["test_dies *unknown *crashed while running*", "test_it *passed*", "priority 1: 1 of 2, *"]
    )


def test_only_tests_that_concern_the_kit_are_listed(suite: Suite) -> None:
    suite.files(test_it=f"{HEAD}\ndef test_it(): pass", test_other="def test_other(): pass")
    result = suite.run("-v")
    result.stdout.fnmatch_lines("test_it  *passed*")
    result.stdout.no_fnmatch_line("test_other  *")


def test_collecting_only_says_nothing_of_verdicts(suite: Suite) -> None:
    suite.files(test_it=f"{HEAD}\ndef test_it(): pass")
    suite.run("--collect-only").stdout.no_fnmatch_line("priority 1:*")
