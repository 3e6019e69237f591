"""The messages that a socket cuts out of what arrives, against what the library reads in it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import logging
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clients.test_socket import BINARY, CLOSE, CONTINUED, GUID, PING, TEXT, frame
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from netra_testkit.clients import socket
from netra_testkit.clients.socket import Socket

LARGEST = 2**20
KINDS = {TEXT, BINARY, CONTINUED}


class Line(asyncio.Transport):
    """A transport that keeps what is written and says whether it may be read."""

    def __init__(self) -> None:
        super().__init__()
        self.readable = asyncio.Event()
        self.readable.set()
        self.cut = False
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.readable.clear()

    def resume_reading(self) -> None:
        self.readable.set()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def is_closing(self) -> bool:
        return self.cut

    def abort(self) -> None:
        self.cut = True


def asking(**options: Any) -> ClientProtocol:
    """The library's protocol, after it has asked for the upgrade."""
    protocol = ClientProtocol(parse_uri("ws://localhost/ws"), **options)
    protocol.send_request(protocol.connect())
    protocol.data_to_send()
    return protocol


def answer(protocol: ClientProtocol) -> bytes:
    proof = base64.b64encode(hashlib.sha1((protocol.key + GUID).encode()).digest())  # noqa: S324 - the protocol's choice
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return head + b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"


def read_by_the_library(stream: bytes) -> tuple[list[str | bytes], Any, str]:
    """The messages, what was said at the end, and the state."""
    protocol = asking(max_size=LARGEST)
    protocol.receive_data(answer(protocol) + stream)
    messages: list[str | bytes] = []
    parts: list[Frame] = []
    for event in protocol.events_received():
        if isinstance(event, Frame) and event.opcode in KINDS:
            parts.append(event)
            if event.fin:
                whole = b"".join(bytes(part.data) for part in parts)
                messages.append(whole.decode() if parts[0].opcode == TEXT else whole)
                parts = []
    return messages, protocol.close_sent, protocol.state.name


def connected(largest: int, logger: logging.Logger | None) -> tuple[Socket, Line]:
    """A socket that waits for the answer to its upgrade, and what it is connected to."""
    line = Line()
    reading = Socket(
        asking(max_size=largest, logger=logger),
        grace=1,
        keep=lambda _: None,
        largest=largest,
        ping_interval=None,
        close_timeout=1,
    )
    reading.connection_made(line)
    return reading, line


async def read_by_the_socket(
    stream: bytes, cuts: list[int], *, largest: int = LARGEST, logger: logging.Logger | None = None
) -> tuple[list[str | bytes], Any, str]:
    """The same of a socket to which the stream comes in pieces."""
    reading, line = connected(largest, logger)
    heard: list[str | bytes] = []
    reading.hear = heard.append
    whole = answer(reading.protocol) + stream
    borders = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(borders):
        reading.data_received(whole[start:end])
        await line.readable.wait()
    found = heard, reading.protocol.close_sent, reading.protocol.state.name
    reading.connection_lost(None)
    return found


sizes = st.sampled_from([0, 1, 2, 124, 125, 126, 127, 300, 65_535, 65_536])
wholes = st.builds(
    lambda opcode, size: frame(opcode, b"x" * size), st.sampled_from([TEXT, BINARY]), sizes
)
accented = st.text(alphabet="aß€😀", max_size=80).map(lambda said: frame(TEXT, said.encode()))
in_parts = st.lists(st.binary(max_size=9), min_size=1, max_size=3).map(
    lambda parts: (
        frame(BINARY, b"begin", fin=False)
        + b"".join(frame(CONTINUED, part, fin=False) + frame(PING, part) for part in parts)
        + frame(CONTINUED, b"end")
    )
)
ends = st.sampled_from(
    [
        b"",
        frame(TEXT, b"x" * 200)[:-1],
        frame(TEXT, b"x" * 200)[:3],
        frame(TEXT, b"x")[:1],
        frame(BINARY, b"x" * 70_000)[:7],
        frame(TEXT, b"begun", fin=False) + frame(TEXT, b"and another"),
        bytes([0x81, 0x82, 1, 2, 3, 4, 5, 6]) + frame(TEXT, b"after a mask"),
        bytes([0x81, 127]) + struct.pack("!Q", 2**21) + b"xx" + frame(TEXT, b"after a giant"),
        bytes([0xC1, 1]) + b"x" + frame(TEXT, b"after a reserved bit"),
        bytes([0x83, 0]) + frame(TEXT, b"after no opcode"),
        frame(CLOSE, struct.pack("!H", 1011) + b"crashed") + frame(TEXT, b"after a goodbye"),
    ]
)
streams = st.builds(
    lambda said, end: b"".join(said) + end,
    st.lists(st.one_of(wholes, accented, in_parts, st.just(frame(PING, b"p"))), max_size=8),
    ends,
)
cuts = st.lists(st.integers(0, 2**20), max_size=12)


@given(stream=streams, cuts=cuts, patient=st.booleans())
def test_the_same_is_heard_as_the_library_reads_however_it_is_cut(
    stream: bytes,
    cuts: list[int],
    patient: bool,  # noqa: FBT001 - a parameter of the property
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not patient:  # everybody has a turn after each frame
            patch.setattr(socket, "TURN", 0.0)
        heard = asyncio.run(read_by_the_socket(stream, cuts))
    assert heard == read_by_the_library(stream)


FORGED = b"x" * 91 + frame(TEXT, b"forged") + b"x" * 200
STREAM = frame(TEXT, b"one") + frame(BINARY, FORGED) + frame(PING, b"") + frame(TEXT, b"last" * 100)
MESSAGES = ["one", FORGED, "last" * 100]


HEAD = len(answer(asking()))
CUTS = {
    "at once": [],
    "byte by byte": list(range(1000)),
    "the head in small pieces, then what looks like a frame": [HEAD - 3, HEAD - 2, HEAD + 100],
    "the end of the head with half of a frame, then what looks like one": [HEAD - 2, HEAD + 100],
    "the head with half of a frame, then what looks like one": [HEAD + 100],
}


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
async def test_every_cut_leaves_the_messages_whole(cuts: list[int]) -> None:
    heard = await read_by_the_socket(STREAM, cuts)
    assert heard[0] == MESSAGES


async def test_what_comes_while_others_have_their_turn_waits_behind_what_came_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "TURN", 0.0)
    reading, line = connected(LARGEST, None)
    heard: list[str | bytes] = []
    reading.hear = heard.append
    reading.data_received(answer(reading.protocol) + STREAM)
    reading.data_received(STREAM)
    assert heard == []
    await line.readable.wait()
    assert heard == MESSAGES * 2
    reading.connection_lost(None)


async def test_where_the_library_logs_frames_it_is_given_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("netra-test-frames")
    with caplog.at_level(logging.DEBUG, logger.name):
        heard = await read_by_the_socket(STREAM, [], logger=logger)
    assert heard[0] == MESSAGES
    assert sum(message.startswith("< TEXT") for message in caplog.messages) == 2


async def test_a_limit_below_the_plain_frames_is_the_library_s_to_keep() -> None:
    messages, said, state = await read_by_the_socket(STREAM, [], largest=200)
    assert (messages, said.code, state) == (["one"], 1009, "CLOSING")


SAID = ["", "x", "ß" * 62, "x" * 125, "x" * 126, "ß" * 1000, "x" * 65_535, "x" * 65_536, b"x" * 300]


@pytest.mark.parametrize("logged", [False, True], ids=["plain", "logged"])
async def test_what_is_said_is_what_the_library_hears(
    logged: bool,  # noqa: FBT001 - a parameter of the table
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("netra-test-frames")
    with caplog.at_level(logging.DEBUG if logged else logging.INFO, logger.name):
        talking, line = connected(LARGEST, logger)
        talking.data_received(answer(talking.protocol))
        for each in SAID:
            talking.say(each)
    peer = ServerProtocol(state=OPEN)
    peer.receive_data(line.written)
    heard = [
        str(bytes(event.data), "utf-8") if event.opcode == TEXT else bytes(event.data)
        for event in peer.events_received()
        if isinstance(event, Frame)
    ]
    assert heard == SAID
    told = [each for each in caplog.messages if each.startswith(("> TEXT", "> BINARY"))]
    assert len(told) == (len(SAID) if logged else 0)
    talking.protocol.send_close(1000)
    with pytest.raises(InvalidState):
        talking.say("x")
    talking.connection_lost(None)
