"""The cells of the matrix: which there are, and what becomes of each when it is met."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.clients.http_server import config_for
from tests.clients.matrix_calls import WITHIN, Met
from tests.clients.matrix_leaks import Leaks, connections_to
from tests.rude import expected_chat, expected_http
from tests.rude.behaviour import Client, Phase, Protocol
from tests.rude.behaviours import BEHAVIOURS, rude
from tests.rude.expected import Outcome
from tests.rude.server import Pace

from netra_testkit.errors import DeadlineExceeded
from netra_testkit.settings.secrets import JwtSecret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.clients.matrix_calls import Call
    from tests.rude.behaviour import Behaviour
    from tests.rude.server import RudeServer

    from netra_testkit.settings.config import StagingConfig

AT_ONCE = 16
# Of those who keep a processor busy by themselves.
BUSY_AT_ONCE = 4
# A machine that is busy with something else is late by itself: what is wrong is wrong each time.
ALONE = 3
GRACE = 0.5
CLOSE = 0.1
# Whoever hangs longer than this is cut, so that the matrix itself ends.
STUCK = 8.0
PACE = Pace(interval=0.005, late=0.05)
WELCOMES_IN_SPITE = frozenset({"welcomes late", "the token echoed"})
SECRET = JwtSecret.generate("the matrix")
BUSY = re.compile(r"floods|bomb|endless|fragments for ever|talks on after|thinks for ever")
UNREACHED = "never welcomes, so that only opening meets it"


@dataclass(eq=False)
class Cell:
    """A call and a behaviour, and what became of them.

    Attributes:
        call: Who calls.
        behaviour: Who is rude.
        unmeetable: Why they cannot meet; None when they can.
        outcome: How the call ended.
        elapsed: How long it took.
        problems: What was wrong.
        in_company: What was wrong in a batch, before it was met alone.
    """

    call: Call
    behaviour: Behaviour
    unmeetable: str | None = None
    outcome: Outcome | None = None
    elapsed: float = 0.0
    problems: list[str] = field(default_factory=list)
    in_company: list[str] = field(default_factory=list)

    @property
    def expected(self) -> frozenset[Outcome]:
        """How the call may end."""
        table = expected_chat if self.call.client is Client.CHAT else expected_http
        return table.expected(self.call.name, self.behaviour)

    def __str__(self) -> str:
        return f"{self.call.name} x {self.behaviour.name}"


def welcomes(behaviour: Behaviour) -> bool:
    """Whether a chat is welcomed before the rudeness begins."""
    if behaviour.speaks is not Protocol.WEBSOCKET:
        return False
    late = behaviour.phase not in {Phase.UPGRADE, Phase.WELCOME}
    return late or behaviour.name in WELCOMES_IN_SPITE


def cells(call: Call) -> list[Cell]:
    """A cell for every behaviour that can meet the client of a call."""
    return [
        Cell(
            call,
            behaviour,
            unmeetable=UNREACHED if call.welcomed and not welcomes(behaviour) else None,
        )
        for behaviour in BEHAVIOURS.values()
        if call.client in behaviour.clients
    ]


async def fill(some: Iterable[Cell]) -> None:
    """Let the cells meet, sixteen at a time; what goes wrong in company is met again alone."""
    waiting = [each for each in some if each.unmeetable is None]
    for batch in _batches(waiting):
        await meet(batch)
        for each in [cell for cell in batch if cell.problems]:
            each.in_company = list(each.problems)
            for _ in range(ALONE):
                if each.problems:
                    await meet([each])


async def meet(batch: list[Cell]) -> None:
    """Let these cells meet at once, and see what they leave behind."""
    leaks = Leaks()
    try:
        with contextlib.ExitStack() as serving:
            servers = [serving.enter_context(rude(each.behaviour, PACE)) for each in batch]
            held = connections_to([server.port for server in servers])
            # Made before anything is timed: it takes long, and the loop with it.
            configs = [_config(*each) for each in zip(batch, servers, strict=True)]
            await asyncio.gather(*map(_met, batch, configs))
            left, sockets = await leaks.while_served(held)
            for cell, server in zip(batch, servers, strict=True):
                if sockets[server.port]:
                    cell.problems.append("a socket was left")
        for problem in (*left, *await leaks.afterwards()):
            for cell in batch:
                cell.problems.append(problem)
    finally:
        asyncio.get_running_loop().set_exception_handler(None)


def _config(cell: Cell, server: RudeServer) -> StagingConfig:
    scheme = "https" if cell.behaviour.speaks is Protocol.TLS else "http"
    return config_for(
        server.authority,
        scheme,
        allow_registration=True,
        jwt_secret=SECRET,
        timeouts={"close": CLOSE},
    )


async def _met(cell: Cell, config: StagingConfig) -> None:
    met = Met(cell.behaviour)
    cell.problems.clear()
    cell.outcome = None
    try:
        async with asyncio.timeout(STUCK):
            await cell.call.make(config, met)
    except Exception as unforeseen:  # noqa: BLE001 - the cell says it
        cell.problems.append(f"outside of the call: {unforeseen!r}")
    leaving = time.monotonic() - met.ended_at
    if met.elapsed is None:
        cell.problems.append("the call was never made")
        return
    cell.elapsed = met.elapsed
    failed = met.failed
    cell.outcome = Outcome() if failed is None else Outcome(type(failed), failed.cause)
    if cell.outcome not in cell.expected:
        wanted = " or ".join(sorted(map(str, cell.expected)))
        cell.problems.append(f"{cell.outcome} where {wanted} is expected: {failed}")
    if met.elapsed > WITHIN + GRACE:
        cell.problems.append(f"the call took {met.elapsed:.2f} s")
    if leaving > CLOSE + GRACE:
        cell.problems.append(f"leaving took {leaving:.2f} s")
    if met.unidentified:
        cell.problems.append("the error does not say its ids")


def _batches(waiting: list[Cell]) -> list[list[Cell]]:
    """What keeps a processor busy apart from all others, and who waits long beside who does too."""
    busy = [each for each in waiting if BUSY.search(each.behaviour.name)]
    others = sorted((each for each in waiting if each not in busy), key=_waits)
    return [
        kind[first : first + count]
        for kind, count in ((busy, BUSY_AT_ONCE), (others, AT_ONCE))
        for first in range(0, len(kind), count)
    ]


def _waits(cell: Cell) -> bool:
    """Whether nothing is expected to end the call, or leaving, before its time."""
    return not {each.error for each in cell.expected}.isdisjoint({None, DeadlineExceeded})
