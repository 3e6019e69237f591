"""Play the golden path in a world of the embedded staging, and see which checks hold there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netra_testkit.cli.env_file import variables_of, written
from netra_testkit.local.faults import Fault
from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
GOLDEN_PATH = ROOT / "examples" / "golden_path"
LONGEST_PLAY = 240.0
NOT_THERE = 20


@dataclass(frozen=True)
class Played:
    """What became of the checks in one world.

    Attributes:
        killed: The causes of the checks that did not hold, by the check's number.
        ran: How many checks a verdict was come to.
        exit_code: How the run ended.
        seconds: How long it took.
        output: What it wrote.
    """

    killed: Mapping[int, str]
    ran: int
    exit_code: int
    seconds: float
    output: str = field(repr=False)

    @property
    def causes(self) -> frozenset[str]:
        """Whose fault it was, as the run says."""
        return frozenset(self.killed.values())


def play(
    *faults: str, options: Mapping[str, object] | None = None, arguments: tuple[str, ...] = ()
) -> Played:
    """Run the golden path against a fresh embedded staging with these faults."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStaging(faults=map(Fault.parse, faults), **(options or {})) as server,
        written(Path(folder) / "staging.env", variables_of(server.config())),
    ):
        report = Path(folder) / "report.xml"
        started = time.monotonic()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", str(GOLDEN_PATH)),
                *("-p", "no:cacheprovider", "-p", "no:anyio", "-p", "no:randomly"),
                *(f"--junitxml={report}", "-o", "junit_family=xunit1"),
                *arguments,
            ],
            cwd=folder,
            env=_environment(Path(folder) / "staging.env"),
            capture_output=True,
            text=True,
            timeout=LONGEST_PLAY,
            check=False,
        )
        seconds = time.monotonic() - started
        killed, ran = _verdicts(report) if report.exists() else ({}, 0)
    return Played(killed, ran, done.returncode, seconds, done.stdout + done.stderr)


def _environment(file: Path) -> dict[str, str]:
    ours = ("NETRA_", "JWT_SECRET", "PYTEST_", "COVERAGE_", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"NETRA_ENV_FILE": str(file), "NETRA_PRIORITY": "1"}


def _verdicts(report: Path) -> tuple[dict[int, str], int]:
    killed: dict[int, str] = {}
    ran = 0
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own file
        facts = {each.get("name"): each.get("value") for each in case.iter("property")}
        number = int((facts.get("netra.check") or "P1-0").rpartition("-")[2])
        outcomes = {each.tag for each in case}
        ran += "skipped" not in outcomes
        if outcomes & {"failure", "error", "skipped"}:
            killed[number] = facts.get("netra.cause") or "not run"
    return killed, ran
