"""What the bare libraries make of the rudeness: it is the one that its name says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.rude.behaviour import Phase, Protocol
from tests.rude.behaviours import BEHAVIOURS, rude
from tests.rude.closings import CLOSINGS, LEGAL
from tests.rude.server import Pace
from websockets.asyncio import messages
from websockets.asyncio.client import connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidHeader,
    InvalidMessage,
    InvalidStatus,
    InvalidUpgrade,
    NegotiationError,
)

if TYPE_CHECKING:
    from tests.rude.server import RudeServer
    from websockets.asyncio.client import ClientConnection
    from websockets.typing import Subprotocol

QUICK = Pace(interval=0.005, late=0.1)
A_WHILE = 0.2
LONG = 10.0
# Nobody's certificate is looked at, and to load the authorities for each client takes long.
TRUSTING_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
OFFERED: list[Subprotocol] = ["jwt-auth", "jwt.header.payload"]  # type: ignore[list-item]


async def get(server: RudeServer, *, silence: float = LONG) -> httpx.Response:
    """Ask once, with a timeout for each read."""
    timeout = httpx.Timeout(LONG, read=silence)
    async with httpx.AsyncClient(
        verify=TRUSTING_NOBODY, timeout=timeout, trust_env=False, max_redirects=5
    ) as client:
        return await client.get(f"http://{server.authority}/health", follow_redirects=True)


# No timeout of the library's own bounds these.
WITHOUT_END = [
    "drips the status line",
    "drips headers",
    "promises for ever",
    "drips a body",
    "drips chunks",
    "only comments",
    "drips an event",
    "endless chunks",
]

BROKEN: dict[str, type[Exception]] = {
    "refuses": httpx.ConnectError,
    "resets at once": httpx.ReadError,
    "resets after the request": httpx.ReadError,
    "closes after the request": httpx.RemoteProtocolError,
    "half-closes after the request": httpx.RemoteProtocolError,
    "floods with nonsense": httpx.RemoteProtocolError,
    "floods headers": httpx.RemoteProtocolError,
    "one huge header": httpx.RemoteProtocolError,
    "nonsense for a status": httpx.RemoteProtocolError,
    "two lengths": httpx.RemoteProtocolError,
    "closes in the body": httpx.RemoteProtocolError,
    "resets in the body": httpx.ReadError,
    "a chunk of no size": httpx.RemoteProtocolError,
    "closes in a chunk": httpx.RemoteProtocolError,
    "closes without a last chunk": httpx.RemoteProtocolError,
    "endless trailers": httpx.RemoteProtocolError,
    "broken gzip": httpx.DecodingError,
    "redirects in a loop": httpx.TooManyRedirects,
    "redirects onwards": httpx.TooManyRedirects,
}


SILENT = [
    "says nothing",
    "greets in another protocol",
    "stalls in the headers",
    "stalls in the body",
    "a stream without an event",
]


async def test_a_drip_is_not_ended_by_a_timeout_for_each_read() -> None:
    async def outlasts(name: str) -> str:
        with rude(BEHAVIOURS[name], QUICK) as server:
            try:
                async with asyncio.timeout(3 * A_WHILE):
                    await get(server, silence=2 * A_WHILE)
            except TimeoutError:
                return "without end"
        return "ended"

    ends = await asyncio.gather(*map(outlasts, WITHOUT_END))
    assert dict(zip(WITHOUT_END, ends, strict=True)) == dict.fromkeys(WITHOUT_END, "without end")


@pytest.mark.parametrize("name", SILENT)
async def test_a_silence_is_ended_by_a_timeout_for_each_read(name: str) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server, pytest.raises(httpx.ReadTimeout):
        await get(server, silence=A_WHILE / 4)


@pytest.mark.parametrize(("name", "error"), BROKEN.items(), ids=BROKEN)
async def test_a_broken_answer_breaks_a_client(name: str, error: type[Exception]) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server, pytest.raises(error):
        await get(server)


@pytest.mark.parametrize(
    ("name", "size"), [("a gzip bomb", 67_000_000), ("a deflate bomb", 67_000_000)]
)
async def test_a_client_without_a_limit_inflates_a_bomb(name: str, size: int) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server:
        assert len((await get(server)).content) == size


@pytest.mark.parametrize(
    "name", ["status 503", "status 401 of the platform", "a page of a proxy", "status of 999"]
)
async def test_a_status_is_an_answer(name: str) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server:
        answer = await get(server)
    assert answer.status_code == int("".join(each for each in name if each.isdigit()) or 502)


ALLOWED = [each.name for each in BEHAVIOURS.values() if each.name.startswith("a stream with ")]


@pytest.mark.parametrize("name", ALLOWED)
async def test_an_odd_stream_says_the_same_as_a_plain_one(name: str) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server:
        text = (await get(server)).text.removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert [line for line in lines if line.startswith("data: ")] == [
        'data: {"type": "stream_start"}',
        'data: {"type": "agent_thinking", "thought": "\\u2026"}',
        'data: {"type": "stream_end"}',
    ]


def handshake(server: RudeServer) -> None:
    with socket.create_connection((server.host, server.port), A_WHILE) as connection:
        TRUSTING_NOBODY.wrap_socket(connection, server_hostname="localhost").close()


@pytest.mark.parametrize(
    ("name", "error"),
    {
        "TLS never begins": TimeoutError,
        "TLS drips": TimeoutError,
        "TLS closes": ssl.SSLError,
        "TLS resets": ConnectionResetError,
        "TLS alerts": ssl.SSLError,
        "TLS in plain text": ssl.SSLError,
    }.items(),
)
def test_no_tls_comes_about(name: str, error: type[Exception]) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server, pytest.raises(error):
        handshake(server)


def connecting(server: RudeServer, open_timeout: float = LONG) -> connect:
    return connect(
        f"ws://{server.authority}/ws",
        subprotocols=OFFERED,
        proxy=None,
        open_timeout=open_timeout,
        close_timeout=A_WHILE,
        compression=None,
    )


async def opened(server: RudeServer, open_timeout: float) -> ClientConnection:
    return await connecting(server, open_timeout)


REFUSED: dict[str, type[Exception]] = {
    "upgrade answered 200": InvalidStatus,
    "upgrade with a wrong key": InvalidHandshake,
    "upgrade with an empty key": InvalidHandshake,
    "upgrade without an Upgrade header": InvalidUpgrade,
    "a subprotocol never offered": NegotiationError,
    "two subprotocols": InvalidHeader,
    "an extension nobody asked for": NegotiationError,
    "drips the upgrade": TimeoutError,
    "stalls in the upgrade": TimeoutError,
    "closes in the upgrade": InvalidMessage,
    "resets in the upgrade": InvalidMessage,
    "status 401": InvalidStatus,
    "drips a body": TimeoutError,
}


@pytest.mark.parametrize(("name", "error"), REFUSED.items(), ids=REFUSED)
async def test_a_wrong_upgrade_is_refused(name: str, error: type[Exception]) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server, pytest.raises(error):
        await opened(server, A_WHILE if error is TimeoutError else LONG)


async def test_an_echoed_token_is_taken_for_a_subprotocol() -> None:
    with rude(BEHAVIOURS["the token echoed"], QUICK) as server:
        async with connecting(server) as connection:
            assert connection.subprotocol == OFFERED[1]


CODES_SENT = {
    "an oversized frame": 1009,
    "a frame of a terabyte": 1009,
    "a masked frame": 1002,
    "a frame that is not UTF-8": 1007,
    "reserved bits": 1002,
    "a reserved opcode": 1002,
    "a continuation of nothing": 1002,
    "a message within a message": 1002,
    "an oversized ping": 1002,
    "a ping in fragments": 1002,
    # Earlier releases of the library would gather fragments for ever.
    **({"fragments for ever": 1009} if hasattr(messages, "MAX_FRAGMENTS") else {}),
    "a close of one byte": 1002,
    "a close that is not UTF-8": 1007,
    "a close too long": 1002,
}


async def end_of(server: RudeServer) -> ConnectionClosed:
    """How a connection ends that is read until it does."""
    async with connecting(server) as connection:
        try:
            async with asyncio.timeout(LONG):
                while True:
                    await connection.recv()
        except ConnectionClosed as closed:
            return closed


@pytest.mark.parametrize(("name", "code"), CODES_SENT.items(), ids=CODES_SENT)
async def test_a_wrong_frame_is_a_protocol_error(name: str, code: int) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server:
        closed = await end_of(server)
    assert closed.sent is not None
    assert closed.sent.code == code


@pytest.mark.parametrize("phase", [Phase.WELCOME, Phase.RECEIVE])
@pytest.mark.parametrize("code", [None, *sorted({each.code for each in CLOSINGS if each.code})])
async def test_a_legal_code_is_received_and_an_illegal_one_is_a_protocol_error(
    phase: Phase, code: int | None
) -> None:
    [behaviour] = [each for each in CLOSINGS if (each.phase, each.code) == (phase, code)]
    with rude(behaviour, QUICK) as server:
        closed = await end_of(server)
    assert closed.sent is not None
    received = None if closed.rcvd is None else closed.rcvd.code
    if code is None:
        assert received == 1005
    elif code in LEGAL:
        assert (received, closed.rcvd_then_sent) == (code, True)
    else:
        assert (received, closed.sent.code) == (None, 1002)


@pytest.mark.parametrize("name", ["leaves without a close", "resets after the welcome"])
async def test_an_end_without_a_close_has_no_code(name: str) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server:
        closed = await end_of(server)
    assert closed.rcvd is None


def test_every_protocol_was_spoken_to() -> None:
    named = {*WITHOUT_END, *BROKEN, *REFUSED, *CODES_SENT, "TLS drips"}
    assert {BEHAVIOURS[name].speaks for name in named} == set(Protocol)
