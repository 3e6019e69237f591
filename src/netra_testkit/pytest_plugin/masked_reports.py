"""Nothing secret in a report: the outermost hooks mask whatever of it is shown or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.masked_text import loaded_mask, masked

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["mask_report"]

# Everything of a report that is shown, written to a file or sent to the controller.
_SHOWN = ("longrepr", "sections", "user_properties", "wasxfail", "context")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mask the report of a test's phase, on a worker before it is sent."""
    report = yield
    mask_report(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Mask the report of a collection, on a worker before it is sent."""
    report = yield
    mask_report(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> Generator[None, None, None]:
    """Mask what a wrapper of a conftest.py added to a report, before anybody shows it."""
    mask_report(report)
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collectreport(report: pytest.CollectReport) -> Generator[None, None, None]:
    """Mask what a wrapper of a conftest.py added to a report, before anybody shows it."""
    mask_report(report)
    yield


def mask_report(report: object) -> None:
    """Mask a report in place, when the masking is loaded."""
    mask = loaded_mask()
    if mask is None:
        return
    for name in _SHOWN:
        value = getattr(report, name, None)
        if value:
            setattr(report, name, masked(value, mask))
