"""One WebSocket and what it says: kept, claimed or answered, never lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidState

from netra_testkit.clients.call_ids import new_ids, new_uuid
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.hearing import Hearing
from netra_testkit.clients.ledger import entered
from netra_testkit.clients.loops import loop_for
from netra_testkit.clients.opening import Opening
from netra_testkit.clients.watchdog import Watchdog
from netra_testkit.errors import (
    Cause,
    ClientClosed,
    DeadlineExceeded,
    Misuse,
    ServerClosed,
    WrongLoop,
)
from netra_testkit.safety.redaction import mask
from netra_testkit.wire.closing import CloseCategory, CloseCode, Closing
from netra_testkit.wire.frames import encode
from netra_testkit.wire.lifecycle import ConnectionState, step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from websockets.exceptions import ConnectionClosed

    from netra_testkit.clients.call_ids import CallIds
    from netra_testkit.clients.handshake import Handshake
    from netra_testkit.clients.isolation import Witness
    from netra_testkit.clients.mailbox import Bell, Mailbox
    from netra_testkit.clients.socket import Socket
    from netra_testkit.safety.trace import Trace
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.types import MessageType

__all__ = ["Connection"]

# A peer that asks and does not read the answers is cut beyond this.
MOST_UNREAD_ANSWERS = 1024 * 1024
FREED_WITHIN = 0.1
LOST = Closing(code=CloseCode.ABNORMAL, reason="", closed_by="transport")


class Connection:
    """The engine below ChatClient: opens, reads, writes, waits and closes, each bounded.

    Args:
        config: Where the deployment is, and how long to wait.
        token: The access token; None for anonymous.
        thread_id: The thread to speak in; by default the one that the server names.
        announce: Whether to announce a test.
        session: What groups the calls of one run in the server's log.
        trace: Where to record frames.
        witness: Sees every event that comes.

    Attributes:
        state: Where the connection is in its life.
        hearing: What comes, sorted.
        handshake: What the frames since the upgrade have said.
        subprotocol: The one the server chose, masked.
        findings: What was wrong but tolerable.
        ids: The request id and trace id of the upgrade.
        ending: How the connection ended; None before.
        ended: Whether it ended without our closing it.
    """

    __slots__ = (
        "_closed_here",
        "_config",
        "_loop",
        "_met",
        "_open",
        "_opening",
        "_said",
        "_socket",
        "_trace",
        "_watchdog",
        "ended",
        "ending",
        "findings",
        "handshake",
        "hearing",
        "ids",
        "state",
        "subprotocol",
    )

    def __init__(
        self,
        config: StagingConfig,
        *,
        token: str | None,
        thread_id: str | None,
        announce: bool,
        session: str | None,
        trace: Trace | None,
        witness: Witness | None,
    ) -> None:
        self._config = config
        self._opening = Opening(config, token=token, announce=announce, session=session)
        self._trace = trace
        self.hearing: Hearing = Hearing(
            thread_id=thread_id,
            extra_aliases=config.extra_aliases,
            trace=trace,
            witness=witness,
            answer=self._answer,
            pause=self._stop_reading,
            resume=self._read_on,
        )
        self.handshake: Handshake = self.hearing.handshake
        self.ids: CallIds = new_ids()
        self.state: ConnectionState = ConnectionState.CONNECTING
        self.subprotocol: str | None = None
        self.findings: tuple[str, ...] = ()
        self._said = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket: Socket | None = None
        self._watchdog = Watchdog()
        self._open = False
        self.ending: Closing | None = None
        self.ended: bool = False
        self._met = False
        self._closed_here = False

    async def open(self, deadline: Deadline) -> None:
        """Connect, and wait for the welcome. A failure or a cancellation cuts the connection."""
        if self._loop is not None:
            raise Misuse(what="a ChatClient was entered twice", hint="Make a new one.")
        self._loop = loop_for("a ChatClient")
        timeouts = self._config.timeouts
        try:
            await self._opening.connect(self, deadline.child(timeouts.connect))
            self.state = step(self.state, ConnectionState.ACCEPTED)
            self._name_the_subprotocol(self._opened().subprotocol)
            await self._opening.welcomed(self, deadline.child(timeouts.welcome))
            for target in ("authenticated", "services_ready", "processing_ready"):
                self.state = step(self.state, ConnectionState(target))
        except BaseException:
            self.state = ConnectionState.FAILED
            await self.cut()
            raise
        self._open = True

    async def close(self, deadline: Deadline) -> None:
        """Say goodbye and wait for the answer, then cut in any case.

        Raises:
            DeadlineExceeded: There was no answer.
            ServerClosed: The answer was no goodbye but a failure, or broke the protocol.
        """
        if self._socket is None or self._closed_here:
            return
        self._closed_here = True
        if self.ending is not None:
            await self.cut()
            return
        self.state = step(self.state, ConnectionState.CLOSING)
        if self._socket.stopped:  # nobody takes frames any more, and the answer is behind them
            self._socket.hear = _drop
            self._socket.read_on()
        try:
            async with deadline.guard(
                phase="close",
                waiting_for="answer to the goodbye",
                heard=self.heard_at,
                cause=Cause.PRODUCT,
                **self.ids,
            ):
                self._socket.close_timeout = None  # the guard's
                await self._socket.close()
        finally:
            await self.cut()
        self._see_the_answer(self._socket)

    def abort(self) -> None:
        """Cut the socket now, without a goodbye."""
        if self._socket is not None:
            self._closed_here = True
            self._socket.transport.abort()

    async def cut(self) -> None:
        """Free the socket; waits for this loop only, never for the server."""
        self._watchdog.stop()
        if self._socket is not None:
            self._socket.transport.abort()
            # Of a connection that was cancelled while it was made some loops never tell the end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FREED_WITHIN):
                    await self._socket.wait_closed()
        if self.state is ConnectionState.CLOSING:
            self.state = step(self.state, ConnectionState.CLOSED)

    def keep(self, socket: Socket) -> None:
        """Listen to a socket, and be able to cut it."""
        socket.hear = self.hearing.take
        socket.lost = self._end
        self._socket = socket

    def heard_at(self) -> float | None:
        """When bytes last came, in `time.monotonic()` seconds; None before the first."""
        return None if self._socket is None else self._socket.heard_at

    @property
    def unmet(self) -> bool:
        """Whether the connection ended badly and no call has said so."""
        if self.ending is None or self.ending.clean:
            return False
        return self.ended and not self._met

    def check(self) -> None:
        """Refuse a call on a connection that is not open here, before any I/O."""
        if self._loop is None:
            raise ClientClosed(what="a call on a ChatClient that was never opened")
        if self._loop is not asyncio.get_running_loop():
            raise WrongLoop(what="a call on a ChatClient that another event loop opened")
        if self._closed_here or not self._open:
            raise ClientClosed(what="a call on a ChatClient that is closed")

    async def write(self, data: str | bytes, within: Deadline | None) -> None:
        """Send; a timeout or a cancellation ends the connection, for half may be on its way.

        Without a deadline it is bounded by `timeouts.send`, from the moment at which it waits.
        """
        socket = self._socket
        if self.ending is not None or socket is None:
            raise entered(self.closed_error("send"))
        if within is not None and within.expired:
            raise entered(self.exceeded(within, "send", "room to send"))
        if self._trace is not None:
            self._trace.record("sent", data if isinstance(data, str) else repr(data))
        self._said = True
        try:
            socket.say(data)
        except InvalidState:  # a goodbye has been seen; the end follows within the grace
            await socket.wait_closed()
            raise entered(self.closed_error("send")) from None
        if socket.paused:
            await self._drain(socket, Deadline.of(within, self._config.timeouts.send))

    async def _drain(self, socket: Socket, deadline: Deadline) -> None:
        expired = asyncio.Event()

        def expire() -> None:
            expired.set()
            socket.transport.abort()

        self._watchdog.watch(expired, deadline.remaining, expire)
        try:
            await socket.drain()
        except ConnectionError:  # the transport broke; how it ended is known by now
            await socket.wait_closed()
        except BaseException:
            self.abort()
            raise
        finally:
            self._watchdog.forget(expired)
        if expired.is_set():
            self._met = True
            raise entered(self.exceeded(deadline, "send", "room to send"))
        if self.ending is not None:
            raise entered(self.closed_error("send"))

    async def until(
        self,
        box: Mailbox,
        wanted: Callable[[Frame], bool] | None,
        deadline: Deadline,
        phase: str,
    ) -> Frame | None:
        """The next wanted frame of a mailbox; None when the deadline comes first."""
        while True:
            frame = box.take(wanted)
            if frame is not None:
                return frame
            if self._closed_here:
                raise ClientClosed(what=f"the ChatClient was closed during {phase}")
            if self.ending is not None:
                raise self.closed_error(phase)
            if deadline.expired:
                return None
            await self.woken(box, deadline)

    async def woken(self, bell: Bell, deadline: Deadline) -> None:
        """Wait until a bell rings, as it does when the connection ends, or the deadline comes."""
        arrival = bell.arrival()
        self._watchdog.watch(arrival, deadline.remaining, bell.wake)
        try:
            await arrival
        finally:
            self._watchdog.forget(arrival)

    def exceeded(self, deadline: Deadline, phase: str, waiting_for: str) -> DeadlineExceeded:
        """The error for a deadline that has passed, with the cause by what was said and heard."""
        return deadline.exceeded(
            phase=phase,
            waiting_for=waiting_for,
            heard=self.heard_at(),
            cause=Cause.PRODUCT if self._said else Cause.UNDECIDED,
            **self.ids,
        )

    def closed_error(self, phase: str) -> ServerClosed:
        """The error for a connection that has ended."""
        self._met = True
        ending = self.ending or LOST
        return ServerClosed(
            code=int(ending.code),
            reason=ending.reason,
            closed_by=ending.closed_by,
            phase=phase,
            frames=self.hearing.excerpts,
            cause=ending.cause(welcomed=self.handshake.ready, error_code=self.handshake.error_code),
            **self.ids,
        )

    def _see_the_answer(self, socket: Socket) -> None:
        """Raise what the server answered our goodbye with, unless it was one of its own."""
        broken = socket.broken
        answer = None if self.ending is None else self.ending.received
        if broken is not None:
            ending = Closing(
                code=CloseCode.PROTOCOL_ERROR,
                reason=mask(broken),
                closed_by="client",
                sent=CloseCode.PROTOCOL_ERROR,
            )
        elif answer is not None and answer.category is not CloseCategory.CLEAN:
            ending = Closing(code=answer, reason="", closed_by="server", received=answer)
        else:
            return
        self.ending = ending
        raise self.closed_error("close")

    def _name_the_subprotocol(self, chosen: str | None) -> None:
        if chosen is not None and chosen.startswith("jwt."):
            self.findings += ("the server chose the subprotocol that carries the token",)
            chosen = "[masked token]"
        self.subprotocol = chosen

    def _answer(self, kind: MessageType, payload: Mapping[str, object]) -> None:
        socket = self._opened()
        if socket.transport.get_write_buffer_size() > MOST_UNREAD_ANSWERS:
            socket.transport.abort()
            return
        # What acknowledges a thread names that one, also where another was asked for.
        named = payload.get("thread_id")
        thread_id = named if isinstance(named, str) else self.handshake.thread_id
        text = encode(
            kind,
            payload,
            message_id=new_uuid(),
            timestamp=time.time(),
            thread_id=thread_id,
        )
        if self._trace is not None:
            self._trace.record("sent", text)
        with contextlib.suppress(InvalidState):  # the goodbye has been said meanwhile
            socket.say(text)

    def _stop_reading(self) -> None:
        self._opened().stop_reading()

    def _read_on(self) -> None:
        if self.ending is None and not self._closed_here:
            self._opened().read_on()

    def _end(self, closed: ConnectionClosed) -> None:
        self.ending = Closing.from_exception(closed)
        self.ended = not self._closed_here
        if not self._closed_here and self._open:
            ended = ConnectionState.CLOSED if self.ending.clean else ConnectionState.FAILED
            self.state = step(self.state, ended)
        self.hearing.wake_everybody()

    def _opened(self) -> Socket:
        assert self._socket is not None  # noqa: S101 - what is called has passed check()
        return self._socket


def _drop(_: str | bytes) -> None:
    """What comes after our goodbye was given no more room."""
