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
from typing import TYPE_CHECKING, Any

from netra_testkit.cli.env_file import written
from netra_testkit.local.env_file import variables_of
from netra_testkit.local.faults import Fault
from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
GOLDEN_PATH = ROOT / "examples" / "golden_path"
CHECKS = range(1, 26)
LONGEST_PLAY = 240.0
NOT_THERE = 20
# A world that keeps silent is waited for briefly, so that playing in it ends soon.
HURRY = {
    "CONNECT": 0.8,
    "WELCOME": 0.8,
    "RECEIVE": 1.5,
    "AGENT": 1.3,
    "THINKING": 1.1,
    "TOOL": 0.5,
    "COMPLETION": 0.3,
}


@dataclass(frozen=True)
class Played:
    """What became of the checks in one world.

    Attributes:
        held: The numbers of the checks that held.
        killed: The causes of those that failed, by number; where the deployment is not there
            that is every check, by the one cause that the run gives.
        not_run: The numbers of those that came to no verdict.
        exit_code: How the run ended.
        seconds: How long it took.
        output: What it wrote.
    """

    held: frozenset[int]
    killed: Mapping[int, str]
    not_run: frozenset[int]
    exit_code: int
    seconds: float
    output: str = field(repr=False)


def play(
    *faults: str,
    options: Mapping[str, Any] | None = None,
    hurried: bool = False,
    arguments: tuple[str, ...] = (),
) -> Played:
    """Run the golden path against a fresh embedded staging.

    Args:
        faults: What is broken there.
        options: What else it is made with.
        hurried: Whether its silences are waited for only briefly.
        arguments: What else the run is told.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStaging(faults=map(Fault.parse, faults), **(options or {})) as server,
        written(Path(folder) / "staging.env", variables_of(server.config())),
    ):
        report = Path(folder) / "report.xml"
        started = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [
                *(sys.executable, "-m", "pytest", str(GOLDEN_PATH)),
                *("-p", "no:cacheprovider", "-p", "no:anyio"),
                *(f"--junitxml={report}", "-o", "junit_family=xunit1"),
                *arguments,
            ],
            cwd=folder,
            env=_environment(Path(folder) / "staging.env", hurried=hurried),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=LONGEST_PLAY,
            check=False,
        )
        seconds = time.monotonic() - started
        held, killed = _verdicts(report) if report.exists() else (set[int](), {})
    if done.returncode == NOT_THERE:
        held, killed = set(), dict.fromkeys(CHECKS, next(iter(killed.values()), "unknown"))
    return Played(
        held=frozenset(held),
        killed=killed,
        not_run=frozenset(CHECKS) - held - killed.keys(),
        exit_code=done.returncode,
        seconds=seconds,
        output=done.stdout + done.stderr,
    )


def _environment(file: Path, *, hurried: bool) -> dict[str, str]:
    ours = ("NETRA_", "JWT_SECRET", "PYTEST_", "COVERAGE_", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    bounds = {f"NETRA_TIMEOUTS__{name}": str(bound) for name, bound in HURRY.items()}
    return {
        **kept,
        **(bounds if hurried else {}),
        "NETRA_ENV_FILE": str(file),
        "NETRA_PRIORITY": "1",
        "PYTHONPATH": str(ROOT),
    }


def _verdicts(report: Path) -> tuple[set[int], dict[int, str]]:
    held: set[int] = set()
    killed: dict[int, str] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own file
        facts = {each.get("name"): each.get("value") for each in case.iter("property")}
        number = int((facts.get("netra.check") or "P1-0").rpartition("-")[2])
        outcomes = {each.tag for each in case}
        if outcomes & {"failure", "error"}:
            killed[number] = facts.get("netra.cause") or "unknown"
        elif "skipped" not in outcomes:
            held.add(number)
    return held, killed
