"""What a rude server shows of an HTTP call beside how it ends: how far it got, what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import tracemalloc
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.clients.http_server import answer, config_for, nothing_left, serving, within
from tests.rude.answering import BOMB_SIZE, deflate_bomb, gzip_bomb
from tests.rude.behaviour import Protocol
from tests.rude.behaviours import BEHAVIOURS, rude
from tests.rude.expected import Outcome
from tests.rude.expected_http import OF_CALLS, OF_STREAMS, RACES
from tests.rude.server import Pace

from netra_testkit.clients.exchange import LARGEST_BODY
from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    Cause,
    ConnectionFailed,
    DeadlineExceeded,
    NetraError,
    UnusableBody,
)
from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    from tests.clients.http_server import Request
    from tests.rude.behaviour import Behaviour

QUICK = Pace(interval=0.005, late=0.1)
BOUND = 0.1
# Without what comes in such small pieces that it takes long to become too much.
TOO_MUCH = [BEHAVIOURS[name] for name in RACES if name != "endless chunks"]


@pytest.mark.broad
@pytest.mark.parametrize("behaviour", TOO_MUCH, ids=lambda each: each.name)
async def test_too_much_ends_by_itself_when_there_is_time_for_it(behaviour: Behaviour) -> None:
    streams = behaviour.speaks is Protocol.SSE
    assert gzip_bomb()
    assert deflate_bomb()
    async with nothing_left():
        with rude(behaviour, QUICK) as server:
            async with HttpClient(config_for(server.authority)) as http:
                with pytest.raises(NetraError) as failed:
                    await (read_a_stream(http) if streams else http.get("/health"))
    outcome = Outcome(type(failed.value), failed.value.cause)
    assert str(outcome) == str((OF_STREAMS if streams else OF_CALLS)[behaviour.name])


async def read_a_stream(http: HttpClient) -> None:
    async with http.stream("GET", "/api/chat/stream") as events:
        async for _ in events:
            pass


@pytest.mark.parametrize("name", ["never reads", "says nothing", "never completes"])
async def test_a_body_that_nobody_reads_ends_in_time(name: str) -> None:
    async with nothing_left():
        with rude(BEHAVIOURS[name], QUICK) as server:
            async with HttpClient(config_for(server.authority)) as http:
                with within(BOUND), pytest.raises(DeadlineExceeded):
                    await http.post("/x", content=bytes(20_000_000), within=BOUND)


# How far a call had got, what it waited for, and whether anything was heard.
PHASES = {
    "never completes": ("connect", "connection to", False),
    "says nothing": ("http", "answer to GET /health", False),
    "drips headers": ("http", "answer to GET /health", True),
    "drips a body": ("http", "end of the answer to GET /health", True),
}


async def expired(config: StagingConfig) -> tuple[str, str, bool]:
    async with HttpClient(config) as http:
        with pytest.raises(DeadlineExceeded) as late:
            await http.get("/health", within=0.2)
    waiting_for = late.value.waiting_for.removesuffix(f" {urlsplit(config.base_url).netloc}")
    return late.value.phase, waiting_for, late.value.last_activity is not None


async def test_an_expiry_says_how_far_the_call_had_got() -> None:
    with contextlib.ExitStack() as serving_all:
        servers = [serving_all.enter_context(rude(BEHAVIOURS[name], QUICK)) for name in PHASES]
        # Made before anything is timed.
        configs = [config_for(server.authority) for server in servers]
        said = await asyncio.gather(*map(expired, configs), return_exceptions=True)
    assert dict(zip(PHASES, said, strict=True)) == PHASES


@pytest.mark.parametrize("name", ["a gzip bomb", "a deflate bomb"])
async def test_a_bomb_is_not_inflated_as_a_whole(name: str) -> None:
    tracemalloc.start()
    try:
        with rude(BEHAVIOURS[name], QUICK) as server:
            async with HttpClient(config_for(server.authority)) as http:
                with pytest.raises(UnusableBody, match="more than 16777216 bytes"):
                    await http.get("/health")
        assert tracemalloc.get_traced_memory()[1] < 2 * LARGEST_BODY < BOMB_SIZE
    finally:
        tracemalloc.stop()


async def test_one_call_that_was_heard_says_nothing_of_another() -> None:
    def say(request: Request) -> bytes:
        return answer() if request.target == "/quick" else b""

    with rude(BEHAVIOURS["says nothing"], QUICK) as silent:
        async with serving(say) as served:
            config = config_for(f"127.0.0.1:{served.port}", auth_url=f"http://{silent.authority}")
            async with HttpClient(config) as http:
                task = asyncio.create_task(http.get("/auth/me", within=0.2))
                for _ in range(5):
                    await http.get("/quick")
                with pytest.raises(DeadlineExceeded) as late:
                    await task
    assert late.value.last_activity is None
    assert late.value.cause is Cause.INFRASTRUCTURE


async def test_after_an_expiry_the_next_call_works_at_once() -> None:
    def say(request: Request) -> bytes:
        return answer() if request.target == "/good" else b"HTTP/1.1 200 OK\r\nContent-Le"

    async with nothing_left(), serving(say) as served, HttpClient(served.config) as http:
        for _ in range(10):
            with pytest.raises(DeadlineExceeded):
                await http.get("/bad", within=0.02)
            with within(0.0):
                assert (await http.get("/good")).json() == {"status": "healthy"}


async def test_a_late_answer_is_not_the_answer_to_the_next_call() -> None:
    with rude(BEHAVIOURS["answers late"], QUICK) as server:
        async with HttpClient(config_for(server.authority)) as http:
            with pytest.raises(DeadlineExceeded):
                await http.get("/first", within=0.05)
            response = await http.get("/second")
    assert response.elapsed >= QUICK.late / 2
    assert server.accepted == 2


async def test_a_resolver_that_never_answers_ends_in_time() -> None:
    stop = threading.Event()
    config = StagingConfig(
        environment="staging",
        allowed_hosts=("slow.invalid",),
        base_url="https://slow.invalid",
    )

    def resolver(_host: str, _port: int) -> list[str]:
        stop.wait(10)
        return []

    async with HttpClient(config, resolver=resolver) as http:
        with within(0.1), pytest.raises(DeadlineExceeded, match=r"connection to slow\.invalid:443"):
            await http.get("/x", within=0.1)
    stop.set()


async def test_the_first_address_that_answers_is_used() -> None:
    async with serving() as served:
        config = config_for(f"localhost:{served.port}")
        client = HttpClient(config, resolver=lambda _host, _port: ["::1", "127.0.0.2", "127.0.0.1"])
        async with client as http:
            assert (await http.get("/x")).status == 200


async def test_each_address_that_refuses_is_named() -> None:
    config = config_for("localhost:9")
    client = HttpClient(config, resolver=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
    async with client as http:
        with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.2.*127\.0\.0\.1") as refused:
            await http.get("/x")
    assert (refused.value.phase, refused.value.target) == ("tcp", "localhost:9")
