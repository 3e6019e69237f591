"""The worlds that the golden path is played in, and which checks must not hold there."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tests.golden_path.playing import CHECKS, play

from netra_testkit.local.catalogue import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.golden_path.playing import Played

    Kills = Mapping[int, str]

ALL: Final = tuple(CHECKS)
SOCKETS: Final = (1, 2, 3, 4, 7, 10, 16, 19, 20, 24, 25)
"""The checks that open a socket with a good token."""

TOKENS: Final = 2
"""The one check that shows bad tokens to a socket."""

PLACES: Final = 6
"""The one check that needs no user."""


QUICK: Final = 11
"""The one check whose connection begins with /health, and has the faults of that route."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One embedded staging, and what must become of the checks there.

    Attributes:
        name: What it is called.
        faults: What is broken.
        options: What else it is made with.
        kills: The causes of the checks that must fail, by number; others may fail as well.
        not_run: The numbers of those that do not run there, for want of what they need.
        hurried: Whether it keeps silent, and is waited for only briefly.
        there: Whether it is reached at all; where it is not, the run ends before any check.
        tolerable: Why every check has to hold although a fault is set.
        reduced: Whether it is played for every change, and not only nightly.
    """

    name: str
    faults: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    kills: Kills = field(default_factory=dict)
    not_run: frozenset[int] = frozenset()
    hurried: bool = False
    there: bool = True
    tolerable: str = ""
    reduced: bool = False

    def play(self) -> Played:
        """Play the golden path in it."""
        return play(*self.faults, options=self.options, hurried=self.hurried)

    @property
    def kinds(self) -> frozenset[str]:
        """The names of the kinds of its faults."""
        return frozenset(FAULTS[each.partition(":")[0]].name for each in self.faults)


def by(**numbers: Iterable[int]) -> Kills:
    """Which checks fail, by whose fault it is."""
    return MappingProxyType({each: cause for cause, some in numbers.items() for each in some})


def broken(name: str, *faults: str, kills: Kills, **more: Any) -> World:
    """A world with faults; without any, the fault of its name."""
    return World(name=name, faults=faults or (name,), kills=kills, **more)


def absent(name: str, *faults: str, cause: str) -> World:
    """A world that is not there."""
    everything = by(**{cause: ALL})
    return World(name=name, faults=faults or (name,), kills=everything, there=False)


SOUND: Final = (
    World(name="healthy", reduced=True),
    World(name="instant", options={"pace": 0.0}),
    World(name="slow within budget", faults=("latency:latency=20",), tolerable="budgets allow it"),
    World(
        name="another generation",
        options={
            "welcome": "system_message",
            "thread_handshake": False,
            "refusal": "close",
            "event_form": "wrapped",
        },
    ),
    World(
        name="later health",
        faults=("later-health",),
        tolerable="a deployment may keep to itself whether it recognises tests, but not deny it",
    ),
    World(
        name="sliced",
        faults=("slicer",),
        tolerable="a transport promises the order of bytes, and not in how many pieces they come",
    ),
    World(
        name="closing late",
        faults=("slow_close",),
        tolerable="what lasts a second is within every bound",
    ),
)

ABSENT: Final = (
    absent("black hole", "timeout", cause="infrastructure"),
    absent("reset_peer", cause="infrastructure"),
    absent("down", cause="infrastructure"),
    absent("nothing whole", "limit_data", cause="product"),
    absent("everything 500", "status", cause="product"),
    absent("everything 404", "status:status=404", cause="undecided"),
    absent("starting", "startup", cause="deployment"),
    absent("degraded", cause="product"),
    absent("unhealthy", "degraded:level=unhealthy", cause="product"),
)

TRANSPORT: Final = (
    broken("slow", "latency:latency=150,route=/health", kills=by(product=(11,))),
    broken("narrow", "bandwidth:rate=1,route=/health", kills=by(product=(11,))),
    broken(
        "crumbled",
        "slicer:average_size=16,size_variation=0,delay=50000,route=/health",
        kills=by(product=(11,)),
    ),
    broken("never closing", "slow_close:delay=20000", hurried=True, kills=by(undecided=(19,))),
    broken("servers of tools cut", "limit_data:route=/api/mcp/servers", kills=by(product=(5,))),
    broken(
        "chat stream cut", "limit_data:bytes=900,route=/api/chat/stream", kills=by(product=(23,))
    ),
    broken(
        "agent stream reset",
        "reset_peer:route=/api/agents/stream",
        kills=by(infrastructure=(8,)),
    ),
    broken("sockets down", "down:route=/ws", kills=by(infrastructure=SOCKETS)),
    broken(
        "black hole behind a health check",
        "timeout:route=/api/*",
        "timeout:route=/auth/*",
        "timeout:route=/ws",
        hurried=True,
        kills=by(infrastructure=(each for each in ALL if each != QUICK)),
    ),
    broken("close-frame", kills=by(product=SOCKETS)),
    broken(
        "code 999 before the welcome",
        "close-frame:code=999,phase=before-welcome",
        kills=by(product=SOCKETS),
    ),
)

STATUS: Final = (
    broken(
        "every route 404 but health",
        *(f"status:status=404,route={each}" for each in ("/api/*", "/auth/*", "/ws*")),
        kills=by(undecided=ALL),
    ),
    broken(
        "everything is 200",
        *(f"status:status=200,route={each}" for each in ("/api/*", "/auth/*")),
        kills=by(
            product=(5, 8, 9, 11, 12, 13, 14, 15, 21, 23),
            undecided=(3, 6, 7, 10, 16, 17, 19, 20, 22, 24),
        ),
        not_run=frozenset({18}),
    ),
    broken("sockets 500", "status:route=/ws", kills=by(product=SOCKETS)),
    broken("servers of tools 500", "status:route=/api/mcp/servers", kills=by(product=(5,))),
    broken("tools 500", "status:route=/api/mcp/tools/call", kills=by(product=(10,))),
    broken("discovery 500", "status:route=/api/discovery/services", kills=by(product=(6,))),
    broken("triage 500", "status:route=/api/agents/triage", kills=by(product=(7, 17))),
    broken("no agent starts", "status:route=/api/agents/start", kills=by(product=(9, 16, 22))),
    broken(
        "agents by the proxy",
        "status:status=503,plain=true,route=/api/agents/*",
        kills=by(deployment=(7, 8, 9, 11, 16, 17, 22)),
    ),
    broken("stopped in vain", "status:status=200,route=/api/agents/stop", kills=by(product=(9,))),
    broken("cancel 404", "status:status=404,route=/api/agents/cancel", kills=by(undecided=(22,))),
    broken(
        "threads 500",
        "status:route=/api/threads",
        kills=by(product=(3, 12, 13, 14, 15, 16, 17, 19, 20, 24)),
    ),
    broken("no thread found", "status:route=/api/threads/{id}", kills=by(product=(13, 16, 19))),
    broken("chat stream 500", "status:route=/api/chat/stream", kills=by(product=(23,))),
    broken("profile 500", "status:route=/api/users/profile", kills=by(product=(18,))),
)

ACCESS: Final = (
    broken("session-missing", kills=by(product=(*SOCKETS, 18))),
    broken(
        "secret-mismatch",
        kills=by(authentication=(each for each in ALL if each != PLACES)),
    ),
    broken("secret of sockets", "secret-mismatch:route=/ws", kills=by(authentication=SOCKETS)),
    broken(
        "token-skew",
        kills=by(authentication=(each for each in ALL if each != PLACES)),
    ),
    # What has expired is still good there, and what was just signed not yet.
    broken(
        "clock behind",
        "token-skew:seconds=-3600,route=/ws",
        kills=by(product=(2,), authentication=(each for each in SOCKETS if each != TOKENS)),
    ),
    broken("no-authentication", kills=by(product=(1, 2, 12, 21)), reduced=True),
    broken("open threads", "no-authentication:route=/api/threads/*", kills=by(product=(12,))),
    broken("open sockets", "no-authentication:route=/ws", kills=by(product=(1, 2))),
    broken("logged out in vain", "no-authentication:route=/auth/me", kills=by(product=(21,))),
    broken("any-token-type", kills=by(product=(21,))),
    broken("half-logged-out", kills=by(product=(21,))),
    broken("no-authorization", kills=by(product=(16,))),
    broken("foreign-thread", kills=by(product=(12, 16)), reduced=True),
    broken("foreign threads by chat", "foreign-thread:route=/api/chat/*", kills=by(product=(16,))),
    broken("foreign-run", kills=by(product=(16,))),
    broken("foreign-conversation", kills=by(product=(16,))),
    broken("e2e-off", kills=by(product=(6,))),
    broken("stats-without-fields", kills=by(product=(6,))),
    broken("stats-dies", kills=by(product=(6,))),
    broken("rate-limit-ignored", kills=by(product=(18,))),
    broken("rate-limit-no-retry-after", kills=by(product=(18,))),
    # Somebody else may have used up what a user is allowed.
    broken("rate-limit-too-low", kills=by(undecided=(18,))),
    broken("rate-limit-shared", kills=by(undecided=(18,))),
    broken("token-echo", kills=by(product=(2,))),
)

MESSAGES: Final = (
    broken("not-persisted", kills=by(product=(12, 14, 15, 17, 20, 24))),
    broken("not-deleted", kills=by(product=(13,))),
    broken("unordered-history", kills=by(product=(14, 15, 20, 24))),
    broken("mute", hurried=True, kills=by(product=SOCKETS[:1] + SOCKETS[2:])),
    broken("late-reply", hurried=True, kills=by(product=(1, 3, 4, 7, 10, 16, 19, 20, 24, 25))),
    broken("bad-frame-dies", kills=by(product=(19,))),
    broken("older-unknown-types", kills=by(product=(19,))),
    broken("early-frames-lost", kills=by(product=(3,))),
    broken("no-execute-agent", hurried=True, kills=by(product=(7,))),
)

SOCKET: Final = (
    broken("close", kills=by(product=SOCKETS)),
    broken("refused upgrade", "close:phase=upgrade", kills=by(product=SOCKETS)),
    broken("closed before the welcome", "close:phase=before-welcome", kills=by(product=SOCKETS)),
    broken("closed in a run", "close:phase=mid-run", kills=by(product=(4, 7, 10, 16, 25))),
    broken("no-welcome", hurried=True, kills=by(undecided=SOCKETS)),
    broken("not-ready", hurried=True, kills=by(product=SOCKETS)),
    broken("enum-in-log", kills=by(product=SOCKETS), reduced=True),
)

RUNS: Final = (
    *(
        broken(
            f"{kind} lost",
            f"lost-event:type={kind}",
            hurried=kind == "agent_completed",
            kills=by(product=killed),
        )
        for kind, killed in (
            ("agent_started", (7, 8, 10, 23, 25)),
            ("agent_thinking", (10, 25)),
            ("tool_executing", (10, 25)),
            ("tool_completed", (10, 25)),
            ("agent_completed", (4, 7, 8, 10, 16, 23, 25)),
        )
    ),
    broken("duplicated-event", kills=by(product=(10, 25))),
    broken(
        "completed twice", "duplicated-event:type=agent_completed", kills=by(product=(4, 23, 25))
    ),
    broken("reordered-events", kills=by(product=(8, 10, 23, 25))),
    broken("unpaired-tool", kills=by(product=(10, 25))),
    broken("crossed-event", kills=by(product=(4, 16, 25))),
    broken(
        "never-completes",
        hurried=True,
        kills=by(product=(4, 8, 10, 16, 23, 25), infrastructure=(7, 17)),
    ),
    # It takes longer there than to say that it is to be cancelled.
    broken("cancel-in-vain", options={"pace": 0.02}, kills=by(product=(22,))),
    broken("failed-run", kills=by(product=(7, 8, 10, 23, 25))),
    broken("silent-tool-failure", kills=by(product=(10, 25))),
    broken("buffered-stream", options={"pace": 0.1}, kills=by(product=(8,))),
    broken("stream-cut", kills=by(product=(8, 23)), reduced=True),
    broken("chat cut", "stream-cut:route=/api/chat/stream", kills=by(product=(23,))),
)

BROKEN: Final = (*ABSENT, *TRANSPORT, *STATUS, *ACCESS, *MESSAGES, *SOCKET, *RUNS)
WORLDS: Final = (*SOUND, *BROKEN)
"""Every world, the sound ones first."""
