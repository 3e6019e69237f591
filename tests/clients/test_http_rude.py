"""Every rude behaviour that an HTTP call can meet: in time, the right error, nothing left."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import answer, config_for, nothing_left, serving, within
from tests.rude.answering import BOMB_SIZE, deflate_bomb, gzip_bomb
from tests.rude.behaviour import Client, Protocol
from tests.rude.behaviours import BEHAVIOURS, meeting, rude
from tests.rude.expected import Outcome
from tests.rude.server import Pace

from netra_testkit.clients.exchange import LARGEST_BODY
from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    AuthRefused,
    CallFailed,
    Cause,
    ConnectionFailed,
    DeadlineExceeded,
    RateLimited,
    ServiceUnavailable,
    UnexpectedStatus,
    UnusableBody,
)
from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    from tests.clients.http_server import Request
    from tests.rude.behaviour import Behaviour

QUICK = Pace(interval=0.005, late=0.1)
BOUND = 0.4

UNHEARD = Outcome(DeadlineExceeded, Cause.INFRASTRUCTURE)
STALLED = Outcome(DeadlineExceeded, Cause.PRODUCT)
DROPPED = Outcome(ConnectionFailed, Cause.INFRASTRUCTURE)
BROKEN = Outcome(ConnectionFailed, Cause.PRODUCT)
UNUSABLE = Outcome(UnusableBody, Cause.PRODUCT)
REFUSED = Outcome(AuthRefused, Cause.AUTHENTICATION)
REDIRECTED = Outcome(UnexpectedStatus, Cause.UNDECIDED)
ANSWERED = Outcome()

# What may come instead: what comes first is a race.
RACING = {
    "endless chunks": STALLED,
    "floods a body": STALLED,
    "floods a body of no length": STALLED,
}
OUTCOMES: dict[str, Outcome] = {
    "refuses": DROPPED,
    "never completes": UNHEARD,
    "says nothing": UNHEARD,
    "never reads": UNHEARD,
    "closes at once": DROPPED,
    "resets at once": DROPPED,
    "half-closes at once": DROPPED,
    "resets in the request": DROPPED,
    "closes after the request": DROPPED,
    "resets after the request": DROPPED,
    "half-closes after the request": DROPPED,
    "greets in another protocol": STALLED,
    "floods with nonsense": BROKEN,
    "drips the status line": STALLED,
    "drips headers": STALLED,
    "floods headers": BROKEN,
    "stalls in the headers": STALLED,
    "closes in the headers": BROKEN,
    "resets in the headers": BROKEN,
    "half-closes in the headers": BROKEN,
    "promises for ever": STALLED,
    "floods with promises": STALLED,
    "one huge header": BROKEN,
    "nonsense for a status": BROKEN,
    "status of 999": REDIRECTED,
    "two lengths": BROKEN,
    "answers late": ANSWERED,
    "answers once and closes": ANSWERED,
    "answers once and resets": ANSWERED,
    "answers twice": ANSWERED,
    "drips a body": STALLED,
    "stalls in the body": STALLED,
    "closes in the body": BROKEN,
    "resets in the body": BROKEN,
    "half-closes in the body": BROKEN,
    "floods a body": UNUSABLE,
    "floods a body of no length": UNUSABLE,
    "endless chunks": UNUSABLE,
    "drips chunks": STALLED,
    "a chunk of no size": BROKEN,
    "closes in a chunk": BROKEN,
    "closes without a last chunk": BROKEN,
    "endless trailers": BROKEN,
    "a gzip bomb": UNUSABLE,
    "a deflate bomb": UNUSABLE,
    "broken gzip": UNUSABLE,
    "half a gzip": UNUSABLE,
    "an encoding nobody asked for": UNUSABLE,
    "a body that is not JSON": ANSWERED,
    "a body that is not text": ANSWERED,
    "nothing with a body": ANSWERED,
    "redirects in a loop": Outcome(UnexpectedStatus, Cause.PRODUCT),
    "redirects onwards": Outcome(UnexpectedStatus, Cause.PRODUCT),
    "redirects elsewhere": REDIRECTED,
    "redirects nowhere": REDIRECTED,
    "redirects to nonsense": REDIRECTED,
    "a page of a proxy": Outcome(ServiceUnavailable, Cause.DEPLOYMENT),
    "status 401": REFUSED,
    "status 403": REFUSED,
    "status 404": REDIRECTED,
    "status 429": Outcome(RateLimited, Cause.UNDECIDED),
    "status 500": REDIRECTED,
    "status 502": Outcome(ServiceUnavailable, Cause.DEPLOYMENT),
    "status 503": Outcome(ServiceUnavailable, Cause.DEPLOYMENT),
    "status 504": Outcome(ServiceUnavailable, Cause.DEPLOYMENT),
    "status 401 of the platform": REFUSED,
    "status 403 of the platform": REFUSED,
    "status 404 of the platform": REDIRECTED,
    "status 429 of the platform": Outcome(RateLimited, Cause.UNDECIDED),
    "status 500 of the platform": Outcome(UnexpectedStatus, Cause.PRODUCT),
    "status 502 of the platform": Outcome(ServiceUnavailable, Cause.PRODUCT),
    "status 503 of the platform": Outcome(ServiceUnavailable, Cause.PRODUCT),
    "status 504 of the platform": Outcome(ServiceUnavailable, Cause.PRODUCT),
}
MET = [each for each in meeting(Client.HTTP) if each.speaks is not Protocol.TLS]


def test_no_meeting_is_missing() -> None:
    assert sorted(OUTCOMES) == sorted(each.name for each in MET)


@pytest.mark.parametrize("behaviour", MET, ids=lambda each: each.name)
async def test_a_call_ends_in_time_with_the_right_error(behaviour: Behaviour) -> None:
    expected = (OUTCOMES[behaviour.name], RACING.get(behaviour.name))
    assert gzip_bomb()
    assert deflate_bomb()
    async with nothing_left():
        with rude(behaviour, QUICK) as server:
            async with HttpClient(config_for(server.authority)) as http:
                with within(BOUND):
                    outcome = await met(http)
    assert outcome in expected


async def met(http: HttpClient) -> Outcome:
    """How a call ends."""
    try:
        await http.get("/health", within=BOUND)
    except CallFailed as failed:
        identified = failed.request_id and failed.trace_id
        return Outcome(type(failed) if identified else None, failed.cause)
    return Outcome()


@pytest.mark.parametrize("name", ["never reads", "says nothing", "never completes"])
async def test_a_body_that_nobody_reads_ends_in_time(name: str) -> None:
    async with nothing_left():
        with rude(BEHAVIOURS[name], QUICK) as server:
            async with HttpClient(config_for(server.authority)) as http:
                with within(BOUND), pytest.raises(DeadlineExceeded):
                    await http.post("/x", content=bytes(20_000_000), within=BOUND)


PHASES = {
    "never completes": ("connect", "connection to "),
    "says nothing": ("http", "answer to GET /health"),
    "drips headers": ("http", "answer to GET /health"),
    "drips a body": ("http", "end of the answer to GET /health"),
}


@pytest.mark.parametrize(("name", "said"), PHASES.items(), ids=PHASES)
async def test_an_expiry_says_how_far_the_call_had_got(name: str, said: tuple[str, str]) -> None:
    with rude(BEHAVIOURS[name], QUICK) as server:
        async with HttpClient(config_for(server.authority)) as http:
            with pytest.raises(DeadlineExceeded) as late:
                await http.get("/health", within=0.2)
    assert late.value.phase == said[0]
    assert late.value.waiting_for.startswith(said[1])
    assert (late.value.last_activity is None) == (name in {"never completes", "says nothing"})


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
