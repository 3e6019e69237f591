"""A machine where nothing is configured, on which suites of the examples are run."""

from __future__ import annotations

import os

import pytest
import tests.pytest_plugin.loaded  # noqa: F401 - what suites import is there once and for all
from tests.examples.running import Examples
from tests.pytest_plugin.suites import NEVER_INHERITED

from netra_testkit.pytest_plugin import contact


@pytest.fixture
def examples(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Examples:
    """Runs suites of the examples."""
    for name in [each for each in os.environ if each.startswith(NEVER_INHERITED)]:
        if not name.startswith("PYTEST_CURRENT"):
            monkeypatch.delenv(name)
    # One that another test has imported says nothing about the loops of the examples.
    monkeypatch.setattr(contact, "FOREIGN_LOOPS", ())
    return Examples(pytester, monkeypatch)
