"""A suite to be run with the plugin, in an environment where nothing is configured.

An inner run in this process forgets what it imported: what is imported here is there once and for
all, and not in two copies that do not know each other.
"""

from __future__ import annotations

import os

import jwt
import pytest
import uvicorn.lifespan.off
import uvicorn.loops.asyncio
import xdist.dsession
import xdist.remote
from tests.pytest_plugin.suites import NEVER_INHERITED, Suite

import netra_testkit.clients.chat
import netra_testkit.clients.expecting
import netra_testkit.clients.staging
import netra_testkit.local.application
import netra_testkit.local.env_file
import netra_testkit.local.routes
import netra_testkit.local.server
import netra_testkit.local.staging
import netra_testkit.local.transport
import netra_testkit.pytest_plugin.embedded
import netra_testkit.pytest_plugin.environment_option
from netra_testkit.clients import availability
from netra_testkit.pytest_plugin import contact

LOADED = (jwt, uvicorn, xdist, netra_testkit)


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
