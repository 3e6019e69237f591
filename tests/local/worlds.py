"""A world without a server around it, and waiting for what a server comes to know."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from netra_testkit.local.access import Gate
from netra_testkit.local.board import FaultBoard
from netra_testkit.local.options import Options
from netra_testkit.local.state import State
from netra_testkit.local.truth import ServerTruth
from netra_testkit.local.world import Urls, World
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.local.faults import Fault


def world_with(*faults: Fault, options: Options | None = None) -> World:
    """A world that is broken in these ways."""
    state = State()
    board = FaultBoard(faults)
    return World(
        options=options or Options(pace=0),
        state=state,
        board=board,
        truth=ServerTruth(),
        gate=Gate(
            JwtSecret.generate("a test"),
            state=state,
            board=board,
            environment=Environment.LOCAL,
            clock=time.time,
        ),
        urls=Urls.at("127.0.0.1", 1),
        version="0",
        revision="none",
        environment=Environment.LOCAL,
        started_at=0.0,
        clock=time.time,
    )


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds that a server in another thread brings about."""
    async with asyncio.timeout(5.0):
        while not condition():  # noqa: ASYNC110 - another thread's doing sets no event here
            await asyncio.sleep(0.002)
