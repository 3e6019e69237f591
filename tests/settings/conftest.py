"""What several test modules of the settings start from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from netra_testkit.safety import redaction
from netra_testkit.safety.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_BY_THE_KIT = ("NETRA_", "STAGING_TEST_", "E2E_", "PYDANTIC_")


@pytest.fixture(scope="module", autouse=True)
def own_secrets() -> Iterator[None]:
    """What a module makes a secret of is an ordinary word again for the tests after it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_LIVE", Registry())
        yield


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this process says anything about a deployment."""
    for name in os.environ:
        if name.startswith(READ_BY_THE_KIT) or "SECRET" in name or name == "ENVIRONMENT":
            monkeypatch.delenv(name)
