"""Whether a test reached out at all, by what the interpreter reports of sockets."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["is_observable", "watched"]

EVENT = "socket.connect"
# Event loops that open their connections below the interpreter, which then reports none.
FOREIGN_LOOPS = ("uvloop", "winloop", "rloop")
# Where a platform has no socket pairs, an event loop connects one to itself as it begins.
ITS_OWN = frozenset({"socketpair", "_fallback_socketpair"})
LONG_ENOUGH = 5.0

_hooked = threading.Event()
_probed: list[bool] = []
_listening: list[Callable[[], None]] = []


@contextlib.contextmanager
def watched(note: Callable[[], None]) -> Iterator[None]:
    """A block in which every connection that the interpreter reports is noted.

    The hook is set once, for the first block, as no audit hook can be taken away again.

    Args:
        note: Called for each, from the thread that connects.
    """
    if not _hooked.is_set():
        _hooked.set()
        sys.addaudithook(_report)
    _listening.append(note)
    try:
        yield
    finally:
        _listening.remove(note)


def is_observable() -> bool:
    """Whether a connection of the event loop would have been reported here."""
    if any(name in sys.modules for name in FOREIGN_LOOPS):
        return False
    if not _probed:
        # In a thread of its own: the one that asks may have an event loop running.
        probe = threading.Thread(target=_probe, daemon=True, name="netra-testkit observability")
        probe.start()
        probe.join(LONG_ENOUGH)
    return bool(_probed and _probed[0])


def _probe() -> None:
    import asyncio

    here = threading.get_ident()
    seen: list[int] = []
    with (
        watched(lambda: seen.append(threading.get_ident())),
        contextlib.closing(asyncio.new_event_loop()) as loop,
    ):
        loop.run_until_complete(_connect())
    _probed.append(here in seen)


async def _connect() -> None:
    import asyncio
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        _, writer = await asyncio.open_connection(*server.getsockname())
        writer.transport.abort()
        await asyncio.sleep(0)


def _report(  # pragma: no cover - the interpreter traces no audit hook
    event: str, arguments: tuple[object, ...]
) -> None:
    if event != EVENT or not _listening:
        return
    # A path is a socket of this machine: logging, or an event loop that talks to itself.
    if isinstance(arguments[1], tuple) and sys._getframe(1).f_code.co_name not in ITS_OWN:  # noqa: SLF001 - an audit hook is given no other way to see who connects
        for note in tuple(_listening):
            note()
