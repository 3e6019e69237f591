"""What runs on production: the tests that are marked read_only, and no other."""

from __future__ import annotations

import pytest

from netra_testkit.pytest_plugin.run import PREFIX, run_of

__all__ = ["NOT_RUN", "not_run", "pytest_runtest_setup"]

NOT_RUN = f"{PREFIX}not_run"
"""The property of a report that says why a test was kept from running."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep a test that is not marked read_only from running on production."""
    run = run_of(item.config)
    if not run.applies(item) or run.environment != "production":
        return
    if item.get_closest_marker("destructive") is not None:
        not_run(item, "it is marked destructive, and this is production")
    if item.get_closest_marker("read_only") is None:
        not_run(item, "it is not marked read_only, and this is production")


def not_run(item: pytest.Item, reason: str) -> None:
    """End a test before it began, and say why."""
    item.user_properties.append((NOT_RUN, reason))
    pytest.skip(f"not run: {reason}")
