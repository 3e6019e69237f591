"""What a live call can end in other than its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netra_testkit.errors.root import Cause, NetraError

__all__ = [
    "AuthRefused",
    "CallFailed",
    "ConnectionFailed",
    "DeadlineExceeded",
    "HandshakeFailed",
    "RequestRefused",
    "ServerClosed",
    "StreamTruncated",
    "UnexpectedFrame",
]


@dataclass(kw_only=True, eq=False)
class CallFailed(NetraError):
    """Anything a live call can end in other than its answer.

    Attributes:
        request_id: The id sent with the call, None when nothing was sent.
        trace_id: The W3C trace id sent with the call.
    """

    request_id: str | None = None
    trace_id: str | None = None

    @property
    def log_filter(self) -> str | None:
        """The Cloud Logging filter that finds the server's lines about this call."""
        if self.trace_id is not None:
            return f'trace=~"{self.trace_id}"'
        if self.request_id is not None:
            return f'jsonPayload.request_id="{self.request_id}"'
        return None

    def _references(self) -> list[str]:
        known = {"request id": self.request_id, "trace id": self.trace_id, "logs": self.log_filter}
        return [f"{label}: {value}" for label, value in known.items() if value is not None]


@dataclass(kw_only=True, eq=False)
class DeadlineExceeded(CallFailed, TimeoutError):
    """A call did not end in time and was ended.

    Attributes:
        phase: What the call was doing: connect, welcome, send, receive, agent, close …
        limit: Its bound in seconds.
        elapsed: How long it really took.
        waiting_for: What had not come.
        last_activity: Seconds since the peer was last heard, None when it never was.
        has_peer: Whether it was somebody else's word that did not come.
    """

    phase: str
    limit: float
    elapsed: float
    waiting_for: str
    last_activity: float | None = None
    has_peer: bool = True
    hint: str = "Look at what did not come; raise within= only when the bound itself is wrong."

    def _sentence(self) -> str:
        said = f"{self.phase}: no {self.waiting_for} within {self.limit:g} s"
        ended = f"ended after {self.elapsed:.2f} s"
        if not self.has_peer:
            return f"{said} ({ended})"
        heard = (
            "the peer was never heard"
            if self.last_activity is None
            else f"the peer was last heard {self.last_activity:.2f} s before"
        )
        return f"{said} ({ended}; {heard})"


@dataclass(kw_only=True, eq=False)
class ConnectionFailed(CallFailed, ConnectionError):
    """No connection came about, or it broke before the whole answer had come.

    Attributes:
        phase: Where it ended; in every phase but answer the request was surely not executed.
        target: Host and port.
        reason: What the system said.
    """

    phase: Literal["name", "tcp", "tls", "proxy", "answer"]
    target: str
    reason: str
    cause: Cause = Cause.INFRASTRUCTURE
    hint: str = "Check the host, the network and its proxy from this machine."

    def _sentence(self) -> str:
        if self.phase == "answer":
            return f"The connection to {self.target} broke before its answer ended: {self.reason}"
        return f"No connection to {self.target}, {self.phase} failed: {self.reason}"


@dataclass(kw_only=True, eq=False)
class HandshakeFailed(CallFailed, ConnectionError):
    """The peer answered, but the WebSocket never became ready.

    Attributes:
        phase: Where it ended.
        reason: What was wrong.
        status: The HTTP status of the upgrade where there was one.
        frames: The frames seen until then, masked.
    """

    phase: Literal["upgrade", "welcome"]
    reason: str
    status: int | None = None
    frames: tuple[str, ...] = ()
    hint: str = "Compare the frames seen with the handshake in the wire reference."

    def _sentence(self) -> str:
        status = "" if self.status is None else f" (HTTP {self.status})"
        return f"Handshake failed at {self.phase}{status}: {self.reason}{_listed(self.frames)}"


@dataclass(kw_only=True, eq=False)
class ServerClosed(CallFailed, ConnectionError):
    """The WebSocket closed before the call had its answer.

    Attributes:
        code: The close code; 1006 when none was received.
        reason: The reason given with it.
        closed_by: Who ended it.
        phase: What was going on.
        frames: The last frames seen, masked.
    """

    code: int
    reason: str
    closed_by: Literal["server", "client", "transport"]
    phase: str
    frames: tuple[str, ...] = ()
    hint: str = "Look the close code up in the wire reference and the call up in the server's log."

    def _sentence(self) -> str:
        said = f" ({self.reason})" if self.reason else ""
        return (
            f"Closed by the {self.closed_by} with {self.code}{said} "
            f"during {self.phase}{_listed(self.frames)}"
        )


@dataclass(kw_only=True, eq=False)
class RequestRefused(CallFailed):
    """A request over the WebSocket was answered with an error frame.

    Attributes:
        type: The type of the request.
        error_code: The platform's code, None where it gave none.
        text: What it said, masked.
        excerpt: A bounded, masked piece of the error frame.
    """

    type: str
    error_code: str | None
    text: str
    excerpt: str = ""
    hint: str = "To see an error frame as such, use send() and expect(MessageType.ERROR_MESSAGE)."

    def _sentence(self) -> str:
        code = "no error code" if self.error_code is None else self.error_code
        return f"{self.type} was refused ({code}): {self.text or self.excerpt}"


@dataclass(kw_only=True, eq=False)
class UnexpectedFrame(CallFailed, AssertionError):
    """A frame came where none was to come.

    Attributes:
        type: The type of the frame, as it was sent.
        excerpt: A bounded, masked piece of it.
        waited: After how many seconds it was met.
    """

    type: str
    excerpt: str
    waited: float
    cause: Cause = Cause.PRODUCT
    hint: str = "Name the types that may not come, or look at who sent this one."

    def _sentence(self) -> str:
        return f"{self.type} came within {self.waited:.2f} s where none was to: {self.excerpt}"


@dataclass(kw_only=True, eq=False)
class StreamTruncated(CallFailed, ConnectionError):
    """An event stream closed before its terminal event.

    Attributes:
        events: How many events had come.
        last_id: The id of the last one that had one.
        reason: How it closed.
    """

    events: int
    last_id: str | None = None
    reason: str = "closed"
    hint: str = "Read the server's log for the end of this stream; a retry would hide it."

    def _sentence(self) -> str:
        last = "" if self.last_id is None else f", the last with id {self.last_id}"
        return (
            f"The stream ended before its terminal event ({self.reason}), "
            f"after {self.events} events{last}"
        )


@dataclass(kw_only=True, eq=False)
class AuthRefused(CallFailed, PermissionError):
    """The platform refused the credentials.

    Attributes:
        via: How it said so.
        status: The HTTP status where there was one.
        close_code: The WebSocket close code where there was one.
        error_code: The platform's own code where it gave one.
        evidence: A bounded, masked excerpt of what it said.
    """

    via: Literal["http", "upgrade", "close"]
    status: int | None = None
    close_code: int | None = None
    error_code: str | None = None
    evidence: str = ""
    cause: Cause = Cause.AUTHENTICATION
    hint: str = "Compare the secret's fingerprint and the token's claims with the deployment's."

    def _sentence(self) -> str:
        known = {
            "HTTP": self.status,
            "close code": self.close_code,
            "error code": self.error_code,
        }
        codes = ", ".join(f"{label} {value}" for label, value in known.items() if value is not None)
        said = f": {self.evidence}" if self.evidence else ""
        return f"Credentials refused via {self.via} ({codes or 'no code'}){said}"


def _listed(frames: tuple[str, ...]) -> str:
    return "".join(f"\n  < {frame}" for frame in frames)
