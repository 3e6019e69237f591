"""Every way in which the embedded staging can be broken, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from netra_testkit.local.kinds import Family, FaultKind, FaultOption, Phase, Scope
from netra_testkit.wire.contract import CRITICAL_EVENTS

__all__ = ["FAULTS"]


class _Catalogue(Mapping[str, FaultKind]):
    """The kinds by name, however the words of the name are joined."""

    def __init__(self, kinds: tuple[FaultKind, ...]) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        self._spellings = {kind.name.replace("-", "_"): kind for kind in kinds}

    def __getitem__(self, name: str) -> FaultKind:
        return self._kinds.get(name) or self._spellings[name.replace("-", "_")]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __repr__(self) -> str:
        return f"FAULTS({', '.join(self)})"


def _transport(
    name: str, summary: str, breaks: str, /, *phases: Phase, **options: FaultOption
) -> FaultKind:
    return FaultKind(
        name=name,
        family=Family.TRANSPORT,
        summary=summary,
        breaks=breaks,
        scopes=frozenset({Scope.ROUTE, Scope.PHASE} if phases else {Scope.ROUTE}),
        phases=phases,
        options=MappingProxyType(options),
    )


def _platform(
    name: str, scopes: str, summary: str, breaks: str, /, *phases: Phase, **options: FaultOption
) -> FaultKind:
    return FaultKind(
        name=name,
        family=Family.PLATFORM,
        summary=summary,
        breaks=breaks,
        scopes=frozenset(Scope(each) for each in scopes.split()),
        phases=phases,
        options=MappingProxyType(options),
    )


def _milliseconds(default: float) -> FaultOption:
    return FaultOption(default=default, type=float, unit="ms")


def _bytes(default: int, *, lowest: int = 0) -> FaultOption:
    return FaultOption(default=default, type=int, unit="bytes", lowest=lowest)


def _code(default: int) -> FaultOption:
    return FaultOption(default=default, type=int, highest=65_535)


def _status(default: int) -> FaultOption:
    return FaultOption(default=default, type=int, lowest=200, highest=599)


def _retry_after(default: int | None) -> FaultOption:
    return FaultOption(default=default, type=int, unit="s", optional=True)


def _seconds(default: float, *, lowest: float | None = 0) -> FaultOption:
    return FaultOption(default=default, type=float, unit="s", lowest=lowest)


def _event(default: str) -> FaultOption:
    names = tuple(each.value for each in CRITICAL_EVENTS)
    return FaultOption(default=default, type=str, choices=names)


# A close frame holds 125 bytes, of which the code takes two.
_REASON = FaultOption(default="", type=str, longest=123)
# What the standard keeps for those who receive nothing, or for later.
_NEVER_SENT = frozenset({1004, 1005, 1006, 1015, *range(1016, 3000)})

_TRANSPORT = (
    _transport(
        "latency",
        "Delays everything the server sends, by latency and up to jitter more or less.",
        "Answers come as fast as the network.",
        latency=_milliseconds(100.0),
        jitter=_milliseconds(0.0),
    ),
    _transport(
        "bandwidth",
        "Sends no faster than rate.",
        "Large answers arrive soon.",
        rate=FaultOption(default=16.0, type=float, unit="KB/s", lowest=0.001),
    ),
    _transport(
        "slow_close",
        "Keeps the connection open for a while after the server has closed it.",
        "A closed connection is gone at once.",
        delay=_milliseconds(1000.0),
    ),
    _transport(
        "timeout",
        "Lets nothing through, and closes the connection after timeout; 0 keeps it open for ever.",
        "Every request is answered or refused.",
        timeout=_milliseconds(0.0),
    ),
    _transport(
        "reset_peer",
        "Lets nothing back, and resets the connection after timeout.",
        "Connections end in order.",
        timeout=_milliseconds(0.0),
    ),
    _transport(
        "slicer",
        "Sends everything in small pieces, with a delay between them.",
        "A message arrives in one piece.",
        average_size=_bytes(64, lowest=1),
        size_variation=_bytes(32),
        delay=FaultOption(default=1000.0, type=float, unit="us"),
    ),
    _transport(
        "limit_data",
        "Closes the connection once the server has sent that many bytes.",
        "An answer comes to its end.",
        bytes=_bytes(100),
    ),
    _transport(
        "down",
        "Drops every connection, as when no server is there.",
        "The server can be reached.",
    ),
    _transport(
        "close-frame",
        "Writes a raw WebSocket close frame with any number, and ends the connection.",
        "Close codes are those of the standard.",
        Phase.AFTER_WELCOME,
        Phase.UPGRADE,
        Phase.BEFORE_WELCOME,
        Phase.MID_RUN,
        code=_code(1006),
        reason=_REASON,
    ),
)

_HTTP = (
    _platform(
        "status",
        "route user",
        "Answers with a status, in the platform's error body or as a proxy's plain page.",
        "A sound request succeeds.",
        status=_status(500),
        retry_after=_retry_after(None),
        plain=FaultOption(default=False, type=bool),
    ),
    _platform(
        "startup",
        "route",
        "Fails every request for that many seconds, as a deployment that is starting does.",
        "The deployment is up.",
        seconds=_seconds(10.0),
        status=_status(503),
        retry_after=_retry_after(10),
    ),
    _platform(
        "degraded",
        "route",
        "Reports degraded health, or by level that it is unhealthy and serves nobody.",
        "The deployment is healthy.",
        level=FaultOption(default="degraded", type=str, choices=("degraded", "unhealthy")),
    ),
    _platform(
        "session-missing",
        "route user",
        "Routes and sockets that touch the session die, the others live.",
        "The session middleware is installed.",
    ),
    _platform(
        "secret-mismatch",
        "route user",
        "Verifies tokens with another secret than they are signed with.",
        "Services share their secret.",
    ),
    _platform(
        "token-skew",
        "route user",
        "Verifies tokens by a clock that is ahead; a negative number is behind.",
        "Services agree on the time.",
        seconds=_seconds(3600.0, lowest=None),
    ),
    _platform(
        "no-authentication",
        "route user",
        "Accepts any token, and none.",
        "A bad token is refused.",
    ),
    _platform(
        "e2e-off",
        "",
        "Reports that tests are not recognised.",
        "The deployment recognises tests that announce themselves.",
    ),
    _platform(
        "later-health",
        "",
        "Reports the health of sockets as the later generation does: by component, not of tests.",
        "The deployment says whether it recognises tests.",
    ),
    _platform(
        "stats-without-fields",
        "",
        "Leaves the two later fields out of the factory statistics.",
        "Statistics are complete.",
    ),
    _platform(
        "stats-dies",
        "",
        "Dies while it reads its own statistics.",
        "Statistics can be read.",
    ),
    _platform(
        "rate-limit-ignored",
        "user",
        "Serves any number of requests.",
        "Limits are enforced.",
    ),
    _platform(
        "rate-limit-no-retry-after",
        "user",
        "Refuses without saying when to come back.",
        "A refusal for too many requests says when to come back.",
    ),
    _platform(
        "rate-limit-too-low",
        "user",
        "Allows that many requests a window, whatever the published limit is.",
        "Limits are as published.",
        requests=FaultOption(default=1, type=int),
    ),
    _platform(
        "foreign-thread",
        "user",
        "Serves other users' threads.",
        "A user sees only what is theirs.",
    ),
    _platform(
        "foreign-run",
        "user",
        "Lists other users' agents, and lets anybody stop them.",
        "A user's agents are theirs alone.",
    ),
    _platform(
        "not-persisted",
        "user",
        "Confirms messages and forgets them.",
        "What was posted can be read.",
    ),
    _platform(
        "unordered-history",
        "user",
        "Gives the history of a thread out of order.",
        "A history is in the order it was written in.",
    ),
)

_CHAT = (
    _platform(
        "close",
        "phase user",
        "Closes the WebSocket with a code; at the upgrade it refuses it.",
        "A connection stays open.",
        Phase.AFTER_WELCOME,
        Phase.UPGRADE,
        Phase.BEFORE_WELCOME,
        Phase.MID_RUN,
        code=FaultOption(default=1011, type=int, lowest=1000, highest=4999, excluded=_NEVER_SENT),
        reason=_REASON,
    ),
    _platform("no-welcome", "user", "Never says welcome.", "A connection is welcomed."),
    _platform(
        "not-ready",
        "user",
        "Says welcome and that the connection is not ready.",
        "A welcomed connection is ready.",
    ),
    _platform(
        "lost-event",
        "user",
        "Loses every event of one of the five kinds.",
        "All five events are delivered.",
        type=_event("agent_thinking"),
    ),
    _platform(
        "duplicated-event",
        "user",
        "Sends every event of one of the five kinds twice.",
        "An event is sent once.",
        type=_event("tool_completed"),
    ),
    _platform(
        "reordered-events", "user", "Sends events out of order.", "Events come in their order."
    ),
    _platform(
        "unpaired-tool",
        "user",
        "Reports that a tool began and never that it ended.",
        "Tool events come in pairs.",
    ),
    _platform(
        "crossed-event",
        "user",
        "Delivers an event to another connected user.",
        "Events reach their own user only.",
    ),
    _platform("never-completes", "user", "Never ends a run.", "A run ends."),
    _platform("failed-run", "user", "Lets the agent of a run fail at its end.", "A run succeeds."),
    _platform(
        "late-reply",
        "user",
        "Answers that many seconds late.",
        "Answers come in time.",
        seconds=_seconds(2.0),
    ),
    _platform(
        "older-unknown-types",
        "user",
        "Takes frames of unknown types for chat text.",
        "Unknown types are acknowledged as such.",
    ),
    _platform(
        "enum-in-log",
        "user",
        "The handler dies of logging a state that JSON cannot carry.",
        "A handler survives its own logging.",
    ),
    _platform(
        "no-execute-agent",
        "user",
        "Does not know execute_agent: acknowledges it and starts nothing.",
        "execute_agent starts an agent.",
    ),
    _platform(
        "early-frames-lost",
        "user",
        "Loses the frames that come before the connection is ready.",
        "Every frame is handled.",
    ),
    _platform(
        "silent-tool-failure",
        "user",
        "Hides from the user that a tool failed.",
        "The user learns that a tool failed.",
    ),
    _platform(
        "stream-cut",
        "route user",
        "Cuts a stream before its terminal event.",
        "A stream comes to its end.",
    ),
    _platform(
        "token-echo",
        "",
        "Chooses the subprotocol that carries the token.",
        "A token is never echoed.",
    ),
    _platform("mute", "user", "Never answers a frame.", "Frames are answered."),
)

FAULTS: Mapping[str, FaultKind] = _Catalogue((*_TRANSPORT, *_HTTP, *_CHAT))
"""Every kind of fault by its name, read-only."""
