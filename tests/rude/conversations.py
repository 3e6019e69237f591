"""Rude after the welcome: frames, runs, and the end of a WebSocket."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tests.rude.behaviour import Behaviour, Phase, Protocol
from tests.rude.framing import Opcode, close_frame, frame, message
from tests.rude.server import Ending, Peer
from tests.rude.welcoming import close_with, converse, event, welcomed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rude.server import Act

TWO_MEGABYTES = 2**21
TOO_DEEP = b"[" * 100_000


def says(*frames: bytes) -> Act:
    """Send frames after the welcome, then converse."""

    def act(peer: Peer) -> None:
        peer.send(b"".join(frames))
        converse(peer)

    return welcomed(act)


def repeats(data: bytes, first: bytes = b"") -> Act:
    """Send the same at intervals after the welcome, for ever."""

    def act(peer: Peer) -> None:
        peer.send(first)
        peer.repeat(data)

    return welcomed(act)


def floods(data: bytes, first: bytes = b"") -> Act:
    """Send the same as fast as it is taken after the welcome, for ever."""

    def act(peer: Peer) -> None:
        peer.send(first)
        peer.flood(data)

    return welcomed(act)


def half_a_frame(ending: Ending) -> Act:
    """Send half a frame after the welcome, then end so."""

    def act(peer: Peer) -> None:
        peer.send(frame(b'{"type": "agent_', claimed_length=1000))
        peer.end(ending)

    return welcomed(act)


def never_close(peer: Peer) -> None:
    converse(peer, closing=lambda peer: peer.drain())


def close_late(peer: Peer) -> None:
    def later(peer: Peer) -> None:
        peer.wait(peer.pace.late)
        peer.send(close_frame(1000))

    converse(peer, closing=later)


def talk_on(peer: Peer) -> None:
    converse(peer, closing=lambda peer: peer.flood(message(event("broadcast", text="x" * 200))))


def close_and_stay(peer: Peer) -> None:
    peer.send(close_frame(1000))
    peer.hold()


def close_and_talk_on(peer: Peer) -> None:
    peer.send(close_frame(1000))
    peer.repeat(message(event("broadcast", text="after the close")))


def answer_late(peer: Peer) -> None:
    def later(peer: Peer, asked: dict[str, Any]) -> None:
        peer.wait(peer.pace.late)
        peer.send(message({**event("ack"), "message_id": asked.get("message_id")}))

    converse(peer, later)


def answer_for_another(peer: Peer) -> None:
    converse(peer, lambda peer, _: peer.send(message({**event("ack"), "message_id": "another"})))


def run(*kinds: str, then: Callable[[Peer, bytes], None] | None = None) -> Act:
    """Answer the start of an agent with some of its events, then do something with a thought."""

    def reply(peer: Peer, asked: dict[str, Any]) -> None:
        payload = asked.get("payload", {})
        if asked.get("type") != "start_agent":
            return
        ids = {name: payload.get(name) for name in ("run_id", "thread_id")}
        details = {"agent": payload.get("agent"), "thought": "…", "tool": "search", "user_id": None}
        for kind in kinds:
            peer.send(message(event(kind, **details, **ids)))
        if then is not None:
            then(peer, message(event("agent_thinking", **details, **ids)))

    return welcomed(lambda peer: converse(peer, reply))


def reset(peer: Peer, _thought: bytes = b"") -> None:
    peer.end(Ending.RESET)


def crash(peer: Peer, _thought: bytes) -> None:
    close_with(peer, 1011, b"unexpected")


websocket = partial(Behaviour, speaks=Protocol.WEBSOCKET)
RECEIVE, SEND, RUN, CLOSE = Phase.RECEIVE, Phase.SEND, Phase.RUN, Phase.CLOSE
BROADCAST = message(event("broadcast", text="x" * 200))
LARGE = message(event("broadcast", text="x" * 60_000))

SILENCES = (
    websocket("silent", RECEIVE, "Welcomes, then says nothing, but closes well.", says()),
    websocket(
        "only protocol pings",
        RECEIVE,
        "Welcomes, then sends ping frames for ever.",
        repeats(frame(b"", Opcode.PING)),
    ),
    websocket(
        "only protocol pongs",
        RECEIVE,
        "Welcomes, then sends pong frames that nobody asked for.",
        repeats(frame(b"", Opcode.PONG)),
    ),
    websocket(
        "only JSON pings",
        RECEIVE,
        "Welcomes, then sends ping messages for ever.",
        repeats(message(event("ping"))),
    ),
    websocket(
        "only heartbeats",
        RECEIVE,
        "Welcomes, then sends heartbeats for ever.",
        repeats(message(event("heartbeat"))),
    ),
    websocket("answers messages late", RECEIVE, "Answers after a while.", welcomed(answer_late)),
    websocket(
        "answers somebody else",
        RECEIVE,
        "Answers with the id of another message.",
        welcomed(answer_for_another),
    ),
    websocket(
        "never reads frames",
        SEND,
        "Welcomes and never reads again, so that a large message blocks.",
        welcomed(lambda peer: peer.hold()),
        small_buffer=True,
    ),
)

FLOODS = (
    websocket("floods frames", RECEIVE, "Sends small messages for ever.", floods(BROADCAST)),
    websocket("floods large frames", RECEIVE, "Sends 60 KB messages for ever.", floods(LARGE)),
    websocket(
        "floods pings",
        RECEIVE,
        "Sends ping frames as fast as they are taken.",
        floods(frame(b"x" * 100, Opcode.PING)),
    ),
    websocket("floods empty frames", RECEIVE, "Sends empty messages.", floods(frame(b""))),
    websocket(
        "drips a frame",
        RECEIVE,
        "Promises a frame and sends it a byte at a time.",
        repeats(b"x", frame(b'{"type": "', claimed_length=1_000_000)),
    ),
    websocket(
        "fragments for ever",
        RECEIVE,
        "Never sends the last fragment of a message.",
        floods(
            frame(b"x", Opcode.CONTINUATION, final=False),
            frame(b"{", final=False),
        ),
    ),
    websocket(
        "drips fragments",
        RECEIVE,
        "Never sends the last fragment of a message, one each interval.",
        repeats(
            frame(b"x", Opcode.CONTINUATION, final=False),
            frame(b"{", final=False),
        ),
    ),
)

FRAMES = (
    websocket(
        "an oversized frame",
        RECEIVE,
        "Sends a message of 2 MiB.",
        says(frame(b"x" * TWO_MEGABYTES)),
    ),
    websocket(
        "a frame of a terabyte",
        RECEIVE,
        "Says so in its header, and sends little of it.",
        says(frame(b"x" * 1000, claimed_length=2**40)),
    ),
    websocket(
        "a masked frame", RECEIVE, "Masks, as a server must not.", says(frame(b"{}", masked=True))
    ),
    websocket(
        "a frame that is not UTF-8", RECEIVE, "Is text and is not.", says(frame(b"\xff\xfe{}"))
    ),
    websocket(
        "a frame that is not JSON", RECEIVE, "Sends half an object.", says(frame(b'{"type":'))
    ),
    websocket("a frame that is no object", RECEIVE, "Sends a list.", says(message(["ping"]))),
    websocket("a frame without a type", RECEIVE, "Says of no type.", says(message({"data": {}}))),
    websocket(
        "a frame of an unknown type",
        RECEIVE,
        "Says of a type that nobody knows.",
        says(message(event("never_heard_of"))),
    ),
    websocket(
        "a frame too deep", RECEIVE, "Nests a hundred thousand lists.", says(frame(TOO_DEEP))
    ),
    websocket(
        "a binary frame",
        RECEIVE,
        "Sends bytes that are no text.",
        says(frame(bytes(range(256)), Opcode.BINARY)),
    ),
    websocket(
        "reserved bits", RECEIVE, "Sets a bit that means nothing.", says(frame(b"{}", reserved=4))
    ),
    websocket(
        "a reserved opcode",
        RECEIVE,
        "Sends a frame of a kind that there is not.",
        says(frame(b"{}", Opcode.RESERVED)),
    ),
    websocket(
        "a continuation of nothing",
        RECEIVE,
        "Continues a message that was never begun.",
        says(frame(b"{}", Opcode.CONTINUATION)),
    ),
    websocket(
        "a message within a message",
        RECEIVE,
        "Begins a message before the last has ended.",
        says(frame(b"{", final=False), frame(b"{}")),
    ),
    websocket(
        "an oversized ping",
        RECEIVE,
        "Sends a ping longer than a ping may be.",
        says(frame(b"x" * 126, Opcode.PING)),
    ),
    websocket(
        "a ping in fragments",
        RECEIVE,
        "Sends a ping that does not end.",
        says(frame(b"x", Opcode.PING, final=False)),
    ),
    *(
        websocket(
            f"{verb} in a frame",
            RECEIVE,
            f"Sends half a frame, then: {ending}.",
            half_a_frame(ending),
        )
        for verb, ending in {
            "stalls": Ending.SILENCE,
            "closes": Ending.CLOSE,
            "resets": Ending.RESET,
            "half-closes": Ending.HALF_CLOSE,
        }.items()
    ),
)

RUNS = (
    websocket("a run without an event", RUN, "Takes the start and says nothing.", run()),
    websocket(
        "a run that stalls",
        RUN,
        "Starts, thinks and stops.",
        run("agent_started", "agent_thinking"),
    ),
    websocket(
        "a run that thinks for ever",
        RUN,
        "Starts and thinks, a thought each interval.",
        run("agent_started", then=Peer.repeat),
    ),
    websocket(
        "a run that floods",
        RUN,
        "Starts and thinks as fast as it is taken.",
        run("agent_started", then=Peer.flood),
    ),
    websocket("a run that resets", RUN, "Starts and resets.", run("agent_started", then=reset)),
    websocket(
        "a run that crashes",
        RUN,
        "Starts and closes with 1011.",
        run("agent_started", "tool_executing", then=crash),
    ),
)

ENDS = (
    websocket(
        "leaves without a close",
        RECEIVE,
        "Welcomes and closes the connection.",
        welcomed(lambda peer: peer.end(Ending.CLOSE)),
    ),
    websocket(
        "resets after the welcome",
        RECEIVE,
        "Welcomes and resets.",
        welcomed(reset),
    ),
    websocket(
        "half-closes after the welcome",
        RECEIVE,
        "Welcomes, ends its own direction and goes on reading.",
        welcomed(lambda peer: peer.end(Ending.HALF_CLOSE)),
    ),
    websocket("never answers a close", CLOSE, "Goes on reading.", welcomed(never_close)),
    websocket(
        "answers a close late", CLOSE, "Answers a close after a while.", welcomed(close_late)
    ),
    websocket("talks on after a close", CLOSE, "Answers a close with a flood.", welcomed(talk_on)),
    websocket(
        "closes and stays",
        CLOSE,
        "Sends a close and never ends the connection.",
        welcomed(close_and_stay),
    ),
    websocket(
        "closes and talks on",
        CLOSE,
        "Sends a close and goes on sending messages.",
        welcomed(close_and_talk_on),
    ),
    websocket(
        "a close of one byte",
        CLOSE,
        "Closes with half a code.",
        says(frame(b"\x03", Opcode.CLOSE)),
    ),
    websocket(
        "a close that is not UTF-8",
        CLOSE,
        "Closes with a reason that is no text.",
        says(close_frame(1000, b"\xff\xfe")),
    ),
    websocket(
        "a close too long",
        CLOSE,
        "Closes with a reason longer than one may be.",
        says(close_frame(1000, b"x" * 124)),
    ),
)

CONVERSATIONS = (*SILENCES, *FLOODS, *FRAMES, *RUNS, *ENDS)
