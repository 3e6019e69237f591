"""The table at the end: what it shows, how wide, and when it keeps quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.summary import MOST_ROWS, rows_of, table
from netra_testkit.pytest_plugin.verdicts import Declared, Entry, Verdict

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

SOURCE = """
import pytest

@pytest.mark.priority(1, id="P1-001", name="websocket_connection")
@pytest.mark.impact("nobody can chat")
def test_first(): assert False

@pytest.mark.priority(1, id="P1-002", name="websocket_authentication")
@pytest.mark.impact("anybody can chat")
def test_second(): pass
"""


def entry(name: str, verdict: Verdict = Verdict.PASSED, **facts: object) -> Entry:
    declared = Declared(nodeid=f"test_it.py::{name}", impact=str(facts.pop("impact", "")))
    return Entry(declared=declared, verdict=verdict, **facts)  # type: ignore[arg-type] # a table


def test_a_table_names_each_check_and_what_became_of_it(suite: Suite) -> None:
    suite.files(test_it=SOURCE)
    result = suite.run("-v")
    result.stdout.fnmatch_lines(
        [
            "id  *test  *verdict  *seconds  *impact  *what broke  *cause",
            "P1-001  websocket_connection  *failed  *nobody can chat  *AssertionError*  product",
            "P1-002  websocket_authentication  *passed*",
            "",
            "priority 1: 1 of 2, not met: 1",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "lines", "rows"), [((), 1, 0), (("-q",), 0, 0), (("-v",), 1, 1)], ids=str
)
def test_what_is_piped_has_the_lines_only_and_a_quiet_run_neither(
    suite: Suite, arguments: tuple[str, ...], lines: int, rows: int
) -> None:
    suite.files(test_it=SOURCE)
    said = suite.run(*arguments).outlines
    assert sum(line.startswith("priority 1:") for line in said) == lines
    assert sum(line.startswith("P1-001") for line in said) == rows


def test_a_terminal_has_the_table(suite: Suite) -> None:
    suite.conftest(
        """
        import pytest

        def pytest_sessionstart(session):
            reporter = session.config.pluginmanager.get_plugin("terminalreporter")
            reporter.isatty = type(reporter.isatty)(True)
        """
    ).files(test_it=SOURCE)
    result = suite.run()
    result.stdout.fnmatch_lines("P1-001  websocket_connect*")
    result.stdout.no_fnmatch_line("P1-001 *nobody can chat*")


@pytest.mark.parametrize(("colour", "coloured"), [("yes", True), ("no", False)])
def test_colours_are_pytests_own(suite: Suite, colour: str, coloured: bool) -> None:  # noqa: FBT001 - a column of the table
    suite.files(test_it=SOURCE)
    said = str(suite.run("-v", f"--color={colour}").stdout)
    assert ("\x1b[31mP1-001" in said) is coloured
    assert ("\x1b[32mP1-002" in said) is coloured


def test_no_colour_means_none(suite: Suite) -> None:
    suite.files(test_it=SOURCE).environ(NO_COLOR="1")
    assert "\x1b[" not in str(suite.run("-v").stdout)


def test_a_stranger_sees_no_table(suite: Suite) -> None:
    suite.files(test_it="def test_it(): pass")
    result = suite.run("-v")
    result.stdout.no_fnmatch_line("*= netra =*")
    result.stdout.no_fnmatch_line("netra:*")


def test_an_environment_alone_has_no_empty_table(suite: Suite) -> None:
    suite.files(test_it="def test_it(): pass").environ(NETRA_ENVIRONMENT="development")
    suite.run("-v").stdout.no_fnmatch_line("=* netra =*")


def test_of_many_tests_only_those_that_do_not_hold_are_shown() -> None:
    good = [entry(f"test_{at}") for at in range(MOST_ROWS)]
    bad = [entry("test_bad", Verdict.FAILED), entry("test_skipped", Verdict.SKIPPED)]
    left_out = entry("test_left_out", Verdict.DESELECTED)
    assert rows_of([*good, left_out]) == good
    assert rows_of([*good, *bad, left_out]) == bad


def test_no_test_has_no_table() -> None:
    assert table([], 80) == []


def test_columns_that_say_nothing_are_left_out() -> None:
    lines = [line for line, _ in table([entry("test_it", seconds=1.5)], 80)]
    assert lines == ["test     verdict  seconds", "test_it  passed   1.50"]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_line_fits_the_terminal(width: int) -> None:
    long = entry(
        "test_" + "x" * 80,
        Verdict.FAILED,
        broke="AssertionError: " + "y" * 200,
        cause="infrastructure",
        impact="z" * 90,
    )
    lines = [line for line, _ in table([long, entry("test_it")], width)]
    assert max(map(len, lines)) <= max(width, 80)
    assert "…" in lines[1]
    assert lines[1].endswith("infrastructure")


def test_columns_stay_readable_in_a_terminal_that_is_too_narrow_for_them() -> None:
    long = entry("x" * 90, Verdict.PASSED_ON_RETRY, broke="y" * 200, cause="infrastructure")
    named = Declared(nodeid="x" * 90, check="c" * 12)
    wide = Entry(declared=named, verdict=Verdict.FAILED, broke="y" * 99, cause="z" * 99)
    lines = [line for line, _ in table([long, wide], 20)]
    assert max(map(len, lines)) > 80
    assert all("x" * 13 in line for line in lines[1:])
