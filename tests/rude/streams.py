"""Rude in event streams, and odd in ways that are allowed."""

from __future__ import annotations

import json
from functools import partial

from tests.rude.answering import answers, chunk, gzip_bomb, head, inflate, sized
from tests.rude.behaviour import Behaviour, Phase, Protocol
from tests.rude.server import Ending

EVENT_STREAM = "Content-Type: text/event-stream"
CHUNKED = "Transfer-Encoding: chunked"
UNTIL_CLOSED = "Connection: close"


def event(kind: str, **details: object) -> bytes:
    """One event with JSON in it."""
    return f"data: {json.dumps({'type': kind, **details})}\n\n".encode()


def begun(framing: str = UNTIL_CLOSED) -> bytes:
    """The head of a stream."""
    return head(200, EVENT_STREAM, framing)


START = event("stream_start")
THOUGHT = event("agent_thinking", thought="…")
END = event("stream_end")
WHOLE = START + THOUGHT + END
COMMENT = b": ping\n\n"

sse = partial(Behaviour, speaks=Protocol.SSE)


def odd(name: str, description: str, stream: bytes) -> Behaviour:
    """A whole stream that is spelled in an allowed way."""
    return sse(name, Phase.EVENTS, description, answers(begun() + stream, ending=Ending.CLOSE))


def respelled(ending: str) -> bytes:
    """A whole stream with other line endings."""
    return WHOLE.replace(b"\n", ending.encode())


ODDITIES = (
    odd("a stream with LF", "Is whole.", WHOLE),
    odd("a stream with CR", "Is whole.", respelled("\r")),
    odd("a stream with CRLF", "Is whole.", respelled("\r\n")),
    odd(
        "a stream with every line ending",
        "Is whole.",
        START + THOUGHT.replace(b"\n", b"\r") + END.replace(b"\n", b"\r\n"),
    ),
    odd("a stream with a BOM", "Is whole.", b"\xef\xbb\xbf" + WHOLE),
    odd("a stream with comments", "Is whole.", COMMENT + START + COMMENT + THOUGHT + END),
    odd(
        "a stream of many-lined data",
        "Is whole; one event's data has several lines, an id and a delay.",
        START + b'id: 7\nretry: 50\ndata: {"type":\ndata:"agent_thinking", "thought":\ndata\n'
        b'data: "x"}\nunknown: field\n\n' + END,
    ),
    odd("a stream that goes on after its end", "Is whole, and has more.", WHOLE + THOUGHT),
)

SILENCES = (
    sse(
        "a stream without an event",
        Phase.EVENTS,
        "Sends the head and says no more.",
        answers(begun(), ending=Ending.SILENCE),
    ),
    sse(
        "only comments",
        Phase.EVENTS,
        "Sends comments for ever and never an event.",
        answers(begun(), repeated=COMMENT),
    ),
    sse(
        "events, then only comments",
        Phase.EVENTS,
        "Begins, then sends comments for ever.",
        answers(begun() + START + THOUGHT, repeated=COMMENT),
    ),
    sse(
        "events, then only heartbeats",
        Phase.EVENTS,
        "Begins, then sends heartbeats for ever.",
        answers(begun() + START, repeated=event("heartbeat")),
    ),
    sse(
        "drips an event",
        Phase.EVENTS,
        "Never ends its first event, a byte at a time.",
        answers(begun() + b"data: ", repeated=b"x"),
    ),
    sse(
        "drips lines",
        Phase.EVENTS,
        "Never ends its first event, a line each interval.",
        answers(begun(), repeated=b"data: x\n"),
    ),
    sse(
        "stays after the end",
        Phase.EVENTS,
        "Is whole and never closes.",
        answers(begun() + WHOLE, ending=Ending.SILENCE),
    ),
    sse(
        "comments after the end",
        Phase.EVENTS,
        "Is whole and sends comments for ever.",
        answers(begun() + WHOLE, repeated=COMMENT),
    ),
)

CUTS = (
    *(
        sse(
            f"a stream that {verb}",
            Phase.EVENTS,
            f"Sends two events of three, then: {ending}.",
            answers(begun() + START + THOUGHT, ending=ending),
        )
        for verb, ending in {
            "closes": Ending.CLOSE,
            "resets": Ending.RESET,
            "half-closes": Ending.HALF_CLOSE,
            "stalls": Ending.SILENCE,
        }.items()
    ),
    sse(
        "a stream that ends early",
        Phase.EVENTS,
        "Sends two events of three and the last chunk.",
        answers(begun(CHUNKED) + chunk(START) + chunk(THOUGHT) + chunk(b"")),
    ),
    sse(
        "a stream that closes in a chunk",
        Phase.EVENTS,
        "Closes in the middle of a chunk.",
        answers(begun(CHUNKED) + chunk(START) + b"ff\r\ndata", ending=Ending.CLOSE),
    ),
    sse(
        "a stream that closes in an event",
        Phase.EVENTS,
        "Closes before the empty line that ends the last event.",
        answers(begun() + START + END[:-1], ending=Ending.CLOSE),
    ),
    sse(
        "a stream of nothing",
        Phase.EVENTS,
        "Closes after the head.",
        answers(begun(), ending=Ending.CLOSE),
    ),
)

FLOODS = (
    sse("floods events", Phase.EVENTS, "Thinks for ever.", answers(begun(), flooded=THOUGHT)),
    sse("floods comments", Phase.EVENTS, "Comments for ever.", answers(begun(), flooded=COMMENT)),
    sse(
        "an endless line",
        Phase.EVENTS,
        "Never ends its first line.",
        answers(begun() + b"data: ", flooded=b"x" * 1024),
    ),
    sse(
        "an endless event",
        Phase.EVENTS,
        "Never ends its first event.",
        answers(begun(), flooded=b"data: x\n"),
    ),
    sse(
        "an oversized event",
        Phase.EVENTS,
        "Sends an event of 2 MiB.",
        answers(begun() + event("agent_thinking", thought="x" * 2**21) + END, ending=Ending.CLOSE),
    ),
    sse(
        "a bomb for a stream",
        Phase.EVENTS,
        "Inflates to 67 MB.",
        inflate(gzip_bomb, EVENT_STREAM, "Content-Encoding: gzip"),
    ),
)

NONSENSE = (
    sse(
        "an event that is not JSON",
        Phase.EVENTS,
        "Sends half an object as an event.",
        answers(begun() + START + b'data: {"type":\n\n' + END, ending=Ending.CLOSE),
    ),
    sse(
        "an event that is not UTF-8",
        Phase.EVENTS,
        "Sends bytes that are no text.",
        answers(begun() + START + b"data: \xff\xfe\n\n" + END, ending=Ending.CLOSE),
    ),
    sse(
        "no event stream at all",
        Phase.HEADERS,
        "Answers with JSON.",
        answers(sized(b'{"status": "healthy"}')),
    ),
    sse(
        "a stream that fails",
        Phase.EVENTS,
        "Ends with an error of the platform's.",
        answers(begun() + START + event("stream_error", error="boom"), ending=Ending.CLOSE),
    ),
)

STREAMS = (*ODDITIES, *SILENCES, *CUTS, *FLOODS, *NONSENSE)
