"""Cancelled at every step: the cancellation comes out, nothing is left, the next call works."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import answer, nothing_left, serving, within

from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.retry import RetryPolicy
from netra_testkit.errors import ClientClosed, DeadlineExceeded
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.clients.http_server import Request

EVENTS = b'data: {"type": "stream_start"}\n\ndata: {"type": "stream_end"}\n\n'
MOST_STEPS = 400


def say(request: Request) -> bytes:
    if request.target == "/redirect":
        return answer(b"", 307, "Location: /x")
    if request.target == "/stream":
        return answer(EVENTS, 200, "Content-Type: text/event-stream")
    if request.target == "/unavailable":
        return answer(b"", 503)
    if request.target == "/hang":
        return b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"
    return answer()


async def read_a_stream(http: HttpClient) -> None:
    async with http.stream("GET", "/stream") as events:
        assert [each.event async for each in events] == ["message"] * 2


async def retry(http: HttpClient) -> None:
    policy = RetryPolicy(attempts=3, base=0.0001, longest=0.0001)
    await http.get("/unavailable", retry=policy, expect={200, 404})


async def open_and_close(http: HttpClient) -> None:
    async with HttpClient(http._config) as other:  # noqa: SLF001 - the same server again
        await other.get("/x")


USES: dict[str, Callable[[HttpClient], Awaitable[object]]] = {
    "get": lambda http: http.get("/x"),
    "post": lambda http: http.post("/x", json={"a": "b" * 300_000}),
    "redirect": lambda http: http.get("/redirect"),
    "stream": read_a_stream,
    "retry": retry,
    "open and close": open_and_close,
}


@pytest.mark.broad
@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_a_cancellation_at_any_step_comes_out(
    use: Callable[[HttpClient], Awaitable[object]],
) -> None:
    async with serving(say) as served:
        for steps in range(MOST_STEPS):
            async with nothing_left(), HttpClient(served.config, trace=Trace()) as http:
                task = asyncio.ensure_future(use(http))
                for _ in range(steps):
                    await asyncio.sleep(0)
                if not task.cancel():
                    with contextlib.suppress(Exception):
                        await task
                    break
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await http.get("/x", within=2)).status == 200
        else:
            pytest.fail(f"it did not end within {MOST_STEPS} steps")
    assert steps > 2


async def test_of_calls_at_once_only_the_cancelled_one_ends() -> None:
    gate = asyncio.Event()

    async with nothing_left(), serving(say) as served, HttpClient(served.config) as http:
        await http.get("/x")
        hanging = asyncio.create_task(http.get("/hang"))
        await asyncio.sleep(0.05)

        async def many() -> list[int]:
            gate.set()
            return [(await http.get("/x")).status for _ in range(50)]

        working = asyncio.create_task(many())
        await gate.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert await working == [200] * 50


async def test_a_cancelled_call_does_not_break_an_answer_that_is_coming() -> None:
    async with nothing_left(), serving(say) as served, HttpClient(served.config) as http:
        first = asyncio.create_task(http.get("/hang", within=0.3))
        second = asyncio.create_task(http.get("/hang"))
        await asyncio.sleep(0.1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert (await http.get("/x")).status == 200
        with pytest.raises(DeadlineExceeded) as late:
            await first
        assert late.value.elapsed >= 0.25


async def test_calls_of_other_tasks_end_when_the_client_is_left() -> None:
    async with nothing_left(), serving(say) as served:
        tasks = []
        with within(0.0):
            async with HttpClient(served.config) as http:
                tasks += [asyncio.create_task(http.get("/hang")) for _ in range(3)]
                await asyncio.sleep(0.05)
                cancelled = asyncio.create_task(http.get("/hang"))
                await asyncio.sleep(0.05)
                cancelled.cancel()
                await asyncio.sleep(0)
                tasks += [asyncio.create_task(http.get("/hang")) for _ in range(3)]
                await asyncio.sleep(0)
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in ended] == [ClientClosed] * 6


@pytest.mark.broad
async def test_two_thousand_cancelled_calls_leave_a_client_that_works_at_once() -> None:
    async with nothing_left(), serving(say) as served, HttpClient(served.config) as http:
        for round_ in range(40):
            tasks = [asyncio.create_task(http.get("/hang")) for _ in range(50)]
            for _ in range(round_ * 3):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(each) for each in ended} == {asyncio.CancelledError}
        with within(0.0):
            assert (await http.get("/x")).status == 200
