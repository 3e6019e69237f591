"""What became of each declared test, gathered from every worker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin.causes import BROKE, CAUSE, RETRIED, fact
from netra_testkit.pytest_plugin.deadlines import TIMED_OUT
from netra_testkit.pytest_plugin.markers import labels_of
from netra_testkit.pytest_plugin.production import NOT_RUN
from netra_testkit.pytest_plugin.run import run_of

if TYPE_CHECKING:
    import warnings
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Declared", "Entry", "Verdict", "Verdicts", "pytest_configure", "verdicts_of"]

SENT = "netra_declared"
_KEY = pytest.StashKey["Verdicts"]()


class Verdict(StrEnum):
    """What became of a test."""

    PASSED = "passed"
    PASSED_ON_RETRY = "passed on retry"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ERRORED = "errored"
    SKIPPED = "skipped"
    NOT_REACHED = "not reached"
    NOT_COLLECTED = "not collected"
    DESELECTED = "deselected"
    UNKNOWN = "unknown"


MET = frozenset({Verdict.PASSED, Verdict.PASSED_ON_RETRY})
RUN = frozenset({Verdict.FAILED, Verdict.TIMED_OUT, Verdict.ERRORED}) | MET


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A test as its suite declares it.

    Attributes:
        nodeid: Which.
        check: Its stable id, where its priority marker gives one.
        name: Its established name, where its priority marker gives one.
        priority: How much depends on it.
        phase: When it runs.
        impact: What it costs when this is broken.
        concerned: Whether the kit's rules hold for it.
        chosen: Whether it was to run.
    """

    nodeid: str
    check: str | None = None
    name: str | None = None
    priority: int | None = None
    phase: str | None = None
    impact: str | None = None
    concerned: bool = True
    chosen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A declared test and what became of it.

    Attributes:
        declared: The test.
        verdict: What became of it.
        seconds: How long all of it took.
        broke: What broke, in one line, or why it did not run.
        cause: Whose fault that is.
    """

    declared: Declared
    verdict: Verdict
    seconds: float = 0.0
    broke: str = ""
    cause: str = ""


@dataclass(slots=True)
class _Heard:
    """What the reports of one test said."""

    verdict: Verdict | None = None
    seconds: float = 0.0
    broke: str = ""
    cause: str = ""
    reruns: int = 0

    def take(self, report: pytest.TestReport) -> None:
        self.seconds += report.duration
        if str(report.outcome) == "rerun":  # a word of pytest-rerunfailures
            self.reruns += 1
        elif report.failed:
            self._take_failure(report)
        elif report.passed and _is_part(report):
            # A part that passed says nothing of the whole, which may be skipped after it.
            pass
        elif report.skipped and self.verdict not in RUN:
            self.verdict, self.broke = Verdict.SKIPPED, fact(report, NOT_RUN) or _reason(report)
        elif report.when == "call" and self.verdict is None:
            retried = fact(report, RETRIED)
            again = retried is not None or self.reruns > 0
            self.verdict = Verdict.PASSED_ON_RETRY if again else Verdict.PASSED
            self.broke = retried or ""

    def _take_failure(self, report: pytest.TestReport) -> None:
        limit = fact(report, TIMED_OUT)
        if report.when not in {"setup", "call", "teardown"}:
            # pytest-xdist speaks for a worker that is gone.
            self.verdict, self.broke = Verdict.UNKNOWN, str(report.longrepr)
        elif limit is not None:
            self.verdict, self.broke = Verdict.TIMED_OUT, limit
        elif self.verdict not in {Verdict.FAILED, Verdict.TIMED_OUT}:
            failed = report.when == "call"
            self.verdict = Verdict.FAILED if failed else Verdict.ERRORED
            self.broke = fact(report, BROKE) or ""
        self.cause = self.cause or fact(report, CAUSE) or "undecided"


@dataclass(slots=True, eq=False)
class Verdicts:
    """Listens to one run; of each declared test it can say what became of it.

    Attributes:
        config: The run's.
        not_collected: What could not be collected: a place, and why.
        lost_workers: How many workers ended without a word.
    """

    config: pytest.Config
    not_collected: dict[str, str] = field(default_factory=dict)
    lost_workers: int = 0
    _declared: dict[str, Declared] = field(default_factory=dict)
    _heard: dict[str, _Heard] = field(default_factory=dict)

    def entries(self) -> Sequence[Entry]:
        """Every declared test that concerns the kit, in the order of the collection."""
        return tuple(self._entry(each) for each in self._declared.values())

    def declare(self, tests: Iterable[Declared]) -> None:
        """Keep what a suite, or a worker's view of it, declares of tests that concern the kit."""
        for each in tests:
            known = self._declared.get(each.nodeid)
            if each.concerned and (known is None or (each.chosen and not known.chosen)):
                self._declared[each.nodeid] = each

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the tests that are to run."""
        if not session.config.option.collectonly:
            self.declare(map(declared_by, session.items))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Keep the tests that were left out."""
        self.declare(replace(declared_by(each), chosen=False) for each in items)

    def pytest_sessionstart(self) -> None:
        """Keep that the tests of an earlier run decide which are collected at all."""
        earlier = self.config.pluginmanager.get_plugin("lfplugin")
        if self.config.getoption("lf", default=False) and getattr(earlier, "lastfailed", None):
            self.not_collected["whatever --last-failed leaves out"] = "it passed the last time"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be imported."""
        if report.failed:
            self.not_collected[report.nodeid or "the suite"] = "it could not be collected"

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str
    ) -> None:
        """Keep what pytest itself says that it cannot collect."""
        if when == "collect" and issubclass(
            warning_message.category, pytest.PytestCollectionWarning
        ):
            said = str(warning_message.message).splitlines()[0]
            self.not_collected[f"{nodeid or warning_message.filename}: {said}"] = said

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test says of itself; it may have run in a worker."""
        self._heard.setdefault(report.nodeid, _Heard()).take(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """In a worker, send what was declared."""
        output: dict[str, Any] | None = getattr(self.config, "workeroutput", None)
        if output is not None:
            output[SENT] = [_sent(each) for each in self._declared.values()]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - a worker of pytest-xdist
        """Take over what a worker has sent, or that it sent nothing."""
        output: Mapping[str, Any] = getattr(node, "workeroutput", None) or {}
        if SENT in output:
            self.declare(Declared(**each) for each in output[SENT])
        else:
            self.lost_workers += 1

    def _entry(self, test: Declared) -> Entry:
        heard = self._heard.get(test.nodeid)
        if heard is not None:
            # A worker that crashed leaves a test that began and never ended.
            return Entry(
                declared=test,
                verdict=heard.verdict or Verdict.UNKNOWN,
                seconds=heard.seconds,
                broke=heard.broke,
                cause=heard.cause,
            )
        left = Verdict.UNKNOWN if self.lost_workers else Verdict.NOT_REACHED
        return Entry(declared=test, verdict=left if test.chosen else Verdict.DESELECTED)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    config.stash[_KEY] = Verdicts(config)
    config.pluginmanager.register(config.stash[_KEY], "netra-verdicts-of-run")


def verdicts_of(config: pytest.Config) -> Verdicts:
    """What became of the tests of a run."""
    return config.stash[_KEY]


def declared_by(item: pytest.Item) -> Declared:
    """What a test's markers declare."""
    labels = labels_of(item)
    return Declared(
        nodeid=item.nodeid,
        check=labels.check,
        name=labels.name,
        priority=labels.priority,
        phase=labels.phase,
        impact=labels.impact,
        concerned=run_of(item.config).applies(item),
    )


def _is_part(report: pytest.TestReport) -> bool:
    """Whether it is of a subtest: of pytest, or before pytest 9 of a plugin."""
    return type(report).__name__.casefold() == "subtestreport"


def _sent(test: Declared) -> dict[str, object]:
    # Worker and controller exchange plain values only.
    return {name: getattr(test, name) for name in Declared.__slots__}


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(getattr(report, "wasxfail", "") or "expected to fail")
