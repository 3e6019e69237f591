"""Whether a run concerns the kit at all; until it does, a test costs next to nothing here."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin import WHEN_CONCERNED, register
from netra_testkit.pytest_plugin.run import MARKERS, fixtures_of, run_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

__all__ = ["Lookout", "call_in", "pytest_configure"]

NAME = "netra-lookout"
# Whatever of the kit knows a secret, asks a deployment or keeps a record has this loaded.
_SIGN = "netra_testkit.safety.redaction"

if TYPE_CHECKING:
    Wrapped = Generator[None, object, object]


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the other rooms, or what looks out for a reason to."""
    declared = {
        line.partition(":")[0].partition("(")[0].strip() for line in config.getini("markers")
    }
    run = run_of(config)
    run.declared_elsewhere = frozenset(MARKERS.keys() & declared)
    for name, line in MARKERS.items():
        if name not in declared:
            config.addinivalue_line("markers", line)
    lookout = Lookout(config)
    config.pluginmanager.register(lookout, NAME)
    if _is_told(config) or _hears_late(config) or _is_loaded():
        lookout.call_in()


def call_in(config: pytest.Config) -> None:
    """Register the rooms of a run that turns out to concern the kit; once is enough."""
    lookout: Lookout | None = config.pluginmanager.get_plugin(NAME)
    if lookout is not None:
        lookout.call_in()


class Lookout:
    """Looks for a reason to register the other rooms, and is gone when it has found one.

    Args:
        config: The run's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._deselected: list[pytest.Item] = []
        self._not_collected: list[pytest.CollectReport] = []
        self._has_called = False

    def call_in(self) -> None:
        """Register the other rooms, and tell them what they have missed."""
        manager = self._config.pluginmanager
        manager.unregister(self)
        self._has_called = True
        # They keep the way to the terminal, which is another while output is captured.
        with _uncaptured(self._config):
            register(WHEN_CONCERNED, manager)
        from netra_testkit.pytest_plugin.verdicts import verdicts_of

        verdicts = verdicts_of(self._config)
        for report in self._not_collected:
            verdicts.pytest_collectreport(report)
        verdicts.pytest_deselected(self._deselected)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Look whether a module, or the conftest.py beside it, has loaded the kit."""
        report = yield
        if self._looks():
            # Those who have just come hear of the next one only; it is masked when it is told of.
            from netra_testkit.pytest_plugin.reachability import verdict_of

            verdict_of(self._config).note_on_collection(report)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        if report.failed:
            self._not_collected.append(report)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Keep what was left out."""
        self._deselected += items

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Wrapped:
        """Look whether the rules hold for any test."""
        result = yield
        if not self._has_called and (self._concerns(items) or _is_told(self._config)):
            self.call_in()
            from netra_testkit.pytest_plugin.selection import choose

            choose(self._config, items)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Wrapped:
        """Look whether a fixture has loaded the kit."""
        try:
            return (yield)
        finally:
            self._looks()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Wrapped:
        """Look whether the test has loaded the kit, or asked for a fixture of it."""
        __tracebackhide__ = True
        try:
            result = yield
        except BaseException as error:
            if self._looks():
                from netra_testkit.pytest_plugin import honesty

                honesty.answer_for(item, error)
            raise
        if self._looks():
            from netra_testkit.pytest_plugin import honesty

            honesty.judge(item)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Wrapped:
        """Look whether what cleans up has loaded the kit."""
        try:
            return (yield)
        finally:
            self._looks()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look whether whoever wrote into a report has loaded the kit for it."""
        if self._looks():
            from netra_testkit.pytest_plugin import masked_reports

            masked_reports.mask_report(report)

    def _looks(self) -> bool:
        """Whether the other rooms have come, during what is just ending at the latest."""
        if not self._has_called and _SIGN in sys.modules:
            self.call_in()
        return self._has_called

    def _concerns(self, items: Sequence[pytest.Item]) -> bool:
        own = run_of(self._config).own_markers
        seen: set[Any] = set()
        for item in items:
            if fixtures_of(item):
                return True
            node: Any = item
            while node is not None and node not in seen:
                seen.add(node)
                if any(mark.name in own for mark in node.own_markers):
                    return True
                node = node.parent
        return False


def _is_told(config: pytest.Config) -> bool:
    """Whether anybody named a setting, or the phases to sort by."""
    return any(run_of(config).all_told()) or bool(config.getini("netra_phases"))


def _hears_late(config: pytest.Config) -> bool:
    """Whether what has to be known is not there to be seen when the collection ends."""
    option = config.option
    # A controller of pytest-xdist collects nothing, and --last-failed leaves out what it likes.
    distributes = getattr(option, "dist", "no") != "no" and not run_of(config).is_worker
    return distributes or bool(getattr(option, "lf", False))


def _is_loaded() -> bool:
    return _SIGN in sys.modules


@contextlib.contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    capture = config.pluginmanager.get_plugin("capturemanager")
    with contextlib.nullcontext() if capture is None else capture.global_and_fixture_disabled():
        yield
