"""What importing costs, in fresh interpreters: over a bare one, and over the bare dependency."""

from __future__ import annotations

import functools
import random
import subprocess
import sys

from tests.benchmarks.rounds import ROUNDS, best_quartile, counts, timed

LIMIT_MS = 15.0
BARE = "a bare interpreter"
BARE_AGAIN = "a bare interpreter again"
DEPENDENCY = "import pydantic_settings"
STATEMENTS = {
    BARE: "pass",
    BARE_AGAIN: "pass",
    "import netra_testkit": "import netra_testkit",
    DEPENDENCY: "from pydantic_settings import BaseSettings",
    "import StagingConfig": "from netra_testkit.settings.config import StagingConfig",
    "make a StagingConfig": (
        "from netra_testkit.settings.config import StagingConfig; StagingConfig()"
    ),
}


def interpret(statement: str) -> None:
    """Run one statement in an interpreter of its own."""
    subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - our own code


def measure(rounds: int) -> dict[str, float]:
    """Milliseconds of each, all of them shuffled in each round, best quartile."""
    durations: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    order = list(STATEMENTS)
    for name in order:  # fill the caches of bytecode and files first
        interpret(STATEMENTS[name])
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            durations[name].append(timed(functools.partial(interpret, STATEMENTS[name])))
    return {name: best_quartile(taken) * 1000 for name, taken in durations.items()}


def main() -> None:
    """Print the table; exit with an error when importing the package costs too much."""
    taken = measure(ROUNDS)
    bare = taken[BARE]
    to_itself = taken[BARE_AGAIN] / bare
    print(f"import: {BARE} {bare:.1f} ms, to itself {to_itself:.3f}")
    for name, milliseconds in taken.items():
        if name not in {BARE, BARE_AGAIN}:
            over = milliseconds - bare
            print(f"  {name}: {milliseconds / bare:.2f} x, {over:+.1f} ms over {BARE}")
    ratio = (taken["import StagingConfig"] - bare) / (taken[DEPENDENCY] - bare)
    print(f"  import StagingConfig against {DEPENDENCY}: {ratio:.3f} x")
    cost = taken["import netra_testkit"] - bare
    if cost > LIMIT_MS and not counts(to_itself):
        print("  not judged: the machine was too busy for a figure that counts")
    elif cost > LIMIT_MS:
        sys.exit(f"import netra_testkit costs {cost:.1f} ms, more than {LIMIT_MS:g} ms")


if __name__ == "__main__":
    main()
