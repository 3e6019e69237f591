"""A gate line counts what was declared, and names what does not hold."""

from __future__ import annotations

import pytest

from netra_testkit.pytest_plugin.gates import gate, gates
from netra_testkit.pytest_plugin.verdicts import Declared, Entry, Verdict

P, R, F = Verdict.PASSED, Verdict.PASSED_ON_RETRY, Verdict.FAILED


def entry(number: int, verdict: Verdict, **labels: object) -> Entry:
    test = {"nodeid": f"test_it.py::test_{number}", "check": f"P1-{number:03d}", **labels}
    return Entry(declared=Declared(**test), verdict=verdict)  # type: ignore[arg-type] # a table


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        ([P, P], "it: 2 of 2"),
        ([P, F, P, Verdict.ERRORED], "it: 2 of 4, not met: 2, 4"),
        ([Verdict.TIMED_OUT], "it: 0 of 1, not met: 1"),
        ([P, Verdict.SKIPPED], "it: 1 of 2, 1 not run: 2"),
        ([Verdict.NOT_REACHED, Verdict.DESELECTED, F], "it: 0 of 3, not met: 3, 2 not run: 1, 2"),
        ([Verdict.UNKNOWN, Verdict.NOT_COLLECTED], "it: 0 of 2, 2 not run: 1, 2"),
        ([P, R], "it: 2 of 2, on retry: 2"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_line_is_n_of_m_and_what_does_not_hold(verdicts: list[Verdict], line: str) -> None:
    assert gate("it", [entry(at, each) for at, each in enumerate(verdicts, 1)]) == line


@pytest.mark.parametrize(
    ("check", "name"),
    [("P1-007", "7"), ("P2-120", "120"), ("LOGIN-7", "LOGIN-7"), (None, "test_1")],
)
def test_a_check_is_named_as_briefly_as_its_id_allows(check: str | None, name: str) -> None:
    assert gate("it", [entry(1, F, check=check)]) == f"it: 0 of 1, not met: {name}"


def test_parameters_of_one_check_are_named_once() -> None:
    assert gate("it", [entry(1, F), entry(1, F), entry(2, P)]) == "it: 1 of 3, not met: 1"


def test_priorities_come_from_the_highest_on_and_phases_as_declared() -> None:
    entries = [
        entry(1, P, priority=2, phase="later"),
        entry(2, F, priority=0, phase="first"),
        entry(3, P, priority=2),
        entry(4, P),
    ]
    assert list(gates(entries)) == [
        "priority 0: 0 of 1, not met: 2",
        "priority 2: 2 of 2",
        "phase later: 1 of 1",
        "phase first: 0 of 1, not met: 2",
    ]
