"""The event loop that a client is bound to: the one of asyncio that runs where it is opened."""

from __future__ import annotations

import asyncio

from netra_testkit.errors import WrongLoop

__all__ = ["loop_for"]


def loop_for(client: str) -> asyncio.AbstractEventLoop:
    """The loop that runs here.

    Args:
        client: Which kind of client asks.

    Raises:
        WrongLoop: None of asyncio does.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise WrongLoop(
            what=f"opening {client} where no event loop of asyncio runs",
            hint="Run the test on asyncio; under anyio's plugin the fixture anyio_backend says so.",
        ) from None
