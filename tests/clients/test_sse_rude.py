"""Every rude behaviour that an event stream can meet: in time, the right end, nothing left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import config_for, nothing_left, within
from tests.rude.answering import gzip_bomb
from tests.rude.behaviour import Client, Protocol
from tests.rude.behaviours import meeting, rude
from tests.rude.server import Pace

from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    CallFailed,
    DeadlineExceeded,
    MalformedFrame,
    NetraError,
    StreamTruncated,
    UnusableBody,
)

if TYPE_CHECKING:
    from tests.rude.behaviour import Behaviour

QUICK = Pace(interval=0.005, late=0.1)
BOUND = 0.5
WHOLE = None
ENDS: dict[str, type[NetraError] | None] = {
    "a stream without an event": DeadlineExceeded,
    "only comments": DeadlineExceeded,
    "events, then only comments": DeadlineExceeded,
    "events, then only heartbeats": DeadlineExceeded,
    "drips an event": DeadlineExceeded,
    "drips lines": DeadlineExceeded,
    "stays after the end": WHOLE,
    "comments after the end": WHOLE,
    "a stream that closes": StreamTruncated,
    "a stream that resets": StreamTruncated,
    "a stream that half-closes": StreamTruncated,
    "a stream that stalls": DeadlineExceeded,
    "a stream that ends early": StreamTruncated,
    "a stream that closes in a chunk": StreamTruncated,
    "a stream that closes in an event": StreamTruncated,
    "a stream of nothing": StreamTruncated,
    "floods events": DeadlineExceeded,
    "floods comments": DeadlineExceeded,
    "an endless line": MalformedFrame,
    "an endless event": MalformedFrame,
    "an oversized event": MalformedFrame,
    "a bomb for a stream": MalformedFrame,
    "an event that is not JSON": WHOLE,
    "an event that is not UTF-8": WHOLE,
    "no event stream at all": UnusableBody,
    "a stream that fails": WHOLE,
    "a stream of many-lined data": WHOLE,
}
STREAMS = [each for each in meeting(Client.STREAM) if each.speaks is Protocol.SSE]
OTHERS = [each for each in meeting(Client.STREAM) if each.speaks in {Protocol.TCP, Protocol.HTTP}]


def expected(behaviour: Behaviour) -> type[NetraError] | None:
    return ENDS.get(behaviour.name, WHOLE) if behaviour.name in ENDS else odd(behaviour)


def odd(behaviour: Behaviour) -> None:
    assert behaviour.name.startswith("a stream ")


async def read(http: HttpClient) -> None:
    async with http.stream("GET", "/api/chat/stream", within=BOUND) as events:
        async for _ in events:
            pass


@pytest.mark.parametrize("behaviour", STREAMS, ids=lambda each: each.name)
async def test_a_stream_ends_in_time_as_it_should(behaviour: Behaviour) -> None:
    assert gzip_bomb()
    ended: type[NetraError] | None = WHOLE
    async with nothing_left():
        with rude(behaviour, QUICK) as server:
            async with HttpClient(config_for(server.authority)) as http:
                with within(BOUND):
                    try:
                        await read(http)
                    except NetraError as failed:
                        ended = type(failed)
    assert ended in {expected(behaviour), RACING.get(behaviour.name, expected(behaviour))}


# A flood of tiny lines takes longer than the bound on a slow machine.
RACING = {"an endless event": DeadlineExceeded}


@pytest.mark.parametrize("behaviour", OTHERS, ids=lambda each: each.name)
async def test_what_is_no_stream_ends_in_time_with_an_error(behaviour: Behaviour) -> None:
    async with nothing_left():
        with rude(behaviour, QUICK) as server:
            async with HttpClient(config_for(server.authority)) as http:
                with within(BOUND), pytest.raises(CallFailed) as failed:
                    await read(http)
    assert failed.value.request_id
