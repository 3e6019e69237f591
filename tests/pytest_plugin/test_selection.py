"""Selection and order: by priority and by phase, whatever shuffles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin import selection
from netra_testkit.pytest_plugin.run import Setting

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

SEVEN = """
    import pytest

    @pytest.mark.parametrize(
        "number", [pytest.param(n, marks=pytest.mark.priority(n), id=f"p{n}") for n in range(7)]
    )
    def test_it(number): pass

    def test_without(): pass
"""
PHASES = """
    import pytest

    def test_none_1(): pass

    @pytest.mark.phase("last")
    def test_last_1(): pass

    @pytest.mark.phase("first")
    def test_first_1(): pass

    def test_none_2(): pass

    @pytest.mark.phase("last")
    def test_last_2(): pass

    @pytest.mark.phase("first")
    def test_first_2(): pass
"""
SHUFFLES = """
    import pytest

    @pytest.hookimpl({order})
    def pytest_collection_modifyitems(items):
        items.reverse()
"""
SHUFFLES_AFTERWARDS = """
    import pytest

    @pytest.hookimpl({order})
    def pytest_collection_modifyitems(items):
        yield
        items.reverse()
"""


def priorities(said: str) -> frozenset[int]:
    return selection._priorities(Setting(said, "--priority"))  # noqa: SLF001 - a run for each is dear


def names(result: pytest.RunResult) -> list[str]:
    """The tests that passed, in their order."""
    return [
        line.partition("::")[2].partition(" ")[0]
        for line in result.outlines
        if "PASSED" in line and "::" in line
    ]


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("1", "1"),
        ("0-2", "012"),
        ("1,3", "13"),
        (" 1 , 3 - 5 ", "1345"),
        ("6-6,6", "6"),
    ],
)
def test_priorities_are_named_by_numbers_and_ranges(said: str, chosen: str) -> None:
    assert priorities(said) == {*map(int, chosen)}


def test_priorities_are_chosen(suite: Suite) -> None:
    result = suite.files(test_it=SEVEN).run("-v", "--priority=1, 3-5")
    assert names(result) == [f"test_it[p{number}]" for number in "1345"]
    result.assert_outcomes(passed=4, deselected=4)


@pytest.mark.parametrize("said", ["7", "3-1", "1-7", "high", ""])
def test_anything_else_is_no_priority(said: str) -> None:
    with pytest.raises(pytest.UsageError, match=f"--priority: '{said}' is no priority; say N"):
        priorities(said)


def test_what_is_no_priority_is_refused(suite: Suite) -> None:
    # An empty one is one that was said.
    for said in ("high", ""):
        result = suite.files(test_it=SEVEN).run(f"--priority={said}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(f"*--priority: '{said}' is no priority; say N, N-M or N,M*")


def test_phases_are_chosen(suite: Suite) -> None:
    suite.ini("netra_phases = first middle last").files(test_it=PHASES)
    result = suite.run("-v", "--phase", "last, first")
    assert names(result) == ["test_first_1", "test_first_2", "test_last_1", "test_last_2"]
    assert names(suite.run("-v", "--phase", "first", "-k", "2")) == ["test_first_2"]


@pytest.mark.parametrize(
    ("ini", "known"),
    [("netra_phases = first,last", "first, last"), ("", "nothing; declare them there")],
    ids=["others", "none"],
)
def test_a_phase_that_nobody_declared_is_refused(suite: Suite, ini: str, known: str) -> None:
    result = suite.ini(ini).files(test_it=PHASES).run("--phase=first,lsat")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    missing = "lsat" if "last" in known else "first"
    result.stderr.fnmatch_lines(f"*--phase: '{missing}' is no phase; ini netra_phases has {known}")


@pytest.mark.parametrize("order", ["tryfirst=True", "trylast=True", "wrapper=True"])
def test_tests_are_sorted_by_phase_after_any_shuffling(suite: Suite, order: str) -> None:
    suite.ini("netra_phases = first last").files(test_it=PHASES)
    shuffles = SHUFFLES_AFTERWARDS if "wrapper" in order else SHUFFLES
    suite.conftest(shuffles.format(order=order))
    assert names(suite.run("-v")) == [
        *("test_first_2", "test_first_1"),
        *("test_last_2", "test_last_1"),
        *("test_none_2", "test_none_1"),
    ]


def test_without_declared_phases_nothing_is_sorted(suite: Suite) -> None:
    ordered = names(suite.files(test_it=PHASES).run("-v"))
    assert ordered == [
        *("test_none_1", "test_last_1", "test_first_1"),
        *("test_none_2", "test_last_2", "test_first_2"),
    ]


@pytest.mark.broad
def test_the_order_holds_within_a_worker(suite: Suite) -> None:
    suite.ini("netra_phases = first last").files(test_it=PHASES)
    result = suite.run("-v", "--deselect=test_it.py::test_none_1", workers=1)
    ran = [line.rpartition("::")[2].strip() for line in result.outlines if "PASSED" in line]
    assert ran == ["test_first_1", "test_first_2", "test_last_1", "test_last_2", "test_none_2"]
    # A marker in a worker asks for what is said of a run.
    result.stdout.fnmatch_lines("netra: staging (live) at https://* (the default, *")
