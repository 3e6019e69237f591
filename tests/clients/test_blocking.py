"""No call blocks the event loop: a detector is quiet while HTTP, event streams and chat go on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from tests.clients.chat_server import chat_server
from tests.clients.http_server import answer, serving
from tests.clients.test_cancellation import open_and_leave, reply, say

from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.staging import Staging
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.http_server import Request

blockbuster = pytest.importorskip("blockbuster", reason="it is not installed here")

EVENTS = b'data: {"type": "stream_start"}\n\ndata: {"type": "stream_end"}\n\n'


@pytest.fixture
def detector() -> Iterator[None]:
    """Make every call that blocks the loop raise, but for the file locks of leases."""
    with blockbuster.blockbuster_ctx() as blocking:
        for function in blocking.functions.values():
            # A lease locks a file of this machine, which takes no longer than a look at a clock.
            function.can_block_in("settings/locks.py", {"lock_directory", "note_on"})
        yield


def answered(request: Request) -> bytes:
    if request.target == "/stream":
        return answer(EVENTS, 200, "Content-Type: text/event-stream")
    return say(request)


@pytest.mark.usefixtures("detector")
async def test_the_detector_hears_what_blocks() -> None:
    with pytest.raises(blockbuster.BlockingError):
        time.sleep(0.001)  # noqa: ASYNC251 - it is what the detector has to hear


@pytest.mark.usefixtures("detector")
async def test_http_streams_and_staging_do_not_block() -> None:
    async with serving(answered) as served, HttpClient(served.config, trace=Trace()) as http:
        assert (await http.get("/health")).status == 200
        assert (await http.post("/x", json={"a": "b" * 300_000})).status == 200
        async with http.stream("GET", "/stream") as events:
            assert len([each async for each in events]) == 2
        staging = Staging(served.config)
        assert (await staging.wait_until_ready()).is_ready
        async with staging.user():
            await asyncio.sleep(0)


@pytest.mark.usefixtures("detector")
async def test_a_chat_does_not_block() -> None:
    async with chat_server(reply) as server:
        await open_and_leave(server.config)
