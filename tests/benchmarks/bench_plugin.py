"""What the pytest plugin costs a suite that does not ask for it, and how long the checks take."""

from __future__ import annotations

import functools
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.rounds import ROUNDS, best_quartile, compare, timed, verdict

from netra_testkit.pytest_plugin import ROOMS

PLUGIN = "netra_testkit.pytest_plugin"
GOLDEN_PATH = Path(__file__).parents[2] / "examples" / "golden_path"
GOLDEN_ROUNDS = 3
TRIVIAL = 1_000
MOST = 1.05
MOST_MS = 8.0
PYTEST = "import pytest"
# pytest loads the rooms as well, when it registers the plugin.
WHOLE = "; ".join([PYTEST, *(f"import {PLUGIN}.{room}" for room in ROOMS)])


def run(*command: str | Path) -> None:
    """Run Python on a command in a process of its own; it must end well."""
    said = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, *command],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert said.returncode == 0, said.stdout[-2_000:] + said.stderr[-2_000:]


def suite() -> None:
    """Compare a suite of trivial tests with the plugin and without any."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "test_trivial.py")
        tests = "\n".join(f"def test_{n}():\n    assert {n} == {n}\n" for n in range(TRIVIAL))
        file.write_text(tests, encoding="utf-8")
        plain = ["-m", "pytest", "-q", "-pno:cacheprovider", f"--rootdir={folder}", file]
        with_plugin = [*plain, "-p", PLUGIN]
        ratios = compare(
            f"{TRIVIAL} trivial tests, pytest alone",
            lambda: run(*plain),
            {"with the plugin": lambda: run(*with_plugin)},
        )
    to_itself = ratios["baseline again"]
    verdict("  trivial tests", ratios["with the plugin"], to_itself=to_itself, at_most=MOST)


def imports() -> None:
    """Compare importing pytest alone and with every room of the plugin."""
    statements = {"bare": PYTEST, "again": PYTEST, "plugin": WHOLE}
    taken: dict[str, list[float]] = {name: [] for name in statements}
    order = list(statements)
    for each in statements.values():
        run("-c", each)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for name in order:
            taken[name].append(timed(functools.partial(run, "-c", statements[name])))
    cost = {name: best_quartile(each) * 1000 for name, each in taken.items()}
    to_itself = cost["again"] / cost["bare"]
    print(f"{PYTEST}: {cost['bare']:.1f} ms, to itself {to_itself:.3f}")
    over = cost["plugin"] - cost["bare"]
    verdict("  plugin import, ms over pytest", over, to_itself=to_itself, at_most=MOST_MS)


def golden_path() -> None:
    """Time the golden path, the interpreter's start and the embedded staging's included."""
    command = [
        "-m",
        "pytest",
        "-q",
        "-pno:cacheprovider",
        "-p",
        PLUGIN,
        "-p",
        "pytest_asyncio.plugin",
        "--env",
        "local",
    ]
    took = [timed(lambda: run(*command, GOLDEN_PATH)) for _ in range(GOLDEN_ROUNDS)]
    print(f"golden path, wall time: {min(took):.1f} s at best, {max(took):.1f} s at worst")


def main() -> None:
    """Print every figure."""
    imports()
    suite()
    golden_path()


if __name__ == "__main__":
    main()
