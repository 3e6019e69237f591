"""One verdict when the deployment is not there: the run stops, with its cause and exit code 20."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin.run import PREFIX, Run, fixtures_of, run_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from netra_testkit.clients.availability import Availability

__all__ = [
    "EXIT_CODE",
    "Verdict",
    "require",
    "verdict_of",
]

EXIT_CODE = 20
"""How a run ends whose deployment is not there."""

UNREACHABLE = f"{PREFIX}unreachable"
_ATTRIBUTE = "netra_unreachable"
_AVAILABILITY = "netra_testkit.clients.availability"
_VERDICT = pytest.StashKey["Verdict"]()


class Verdict:
    """Watches one run, and stops it when the deployment turns out not to be there.

    Args:
        config: The run's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note on the report of a module that skips because the deployment is not there."""
        del collector
        report = yield
        self.note_on_collection(report)
        return report

    def note_on_collection(self, report: pytest.CollectReport) -> None:
        """Note on a report what its skipping says of the deployment."""
        if report.skipped:
            self._conclude_from_a_skip()
            setattr(report, _ATTRIBUTE, run_of(self._config).unreachable)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note on the report of a test that the deployment is not there."""
        del item
        report = yield
        run = run_of(self._config)
        if report.skipped:
            self._conclude_from_a_skip()
        if run.unreachable is not None and not report.passed:
            report.user_properties.append((UNREACHABLE, run.unreachable))
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Stop the run, on the word of a worker too."""
        self._stop(getattr(report, _ATTRIBUTE, None))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Stop the run, on the word of a worker too."""
        for name, value in report.user_properties:
            if name == UNREACHABLE:
                self._stop(str(value))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Give the run its exit code."""
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            self._conclude_from_a_skip()
        result = yield
        if run_of(self._config).unreachable is not None:
            session.exitstatus = EXIT_CODE
        return result

    def _conclude_from_a_skip(self) -> None:
        """Nothing runs, and the suite itself has asked whether the deployment is there."""
        run, asked = run_of(self._config), _answer_so_far()
        if run.unreachable is None and asked is not None and not asked.available:
            run.unreachable = _verdict(asked)

    def _stop(self, verdict: str | None) -> None:
        if verdict is None:
            return
        run = run_of(self._config)
        run.unreachable = run.unreachable or verdict
        # Under xdist the session of the controller has no loop of its own.
        for name in ("session", "dsession"):
            running = self._config.pluginmanager.get_plugin(name)
            if running is not None:
                running.shouldstop = verdict


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    config.stash[_VERDICT] = Verdict(config)
    config.pluginmanager.register(config.stash[_VERDICT], "netra-verdict-on-reachability")


def verdict_of(config: pytest.Config) -> Verdict:
    """What watches a run that concerns the kit."""
    return config.stash[_VERDICT]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ask once whether the deployment is there, before the first test that needs it."""
    run = run_of(item.config)
    if not run.applies(item) or not _needs_it(run, item):
        return
    from netra_testkit.errors import ConfigurationError

    try:
        run.note_taken(item)
        require(run)
    except ConfigurationError as wrong:
        # Its text says all; the frames below it say nothing to a test.
        pytest.fail(str(wrong), pytrace=False)


def require(run: Run) -> None:
    """End a test whose deployment is not there; asks once per process, at most 5 s.

    Args:
        run: Keeps the answer.
    """
    if run.unreachable is None:
        from netra_testkit.clients.availability import staging_availability

        answer = staging_availability()
        if answer.available:
            return
        run.unreachable = _verdict(answer)
    pytest.fail(run.unreachable, pytrace=False)


def _needs_it(run: Run, item: pytest.Item) -> bool:
    used = fixtures_of(item)
    if used:
        return used != {"local_staging"}
    return run.told("env") is not None


def _answer_so_far() -> Availability | None:
    """What is known without asking."""
    module: Any = sys.modules.get(_AVAILABILITY)
    answer: Availability | None = None if module is None else module.remembered()
    return answer


def _verdict(answer: Availability) -> str:
    return f"the deployment is not there ({answer.cause}): GET {answer.url}: {answer.evidence}"
