"""The protocol class for uvicorn that lets transport faults act on whole connections."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from netra_testkit.local.catalogue import FAULTS
from netra_testkit.local.head import HEAD_SECONDS, TOO_LATE, HttpProtocol
from netra_testkit.local.kinds import Family
from netra_testkit.local.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from netra_testkit.local.board import FaultBoard
    from netra_testkit.local.faults import Fault

__all__ = ["protocol"]

_KINDS: Final = tuple(each.name for each in FAULTS.values() if each.family is Family.TRANSPORT)
_AT_ONCE: Final = ("down", "reset_peer")
_LONGEST_LINE: Final = 16 * 1024
# Lingering for no time at all makes the system send a reset.
_NO_LINGER: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


def protocol(board: FaultBoard, *, head_seconds: float = HEAD_SECONDS) -> type[asyncio.Protocol]:
    """The class that ``uvicorn.Config(http=...)`` takes.

    A connection's faults are chosen when the first line of its first request is there, and stay.
    One that nothing strikes is handed to uvicorn's own protocol as it is.

    Args:
        board: The faults that may strike.
        head_seconds: How long a request head may take.
    """

    class Gateway(_Gateway):
        """The protocol of one server."""

        _board = board
        _head_seconds = head_seconds

    return Gateway


class _Gateway(asyncio.Protocol):
    """One connection: all of it until its faults are known, and then what they leave of it."""

    _board: FaultBoard
    _head_seconds: float
    transport: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        # uvicorn calls `shutdown` of everything in here when it stops.
        self._connections: set[Any] = server_state.connections
        self._begun = bytearray()
        self._chosen = False
        self._line: Line | None = None
        self._timer: asyncio.Handle | None = None
        self._asked: frozenset[str] = frozenset()
        self._head_due = self._loop.time() + self._head_seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request, or fail at once where a fault names no route."""
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._timer = self._loop.call_at(self._head_due, self._too_late)
        everywhere = frozenset(each.kind for each in self._board.faults if each.route is None)
        self._asked = everywhere.intersection(_AT_ONCE)
        self._break(self._struck(self._asked, route=None))

    def data_received(self, data: bytes) -> None:
        """Choose the faults at the first line, then hand on what they let through."""
        if self._line is not None:
            self._line.receive(data)
        elif not self._chosen:
            self._begun += data
            line, end, _ = bytes(self._begun).lstrip(b"\r\n").partition(b"\n")
            if end or len(self._begun) > _LONGEST_LINE:
                self._choose(_path_of(line))

    def connection_lost(self, exc: Exception | None) -> None:
        """End all that waits."""
        self._stop_timer()
        self._connections.discard(self)
        if self._line is not None:
            self._line.lost(exc)

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        if self._line is not None:  # pragma: no branch - without a line too little is written
            self._line.fill(full=True)

    def resume_writing(self) -> None:
        """The socket takes more again."""
        if self._line is not None:  # pragma: no branch - without a line it was never full
            self._line.fill(full=False)

    def shutdown(self) -> None:
        """End every fault: none outlives the server."""
        if self._line is None:
            self.transport.abort()
        else:
            self._line.heal()

    def _struck(self, kinds: Iterable[str], *, route: str | None) -> dict[str, Fault]:
        struck: dict[str, Fault] = {}
        for kind in kinds:
            # A connection has every phase still before it.
            for phase in FAULTS[kind].phases or (None,):
                fault = self._board.strike(kind, route=route, phase=phase)
                if fault is not None:
                    struck.setdefault(kind, fault)
        return struck

    def _choose(self, route: str | None) -> None:
        struck = self._struck((kind for kind in _KINDS if kind not in self._asked), route=route)
        if self._break(struck):
            return
        self._chosen = True
        self._stop_timer()
        inner = HttpProtocol(
            self._config,
            self._server_state,
            self._app_state,
            seconds=self._head_seconds,
            first_within=self._head_due,
        )
        if struck:
            self._line = Line(self.transport, struck, self._loop)
            self._line.set_protocol(inner)
            inner.connection_made(self._line)
        else:
            self._connections.discard(self)
            self.transport.set_protocol(inner)
            inner.connection_made(self.transport)
        inner.data_received(bytes(self._begun))

    def _break(self, struck: Mapping[str, Fault]) -> bool:
        """Whether a fault lets nothing through at all; then that one acts alone."""
        ends: Mapping[str, Callable[[], None]] = {
            "down": self.transport.abort,
            "reset_peer": self._reset,
            "timeout": self.transport.close,
        }
        for kind, end in ends.items():
            if kind in struck:
                self._chosen = True
                self._begun.clear()
                self._stop_timer()
                waits = 0.0 if kind == "down" else struck[kind].number("timeout") / 1000
                if waits or kind != "timeout":
                    self._timer = self._loop.call_later(waits, end)
                return True
        return False

    def _reset(self) -> None:
        endpoint = self.transport.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def _too_late(self) -> None:
        self.transport.write(TOO_LATE)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _path_of(line: bytes) -> str | None:
    """The path of a request line, None when it is none."""
    words = line.split(b" ")
    if len(words) == 1:
        return None
    return unquote(words[1].partition(b"?")[0], errors="replace")
