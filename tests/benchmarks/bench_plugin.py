"""What the pytest plugin costs a suite that does not ask for it, and how long the checks take."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.rounds import ROUNDS, best_quartile, compare, timed, verdict

from netra_testkit.pytest_plugin import AT_ONCE

try:
    import resource
except ImportError:  # Windows tells nobody what the processes of another one took.
    resource = None

PLUGIN = "netra_testkit.pytest_plugin"
GOLDEN_PATH = Path(__file__).parents[2] / "examples" / "golden_path"
GOLDEN_ROUNDS = 3
TRIVIAL = 1_000
MOST = 1.05
MOST_MS = 8.0
# pytest loads these rooms as well, when it registers the plugin.
IMPORTS = "; ".join(f"import {PLUGIN}.{room}" for room in AT_ONCE)
WHOLE = f"""
import time, pytest
start = time.process_time()
{IMPORTS}
print(time.process_time() - start)
"""
# Whoever installs a package has it compiled, whatever the one that measures is told.
COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def used() -> float:
    """The seconds of a processor that the processes started here took, once they ended.

    On a machine that others use as well it says more than a clock on the wall.
    """
    if resource is None:
        return time.perf_counter()
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


@functools.cache
def compiled() -> tempfile.TemporaryDirectory[str]:
    """Where what is imported is kept compiled, until this process ends."""
    return tempfile.TemporaryDirectory()


def run(*command: str | Path) -> str:
    """What Python writes that runs a command in a process of its own; it must end well."""
    said = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, *command],
        env={
            **COMPILED,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPYCACHEPREFIX": compiled().name,
        },
        capture_output=True,
        check=False,
        text=True,
    )
    assert said.returncode == 0, said.stdout[-2_000:] + said.stderr[-2_000:]
    return said.stdout


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
            clock=used,
        )
    to_itself = ratios["baseline again"]
    verdict("  trivial tests", ratios["with the plugin"], to_itself=to_itself, at_most=MOST)


def imports() -> None:
    """Time what the plugin imports in every run, in processes that have pytest."""
    loading = functools.partial(run, "-c", WHOLE)
    loading()
    taken = [float(loading()) * 1000 for _ in range(2 * ROUNDS)]
    cost, again = best_quartile(taken[::2]), best_quartile(taken[1::2])
    verdict("plugin import, ms over pytest", cost, to_itself=again / cost, at_most=MOST_MS)


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
