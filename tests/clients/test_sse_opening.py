from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import answer, config_for, nothing_left, serving, within
from tests.rude.answering import head
from tests.rude.server import RudeServer

from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    AuthRefused,
    CallFailed,
    Cause,
    ConnectionFailed,
    DeadlineExceeded,
    ServiceUnavailable,
    UnexpectedStatus,
    UnusableBody,
)
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from netra_testkit.clients.sse import EventStream
    from netra_testkit.wire.types import MessageType

PATH = "/api/chat/stream"
ENDLESS = "/api/events/stream"
BEGUN = head(200, "Content-Type: text/event-stream; charset=utf-8", "Connection: close")
CHUNKED = head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")


def event(kind: str, **details: object) -> bytes:
    return f"data: {json.dumps({'type': kind, **details})}\n\n".encode()


START, END = event("stream_start"), event("stream_end")


async def types(events: EventStream) -> list[MessageType | None]:
    return [each.frame().type async for each in events]


REFUSED: dict[str, tuple[bytes, type[CallFailed]]] = {
    "401": (answer(b"{}", 401), AuthRefused),
    "503": (answer(b"", 503), ServiceUnavailable),
    "a redirect": (answer(b"", 307, "Location: /x"), UnexpectedStatus),
    "JSON": (answer(b"{}", 200, "Content-Type: application/json"), UnusableBody),
    "nothing": (answer(b"", 204), UnusableBody),
    "a closed connection": (b"", ConnectionFailed),
}


@pytest.mark.parametrize(("said", "error"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_stream_is_said_when_it_is_opened(
    said: bytes, error: type[CallFailed]
) -> None:
    trace, observed = Trace(), []
    async with nothing_left(), serving(lambda _: said) as served:
        client = HttpClient(
            served.config,
            trace=trace,
            observe=lambda name, _, failure: observed.append((name, failure)),
        )
        async with client as http:
            with pytest.raises(error) as refused:
                await http.stream("GET", PATH).__aenter__()
    assert observed == [(f"GET {PATH}", refused.value)]
    assert error.__name__ in trace.tail(1)[0]


async def test_a_request_says_what_it_accepts_and_events_are_recorded() -> None:
    trace = Trace()
    stream = answer(START + END, 200, "Content-Type: text/event-stream")
    async with serving(stream) as served, HttpClient(served.config, trace=trace) as http:
        async with http.stream("GET", PATH) as events:
            await types(events)
        async with http.stream("GET", PATH, headers={"Accept": "x/y"}, params={"a": 1}):
            pass
    first, second = served.requests
    assert (first.headers["accept"], second.headers["accept"]) == ("text/event-stream", "x/y")
    assert second.target == f"{PATH}?a=1"
    kinds = [json.loads(line)["kind"] for line in trace.tail(3)]
    assert kinds == ["event", "event", "http"]


async def test_an_expiry_before_the_answer_is_that_of_a_call() -> None:
    with RudeServer(lambda peer: peer.hold()) as server:
        async with HttpClient(config_for(server.authority)) as http:
            with within(0.1), pytest.raises(DeadlineExceeded) as late:
                async with http.stream("GET", PATH, first_event_within=0.1):
                    pass
    assert late.value.cause is Cause.INFRASTRUCTURE
    assert late.value.waiting_for == f"answer from {PATH}"


async def test_bounds_begin_when_the_stream_is_asked_for() -> None:
    async with HttpClient(config_for("127.0.0.1:9")) as http:
        events = http.stream("GET", PATH, within=0.01)
        await asyncio.sleep(0.02)
        with pytest.raises(DeadlineExceeded):
            await events.__aenter__()
