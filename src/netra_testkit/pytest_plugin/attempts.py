"""Attempts at one test: what was noted of one is not said of the next, but that it failed."""

from __future__ import annotations

import pytest

from netra_testkit.pytest_plugin.markers import DESCRIBED
from netra_testkit.pytest_plugin.run import PREFIX, run_of

__all__ = ["attempt_of", "note_failure", "pytest_runtest_setup"]

SECTION = "netra honesty"
"""The section of a report in which the kit adds to what ended a test."""

_BEGUN = pytest.StashKey[int]()
_FAILED = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget what the kit has noted of an earlier attempt."""
    if not run_of(item.config).applies(item):
        return
    begun = item.stash[_BEGUN] = item.stash.get(_BEGUN, 0) + 1
    if begun > 1:
        properties = item.user_properties
        properties[:] = [each for each in properties if _lasts(each[0])]
        sections = item._report_sections  # noqa: SLF001 - nothing public takes one back
        sections[:] = [each for each in sections if each[1] != SECTION]


def note_failure(item: pytest.Item) -> None:
    """Keep in mind that this attempt failed."""
    item.stash[_FAILED] = item.stash.get(_BEGUN, 1)


def attempt_of(item: pytest.Item) -> int:
    """Which attempt at a test this is; 1 as long as none before it failed."""
    begun = item.stash.get(_BEGUN, 1)
    counted = begun if item.stash.get(_FAILED, begun) < begun else 1
    # What pytest-rerunfailures counts.
    return max(counted, getattr(item, "execution_count", 1))


def _lasts(name: str) -> bool:
    """Whether a property is the suite's own, or says what the test's markers do."""
    return not name.startswith(PREFIX) or name.removeprefix(PREFIX) in DESCRIBED
