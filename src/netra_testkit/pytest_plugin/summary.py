"""The end of a run in the terminal: a table of the tests, and a line for each gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.pytest_plugin.gates import gates
from netra_testkit.pytest_plugin.masked_text import loaded_mask
from netra_testkit.pytest_plugin.run import run_of
from netra_testkit.pytest_plugin.verdicts import MET, Verdict, verdicts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from netra_testkit.pytest_plugin.verdicts import Entry

__all__ = ["pytest_terminal_summary", "rows_of", "table"]

HEADS = ("id", "test", "verdict", "seconds", "impact", "what broke", "cause")
# A table of more tests shows only those that do not hold.
MOST_ROWS = 40
WIDEST = (12, 44, 16, 7, 44, 60, 14)
GAP = "  "
IMPACT = HEADS.index("impact")
ROOM_FOR_IMPACT = 110
# A file has no width of its own.
WIDE = 200


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Write both, where somebody asked for the kit and wants to read."""
    verbosity = terminalreporter.verbosity
    if not run_of(config).requested or verbosity < 0 or config.option.collectonly:
        return
    found = verdicts_of(config)
    entries = found.entries()
    lines = list(gates(entries, len(found.not_collected)))
    lines += [f"not collected: {place}" for place in found.not_collected]
    if not lines:
        return
    mask = loaded_mask() or str
    terminalreporter.section("netra")
    # What is piped is read by programs and kept in logs: the lines are enough there.
    if verbosity > 0 or terminalreporter.isatty:
        width = terminalreporter._tw.fullwidth if terminalreporter.isatty else WIDE  # noqa: SLF001 - nothing public tells the width
        for line, entry in table(rows_of(entries), width):
            colour = {} if entry is None else _colour(entry.verdict)
            terminalreporter.write_line(mask(line), **colour)
        terminalreporter.write_line("")
    for line in lines:
        terminalreporter.write_line(mask(line), bold=True)


def rows_of(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The tests that a table shows: all of a few, of many those that do not hold."""
    shown = [each for each in entries if each.verdict is not Verdict.DESELECTED]
    if len(shown) <= MOST_ROWS:
        return shown
    return [each for each in shown if each.verdict not in MET]


def table(entries: Sequence[Entry], width: int) -> Sequence[tuple[str, Entry | None]]:
    """The lines of a table in columns, each with what it is about; none without tests."""
    if not entries:
        return []
    cells = [_cells(each) for each in entries]
    used = [
        min(most, max(len(head), *(len(row[at]) for row in cells)))
        for at, (head, most) in enumerate(zip(HEADS, WIDEST, strict=True))
    ]
    # Columns that say nothing of any test are left out, but for those of every table.
    kept = [at for at in range(len(HEADS)) if 0 < at < 4 or any(row[at] for row in cells)]  # noqa: PLR2004 - test, verdict, seconds
    if width < ROOM_FOR_IMPACT and IMPACT in kept:
        kept.remove(IMPACT)
    _narrow(used, kept, width)
    lines: list[tuple[str, Entry | None]] = [(_line(HEADS, used, kept), None)]
    rows = zip(cells, entries, strict=True)
    return [*lines, *((_line(row, used, kept), entry) for row, entry in rows)]


def _cells(entry: Entry) -> tuple[str, ...]:
    test = entry.declared
    return (
        test.check or "",
        test.name or test.nodeid.rpartition("::")[2],
        entry.verdict.value,
        f"{entry.seconds:.2f}",
        (test.impact or "") if entry.verdict not in MET else "",
        entry.broke,
        entry.cause,
    )


def _narrow(used: list[int], kept: Sequence[int], width: int) -> None:
    """Take from the widest columns until a line fits, as far as that leaves something to read."""
    shrinkable = [at for at in kept if at in {1, 4, 5}]
    least = 14
    while sum(used[at] + len(GAP) for at in kept) > max(width, 80):
        widest = max(shrinkable, key=lambda at: used[at], default=None)
        if widest is None or used[widest] <= least:
            return
        used[widest] -= 1


def _line(cells: Sequence[str], used: Sequence[int], kept: Sequence[int]) -> str:
    return GAP.join(_fit(cells[at], used[at]) for at in kept).rstrip()


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"


def _colour(verdict: Verdict) -> dict[str, bool]:
    if verdict is Verdict.PASSED:
        return {"green": True}
    if verdict in {Verdict.FAILED, Verdict.ERRORED, Verdict.TIMED_OUT}:
        return {"red": True}
    return {"yellow": True}
