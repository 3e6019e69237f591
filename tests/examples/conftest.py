"""A machine where nothing is configured, on which suites of the examples are run.

What an inner run imports first is forgotten after it: the whole kit is imported here, so that no
part of it is there twice.
"""

from __future__ import annotations

import os

import pytest
from tests.examples.running import Examples
from tests.pytest_plugin.suites import NEVER_INHERITED

import netra_testkit
from netra_testkit import LocalStaging
from netra_testkit.pytest_plugin import contact


@pytest.fixture(scope="session")
def _everything_imported() -> None:
    for name in netra_testkit.__all__:
        getattr(netra_testkit, name)
    with LocalStaging():
        pass


@pytest.fixture
def examples(
    _everything_imported: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Examples:
    """Runs suites of the examples."""
    for name in [each for each in os.environ if each.startswith(NEVER_INHERITED)]:
        if not name.startswith("PYTEST_CURRENT"):
            monkeypatch.delenv(name)
    # One that another test has imported says nothing about the loops of the examples.
    monkeypatch.setattr(contact, "FOREIGN_LOOPS", ())
    return Examples(pytester, monkeypatch)
