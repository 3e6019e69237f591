"""See it work: the golden path against an embedded staging, healthy or with faults.

Each argument is a fault, such as `enum-in-log`; `netra-testkit serve --faults` lists them all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netra_testkit import FAULTS, ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRY = "ERROR: "
GOLDEN_PATH = Path(__file__).parent / "golden_path"
SERVE = [sys.executable, "-m", "netra_testkit.cli", "serve"]
PYTEST = [sys.executable, "-m", "pytest", "-v", "-rN", "-pno:cacheprovider", "-pno:anyio"]


def main(*faults: str) -> int:
    """Start the staging, run the checks against it, and say what became of them."""
    try:
        chosen = [Fault.parse(each, source="FAULT") for each in faults]
    except ConfigurationError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "staging.env"
        broken = [word for each in faults for word in ("--fault", each)]
        with (
            Path(folder, "server.log").open("w", encoding="utf-8") as log,
            subprocess.Popen(  # noqa: S603 - the kit's own command
                [*SERVE, "--write-env", file, *broken], stdout=subprocess.PIPE, stderr=log
            ) as server,
        ):
            assert server.stdout is not None
            for line in server.stdout:
                if line.startswith(b"Next:"):
                    break
            for each in chosen:
                print(f"Broken on purpose, {each}: {FAULTS[each.kind].summary}", flush=True)
            run = [*PYTEST, "--tb=short", "--show-capture=no", GOLDEN_PATH]
            environ = {**os.environ, "NETRA_ENV_FILE": str(file), "NETRA_PRIORITY": "1"}
            done = subprocess.run(run, env=environ, check=False)  # noqa: S603 - pytest
            server.terminate()
        print(*explained(Path(folder, "server.log").read_text("utf-8")), sep="\n", end="")
    # What is broken on purpose is meant to fail.
    return 0 if faults and done.returncode == pytest.ExitCode.TESTS_FAILED else done.returncode


def explained(log: str) -> Iterator[str]:
    """What the server's log says of its first error, if there is any: what died, and of what."""
    _, *entries = f"\n{log}".split(f"\n{ENTRY}")
    for entry in entries[:1]:
        died, *trace = entry.splitlines()
        ours = [0, *(number for number, line in enumerate(trace) if "netra_testkit" in line)]
        yield f"\nThe server's log, its first entry of {len(entries)}:"
        yield from (f"{ENTRY}{died}", "  ...", *trace[ours[-1] :], "")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
