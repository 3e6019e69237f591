from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import config_for, nothing_left, within
from tests.rude.answering import chunk, head
from tests.rude.server import Ending, RudeServer

from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    AlreadyReading,
    Cause,
    ClientClosed,
    DeadlineExceeded,
    NetraError,
    StreamTruncated,
    WrongLoop,
)
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from tests.rude.server import Peer

    from netra_testkit.clients.sse import EventStream
    from netra_testkit.settings.config import StagingConfig

PATH = "/api/chat/stream"
ENDLESS = "/api/events/stream"
BEGUN = head(200, "Content-Type: text/event-stream; charset=utf-8", "Connection: close")
CHUNKED = head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")


def event(kind: str, **details: object) -> bytes:
    return f"data: {json.dumps({'type': kind, **details})}\n\n".encode()


START, THOUGHT, END = event("stream_start"), event("agent_thinking"), event("stream_end")
HEARTBEAT = event("heartbeat")


def streaming(*script: bytes | float | Ending, framing: bytes = BEGUN) -> RudeServer:
    """A server that says bytes, waits seconds and ends as it is told."""

    def act(peer: Peer) -> None:
        peer.read_request()
        peer.send(framing)
        for step in script:
            if isinstance(step, bytes):
                peer.send(step)
            elif isinstance(step, float):
                peer.wait(step)
            else:
                peer.end(step)
                return
        peer.end(Ending.SILENCE)

    return RudeServer(act)


async def types(events: EventStream) -> list[MessageType | None]:
    return [each.frame().type async for each in events]


WHOLE = [MessageType.STREAM_START, MessageType.AGENT_THINKING, MessageType.STREAM_END]


async def test_a_stream_ends_at_its_terminal_event_at_once() -> None:
    async with nothing_left():
        with streaming(START + THOUGHT, END) as server, within(0.0):
            async with (
                HttpClient(config_for(server.authority)) as http,
                http.stream("POST", PATH, json={"message": "hello"}) as events,
            ):
                assert await types(events) == WHOLE
                assert await types(events) == []
                assert events.count == 3


@pytest.mark.parametrize(
    "last",
    [
        END,
        event("stream_error", error="x"),
        event("stream_timeout"),
        event("stream_disconnected"),
        b"event: stream_end\ndata: bye\n\n",
        event("system_message", data={"event": "stream_end"}),
        event("STREAM-END"),
    ],
)
async def test_every_terminal_event_ends_a_stream(last: bytes) -> None:
    with streaming(START + last + THOUGHT) as server:
        async with (
            HttpClient(config_for(server.authority)) as http,
            http.stream("GET", PATH) as events,
        ):
            assert len([each async for each in events]) == 2


async def test_what_an_event_is_does_not_depend_on_its_spaces() -> None:
    thought, end = b'data: {"type":"agent_thinking"}\n\n', b'data: { "type" : "stream_end"}\n\n'
    with streaming(thought + end + THOUGHT) as server:
        async with (
            HttpClient(config_for(server.authority)) as http,
            http.stream("GET", PATH) as events,
        ):
            assert await types(events) == [MessageType.AGENT_THINKING, MessageType.STREAM_END]


CLOSED: dict[str, tuple[str, bytes, tuple[bytes | Ending, ...], int | None]] = {
    "before anything": (PATH, BEGUN, (Ending.CLOSE,), 0),
    "after an event": (PATH, BEGUN, (b"id: 7\n" + START, Ending.CLOSE), 1),
    "within an event": (PATH, BEGUN, (START + END[:-1], Ending.CLOSE), 1),
    "by a reset": (PATH, BEGUN, (START, Ending.RESET), 1),
    "by half": (PATH, BEGUN, (START, Ending.HALF_CLOSE), 1),
    "with its last chunk": (PATH, CHUNKED, (chunk(START) + chunk(b""),), 1),
    "without its last chunk": (PATH, CHUNKED, (chunk(START), Ending.CLOSE), 1),
    "after an error of the agent": (PATH, BEGUN, (event("agent_error"), Ending.CLOSE), None),
    "after an error and a heartbeat": (
        PATH,
        BEGUN,
        (event("agent_error") + HEARTBEAT, Ending.CLOSE),
        None,
    ),
    "after an error that was not the last": (
        PATH,
        BEGUN,
        (event("agent_error") + THOUGHT, Ending.CLOSE),
        2,
    ),
    "by a reset after an error": (PATH, BEGUN, (event("agent_error"), Ending.RESET), 1),
    "the stream that ends by closing": (ENDLESS, BEGUN, (THOUGHT, Ending.CLOSE), None),
    "the endless one by a reset": (ENDLESS, BEGUN, (THOUGHT, Ending.RESET), 1),
    "the endless one at once": (ENDLESS, BEGUN, (Ending.CLOSE,), None),
}


@pytest.mark.parametrize(("path", "framing", "script", "truncated"), CLOSED.values(), ids=CLOSED)
async def test_a_stream_that_closes_early_is_truncated(
    path: str, framing: bytes, script: tuple[bytes | Ending, ...], truncated: int | None
) -> None:
    failure: StreamTruncated | None = None
    async with nothing_left():
        with streaming(*script, framing=framing) as server:
            async with (
                HttpClient(config_for(server.authority)) as http,
                http.stream("GET", path) as events,
            ):
                try:
                    async for _ in events:
                        pass
                except StreamTruncated as early:
                    failure = early
    assert (None if failure is None else failure.events) == truncated
    if failure is not None:
        assert failure.cause is Cause.PRODUCT
        assert failure.last_id == ("7" if (b"id: 7\n" + START) in script else None)
        assert failure.request_id


async def test_what_a_stream_ended_with_is_said_again() -> None:
    with streaming(START, Ending.CLOSE) as server:
        async with (
            HttpClient(config_for(server.authority)) as http,
            http.stream("GET", PATH) as events,
        ):
            assert (await anext(events)).frame().type is MessageType.STREAM_START
            for _ in range(2):
                with pytest.raises(StreamTruncated):
                    await anext(events)


LATE: dict[str, tuple[dict[str, float], tuple[bytes | float, ...], str]] = {
    "the whole": ({"within": 0.2}, (THOUGHT, 0.1, THOUGHT, 0.15, THOUGHT), "event from"),
    "the first event": ({"first_event_within": 0.15}, (), "first event from"),
    "the first event, with comments": (
        {"first_event_within": 0.15},
        (b": ping\n\n", 0.05) * 20,
        "first event from",
    ),
    "the first event, with heartbeats": (
        {"first_event_within": 0.15},
        (HEARTBEAT, 0.05) * 20,
        "first event from",
    ),
    "the gap": ({"gap_within": 0.15}, (START,), "event from"),
    "the gap, with comments": ({"gap_within": 0.15}, (START, *(b":\n", 0.05) * 20), "event from"),
    "the gap, with heartbeats": (
        {"gap_within": 0.15},
        (START, *(HEARTBEAT, 0.05, event("ping"), 0.05) * 10),
        "event from",
    ),
    "the gap, with half an event": (
        {"gap_within": 0.15},
        (START, b"data: ", *(b"x", 0.05) * 20),
        "event from",
    ),
}


async def read_late(config: StagingConfig, clocks: dict[str, float]) -> DeadlineExceeded:
    async with HttpClient(config) as http:
        with within(max(clocks.values()) + 0.1), pytest.raises(DeadlineExceeded) as late:
            async with http.stream("GET", PATH, **clocks) as events:  # type: ignore[arg-type] # clocks by name
                assert await types(events) == "never"
    return late.value


async def test_each_clock_ends_a_stream() -> None:
    async with nothing_left():
        with contextlib.ExitStack() as serving:
            servers = [serving.enter_context(streaming(*each)) for _, each, _ in LATE.values()]
            # Made before anything is timed.
            configs = [config_for(server.authority) for server in servers]
            clocks = [each for each, _, _ in LATE.values()]
            ends = await asyncio.gather(*map(read_late, configs, clocks), return_exceptions=True)
    assert {name: told(end) for name, end in zip(LATE, ends, strict=True)} == {
        name: (next(iter(clocks.values())), "stream", f"{waiting_for} {PATH}", Cause.PRODUCT)
        for name, (clocks, _, waiting_for) in LATE.items()
    }


def told(end: BaseException) -> object:
    if not isinstance(end, DeadlineExceeded):
        return end
    return end.limit, end.phase, end.waiting_for, end.cause


async def test_events_in_time_reset_the_gap() -> None:
    with streaming(START, *(THOUGHT, 0.1) * 5, END) as server:
        async with (
            HttpClient(config_for(server.authority)) as http,
            http.stream("GET", PATH, gap_within=0.4, first_event_within=0.4) as events,
        ):
            assert len(await types(events)) == 7


async def test_the_gap_stands_still_while_nobody_waits() -> None:
    with streaming(START, 0.05, THOUGHT, 0.05, END) as server:
        async with (
            HttpClient(config_for(server.authority)) as http,
            http.stream("GET", PATH, gap_within=0.3) as events,
        ):
            await anext(events)
            await asyncio.sleep(0.4)
            assert await types(events) == WHOLE[1:]


async def test_heartbeats_are_given_like_any_event() -> None:
    with streaming(HEARTBEAT + END) as server:
        async with (
            HttpClient(config_for(server.authority)) as http,
            http.stream("GET", ENDLESS) as events,
        ):
            assert await types(events) == [MessageType.HEARTBEAT, MessageType.STREAM_END]


async def test_leaving_by_break_leaves_nothing() -> None:
    async with nothing_left():
        with streaming(START, *(THOUGHT, 0.01) * 100) as server, within(0.0):
            async with HttpClient(config_for(server.authority)) as http:
                async with http.stream("GET", PATH) as events:
                    async for _ in events:
                        break
                with pytest.raises(ClientClosed):
                    await anext(events)


async def test_leaving_while_another_task_waits_ends_its_wait() -> None:
    async with nothing_left():
        with streaming(START) as server:
            async with HttpClient(config_for(server.authority)) as http:
                async with http.stream("GET", PATH) as events:
                    await anext(events)
                    waiting = asyncio.create_task(anext(events))
                    await asyncio.sleep(0.01)
                with pytest.raises(NetraError):
                    await waiting


async def test_leaving_the_client_ends_its_streams() -> None:
    async with nothing_left():
        with streaming(START) as server:
            async with HttpClient(config_for(server.authority)) as http:
                events = await http.stream("GET", PATH).__aenter__()
                await anext(events)
                waiting = asyncio.create_task(anext(events))
                await asyncio.sleep(0.01)
            with pytest.raises(ClientClosed):
                await waiting
            await events.__aexit__(None, None, None)


async def test_cancelling_a_wait_ends_the_stream() -> None:
    async with nothing_left():
        with streaming(START) as server:
            async with HttpClient(config_for(server.authority)) as http:
                async with http.stream("GET", PATH) as events:
                    await anext(events)
                    waiting = asyncio.create_task(anext(events))
                    await asyncio.sleep(0.01)
                    waiting.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await waiting
                    with pytest.raises(ClientClosed, match="was cancelled"):
                        await anext(events)
                async with http.stream("GET", PATH) as events:
                    assert (await anext(events)).frame().type is MessageType.STREAM_START


async def test_two_waits_at_once_are_refused() -> None:
    with streaming(START, 0.1, END) as server:
        async with (
            HttpClient(config_for(server.authority)) as http,
            http.stream("GET", PATH) as events,
        ):
            await anext(events)
            first = asyncio.create_task(anext(events))
            await asyncio.sleep(0)
            with pytest.raises(AlreadyReading):
                await anext(events)
            assert (await first).frame().type is MessageType.STREAM_END


async def test_a_stream_is_entered_once_and_while_its_client_is_open() -> None:
    with streaming(START, END) as server:
        async with HttpClient(config_for(server.authority)) as http:
            never, twice = http.stream("GET", PATH), http.stream("GET", PATH)
            with pytest.raises(ClientClosed):
                await anext(never)
            await never.__aexit__(None, None, None)
            async with twice:
                pass
            with pytest.raises(ClientClosed, match="a second time"):
                await twice.__aenter__()
        with pytest.raises(ClientClosed):
            await never.__aenter__()


def test_another_event_loop_is_refused() -> None:
    with streaming(START, 5.0) as server, asyncio.Runner() as first, asyncio.Runner() as second:
        http = HttpClient(config_for(server.authority))
        first.run(http.__aenter__())
        with pytest.raises(WrongLoop):
            http.stream("GET", PATH)

        async def opened() -> EventStream:
            return await http.stream("GET", PATH).__aenter__()

        events = first.run(opened())

        async def read() -> None:
            await anext(events)
            await anext(events)

        with pytest.raises(WrongLoop):
            second.run(read())
        first.run(events.__aexit__(None, None, None))
        first.run(http.__aexit__(None, None, None))
