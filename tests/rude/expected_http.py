"""What an HTTP call, an event stream and what is built of them make of each behaviour.

Written from the evidence rules: nothing heard is the infrastructure's; what was heard and then
broke, stalled or made no sense is the product's; 502, 503 and 504 are the deployment's unless the
platform itself says them; where the evidence does not decide, nobody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rude.behaviour import Client
from tests.rude.expected import Outcome

from netra_testkit.errors import (
    AuthRefused,
    CallFailed,
    Cause,
    ConnectionFailed,
    DeadlineExceeded,
    MalformedFrame,
    RateLimited,
    ServiceUnavailable,
    StreamTruncated,
    UnexpectedStatus,
    UnusableBody,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.rude.behaviour import Behaviour

ANSWERED = Outcome()
UNHEARD = Outcome(DeadlineExceeded, Cause.INFRASTRUCTURE)
STALLED = Outcome(DeadlineExceeded, Cause.PRODUCT)
DROPPED = Outcome(ConnectionFailed, Cause.INFRASTRUCTURE)
BROKEN = Outcome(ConnectionFailed, Cause.PRODUCT)
UNUSABLE = Outcome(UnusableBody, Cause.PRODUCT)
REFUSED = Outcome(AuthRefused, Cause.AUTHENTICATION)
UNASKED = Outcome(UnexpectedStatus, Cause.UNDECIDED)
CIRCLES = Outcome(UnexpectedStatus, Cause.PRODUCT)
LIMITED = Outcome(RateLimited, Cause.UNDECIDED)
NOT_UP = Outcome(ServiceUnavailable, Cause.DEPLOYMENT)
SAID_DOWN = Outcome(ServiceUnavailable, Cause.PRODUCT)
TRUNCATED = Outcome(StreamTruncated, Cause.PRODUCT)
MALFORMED = Outcome(MalformedFrame, Cause.PRODUCT)

OF_CONNECTIONS = {
    "refuses": DROPPED,
    "never completes": UNHEARD,
    "says nothing": UNHEARD,
    "never reads": UNHEARD,
    "closes at once": DROPPED,
    "resets at once": DROPPED,
    "half-closes at once": DROPPED,
    "resets in the request": DROPPED,
    "closes after the request": DROPPED,
    "resets after the request": DROPPED,
    "half-closes after the request": DROPPED,
    "greets in another protocol": STALLED,
    "floods with nonsense": BROKEN,
    # Bytes of a handshake are no byte of the platform's answer.
    "TLS never begins": UNHEARD,
    "TLS drips": UNHEARD,
    "TLS closes": DROPPED,
    "TLS resets": DROPPED,
    "TLS alerts": DROPPED,
    "TLS in plain text": DROPPED,
}
OF_HEADS = {
    "drips the status line": STALLED,
    "drips headers": STALLED,
    "floods headers": BROKEN,
    "stalls in the headers": STALLED,
    "closes in the headers": BROKEN,
    "resets in the headers": BROKEN,
    "half-closes in the headers": BROKEN,
    "promises for ever": STALLED,
    "floods with promises": STALLED,
    "one huge header": BROKEN,
    "nonsense for a status": BROKEN,
    "status of 999": UNASKED,
    "two lengths": BROKEN,
}
OF_ANSWERS = {
    "answers late": ANSWERED,
    "answers once and closes": ANSWERED,
    "answers once and resets": ANSWERED,
    "answers twice": ANSWERED,
}
OF_TEXTS = {
    "a body that is not JSON": ANSWERED,
    "a body that is not text": ANSWERED,
    "nothing with a body": ANSWERED,
}
OF_BODIES = {
    "drips a body": STALLED,
    "stalls in the body": STALLED,
    "closes in the body": BROKEN,
    "resets in the body": BROKEN,
    "half-closes in the body": BROKEN,
    "floods a body": UNUSABLE,
    "floods a body of no length": UNUSABLE,
    "endless chunks": UNUSABLE,
    "drips chunks": STALLED,
    "a chunk of no size": BROKEN,
    "closes in a chunk": BROKEN,
    "closes without a last chunk": BROKEN,
    "endless trailers": BROKEN,
    "a gzip bomb": UNUSABLE,
    "a deflate bomb": UNUSABLE,
    "broken gzip": UNUSABLE,
    "half a gzip": UNUSABLE,
    "an encoding nobody asked for": UNUSABLE,
}
OF_REDIRECTS = {
    "redirects in a loop": CIRCLES,
    "redirects onwards": CIRCLES,
    "redirects elsewhere": UNASKED,
    "redirects nowhere": UNASKED,
    "redirects to nonsense": UNASKED,
}
OF_STATUSES = {
    "a page of a proxy": NOT_UP,
    "status 401": REFUSED,
    "status 403": REFUSED,
    "status 404": UNASKED,
    "status 429": LIMITED,
    "status 500": UNASKED,
    "status 502": NOT_UP,
    "status 503": NOT_UP,
    "status 504": NOT_UP,
    "status 401 of the platform": REFUSED,
    "status 403 of the platform": REFUSED,
    "status 404 of the platform": UNASKED,
    "status 429 of the platform": LIMITED,
    "status 500 of the platform": CIRCLES,
    "status 502 of the platform": SAID_DOWN,
    "status 503 of the platform": SAID_DOWN,
    "status 504 of the platform": SAID_DOWN,
}
OF_CALLS: Mapping[str, Outcome] = {
    **OF_CONNECTIONS,
    **OF_HEADS,
    **OF_ANSWERS,
    **OF_TEXTS,
    **OF_BODIES,
    **OF_REDIRECTS,
    **OF_STATUSES,
}

OF_EVENTS = {
    "a stream with LF": ANSWERED,
    "a stream with CR": ANSWERED,
    "a stream with CRLF": ANSWERED,
    "a stream with every line ending": ANSWERED,
    "a stream with a BOM": ANSWERED,
    "a stream with comments": ANSWERED,
    "a stream of many-lined data": ANSWERED,
    "a stream that goes on after its end": ANSWERED,
    "a stream without an event": STALLED,
    "only comments": STALLED,
    "events, then only comments": STALLED,
    "events, then only heartbeats": STALLED,
    "drips an event": STALLED,
    "drips lines": STALLED,
    "stays after the end": ANSWERED,
    "comments after the end": ANSWERED,
    "a stream that closes": TRUNCATED,
    "a stream that resets": TRUNCATED,
    "a stream that half-closes": TRUNCATED,
    "a stream that stalls": STALLED,
    "a stream that ends early": TRUNCATED,
    "a stream that closes in a chunk": TRUNCATED,
    "a stream that closes in an event": TRUNCATED,
    "a stream of nothing": TRUNCATED,
    "floods events": STALLED,
    "floods comments": STALLED,
    "an endless line": MALFORMED,
    "an endless event": MALFORMED,
    "an oversized event": MALFORMED,
    "a bomb for a stream": MALFORMED,
    "an event that is not JSON": ANSWERED,
    "an event that is not UTF-8": ANSWERED,
    "no event stream at all": UNUSABLE,
    "a stream that fails": ANSWERED,
}
OF_STREAMS: Mapping[str, Outcome] = {
    **OF_CONNECTIONS,
    **OF_HEADS,
    # What is no event stream is refused by its head, whatever its body would have been.
    **dict.fromkeys({**OF_ANSWERS, **OF_TEXTS, **OF_BODIES}, UNUSABLE),
    **dict.fromkeys(OF_REDIRECTS, UNASKED),
    **OF_STATUSES,
    **OF_EVENTS,
}
# What asks for a body with something in it.
OF_HEALTH = {**OF_CALLS, **dict.fromkeys(OF_TEXTS, UNUSABLE)}

# Which of two comes first is a race against the bound: a flood and its cap, a million bytes and
# the time they take to be looked at.
RACES = {
    "floods a body": STALLED,
    "floods a body of no length": STALLED,
    "endless chunks": STALLED,
    "endless trailers": STALLED,
    "an endless line": STALLED,
    "an endless event": STALLED,
    "a gzip bomb": STALLED,
    "a deflate bomb": STALLED,
    "floods headers": STALLED,
    "one huge header": STALLED,
    "a bomb for a stream": STALLED,
    # Twenty round trips may take longer than the bound.
    "redirects in a loop": STALLED,
}


def expected(call: str, behaviour: Behaviour) -> frozenset[Outcome]:
    """How a call may end that meets a behaviour; more than one end only where it is a race."""
    raced = RACES.get(behaviour.name)
    likely = _likely(call, behaviour)
    if raced is None or likely.error is None:
        return frozenset({likely})
    return frozenset({likely, Outcome(_ended(call, raced).error, raced.cause)})


def _likely(call: str, behaviour: Behaviour) -> Outcome:
    name = behaviour.name
    if call in {"users", "leaving a user"}:
        # Nothing that is asked on the side is a failure of entering or leaving.
        return ANSWERED
    if call == "users, registered":
        # No behaviour names the user that it registered.
        return UNUSABLE if OF_CALLS[name] is ANSWERED else OF_CALLS[name]
    if call == "staging_availability":
        return _ended(call, OF_AVAILABILITY.get(name, OF_CALLS[name]))
    tables = {"health": OF_HEALTH, "wait_until_ready": OF_HEALTH, "stream": OF_STREAMS}
    return _ended(call, tables.get(call, OF_CALLS)[name])


# The page of another service or of a proxy, and redirects, which it does not follow.
OF_AVAILABILITY = {
    "a body that is not JSON": DROPPED,
    "a body that is not text": DROPPED,
    "nothing with a body": UNASKED,
    # It looks at the beginning only.
    "floods a body": DROPPED,
    "floods a body of no length": DROPPED,
    "endless chunks": DROPPED,
    "a gzip bomb": DROPPED,
    "a deflate bomb": DROPPED,
    **dict.fromkeys(OF_REDIRECTS, UNASKED),
}


def _ended(call: str, outcome: Outcome) -> Outcome:
    """The same cause, under the one error in which some calls end."""
    error = {"wait_until_ready": DeadlineExceeded, "staging_availability": CallFailed}.get(call)
    return outcome if None in (outcome.error, error) else Outcome(error, outcome.cause)


def known(client: Client) -> set[str]:
    """The behaviours for which a client's table has a row."""
    return set(OF_STREAMS if client is Client.STREAM else OF_CALLS)
