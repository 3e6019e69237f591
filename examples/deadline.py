"""One budget for a whole call: whatever hangs, the answer is an error that says what did."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

from netra_testkit import Deadline, DeadlineExceeded

WITHIN, GRACE = 0.2, 0.5


async def ask(server: socket.socket) -> bytes:
    """Ask a server that takes the connection and says nothing."""
    async with Deadline.after(WITHIN).guard(phase="connect", waiting_for="connection") as guard:
        reader, writer = await asyncio.open_connection(*server.getsockname())
        guard.phase, guard.waiting_for = "receive", "answer"
        with contextlib.closing(writer):
            return await reader.readline()


started = time.monotonic()
with socket.create_server(("127.0.0.1", 0)) as silent:
    try:
        asyncio.run(ask(silent))
    except DeadlineExceeded as error:
        print(error)
assert time.monotonic() - started < WITHIN + GRACE
