"""What a gate must not count as holding, and what it must not leave unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.gates import gate

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

HEAD = """
import asyncio
import unittest

import pytest

pytestmark = pytest.mark.priority(1)
"""
PARTS = f"""
{HEAD}

def test_skipped_after_a_part(subtests):
    with subtests.test("first"): pass
    pytest.skip("the rest is missing")

def test_skips_a_part(subtests):
    with subtests.test("first"): pytest.skip("missing")
    with subtests.test("second"): pass

def test_fails_in_a_part(subtests):
    with subtests.test("first"): assert False
    with subtests.test("second"): pass

def test_holds(subtests):
    with subtests.test("first"): pass
"""
STYLES = f"""
{HEAD}

class TestStyle:
    @pytest.mark.parametrize("number", [1, 2])
    def test_many(self, number): assert number == 1

class Case(unittest.TestCase):
    def test_holds(self): pass

    @unittest.skip("not today")
    def test_skipped(self): pass

    @unittest.expectedFailure
    def test_expected(self): assert False

    @unittest.expectedFailure
    def test_unexpected(self): pass

    async def test_never_awaited(self): assert False

@pytest.mark.xfail(run=False)
def test_never_run(): pass

@pytest.mark.parametrize("number", [])
def test_of_nothing(number): pass
"""


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has subtests from 9 on")
@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.broad)])
def test_a_part_that_passes_makes_no_test_pass(suite: Suite, workers: int) -> None:
    suite.files(test_it=PARTS)
    result = suite.run(workers=workers)
    result.stdout.fnmatch_lines(
        "priority 1: 1 of 4, not met: test_fails_in_a_part, "
        "2 not run: test_skipped_after_a_part, test_skips_a_part"
    )


def test_every_style_is_counted_by_how_it_ended(suite: Suite) -> None:
    suite.files(test_it=STYLES)
    result = suite.run("-W", "ignore")
    result.stdout.re_match_lines([r"priority 1: 2 of 9, not met: .*, 4 not run: .*"])
    [line] = [each for each in result.outlines if each.startswith("priority 1")]
    unmet, _, idle = line.partition("not run")
    assert {each for each in ("test_many[2]", "test_unexpected") if each in unmet} == {
        "test_many[2]",
        "test_unexpected",
    }
    assert "test_never_awaited" in unmet
    for name in ("test_skipped", "test_expected", "test_never_run", "test_of_nothing"):
        assert name in idle


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.broad)])
def test_a_gate_says_that_nobody_could_count_what_was_not_imported(
    suite: Suite, workers: int
) -> None:
    suite.files(test_good=f"{HEAD}\ndef test_it(): pass", test_bad="import no_such_module")
    result = suite.run("--continue-on-collection-errors", workers=workers)
    result.stdout.fnmatch_lines(
        [
            "priority 1: 1 of 1, not counted: what 1 not collected would add",
            "not collected: test_bad.py",
        ]
    )


def test_a_gate_says_that_the_last_failures_are_not_all(suite: Suite) -> None:
    suite.files(
        test_bad=f"{HEAD}\ndef test_it(): assert False\ndef test_good(): pass",
        test_good=f"{HEAD}\ndef test_other(): pass",
    )
    # The words that the suites of these tests begin with leave the cache out.
    kept = ("-p", "cacheprovider")
    suite.run(*kept).assert_outcomes(passed=2, failed=1)
    result = suite.run(*kept, "--last-failed")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "priority 1: 0 of 1, not met: test_it, not counted: what 1 not collected would add",
            "not collected: whatever --last-failed leaves out",
        ]
    )


def test_a_gate_of_what_is_known_says_nothing_more() -> None:
    assert gate("it", []) == "it: 0 of 0"
    assert gate("it", [], 2) == "it: 0 of 0, not counted: what 2 not collected would add"
