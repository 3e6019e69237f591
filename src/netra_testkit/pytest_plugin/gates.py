"""One line for each priority and each phase: how many of the declared tests hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netra_testkit.pytest_plugin.verdicts import MET, RUN, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netra_testkit.pytest_plugin.verdicts import Entry

__all__ = ["gate", "gates"]

_NUMBERED = re.compile(r"P\d+-0*(\d+)")


def gates(entries: Sequence[Entry], not_collected: int = 0) -> Iterator[str]:
    """The lines of a run: every priority from the highest on, then every phase as declared.

    Args:
        entries: The tests that are known.
        not_collected: How many places hold tests that nobody could count.
    """
    labels = [each.declared for each in entries]
    for priority in sorted({each.priority for each in labels if each.priority is not None}):
        chosen = [each for each in entries if each.declared.priority == priority]
        yield gate(f"priority {priority}", chosen, not_collected)
    for phase in dict.fromkeys(each.phase for each in labels if each.phase is not None):
        chosen = [each for each in entries if each.declared.phase == phase]
        yield gate(f"phase {phase}", chosen, not_collected)


def gate(title: str, entries: Sequence[Entry], not_collected: int = 0) -> str:
    """One line: how many hold of how many that were declared, and which do not.

    A test that did not run holds nothing, and is counted among those that should. Where a place
    could not be collected nobody knows how many those are, and the line says so.
    """
    met = [each for each in entries if each.verdict in MET]
    again = [each for each in met if each.verdict is Verdict.PASSED_ON_RETRY]
    unmet = [each for each in entries if each.verdict in RUN - MET]
    idle = [each for each in entries if each.verdict not in RUN]
    parts = [f"{title}: {len(met)} of {len(entries)}"]
    if unmet:
        parts.append(f"not met: {_names(unmet)}")
    if idle:
        parts.append(f"{len(idle)} not run: {_names(idle)}")
    if again:
        parts.append(f"on retry: {_names(again)}")
    if not_collected:
        parts.append(f"not counted: what {not_collected} not collected would add")
    return ", ".join(parts)


def _names(entries: Sequence[Entry]) -> str:
    return ", ".join(dict.fromkeys(map(_name, entries)))


def _name(entry: Entry) -> str:
    check = entry.declared.check
    if check is None:
        return entry.declared.nodeid.rpartition("::")[2]
    numbered = _NUMBERED.fullmatch(check)
    return numbered[1] if numbered else check
