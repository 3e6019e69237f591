"""The end of a failed test's transcript, as a section of its report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from netra_testkit.safety.trace import Trace

__all__ = ["LAST", "SECTION"]

SECTION = "Netra transcript"
"""The name of the section."""

LAST = 40
"""How many records are shown."""

_LONGEST_LINE = 2000
# Under these names the objects of the kit hold what they record in.
_HELD_AS = ("trace", "_trace")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what was said last to the report of a failure."""
    report = yield
    if report.failed and "netra_testkit.safety.trace" in sys.modules:
        for trace in _traces(item, call):
            report.sections.append((SECTION, _tail(trace)))
    return report


def _tail(trace: Trace) -> str:
    lines = trace.tail(LAST)
    # It is masked by now, so that nothing is cut in two and overlooked.
    cut = [each if len(each) <= _LONGEST_LINE else f"{each[:_LONGEST_LINE]}…" for each in lines]
    return "\n".join((f"{trace!r}; the last {len(lines)}:", *cut))


def _traces(item: pytest.Item, call: pytest.CallInfo[None]) -> list[Trace]:
    """The traces in a test's reach that hold anything, each once."""
    from netra_testkit.safety.trace import Trace

    found: list[Trace] = []
    for value in _in_reach(item, call):
        for each in (value, *_held(value)):
            if isinstance(each, Trace) and each not in found and each.tail(1):
                found.append(each)
    return found


def _in_reach(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[object]:
    """What the test was given, and what it and the calls that failed had at hand."""
    yield from getattr(item, "funcargs", {}).values()
    for entry in () if call.excinfo is None else call.excinfo.traceback:
        yield from entry.frame.f_locals.values()


def _held(value: object) -> Iterator[Any]:
    """What an object of the kit holds; of any other nothing is looked at."""
    if type(value).__module__.startswith("netra_testkit.") and hasattr(value, "__dict__"):
        held = vars(value)
        yield from (held[name] for name in _HELD_AS if name in held)
