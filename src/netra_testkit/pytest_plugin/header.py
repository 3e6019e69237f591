"""What is said of a run: target, mode, users and versions, where somebody asked for the kit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.pytest_plugin.run import PREFIX, TAKEN, run_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from netra_testkit.pytest_plugin.run import Run

__all__ = ["Header", "pytest_configure"]

_PACKAGES = ("netra-testkit", "httpx", "websockets", "pydantic-settings", "PyJWT", "tenacity")
_MARKED = f"{PREFIX}markers"
MOST_USERS = 3


class Header:
    """Says of one run what it is against, once.

    Args:
        config: The run's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._said = False
        self._taken: str | None = None

    def pytest_report_header(self) -> Sequence[str]:
        """Say it at the beginning, where an option or a twin of one asked."""
        return self._lines()

    def pytest_report_collectionfinish(self) -> Sequence[str]:
        """Say it after the collection, where only a marker asked."""
        return self._lines()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test says of the run; it may have run in a worker."""
        for name, value in report.user_properties:
            if name == TAKEN:
                self._taken = str(value)
            elif name == _MARKED:
                run_of(self._config).note_marker()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say at the end what was taken, where nothing was said before."""
        if self._said or terminalreporter.verbosity < 0:
            return
        lines = self._lines()
        if not lines and self._taken is not None:
            lines = [f"netra: {self._taken}"]
        for line in lines:
            terminalreporter.write_line(line)

    def _lines(self) -> Sequence[str]:
        run = run_of(self._config)
        if self._said or self._config.option.no_header or not run.requested:
            return []
        self._said = True
        return lines_of(run)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    config.pluginmanager.register(Header(config), "netra-header-of-run")


def lines_of(run: Run) -> Sequence[str]:
    """Target, mode, users and versions of a run; of a configuration that is wrong, the problems."""
    from netra_testkit.errors import ConfigurationError
    from netra_testkit.safety.redaction import mask

    try:
        target = run.taken()
        users = _users([each.user_id for each in run.config().users])
    except ConfigurationError as wrong:
        return [mask(f"netra: {problem}") for problem in wrong.problems]
    return [
        mask(f"netra: {target}"),
        mask(f"netra: users {users}"),
        f"netra: {_versions()}",
    ]


def _users(names: Sequence[str]) -> str:
    shown, more = names[:MOST_USERS], len(names) - MOST_USERS
    left = f" and {more} more" if more > 0 else ""
    return f"{', '.join(shown)}{left}" or "made up as needed"


def _versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
