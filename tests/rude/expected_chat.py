"""What each call of a chat makes of each behaviour.

Written from the evidence rules: nothing heard is the infrastructure's; between the first byte and
the welcome nobody's; after the welcome what was asked and not answered is the product's, and a
silence in which nobody asked anything is nobody's; a broken protocol, an illegal code and 1011 are
the product's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rude.answers import ANSWERS
from tests.rude.behaviour import Phase, Protocol
from tests.rude.expected import Outcome
from tests.rude.expected_http import OF_CONNECTIONS, OF_STATUSES

from netra_testkit.errors import (
    AuthRefused,
    Cause,
    ConnectionFailed,
    DeadlineExceeded,
    HandshakeFailed,
    MalformedFrame,
    ServerClosed,
    UnexpectedFrame,
    UnexpectedStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.rude.behaviour import Behaviour

    Row = Mapping[str, Outcome]

OK = Outcome()
QUIET = Outcome(DeadlineExceeded, Cause.UNDECIDED)
LATE = Outcome(DeadlineExceeded, Cause.PRODUCT)
NO_UPGRADE = Outcome(HandshakeFailed, Cause.UNDECIDED)
UNREADY = Outcome(HandshakeFailed, Cause.PRODUCT)
DROPPED = Outcome(ConnectionFailed, Cause.INFRASTRUCTURE)
REFUSED = Outcome(AuthRefused, Cause.AUTHENTICATION)
MALFORMED = Outcome(MalformedFrame, Cause.PRODUCT)
UNEXPECTED = Outcome(UnexpectedFrame, Cause.PRODUCT)


def closed(cause: Cause) -> Outcome:
    """The connection was closed, and whose fault that is."""
    return Outcome(ServerClosed, cause)


LOST, BROKEN = closed(Cause.UNDECIDED), closed(Cause.PRODUCT)

LISTENING = ("receive", "expect", "events", "wait_for_thread")
ASKING = ("request", "ping", "run_agent")
SENDING = ("send", "send_raw")
ENDING = ("close", "leave")
SILENT: Row = {
    **dict.fromkeys(SENDING, OK),
    **dict.fromkeys(LISTENING, QUIET),
    "expect_nothing": OK,
    **dict.fromkeys(ASKING, LATE),
    **dict.fromkeys(ENDING, OK),
}


def silent(*, close: Outcome = OK, leave: Outcome = OK, **others: Outcome) -> Row:
    """Nothing comes but what is said."""
    return {**SILENT, "close": close, "leave": leave, **others}


def ended(how: Outcome, *, leave: Outcome | None = None) -> Row:
    """The connection ends at once, so that every call meets the end; closing has nothing to do."""
    return {**dict.fromkeys(SILENT, how), "close": OK, "leave": leave or how}


def heard(how: Outcome, *, sought: Outcome, unwanted: Outcome, close: Outcome = OK) -> Row:
    """Something comes at once for whoever takes what comes, or seeks, or wants nothing."""
    return silent(close=close, receive=how, expect=sought, expect_nothing=unwanted, events=sought)


UNREADABLE = heard(MALFORMED, sought=MALFORMED, unwanted=MALFORMED)
FLOODED = heard(OK, sought=QUIET, unwanted=UNEXPECTED, close=LATE)

# The upgrade and the welcome, which only opening meets, unless they come about in spite of all.
OPENING = {
    "upgrade answered 200": NO_UPGRADE,
    "upgrade with a wrong key": NO_UPGRADE,
    "upgrade with an empty key": NO_UPGRADE,
    "upgrade without an Upgrade header": NO_UPGRADE,
    "a subprotocol never offered": NO_UPGRADE,
    "two subprotocols": NO_UPGRADE,
    "an extension nobody asked for": NO_UPGRADE,
    "drips the upgrade": QUIET,
    "stalls in the upgrade": QUIET,
    "closes in the upgrade": NO_UPGRADE,
    "resets in the upgrade": NO_UPGRADE,
    "no welcome": QUIET,
    "no welcome and no close": QUIET,
    "drips the welcome": QUIET,
    "welcomes unready": UNREADY,
    "only protocol pings for a welcome": QUIET,
    "only JSON pings for a welcome": QUIET,
    "floods instead of a welcome": QUIET,
    "closes the connection before the welcome": LOST,
    "resets before the welcome": LOST,
    "half-closes before the welcome": LOST,
    "nonsense for a welcome": QUIET,
    "refuses the credentials in a frame": REFUSED,
    "refuses the credentials and closes": REFUSED,
}
# An answer to the upgrade that is none: what it is like does not matter, only whether it ends.
UNENDING = (
    *("drips the status line", "drips headers", "stalls in the headers"),
    *("drips a body", "stalls in the body", "drips chunks", "endless chunks"),
)
OF_TCP = {
    "greets in another protocol": NO_UPGRADE,
    "floods with nonsense": NO_UPGRADE,
}
AFTERWARDS: Mapping[str, Row] = {
    "welcomes late": SILENT,
    "the token echoed": SILENT,
    "silent": SILENT,
    "only protocol pings": silent(close=LATE),
    "only protocol pongs": silent(close=LATE),
    "only JSON pings": silent(close=LATE),
    "only heartbeats": silent(close=LATE),
    "answers messages late": silent(request=OK),
    "answers somebody else": SILENT,
    "never reads frames": silent(send=LATE, send_raw=LATE, close=LATE),
    "floods frames": FLOODED,
    "floods large frames": FLOODED,
    "floods pings": silent(close=LATE),
    "floods empty frames": {
        **heard(MALFORMED, sought=MALFORMED, unwanted=MALFORMED, close=LATE),
        **dict.fromkeys(ASKING, MALFORMED),
    },
    "drips a frame": silent(close=LATE),
    "fragments for ever": ended(BROKEN),
    "drips fragments": silent(close=LATE),
    "an oversized frame": ended(BROKEN),
    "a frame of a terabyte": ended(BROKEN),
    "a masked frame": ended(BROKEN),
    "a frame that is not UTF-8": ended(BROKEN),
    "a frame that is not JSON": UNREADABLE,
    "a frame that is no object": UNREADABLE,
    "a frame without a type": UNREADABLE,
    "a frame of an unknown type": heard(OK, sought=QUIET, unwanted=UNEXPECTED),
    "a frame too deep": UNREADABLE,
    "a binary frame": UNREADABLE,
    "reserved bits": ended(BROKEN),
    "a reserved opcode": ended(BROKEN),
    "a continuation of nothing": ended(BROKEN),
    "a message within a message": ended(BROKEN),
    "an oversized ping": ended(BROKEN),
    "a ping in fragments": ended(BROKEN),
    "stalls in a frame": silent(close=LATE),
    "closes in a frame": ended(LOST),
    "resets in a frame": ended(LOST),
    "half-closes in a frame": ended(LOST),
    "a run without an event": SILENT,
    "a run that stalls": SILENT,
    "a run that thinks for ever": SILENT,
    "a run that floods": SILENT,
    "a run that resets": silent(run_agent=LOST),
    "a run that crashes": silent(run_agent=BROKEN),
    "leaves without a close": ended(LOST),
    "resets after the welcome": ended(LOST),
    "half-closes after the welcome": ended(LOST),
    "never answers a close": silent(close=LATE),
    "answers a close late": SILENT,
    "talks on after a close": silent(close=LATE),
    "closes and stays": ended(LOST, leave=OK),
    "closes and talks on": ended(LOST, leave=OK),
    "a close of one byte": ended(BROKEN),
    "a close that is not UTF-8": ended(BROKEN),
    "a close too long": ended(BROKEN),
}

CLEAN = {None, 1000, 1001}
REFUSING = {1008, 4001, 4002, 4401, 4403}
CAUSES = {
    **dict.fromkeys((1002, 1003, 1007, 1009, 1010), Cause.TEST),
    1011: Cause.PRODUCT,
    **dict.fromkeys((1012, 1013, 1014), Cause.DEPLOYMENT),
    **dict.fromkeys((4001, 4002, 4401, 4403), Cause.AUTHENTICATION),
    # What no server may send.
    **dict.fromkeys((0, 401, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535), Cause.PRODUCT),
}


def closing(behaviour: Behaviour) -> Row:
    """A close with any code, in any phase after the welcome."""
    how = closed(CAUSES.get(behaviour.code or -1, Cause.UNDECIDED))
    if behaviour.code == 0:
        how = BROKEN
    clean = behaviour.code in CLEAN
    match behaviour.phase:
        case Phase.RUN:
            return silent(**dict.fromkeys(ASKING, how))
        case Phase.CLOSE:
            return SILENT if clean else silent(close=how, leave=how)
        case _:
            return ended(how, leave=OK if clean else how)


def opening(behaviour: Behaviour) -> Outcome:
    """What opening makes of a behaviour."""
    name = behaviour.name
    if behaviour.speaks is Protocol.WEBSOCKET:
        if behaviour.phase is Phase.WELCOME and name.startswith("closes with "):
            how = closing(behaviour)["receive"]
            return REFUSED if behaviour.code in REFUSING else how
        return OPENING.get(name, OK)
    if behaviour.speaks is not Protocol.HTTP:
        return OF_TCP.get(name, OF_CONNECTIONS[name])
    if name in UNENDING:
        return QUIET
    said = OF_STATUSES.get(name, NO_UPGRADE)
    return Outcome(HandshakeFailed, said.cause) if said.error is UnexpectedStatus else said


# Which of two comes first is a race against the bound, or against the server's own timer.
RACES: Mapping[str, Callable[[str], tuple[Outcome, ...]]] = {
    # A hundred thousand fragments may take longer than the bound.
    "fragments for ever": lambda call: (silent(close=LATE)[call],) if call in SILENT else (),
    # It has said its goodbye and keeps the connection: which clock ends it first is open.
    "closes and stays": lambda call: (LATE,) if call == "close" else (),
    "closes and talks on": lambda call: (LATE,) if call == "close" else (),
    "half-closes in the headers": lambda _: (NO_UPGRADE, QUIET),
    # An answer of more than a megabyte is given up, if so much comes in time.
    "endless chunks": lambda _: (NO_UPGRADE,),
}


def expected(call: str, behaviour: Behaviour) -> frozenset[Outcome]:
    """How a call may end that meets a behaviour; more than one end only where it is a race."""
    name = behaviour.name
    raced = RACES[name](call) if name in RACES else ()
    if call == "open":
        return frozenset({opening(behaviour), *raced})
    row = AFTERWARDS[name] if name in AFTERWARDS else closing(behaviour)
    return frozenset({row[call], *raced})


def known() -> set[str]:
    """The behaviours, closings with a code apart, for which there is a row."""
    http = {each.name for each in ANSWERS}
    return {*AFTERWARDS, *OPENING, *OF_CONNECTIONS, *http}
