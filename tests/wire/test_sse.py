from __future__ import annotations

import pytest

from netra_testkit.errors import MalformedFrame
from netra_testkit.wire.sse import SseEvent, SseParser
from netra_testkit.wire.types import MessageType

FORMS: dict[str, tuple[bytes, list[SseEvent]]] = {
    "LF": (b"data: x\n\n", [SseEvent("message", "x")]),
    "CR": (b"data: x\r\r", [SseEvent("message", "x")]),
    "CRLF": (b"data: x\r\n\r\n", [SseEvent("message", "x")]),
    "every line ending": (
        b"data: a\r\ndata: b\rdata: c\n\r\n",
        [SseEvent("message", "a\nb\nc")],
    ),
    "a byte order mark": (b"\xef\xbb\xbfdata: x\n\n", [SseEvent("message", "x")]),
    "a second byte order mark": (b"\n\xef\xbb\xbfdata: x\n\n", []),
    "comments": (b": ping\n\n:\n\ndata: x\n: within\n\n", [SseEvent("message", "x")]),
    "no space after the colon": (b"data:x\n\n", [SseEvent("message", "x")]),
    "two spaces after the colon": (b"data:  x\n\n", [SseEvent("message", " x")]),
    "a field without a colon": (b"data\n\n", [SseEvent("message", "")]),
    "an unknown field": (b"colour: red\ndata: x\n\n", [SseEvent("message", "x")]),
    "a name": (b"event: ping\ndata: x\n\n", [SseEvent("ping", "x")]),
    "a name without data": (b"event: ping\n\ndata: x\n\n", [SseEvent("message", "x")]),
    "an id that stays": (
        b"id: 1\ndata: x\n\ndata: y\n\n",
        [SseEvent("message", "x", "1"), SseEvent("message", "y", "1")],
    ),
    "an id that is taken back": (
        b"id: 1\ndata: x\n\nid\ndata: y\n\n",
        [SseEvent("message", "x", "1"), SseEvent("message", "y", "")],
    ),
    "an id with a zero byte": (b"id: 1\0\ndata: x\n\n", [SseEvent("message", "x")]),
    "a delay": (b"retry: 50\ndata: x\n\n", [SseEvent("message", "x", None, 50)]),
    "a delay of its own": (b"retry: 50\n\ndata: x\n\n", [SseEvent("message", "x", None, 50)]),
    "no delay at all": (
        b"data: w\n\nretry: 0\n\ndata: x\n\n",
        [SseEvent("message", "w"), SseEvent("message", "x", None, 0)],
    ),
    "a delay that is no number": (b"retry: -1\ndata: x\n\n", [SseEvent("message", "x")]),
    "a delay in other digits": ("retry: ٣\ndata: x\n\n".encode(), [SseEvent("message", "x")]),
    "an event that is cut off": (b"data: x\n\ndata: y\n", [SseEvent("message", "x")]),
    "bytes that are no text": (b"data: \xff\n\n", [SseEvent("message", "\ufffd")]),
}


@pytest.mark.parametrize(("stream", "events"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("cut", ["as a whole", "byte by byte"])
def test_a_stream_is_read(stream: bytes, events: list[SseEvent], cut: str) -> None:
    parser = SseParser()
    pieces = [stream] if cut == "as a whole" else [bytes([each]) for each in stream]
    assert [event for piece in pieces for event in parser.feed(piece)] == events


def test_the_last_id_is_known() -> None:
    parser = SseParser()
    assert parser.last_id is None
    parser.feed(b"id: 7\n\n")
    assert parser.last_id == "7"


TOO_LARGE = {
    "a line": b"data: " + b"x" * 20 + b"\n\n",
    "a line that never ends": b"data: " + b"x" * 20,
    "a comment": b":" + b"x" * 20 + b"\n",
    "an event": b"data: xxxx\n" * 5,
    "an event of empty lines": b"data\n" * 30,
}


@pytest.mark.parametrize("stream", TOO_LARGE.values(), ids=TOO_LARGE)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_is_too_large_ends_the_stream(stream: bytes, size: int) -> None:
    parser = SseParser(max_size=15)
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    with pytest.raises(MalformedFrame, match="more than 15 characters"):
        list(map(parser.feed, pieces))


@pytest.mark.parametrize("data", [b"data: " + b"x" * 9 + b"\n\n", b"data: xxx\n" * 3 + b"\n"])
def test_what_is_as_large_as_allowed_is_an_event(data: bytes) -> None:
    assert len(SseParser(max_size=15).feed(data)) == 1


def test_the_events_before_what_is_too_large_are_given_first() -> None:
    parser = SseParser(max_size=15)
    assert parser.feed(b"data: x\n\ndata: " + b"x" * 20 + b"\n\ndata: y\n\n") == [
        SseEvent("message", "x")
    ]
    with pytest.raises(MalformedFrame):
        parser.feed(b"")
    with pytest.raises(MalformedFrame):
        parser.feed(b"data: z\n\n")


def test_the_excerpt_of_what_is_too_large_is_short() -> None:
    with pytest.raises(MalformedFrame) as refused:
        SseParser(max_size=1000).feed(b"data: " + b"y" * 100_000)
    assert len(refused.value.excerpt) < 300


def test_data_is_json() -> None:
    assert SseEvent("message", ' {"a": [1]} ').json() == {"a": [1]}


@pytest.mark.parametrize("data", ["", "{", "{} {}", "{}x", "[NaN]", "[" * 100_000])
def test_data_that_is_not_json_says_so(data: str) -> None:
    with pytest.raises(MalformedFrame, match="not JSON"):
        SseEvent("message", data).json()


def test_data_is_a_frame() -> None:
    assert SseEvent("message", '{"type": "stream_end"}').frame().type is MessageType.STREAM_END


def test_data_that_is_no_frame_says_so() -> None:
    with pytest.raises(MalformedFrame):
        SseEvent("message", "[]").frame()


@pytest.mark.parametrize("count", [3, 60])
def test_events_between_others_are_given_however_many_there_are(count: int) -> None:
    stream = b"".join(
        b"id: %d\ndata: {}\n\n: a comment\n\ndata:x\n\n" % each for each in range(count)
    )
    events = SseParser().feed(b"\n" + stream)
    assert [event.data for event in events] == ["{}", "x"] * count
    assert [event.id for event in events[::2]] == [str(each) for each in range(count)]


@pytest.mark.parametrize("space", ["", " ", "\n"])
def test_space_may_follow_the_data(space: str) -> None:
    assert SseEvent("message", '{"a": [1]}' + space).json() == {"a": [1]}
