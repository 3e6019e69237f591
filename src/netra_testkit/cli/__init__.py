"""The command line: `netra-testkit serve`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from netra_testkit.cli import serve

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

REFUSED = 2
"""What the process exits with when it cannot do what it was told to."""

_COMMANDS = (serve,)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command of the kit.

    Args:
        argv: The words after the program's name; None for those of this process.

    Returns:
        0 when it did what it was told to, or as much of it as somebody read; 2 when it cannot.
    """
    from netra_testkit.errors import NetraError

    parser = argparse.ArgumentParser(
        prog="netra-testkit", description="End-to-end tests against a Netra staging deployment."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    told = parser.parse_args(argv)
    try:
        status: int = told.run(told)
    except NetraError as refused:
        print(f"netra-testkit: {refused}", file=sys.stderr)  # noqa: T201 - a command speaks
        return REFUSED
    except BrokenPipeError:
        # Whoever read it has enough. What is left in the buffer goes nowhere when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return 0
    return status
