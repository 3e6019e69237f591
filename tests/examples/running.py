"""Suites below the directory of examples, run in this process as their reader runs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import QUIET, SPARE, plugin_arguments

from netra_testkit import Fault, LocalStaging
from netra_testkit.clients import availability
from netra_testkit.local.env_file import variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# A warning is an error of our own tests, and not of the suites that they run.
LOADED = (*SPARE, *plugin_arguments(spare=True), *QUIET, "-W", "default::pytest.PytestWarning")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Ran:
    """What became of the tests of a run, by the name of their module.

    Attributes:
        outcomes: What became of them.
        said: What is said of those that failed.
        exit_code: How the run ended.
    """

    outcomes: Mapping[str, set[str]]
    said: Mapping[str, str]
    exit_code: int


class Examples:
    """Runs suites of the examples.

    Args:
        pytester: Runs them.
        monkeypatch: Sets their environment.
    """

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._monkeypatch = monkeypatch

    def run(self, *places: str, **variables: str) -> Ran:
        """Run files or directories against the staging of `--env local`, or of the variables."""
        with self._monkeypatch.context() as patch:
            # Asked once per process, and several runs share this one.
            patch.setattr(availability, "_remembered", [])
            for name, value in variables.items():
                patch.setenv(name, value)
            paths = [str(EXAMPLES / place) for place in places]
            given = () if "NETRA_BASE_URL" in variables else ("--env", "local")
            recorder = self._pytester.inline_run(*LOADED, *given, *paths)
        reports = [each for each in recorder.getreports() if isinstance(each, pytest.TestReport)]
        outcomes: dict[str, set[str]] = {}
        for each in reports:
            if each.when == "call" or not each.passed:
                outcomes.setdefault(_module(each), set()).add(each.outcome)
        said = {_module(each): each.longreprtext for each in reports if each.failed}
        return Ran(outcomes=outcomes, said=said, exit_code=int(recorder.ret))

    def run_broken(self, fault: str, *places: str, **variables: str) -> Ran:
        """Run them against an embedded staging with this fault."""
        with LocalStaging(faults=[Fault.parse(fault)]) as server:
            return self.run(*places, **variables_of(server.config()), **variables)

    def collected(self, place: str) -> set[str]:
        """The modules in which a plain run of pytest finds tests."""
        recorder = self._pytester.inline_run(*LOADED, "--collect-only", str(EXAMPLES / place))
        return {call.item.path.stem for call in recorder.getcalls("pytest_itemcollected")}


def _module(report: pytest.TestReport) -> str:
    return Path(report.location[0]).stem
