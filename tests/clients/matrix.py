"""The matrix of every public call and every rude behaviour, as a report.

Run it with `python -m tests.clients.matrix`, or with the names of calls behind that.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from typing import TYPE_CHECKING

from tests.clients.matrix_calls import CALLS, NO_SERVER, WITHIN
from tests.clients.matrix_cells import GRACE, cells, fill
from tests.rude.answering import deflate_bomb, gzip_bomb
from tests.rude.behaviours import BEHAVIOURS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.clients.matrix_cells import Cell


async def met(name: str) -> list[Cell]:
    """Every cell of one call, met."""
    # Made before anything is timed.
    gzip_bomb()
    deflate_bomb()
    some = cells(CALLS[name])
    gc.collect()
    # What there is already is no leak, and to look through it again and again takes long.
    gc.freeze()
    try:
        await fill(some)
    finally:
        gc.unfreeze()
    return some


def row(name: str, some: Collection[Cell]) -> str:
    """What became of one call, on a line of a table."""
    made = [each for each in some if each.unmeetable is None]
    answers = sum(each.outcome is not None and each.outcome.error is None for each in made)
    longest = max((each.elapsed for each in made), default=0.0)
    bad = sum(bool(each.problems) for each in made)
    return f"| {name} | {len(made)} | {answers} | {len(made) - answers} | {longest:.2f} s | {bad} |"


def report(names: Collection[str]) -> Iterator[str]:
    """Meet everybody and say what became of it, line by line; a bad cell begins with BAD."""
    yield f"{len(CALLS)} calls, {len(BEHAVIOURS)} behaviours, within={WITHIN} s, grace {GRACE} s"
    yield "| call | met | answers | errors | longest | bad |"
    yield "|---|---|---|---|---|---|"
    everything: list[Cell] = []
    for name in names:
        some = asyncio.run(met(name))
        yield row(name, some)
        everything += some
    reasons = Counter(each.unmeetable for each in everything if each.unmeetable is not None)
    for reason, count in reasons.items():
        yield f"not met, {count} cells: {reason}"
    for name, reason in NO_SERVER.items():
        yield f"not met, {name}: {reason}"
    for cell in everything:
        if cell.problems:
            yield f"BAD {cell}: {'; '.join(cell.problems)}"


def main(names: Collection[str]) -> int:
    """Print the report; 1 when a cell is bad."""
    bad = 0
    for line in report(names):
        bad |= line.startswith("BAD")
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or CALLS))
