"""Runs a script in a process of its own, where it can be one that has the libraries loaded."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import traceback
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

__all__ = ["Done", "run"]

LONGEST_SCRIPT = 60.0
NOT_CONFIGURED = ("NETRA_", "JWT_", "STAGING_", "ENVIRONMENT", "E2E_")
# Loading them is most of what a script of the documentation costs.
LOADED = [
    "httpx",
    "jwt",
    "netra_testkit.cli.serve",
    "netra_testkit.clients.staging",
    "netra_testkit.local.staging",
    "pydantic_settings",
    "pytest",
    "starlette.applications",
    "tenacity",
    "uvicorn",
    "websockets.asyncio.client",
    "websockets.asyncio.server",
]

_CONTEXT = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
if hasattr(_CONTEXT, "set_forkserver_preload"):
    _CONTEXT.set_forkserver_preload(LOADED)


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a script ended.

    Attributes:
        returncode: 0 when it came to its end.
        stdout: What it printed.
        stderr: What it complained of.
    """

    returncode: int | None
    stdout: str
    stderr: str


def run(source: str) -> Done:
    """Run a script as on a machine where nothing is configured, with warnings as errors."""
    with tempfile.TemporaryDirectory() as folder:
        process = _CONTEXT.Process(target=_execute, args=(source, folder))
        process.start()
        process.join(LONGEST_SCRIPT)
        process.kill()
        process.join()
        said = {each.name: each.read_text("utf-8") for each in Path(folder).iterdir()}
        return Done(
            returncode=process.exitcode,
            stdout=said.get("stdout", ""),
            stderr=said.get("stderr", ""),
        )


def _execute(source: str, folder: str) -> NoReturn:
    for number, name in enumerate(("stdout", "stderr"), start=1):
        written = os.open(Path(folder) / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(written, number)
    sys.stdout, sys.stderr = (
        open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
        for number in (1, 2)
    )
    for name in [each for each in os.environ if each.startswith(NOT_CONFIGURED)]:
        del os.environ[name]
    warnings.simplefilter("error")
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        exec(compile(source, "<page>", "exec"), main.__dict__)  # noqa: S102 - our own documentation
    except Exception:  # noqa: BLE001 - it is the answer
        traceback.print_exc()
        sys.exit(1)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    sys.exit(0)
