"""What a server notes of requests, sockets, frames, runs and events; masked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Counts",
    "MaskedHeaders",
    "RawHeaders",
    "ReceivedFrame",
    "ReceivedRequest",
    "SentEvent",
    "SocketConnection",
    "StartedRun",
    "Unmasked",
]

RawHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Headers as they came."""

# What these carry is a credential whole, so nothing of it is shown.
PRIVATE_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "sec-websocket-protocol",
        "x-api-key",
        "x-e2e-bypass-key",
    }
)


class MaskedHeaders(Mapping[str, str]):
    """Headers by lower-case name; masked when they are read, which costs more than a request.

    Args:
        raw: The headers as they came.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: RawHeaders) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        return self._shown()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown())

    def __len__(self) -> int:
        return len(self._shown())

    def __repr__(self) -> str:
        return repr(self._shown())

    def _shown(self) -> dict[str, str]:
        shown: dict[str, str] = {}
        for raw_name, raw_value in self._raw:
            name = raw_name.decode("latin-1").lower()
            value = "***" if name in PRIVATE_HEADERS else mask(raw_value.decode("latin-1"))
            # What is sent twice is one list to HTTP.
            shown[name] = f"{shown[name]}, {value}" if name in shown else value
        return shown


@dataclass(frozen=True, slots=True, repr=False)
class Unmasked:
    """A text that shows itself only when asked."""

    text: str

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """One HTTP request and how it was answered.

    Attributes:
        method: Its method.
        status: The status of the answer; None when the connection broke before there was one.
        user: Whose valid token it carried, None without one.
        request_id: The X-Request-ID of both.
        trace_id: The trace of both.
        headers: What it carried, by lower-case name, masked.
        at: When it was answered, in seconds since the epoch.
    """

    method: str
    status: int | None
    user: str | None
    request_id: str
    trace_id: str
    headers: Mapping[str, str]
    at: float
    _path: Unmasked

    @property
    def path(self) -> str:
        """Its path, without the query, masked."""
        return mask(self._path.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketConnection:
    """One WebSocket that was accepted.

    Attributes:
        connection_id: What the server calls it.
        user: Whose it is, None while nobody's token was verified.
        path: Where it was opened.
        request_id: The X-Request-ID of the upgrade.
        headers: What the upgrade carried, by lower-case name, masked.
        opened_at: When it was accepted, in seconds since the epoch.
        closed_at: When it had ended, None while it is open.
        close_code: What it was closed with: by the server, or else by the client; None while it
            is open.
    """

    connection_id: str
    user: str | None
    path: str
    request_id: str
    headers: Mapping[str, str]
    opened_at: float
    closed_at: float | None = None
    close_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFrame:
    """One frame that a client sent.

    Attributes:
        connection_id: On which socket.
        user: Whose socket that is.
        type_name: The type as it was sent, None when it could not be read.
        at: When it came, in seconds since the epoch.
    """

    connection_id: str
    user: str | None
    type_name: str | None
    at: float
    _text: Unmasked

    @property
    def raw(self) -> str:
        """The frame, masked."""
        return mask(self._text.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRun:
    """One agent run that was started.

    Attributes:
        run_id: What names it.
        user: Who asked for it.
        agent: Which agent runs.
        at: When, in seconds since the epoch.
    """

    run_id: str
    user: str
    agent: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEvent:
    """One event of a run, as it left the server.

    Attributes:
        run_id: Whose event it is.
        user: To which user it was sent.
        type_name: Its type, as it was sent.
        connection_id: On which socket, None when it went out as a stream or an answer.
        at: When, in seconds since the epoch.
    """

    run_id: str
    user: str | None
    type_name: str
    connection_id: str | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much there was since the server began or was reset, also of what it no longer keeps.

    Attributes:
        connections: How many WebSockets were accepted.
        open: How many of them are open now.
        identified: How many of them were a known user's.
        users: How many users have one open now.
        frames: How many frames clients have sent.
        runs: How many runs were started, by agent.
    """

    connections: int
    open: int
    identified: int
    users: int
    frames: int
    runs: Mapping[str, int]
