"""Every way in which the embedded staging can be broken, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netra_testkit.local.entries import (
    NEVER_SENT,
    REASON,
    close_code,
    event,
    milliseconds,
    number_of_bytes,
    platform,
    retry_after,
    seconds,
    status,
    transport,
)
from netra_testkit.local.kinds import FaultKind, FaultOption, Phase

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


_TRANSPORT = (
    transport(
        "latency",
        "Delays everything the server sends, by latency and up to jitter more or less.",
        "Answers come as fast as the network.",
        latency=milliseconds(100.0),
        jitter=milliseconds(0.0),
    ),
    transport(
        "bandwidth",
        "Sends no faster than rate.",
        "Large answers arrive soon.",
        rate=FaultOption(default=16.0, type=float, unit="KB/s", lowest=0.001),
    ),
    transport(
        "slow_close",
        "Keeps the connection open for a while after the server has closed it.",
        "A closed connection is gone at once.",
        delay=milliseconds(1000.0),
    ),
    transport(
        "timeout",
        "Lets nothing through, and closes the connection after timeout; 0 keeps it open for ever.",
        "Every request is answered or refused.",
        timeout=milliseconds(0.0),
    ),
    transport(
        "reset_peer",
        "Lets nothing back, and resets the connection after timeout.",
        "Connections end in order.",
        timeout=milliseconds(0.0),
    ),
    transport(
        "slicer",
        "Sends everything in small pieces, with a delay between them.",
        "A message arrives in one piece.",
        average_size=number_of_bytes(64, lowest=1),
        size_variation=number_of_bytes(32),
        delay=FaultOption(default=1000.0, type=float, unit="us"),
    ),
    transport(
        "limit_data",
        "Closes the connection once the server has sent that many bytes.",
        "An answer comes to its end.",
        bytes=number_of_bytes(100),
    ),
    transport(
        "down",
        "Drops every connection, as when no server is there.",
        "The server can be reached.",
    ),
    transport(
        "close-frame",
        "Writes a raw WebSocket close frame with any number, and ends the connection.",
        "Close codes are those of the standard.",
        Phase.AFTER_WELCOME,
        Phase.UPGRADE,
        Phase.BEFORE_WELCOME,
        Phase.MID_RUN,
        code=close_code(1006),
        reason=REASON,
    ),
)

_HTTP = (
    platform(
        "status",
        "route user",
        "Answers with a status, in the platform's error body or as a proxy's plain page.",
        "A sound request succeeds.",
        status=status(500),
        retry_after=retry_after(None),
        plain=FaultOption(default=False, type=bool),
    ),
    platform(
        "startup",
        "route",
        "Fails every request for that many seconds, as a deployment that is starting does.",
        "The deployment is up.",
        seconds=seconds(10.0),
        status=status(503),
        retry_after=retry_after(10),
    ),
    platform(
        "degraded",
        "route",
        "Reports degraded health, or by level that it is unhealthy and serves nobody.",
        "The deployment is healthy.",
        level=FaultOption(default="degraded", type=str, choices=("degraded", "unhealthy")),
    ),
    platform(
        "session-missing",
        "route user",
        "Routes and sockets that touch the session die, the others live.",
        "The session middleware is installed.",
    ),
    platform(
        "secret-mismatch",
        "route user",
        "Verifies tokens with another secret than they are signed with.",
        "Services share their secret.",
    ),
    platform(
        "token-skew",
        "route user",
        "Verifies tokens by a clock that is ahead; a negative number is behind.",
        "Services agree on the time.",
        seconds=seconds(3600.0, lowest=None),
    ),
    platform(
        "any-token-type",
        "route user",
        "Takes a token of any type for an access token.",
        "A refresh token opens nothing.",
    ),
    platform(
        "no-authentication",
        "route user",
        "Accepts any token, and none.",
        "A bad token is refused.",
    ),
    platform(
        "half-logged-out",
        "route user",
        "Leaves the refresh token good of whoever logs out.",
        "Whoever logs out is out.",
    ),
    platform(
        "no-authorization",
        "route user",
        "Shows everybody who is logged in what is for administrators.",
        "Permissions are looked at.",
    ),
    platform(
        "e2e-off",
        "",
        "Reports that tests are not recognised.",
        "The deployment recognises tests that announce themselves.",
    ),
    platform(
        "later-health",
        "",
        "Reports the health of sockets as the later generation does: by component, not of tests.",
        "The deployment says whether it recognises tests.",
    ),
    platform(
        "stats-without-fields",
        "",
        "Leaves the two later fields out of the factory statistics.",
        "Statistics are complete.",
    ),
    platform(
        "stats-dies",
        "",
        "Dies while it reads its own statistics.",
        "Statistics can be read.",
    ),
    platform(
        "rate-limit-ignored",
        "user",
        "Serves any number of requests.",
        "Limits are enforced.",
    ),
    platform(
        "rate-limit-no-retry-after",
        "user",
        "Refuses without saying when to come back.",
        "A refusal for too many requests says when to come back.",
    ),
    platform(
        "rate-limit-too-low",
        "user",
        "Allows that many requests a window, whatever the published limit is.",
        "Limits are as published.",
        requests=FaultOption(default=1, type=int),
    ),
    platform(
        "rate-limit-shared",
        "user",
        "Counts the requests of all users together.",
        "One user's requests leave room for everybody else's.",
    ),
    platform(
        "foreign-thread",
        "route user",
        "Serves other users' threads.",
        "A user sees only what is theirs.",
    ),
    platform(
        "foreign-run",
        "user",
        "Lists other users' agents, and lets anybody stop them.",
        "A user's agents are theirs alone.",
    ),
    platform(
        "cancel-in-vain",
        "user",
        "Says that an agent has been stopped or cancelled, and lets it go on.",
        "An agent that was cancelled does nothing more.",
    ),
    platform(
        "not-persisted",
        "user",
        "Confirms messages and forgets them.",
        "What was posted can be read.",
    ),
    platform(
        "not-deleted",
        "user",
        "Confirms that a thread is deleted, and keeps it.",
        "What was deleted is gone.",
    ),
    platform(
        "unordered-history",
        "user",
        "Gives the history of a thread out of order.",
        "A history is in the order it was written in.",
    ),
)

_CHAT = (
    platform(
        "close",
        "phase user",
        "Closes the WebSocket with a code; at the upgrade it refuses it.",
        "A connection stays open.",
        Phase.AFTER_WELCOME,
        Phase.UPGRADE,
        Phase.BEFORE_WELCOME,
        Phase.MID_RUN,
        code=FaultOption(default=1011, type=int, lowest=1000, highest=4999, excluded=NEVER_SENT),
        reason=REASON,
    ),
    platform("no-welcome", "user", "Never says welcome.", "A connection is welcomed."),
    platform(
        "not-ready",
        "user",
        "Says welcome and that the connection is not ready.",
        "A welcomed connection is ready.",
    ),
    platform(
        "lost-event",
        "user",
        "Loses every event of one of the five kinds.",
        "All five events are delivered.",
        type=event("agent_thinking"),
    ),
    platform(
        "duplicated-event",
        "user",
        "Sends every event of one of the five kinds twice.",
        "An event is sent once.",
        type=event("tool_completed"),
    ),
    platform(
        "reordered-events", "user", "Sends events out of order.", "Events come in their order."
    ),
    platform(
        "unpaired-tool",
        "user",
        "Reports that a tool began and never that it ended.",
        "Tool events come in pairs.",
    ),
    platform(
        "crossed-event",
        "user",
        "Delivers an event to another connected user.",
        "Events reach their own user only.",
    ),
    platform("never-completes", "user", "Never ends a run.", "A run ends."),
    platform("failed-run", "user", "Lets the agent of a run fail at its end.", "A run succeeds."),
    platform(
        "late-reply",
        "user",
        "Answers that many seconds late.",
        "Answers come in time.",
        seconds=seconds(2.0),
    ),
    platform(
        "older-unknown-types",
        "user",
        "Takes frames of unknown types for chat text.",
        "Unknown types are acknowledged as such.",
    ),
    platform(
        "bad-frame-dies",
        "user",
        "The handler dies of a frame that cannot be read.",
        "A handler survives what clients send.",
    ),
    platform(
        "foreign-conversation",
        "user",
        "Opens to a socket every thread it names, whoever's that is.",
        "A user talks in their own threads only.",
    ),
    platform(
        "enum-in-log",
        "user",
        "The handler dies of logging a state that JSON cannot carry.",
        "A handler survives its own logging.",
    ),
    platform(
        "no-execute-agent",
        "user",
        "Does not know execute_agent: acknowledges it and starts nothing.",
        "execute_agent starts an agent.",
    ),
    platform(
        "early-frames-lost",
        "user",
        "Loses the frames that come before the connection is ready.",
        "Every frame is handled.",
    ),
    platform(
        "silent-tool-failure",
        "user",
        "Hides from the user that a tool failed.",
        "The user learns that a tool failed.",
    ),
    platform(
        "stream-cut",
        "route user",
        "Cuts a stream before its terminal event.",
        "A stream comes to its end.",
    ),
    platform(
        "buffered-stream",
        "route user",
        "Holds a stream back until its end, as a proxy that buffers does.",
        "A stream tells what happens when it happens.",
    ),
    platform(
        "token-echo",
        "",
        "Chooses the subprotocol that carries the token.",
        "A token is never echoed.",
    ),
    platform("mute", "user", "Never answers a frame.", "Frames are answered."),
)

FAULTS: Mapping[str, FaultKind] = _Catalogue((*_TRANSPORT, *_HTTP, *_CHAT))
"""Every kind of fault by its name, read-only."""
