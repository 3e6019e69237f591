"""A suite to be run with the plugin, in an environment where nothing is configured."""

from __future__ import annotations

import os

import pytest
import tests.pytest_plugin.loaded  # noqa: F401 - what suites import is there once and for all
from tests.pytest_plugin.suites import NEVER_INHERITED, Suite

from netra_testkit.clients import availability
from netra_testkit.pytest_plugin import contact


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    for name in [each for each in os.environ if each.startswith(NEVER_INHERITED)]:
        if not name.startswith(("PYTEST_DEBUG", "PYTEST_CURRENT")):
            monkeypatch.delenv(name)
    # Asked once per process, and the suites of several tests share this one.
    monkeypatch.setattr(availability, "_remembered", [])
    assert availability.remembered() is None
    # One that another test has imported says nothing about the loops of the suites.
    monkeypatch.setattr(contact, "FOREIGN_LOOPS", ())
    return Suite(pytester, monkeypatch)
