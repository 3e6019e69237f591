"""Run a suite by two workers; the few tests that fail in company are met again alone.

`python tests/package/company.py COMMAND...`, where the command runs pytest. Two workers on two
processors make one another late, and a test that measures time cannot tell that from a defect:
what is wrong is wrong alone as well. Whatever failed at first is named, and so is what became of
it; more failures than a few are never put down to the machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAILED = Path(".pytest_cache", "v", "cache", "lastfailed")
FEW = 3
TESTS_FAILED = 1


def main(*command: str, where: Path = ROOT) -> int:
    """Run the command by two workers, and alone on the few tests that failed; how it ended."""
    noted = where / FAILED
    noted.unlink(missing_ok=True)
    code = _run(*command, "-n", "2", "--dist", "worksteal", where=where)
    if code != TESTS_FAILED or not noted.exists():
        return code
    failed = sorted(json.loads(noted.read_text("utf-8")))
    if len(failed) > FEW:
        return code
    print(f"== failed in company, met again alone: {', '.join(failed)}", flush=True)  # noqa: T201 - said, so that nobody takes it for a pass
    code = _run(*command, "-n", "0", "--last-failed", where=where)
    if code == 0:
        print(f"== failed in company and passed alone: {', '.join(failed)}", flush=True)  # noqa: T201 - as above
    return code


def _run(*command: str, where: Path) -> int:
    return subprocess.run(command, cwd=where, check=False).returncode  # noqa: S603 - from the Makefile


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
