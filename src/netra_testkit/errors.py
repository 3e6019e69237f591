"""Everything the kit raises: facts as attributes, the cause, and what to do next."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

__all__ = [
    "AlreadyReading",
    "AuthRefused",
    "CallFailed",
    "Cause",
    "ClientClosed",
    "ConfigurationError",
    "ConnectionFailed",
    "ContractBroken",
    "DeadlineExceeded",
    "HandshakeFailed",
    "IllegalStep",
    "InvalidBound",
    "IsolationBreach",
    "MalformedFrame",
    "Misuse",
    "NetraError",
    "NotEnoughUsers",
    "NothingFailed",
    "Problem",
    "RateLimited",
    "RequestRefused",
    "ServerClosed",
    "ServiceUnavailable",
    "StreamTruncated",
    "TokenInvalid",
    "Unencodable",
    "UnexpectedFrame",
    "UnexpectedStatus",
    "UnknownMessageType",
    "UnusableBody",
    "UsersBusy",
    "WireError",
    "WrongLoop",
]


class Cause(StrEnum):
    """Whose fault a failure is, as far as the evidence goes."""

    PRODUCT = "product"
    DEPLOYMENT = "deployment"
    INFRASTRUCTURE = "infrastructure"
    AUTHENTICATION = "authentication"
    CONFIGURATION = "configuration"
    TEST = "test"
    UNDECIDED = "undecided"


class Problem(NamedTuple):
    """One thing that is wrong with a configuration; its text never holds a secret."""

    field: str
    source: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} (from {self.source}): {self.remedy}"


def _rebuild(kind: type[NetraError], facts: dict[str, Any]) -> NetraError:
    return kind(**facts)


@dataclass(kw_only=True, eq=False)
class NetraError(Exception):
    """The root of everything the kit raises.

    Every fact is an attribute and a keyword of the constructor; the text is built from them.

    Attributes:
        cause: Whose fault it is, on the evidence at hand.
        hint: What to do next, one sentence.
    """

    cause: Cause = Cause.UNDECIDED
    hint: str = ""

    def _sentence(self) -> str:
        return type(self).__name__

    def _references(self) -> list[str]:
        return []

    def __str__(self) -> str:
        lines = [self._sentence(), *self._references(), f"cause: {self.cause}"]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        facts = {
            each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.init
        }
        notes = {"__notes__": self.__notes__} if hasattr(self, "__notes__") else None
        return _rebuild, (type(self), facts), notes


@dataclass(kw_only=True, eq=False)
class ConfigurationError(NetraError, ValueError):
    """What is configured cannot be used; every problem of it at once.

    Attributes:
        problems: Field, source and remedy of each.
    """

    problems: tuple[Problem, ...]
    cause: Cause = Cause.CONFIGURATION
    hint: str = "Mend what is named above; StagingConfig().explain() shows where values come from."

    def _sentence(self) -> str:
        count = len(self.problems)
        said = "a problem" if count == 1 else f"{count} problems"
        return "\n".join(
            [f"The configuration has {said}:", *(f"  - {each}" for each in self.problems)]
        )


@dataclass(kw_only=True, eq=False)
class NotEnoughUsers(ConfigurationError):
    """More identities are needed than exist; said before any request.

    Attributes:
        needed: How many were asked for.
        known: How many there are.
    """

    needed: int
    known: int
    problems: tuple[Problem, ...] = field(init=False)
    hint: str = "Name more users in NETRA_TEST_USERS, or allow registration in the configuration."

    def __post_init__(self) -> None:
        self.problems = (Problem("users", "the user pool", self._sentence()),)

    def _sentence(self) -> str:
        return f"{self.needed} identities needed, {self.known} known"


@dataclass(kw_only=True, eq=False)
class UsersBusy(NetraError, TimeoutError):
    """Every test user stayed leased for as long as the caller would wait.

    Attributes:
        holders: Who holds which user, a sentence each.
        limit: How long it was waited, in seconds.
    """

    holders: tuple[str, ...]
    limit: float
    cause: Cause = Cause.TEST
    hint: str = "Let the holders finish, lease with shared=True to read only, or name more users."

    def _sentence(self) -> str:
        held = "".join(f"\n  - {holder}" for holder in self.holders) or " nothing"
        return f"No test user became free within {self.limit:g} s. Held now:{held}"


@dataclass(kw_only=True, eq=False)
class Misuse(NetraError, RuntimeError):
    """The kit was called in a way that cannot work; raised before any I/O.

    Attributes:
        what: What was done.
    """

    what: str
    cause: Cause = Cause.TEST

    def _sentence(self) -> str:
        return self.what


@dataclass(kw_only=True, eq=False)
class ClientClosed(Misuse):
    """A call on a client that is closed or was never opened."""

    hint: str = "Use the client inside its `async with` block, and open a new one after a failure."


@dataclass(kw_only=True, eq=False)
class AlreadyReading(Misuse):
    """Two of receive, expect and events at once on one connection."""

    hint: str = "Await one reader at a time, or open one connection for each."


@dataclass(kw_only=True, eq=False)
class WrongLoop(Misuse):
    """A client used from another event loop than the one that opened it, or opened on none."""

    hint: str = "Open the client inside the loop that uses it, in a function-scoped fixture."


@dataclass(kw_only=True, eq=False)
class InvalidBound(Misuse, ValueError):
    """A bound that is not a positive, finite number of seconds.

    Attributes:
        value: What was given, as text.
    """

    value: str
    what: str = field(init=False)
    hint: str = "Give a positive number of seconds or a Deadline; nothing waits for ever."

    def __post_init__(self) -> None:
        self.what = f"within={self.value} is not a positive, finite number of seconds"


@dataclass(kw_only=True, eq=False)
class NothingFailed(NetraError, AssertionError):
    """A block that was to provoke failures came to its end without any.

    Attributes:
        expected: The names of the errors that were to come.
    """

    expected: tuple[str, ...]
    cause: Cause = Cause.PRODUCT
    hint: str = "Look at what the deployment let through, or whether the block asked it anything."

    def _sentence(self) -> str:
        return f"{' or '.join(self.expected)} was expected and nothing of that kind failed"


@dataclass(kw_only=True, eq=False)
class WireError(NetraError, ValueError):
    """What was said, or was about to be said, is not the protocol."""


@dataclass(kw_only=True, eq=False)
class UnknownMessageType(WireError):
    """A message type that the table does not know.

    Attributes:
        name: The name as given.
        nearest: Known names that look like it, nearest first.
    """

    name: str
    nearest: tuple[str, ...] = ()
    cause: Cause = Cause.TEST
    hint: str = ""

    def __post_init__(self) -> None:
        known = " or ".join(self.nearest)
        self.hint = self.hint or (f"Use {known}." if known else "MESSAGE_TYPES lists every name.")

    def _sentence(self) -> str:
        return f"{self.name!r} is not a known message type"


@dataclass(kw_only=True, eq=False)
class MalformedFrame(WireError):
    """Text or bytes that are not a frame.

    Attributes:
        reason: What is wrong with it.
        excerpt: A bounded, masked piece around that place.
        position: Where, in characters from the start; None when it is the whole.
    """

    reason: str
    excerpt: str
    position: int | None = None
    cause: Cause = Cause.PRODUCT
    hint: str = "Compare the excerpt with the frames in the wire reference."

    def _sentence(self) -> str:
        where = "" if self.position is None else f" at character {self.position}"
        return f"Not a frame: {self.reason}{where}: {self.excerpt}"


@dataclass(kw_only=True, eq=False)
class Unencodable(WireError):
    """A payload that JSON cannot carry, refused before anything is sent.

    Attributes:
        path: Where in the payload, such as ``payload.items[3]``.
        reason: Why it cannot be carried.
    """

    path: str
    reason: str
    cause: Cause = Cause.TEST
    hint: str = "Send JSON values only; to_jsonable() turns any object into them."

    def _sentence(self) -> str:
        return f"{self.path} cannot be encoded: {self.reason}"


@dataclass(kw_only=True, eq=False)
class IllegalStep(WireError):
    """A connection state that cannot follow the one before it.

    Attributes:
        origin: The state the connection was in.
        target: The state it was said to take.
        legal: The states that may follow `origin`; empty when it is final.
    """

    origin: str
    target: str
    legal: tuple[str, ...]
    cause: Cause = Cause.PRODUCT
    hint: str = "Look for the event that was lost or came twice before this step."

    def _sentence(self) -> str:
        legal = " or ".join(self.legal) or "nothing"
        return f"A connection cannot go from {self.origin} to {self.target}, only to {legal}"


@dataclass(kw_only=True, eq=False)
class TokenInvalid(NetraError, ValueError):
    """A token that verification does not accept.

    Attributes:
        reason: What is wrong with it: malformed, algorithm, signature, expired, not_yet_valid,
            audience, issuer, environment or claim.
        claim: The claim that is missing or wrong, where it is one.
    """

    reason: str
    claim: str | None = None
    cause: Cause = Cause.AUTHENTICATION
    hint: str = "Mint a new token with the secret and for the environment that verify it."

    def _sentence(self) -> str:
        claim = "" if self.claim is None else f" ({self.claim})"
        return f"The token is not valid: {self.reason}{claim}"


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


@dataclass(kw_only=True, eq=False)
class UnexpectedStatus(CallFailed):
    """An HTTP status that the caller did not ask for.

    Attributes:
        status: The status.
        method: The request's method.
        path: The request's path, without its query.
        headers: The answer's headers, masked.
        excerpt: A bounded, masked piece of the body.
    """

    status: int
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    excerpt: str = ""
    hint: str = "Name the status in expect= when it is the one wanted."

    def _sentence(self) -> str:
        said = f": {self.excerpt}" if self.excerpt else ""
        return f"{self.method} {self.path} answered {self.status}{said}"


@dataclass(kw_only=True, eq=False)
class RateLimited(UnexpectedStatus):
    """429: too many requests.

    Attributes:
        retry_after: Seconds the server asked to wait, None when it did not say.
    """

    retry_after: float | None = None
    hint: str = "Wait as long as retry_after says, or spread the load over more users."


@dataclass(kw_only=True, eq=False)
class ServiceUnavailable(UnexpectedStatus):
    """502, 503 or 504: nobody served the request.

    Attributes:
        retry_after: Seconds the server asked to wait, None when it did not say.
    """

    retry_after: float | None = None
    hint: str = "Wait for the deployment with wait_until_ready(), or read its start-up log."


@dataclass(kw_only=True, eq=False)
class UnusableBody(CallFailed, ValueError):
    """An HTTP answer whose body is not what the caller asked for.

    Attributes:
        status: The answer's status.
        method: The request's method.
        path: The request's path, without its query.
        reason: What is wrong with the body.
        excerpt: A bounded, masked piece of it.
    """

    status: int
    method: str
    path: str
    reason: str
    excerpt: str = ""
    cause: Cause = Cause.PRODUCT
    hint: str = "Compare the body with the endpoint's schema."

    def _sentence(self) -> str:
        said = f": {self.excerpt}" if self.excerpt else ""
        return f"{self.method} {self.path} answered {self.status} with {self.reason}{said}"


@dataclass(kw_only=True, eq=False)
class ContractBroken(NetraError, AssertionError):
    """An agent run did not deliver what its contract promises.

    Attributes:
        run: The AgentRun.
        violations: What was broken, each with its evidence.
        timeline: The run at a glance.
    """

    run: Any
    violations: tuple[Any, ...]
    timeline: str
    cause: Cause = Cause.PRODUCT
    hint: str = "Read the timeline from the first marked line."

    def _sentence(self) -> str:
        return self.timeline


@dataclass(kw_only=True, eq=False)
class IsolationBreach(ContractBroken):
    """Something of another user's reached this one."""

    hint: str = "Stop the release: one user was shown what belongs to another."


def _listed(frames: tuple[str, ...]) -> str:
    return "".join(f"\n  < {frame}" for frame in frames)
