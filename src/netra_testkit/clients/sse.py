"""EventStream: server-sent events with three clocks, none of which a keep-alive resets."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from typing import TYPE_CHECKING, Self

from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.ledger import entered, public_call
from netra_testkit.errors import (
    AlreadyReading,
    Cause,
    ClientClosed,
    ConnectionFailed,
    DeadlineExceeded,
    NetraError,
    StreamTruncated,
    UnusableBody,
    WireError,
    WrongLoop,
)
from netra_testkit.wire.envelopes import CARRIERS
from netra_testkit.wire.sse import SseEvent, SseParser
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType

    from netra_testkit.clients.deadline import Guard
    from netra_testkit.clients.exchange import Exchange
    from netra_testkit.safety.trace import Trace

__all__ = ["EventStream"]

TERMINAL = frozenset(
    {
        MessageType.STREAM_END,
        MessageType.STREAM_ERROR,
        MessageType.STREAM_TIMEOUT,
        MessageType.STREAM_DISCONNECTED,
    }
)
# After this the server may close without a terminal event of its own.
LAST_WORD = MessageType.AGENT_ERROR
KEEP_ALIVE = frozenset({MessageType.HEARTBEAT, MessageType.PING, MessageType.HEARTBEAT_ACK})
# What most events are: neither an end nor a keep-alive, nor a carrier that another one is within.
# Decoding every event as a frame to see that would cost more than all the rest.
ORDINARY: frozenset[str] = frozenset(MessageType) - TERMINAL - KEEP_ALIVE - {LAST_WORD} - CARRIERS
TYPE_USUALLY = '{"type": "'
TYPE_FIRST = re.compile(r'\{\s*"type"\s*:\s*"([a-z_]+)"')
# The one stream that ends by closing.
ENDLESS = "/api/events/stream"


class EventStream:
    """The events of one answer, in order, for `async with` and `async for`.

    Iterating ends after the terminal event. Three clocks run: the whole, the first event and the
    gap between events; comments and heartbeats reset none of them. The last two stand still while
    nobody waits for an event. Leaving the block cuts the connection. Cancelling an iteration is
    safe and ends the stream.

    Attributes:
        count: How many events have been given.
    """

    count: int

    def __init__(
        self,
        opening: Callable[[], Exchange],
        *,
        deadline: Deadline,
        first_event_within: Deadline,
        gap_within: float,
        note: Callable[[Exchange, float, BaseException | None], None],
        trace: Trace | None = None,
    ) -> None:
        self._opening = opening
        self._deadline = deadline
        self._clock = first_event_within
        self._gap_within = gap_within
        self._note = note
        self._trace = trace
        self._parser = SseParser()
        self._events: deque[SseEvent] = deque()
        self._exchange: Exchange | None = None
        self._pieces: AsyncGenerator[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = self._ended = self._reading = False
        self._may_end = self._endless = False
        self._failure: NetraError | None = None
        self._path = ""
        self._left_at = 0.0
        self.count = 0

    @property
    def last_id(self) -> str | None:
        """The id of the last event that had one."""
        return self._parser.last_id

    @public_call
    async def __aenter__(self) -> Self:
        """Send the request and see that an event stream answers.

        Bounded by the clock of the first event. Cancelling cuts the connection.

        Raises:
            CallFailed: There was no answer, or it was no event stream.
            Misuse: The client is not open here, or the stream was entered before.
        """
        if self._exchange is not None:
            raise ClientClosed(what="a stream that is entered a second time")
        exchange = self._exchange = self._opening()
        self._path = exchange.call.path
        started = time.monotonic()
        failure: BaseException | None = None
        try:
            async with self._guard(exchange, f"answer from {self._path}"):
                await exchange.__aenter__()
                try:
                    await _check(exchange)
                except BaseException as error:
                    await exchange.__aexit__(type(error), error, error.__traceback__)
                    raise
        except BaseException as failed:
            if isinstance(failed, DeadlineExceeded):
                exchange.explain(failed)
            failure = failed
            raise
        finally:
            self._note(exchange, time.monotonic() - started, failure)
        self._may_end = self._endless = self._path.endswith(ENDLESS)
        self._loop = asyncio.get_running_loop()
        self._pieces = exchange.pieces()
        self._left_at = time.monotonic()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cut the connection; waits for nobody."""
        exchange, pieces, self._pieces = self._exchange, self._pieces, None
        if exchange is None or pieces is None:
            return
        try:
            if not self._reading:
                await pieces.aclose()
        finally:
            await exchange.__aexit__(kind, error, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SseEvent:
        """The next event. Bounded by the three clocks; cancelling the wait ends the stream.

        Raises:
            StreamTruncated: The stream closed before its terminal event.
            DeadlineExceeded: One of the three clocks ran out.
            MalformedFrame: What came is larger than an event may be.
        """
        if not self._events or self._reading or self._pieces is None:
            await self._wait_for_one()
        self.count += 1
        return self._events.popleft()

    async def _wait_for_one(self) -> None:
        if self._pieces is None or self._exchange is None:
            raise ClientClosed(what="an event of a stream that is not open")
        if self._reading:
            raise AlreadyReading(what="two waits for an event of one stream")
        while not self._events:
            if self._failure is not None:
                raise entered(self._failure)
            if self._ended:
                raise StopAsyncIteration
            await self._fill(self._exchange, self._pieces)

    async def _fill(self, exchange: Exchange, pieces: AsyncGenerator[bytes]) -> None:
        """Wait for more, and remember how the stream ended when that is what comes."""
        if self._loop is not asyncio.get_running_loop():
            raise WrongLoop(what="an event of a stream that another event loop opened")
        self._reading = True
        # Whatever happens to this wait but a piece, nothing is left to wait for.
        self._failure = ClientClosed(what="an event of a stream whose last wait was cancelled")
        try:
            self._failure = await self._read(exchange, pieces)
        finally:
            self._reading = False

    async def _read(self, exchange: Exchange, pieces: AsyncGenerator[bytes]) -> NetraError | None:
        clock, away = self._clock, time.monotonic() - self._left_at
        self._clock = Deadline(limit=clock.limit, started_at=clock.started_at + away)
        missing = "event" if self._begun else "first event"
        try:
            async with self._guard(exchange, f"{missing} from {self._path}"):
                piece = await anext(pieces, b"")
            self._left_at = time.monotonic()
            events = self._parser.feed(piece)
        except ConnectionFailed as broken:
            return self._truncated(exchange, broken.reason)
        except NetraError as failure:
            if isinstance(failure, DeadlineExceeded):
                failure.cause = Cause.PRODUCT
            return failure
        if self._take(events):
            self._clock = Deadline.after(self._gap_within)
            self._begun = True
        if self._ended:
            return None
        self._ended = not piece
        return None if piece or self._may_end else self._truncated(exchange, "closed")

    def _take(self, events: list[SseEvent]) -> bool:
        """Keep the events up to the terminal one; whether any means something."""
        trace, meaningful, now = self._trace, False, self._left_at
        keep = self._events.append
        for event in events:
            if trace is not None:
                trace.record("event", event.data, at=now)
            keep(event)
            kind = _kind(event)
            if kind is not None and kind in KEEP_ALIVE:
                continue
            meaningful = True
            self._may_end = self._endless or kind is LAST_WORD
            if kind is not None and kind in TERMINAL:
                self._ended = True
                break
        return meaningful

    def _truncated(self, exchange: Exchange, reason: str) -> StreamTruncated:
        return StreamTruncated(
            events=self.count,
            last_id=self.last_id,
            reason=reason,
            cause=Cause.PRODUCT,
            **exchange.call.ids,
        )

    def _guard(self, exchange: Exchange, waiting_for: str) -> Guard:
        sooner = min(self._deadline, self._clock, key=lambda each: each.remaining)
        return sooner.guard(
            phase="stream",
            waiting_for=waiting_for,
            heard=lambda: exchange.heard_at,
            **exchange.call.ids,
        )


async def _check(exchange: Exchange) -> None:
    """See that an answer is an event stream."""
    status = exchange.status or 0
    if not 200 <= status < 300:  # noqa: PLR2004 - statuses are clearest as numbers
        raise await exchange.refusal()
    kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/event-stream":
        raise UnusableBody(
            status=status,
            method=exchange.call.method,
            path=exchange.call.path,
            reason=f"no event stream ({kind or 'no content type'})",
            **exchange.call.ids,
        )


def _kind(event: SseEvent) -> MessageType | None:
    """What the event is, where that matters: by its data when that is a frame, else by its name."""
    data = event.data
    if data.startswith(TYPE_USUALLY) and data[10 : data.find('"', 10)] in ORDINARY:
        return None
    plain = TYPE_FIRST.match(data)
    if plain is not None and plain[1] in ORDINARY:
        return None
    try:
        return event.frame().type
    except WireError:
        return MessageType.find(event.event)
