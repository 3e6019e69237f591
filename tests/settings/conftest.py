"""What several test modules of the settings start from."""

from __future__ import annotations

import os

import pytest

READ_BY_THE_KIT = ("NETRA_", "STAGING_TEST_", "E2E_", "PYDANTIC_")


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this process says anything about a deployment."""
    for name in os.environ:
        if name.startswith(READ_BY_THE_KIT) or "SECRET" in name or name == "ENVIRONMENT":
            monkeypatch.delenv(name)
