from __future__ import annotations

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from netra_testkit.errors import MalformedFrame
from netra_testkit.wire.sse import SseEvent, SseParser

SMALL = 40

LINES = (
    """data: x|data:|data|data: é\u2028|id: 1|id: \0|event: e|retry: 5|: c|||data: yyyyy|\ufeff"""
)
lines = st.sampled_from([*LINES.encode().split(b"|"), b"data: " + b"y" * 50, b"\xff", b":" * 60])
endings = st.sampled_from([b"\n", b"\r", b"\r\n"])
written = st.lists(st.tuples(lines, endings), max_size=12).map(
    lambda pairs: b"".join(line + ending for line, ending in pairs)
)
streams = written | st.binary(max_size=200)


def heard(pieces: list[bytes]) -> list[SseEvent | str]:
    """The events of a stream, and how it ended where it was refused."""
    parser = SseParser(max_size=SMALL)
    found: list[SseEvent | str] = []
    try:
        for piece in [*pieces, b""]:
            found += parser.feed(piece)
    except MalformedFrame as refused:
        found.append(refused.reason)
    return found


@given(streams, st.lists(st.integers(0, 200)))
@example(b"\xef\xbb\xbfdata: x\r\n\r\n", [1, 2, 11, 12, 13])
@example(b"data: x\n\n" + b":" * 60 + b"\ndata: y\n\n", [9, 30])
@example(b"data: w\n\nretry: 0\n\nid: 3\ndata: x\n\ndata: y\n\nevent: e\ndata: z\n\n", [9, 12])
def test_any_cut_of_the_same_bytes_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    borders = sorted({0, len(stream), *(each for each in cuts if each < len(stream))})
    pieces = [stream[start:end] for start, end in itertools.pairwise(borders)]
    assert heard(pieces) == heard([stream])


@given(streams)
def test_any_bytes_are_events_or_refused(stream: bytes) -> None:
    for each in heard([stream]):
        if isinstance(each, SseEvent):
            assert len(each.data) <= SMALL
            assert "\r" not in each.data
        else:
            assert each.endswith(f"more than {SMALL} characters")


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=9)))
def test_what_is_written_is_read(texts: list[str]) -> None:
    stream = "".join(f"data: {text}\n\n" for text in texts).encode()
    assert [event.data for event in SseParser().feed(stream)] == texts
