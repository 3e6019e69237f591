"""What the server knows of itself, for a test to compare with what a client was told."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from netra_testkit.local.notes import (
    Counts,
    MaskedHeaders,
    ReceivedFrame,
    ReceivedRequest,
    SentEvent,
    SocketConnection,
    StartedRun,
    Unmasked,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection

    from netra_testkit.local.notes import RawHeaders

__all__ = ["EXCHANGE", "Exchange", "ServerTruth", "exchange_of"]

LONGEST = 10_000
EXCHANGE = "netra.exchange"

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request or one socket while it lasts; whoever learns something of it writes it here.

    Attributes:
        request_id: Its X-Request-ID: the client's, or one of ours.
        trace_id: Its trace, from traceparent or one of ours.
        connection_id: What names it as a socket.
        subject: The user whose valid token it carries, None while that is not known.
    """

    request_id: str
    trace_id: str
    connection_id: str
    subject: str | None = None


def exchange_of(connection: HTTPConnection) -> Exchange:
    """What is known of the request or socket that a handler serves."""
    exchange: Exchange = connection.scope[EXCHANGE]
    return exchange


class ServerTruth:
    """What a server received and sent: the latest ten thousand of each kind; thread-safe.

    Args:
        clock: The time, in seconds since the epoch.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: deque[ReceivedRequest] = deque(maxlen=LONGEST)
        self._frames: deque[ReceivedFrame] = deque(maxlen=LONGEST)
        self._runs: deque[StartedRun] = deque(maxlen=LONGEST)
        self._events: deque[SentEvent] = deque(maxlen=LONGEST)
        self._open: dict[str, tuple[SocketConnection, Exchange]] = {}
        self._ended: deque[SocketConnection] = deque(maxlen=LONGEST)
        self._begin_to_count()

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Every request that was answered, in that order."""
        return self._all(self._requests)

    @property
    def connections(self) -> tuple[SocketConnection, ...]:
        """Every WebSocket: those that ended, then those that are open."""
        return (*self._all(self._ended), *self.open_connections)

    @property
    def open_connections(self) -> tuple[SocketConnection, ...]:
        """Every WebSocket that is open now."""
        with self._lock:
            entries = list(self._open.values())
        return tuple(replace(each, user=exchange.subject) for each, exchange in entries)

    @property
    def frames(self) -> tuple[ReceivedFrame, ...]:
        """Every frame that a client sent."""
        return self._all(self._frames)

    @property
    def runs(self) -> tuple[StartedRun, ...]:
        """Every run that was started."""
        return self._all(self._runs)

    @property
    def events(self) -> tuple[SentEvent, ...]:
        """Every event that was sent, and to whom."""
        return self._all(self._events)

    @property
    def counts(self) -> Counts:
        """How much there was of it; nothing is masked for that."""
        with self._lock:
            users = [exchange.subject for _, exchange in self._open.values() if exchange.subject]
            return Counts(
                connections=self._ended_ever + len(self._open),
                open=len(self._open),
                identified=self._identified_ever + len(users),
                users=len({*users}),
                frames=self._frames_ever,
                runs=MappingProxyType(dict(self._runs_ever)),
            )

    def add_request(
        self,
        exchange: Exchange,
        *,
        method: str,
        path: str,
        status: int | None,
        headers: RawHeaders,
    ) -> None:
        """Note a request that was answered; the application does so for each.

        Args:
            exchange: What is known of it.
            method: Its method.
            path: Its path.
            status: The answer's status, None without one.
            headers: What it carried, as it came.
        """
        entry = ReceivedRequest(
            method=method,
            status=status,
            user=exchange.subject,
            request_id=exchange.request_id,
            trace_id=exchange.trace_id,
            headers=MaskedHeaders(headers),
            at=self._clock(),
            _path=Unmasked(path),
        )
        with self._lock:
            self._requests.append(entry)

    def open_connection(self, exchange: Exchange, *, path: str, headers: RawHeaders) -> None:
        """Note a WebSocket that was accepted; the application does so for each.

        Args:
            exchange: What is known of it.
            path: Where it was opened.
            headers: What the upgrade carried, as it came.
        """
        entry = SocketConnection(
            connection_id=exchange.connection_id,
            user=None,
            path=path,
            request_id=exchange.request_id,
            headers=MaskedHeaders(headers),
            opened_at=self._clock(),
        )
        with self._lock:
            self._open[exchange.connection_id] = entry, exchange

    def close_connection(self, exchange: Exchange, *, code: int) -> None:
        """Note that a WebSocket has ended; the application does so for each.

        Args:
            exchange: What is known of it.
            code: The close code.
        """
        with self._lock:
            entry, _ = self._open.pop(exchange.connection_id)
            ended = replace(entry, user=exchange.subject, closed_at=self._clock(), close_code=code)
            self._ended.append(ended)
            self._ended_ever += 1
            self._identified_ever += ended.user is not None

    def add_frame(self, exchange: Exchange, *, type_name: str | None, raw: str) -> None:
        """Note a frame that a client sent.

        Args:
            exchange: The socket it came on.
            type_name: Its type as it was sent, None when it could not be read.
            raw: The frame as it came.
        """
        entry = ReceivedFrame(
            connection_id=exchange.connection_id,
            user=exchange.subject,
            type_name=type_name,
            at=self._clock(),
            _text=Unmasked(raw),
        )
        with self._lock:
            self._frames.append(entry)
            self._frames_ever += 1

    def add_run(self, *, run_id: str, user: str, agent: str) -> None:
        """Note a run that was started.

        Args:
            run_id: What names it.
            user: Who asked for it.
            agent: Which agent runs.
        """
        entry = StartedRun(run_id=run_id, user=user, agent=agent, at=self._clock())
        with self._lock:
            self._runs.append(entry)
            self._runs_ever[agent] += 1

    def add_event(
        self, *, run_id: str, user: str | None, type_name: str, connection_id: str | None
    ) -> None:
        """Note an event of a run that was sent.

        Args:
            run_id: Whose event it is.
            user: To which user it was sent.
            type_name: Its type, as it was sent.
            connection_id: On which socket, None for a stream or an answer.
        """
        entry = SentEvent(
            run_id=run_id,
            user=user,
            type_name=type_name,
            connection_id=connection_id,
            at=self._clock(),
        )
        with self._lock:
            self._events.append(entry)

    def clear(self) -> None:
        """Forget all of it, except the WebSockets that are open."""
        with self._lock:
            for each in (self._requests, self._frames, self._runs, self._events, self._ended):
                each.clear()
            self._begin_to_count()

    def _begin_to_count(self) -> None:
        self._ended_ever = self._identified_ever = self._frames_ever = 0
        self._runs_ever: Counter[str] = Counter()

    def _all(self, entries: deque[_T]) -> tuple[_T, ...]:
        with self._lock:
            return tuple(entries)
