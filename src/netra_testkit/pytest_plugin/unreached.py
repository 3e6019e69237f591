"""The tests that were chosen and did not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.run import run_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Reached", "pytest_configure"]


class Reached:
    """Which tests were chosen, and which of them a report came of.

    Args:
        config: The run's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._chosen: Sequence[str] = ()
        self._seen: set[str] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the tests of this process."""
        if not session.config.option.collectonly:
            self._chosen = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Sequence[str]) -> None:
        """Keep the tests that the workers share."""
        del node
        self._chosen = ids

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep that this test was reached."""
        self._seen.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Hand over what is left."""
        run_of(self._config).not_reached = [each for each in self._chosen if each not in self._seen]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many are left."""
        run = run_of(self._config)
        if run.requested and run.not_reached:
            left, chosen = len(run.not_reached), len(self._chosen)
            terminalreporter.write_line(f"netra: {left} of {chosen} tests not reached")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count."""
    config.pluginmanager.register(Reached(config), "netra-reached")
