from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.http_server import config_for, serving

from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    Cause,
    ClientClosed,
    InvalidBound,
    Misuse,
    NetraError,
    Unencodable,
    WrongLoop,
)
from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = config_for("127.0.0.1:9")
WRONG: dict[str, tuple[type[NetraError], dict[str, Any]]] = {
    **{
        f"within={bound}": (InvalidBound, {"within": bound})
        for bound in (0, -1, math.nan, math.inf, True, "1", 10**400)
    },
    "a body that is not JSON": (Unencodable, {"json": {"a": {1, 2}}}),
    "a number that is not JSON": (Unencodable, {"json": [math.nan]}),
    "two bodies": (Misuse, {"json": {}, "content": b""}),
    "a body of text": (Misuse, {"content": "text"}),
    "no such method": (Misuse, {"method": "GRAB"}),
    "a method with a space": (Misuse, {"method": "GET /"}),
    "a method that is no text": (Misuse, {"method": None}),
    "no path": (Misuse, {"path": None}),
    "a relative path": (Misuse, {"path": "health"}),
    "an empty path": (Misuse, {"path": ""}),
    "a path with a zero byte": (Misuse, {"path": "/a\0"}),
    "a foreign host": (Misuse, {"path": "https://elsewhere.invalid/"}),
    "a host that begins alike": (Misuse, {"path": "http://127.0.0.1.invalid/"}),
    "a host behind credentials": (Misuse, {"path": "http://127.0.0.1@elsewhere.invalid/"}),
    "credentials": (Misuse, {"path": "http://user:password@127.0.0.1/"}),
    "a URL without a scheme": (Misuse, {"path": "@elsewhere.invalid/"}),
    "another scheme": (Misuse, {"path": "ftp://127.0.0.1/"}),
    "half an address": (Misuse, {"path": "http://[half/"}),
    "a port that is none": (Misuse, {"path": "http://127.0.0.1:99999999/"}),
    "a query of no kind": (Misuse, {"params": "a=b"}),
    "a header with a line end": (Misuse, {"headers": {"X-A": "b\r\nX-C: d"}}),
    "a header that is not Latin": (Misuse, {"headers": {"X-A": "☃"}}),
    "a header that is a number": (Misuse, {"headers": {"X-A": 1}}),
    "a header without a name": (Misuse, {"headers": {"": "b"}}),
    "a header with a space in its name": (Misuse, {"headers": {"X A": "b"}}),
    "headers of no kind": (Misuse, {"headers": ["X-A"]}),
    "a length": (Misuse, {"headers": {"Content-Length": "7"}}),
    "a framing": (Misuse, {"headers": {"transfer-encoding": "chunked"}}),
    "a wanted status that is a text": (Misuse, {"expect": "200"}),
    "a wanted status that is a bool": (Misuse, {"expect": True}),
    "no wanted status": (Misuse, {"expect": ()}),
    "a wanted status that there is not": (Misuse, {"expect": [200, 20]}),
    "a wanted status of no kind": (Misuse, {"expect": 2.5}),
}
NOT_OF_STREAMS = ("content", "expect")


@pytest.fixture(params=WRONG.values(), ids=WRONG)
def wrong(request: pytest.FixtureRequest) -> tuple[type[NetraError], dict[str, Any]]:
    error, options = request.param
    return error, dict(options)


def call(http: HttpClient, options: dict[str, Any]) -> Any:
    return http.request(options.pop("method", "GET"), options.pop("path", "/x"), **options)


async def test_a_wrong_call_is_refused_before_anything_is_sent(
    wrong: tuple[type[NetraError], dict[str, Any]],
) -> None:
    error, options = wrong
    async with serving() as served:
        async with HttpClient(served.config) as http:
            with pytest.raises(error) as refused:
                await call(http, options)
        assert served.connections == 0
    assert refused.value.cause is Cause.TEST


async def test_a_wrong_stream_is_refused_where_it_is_asked_for(
    wrong: tuple[type[NetraError], dict[str, Any]],
) -> None:
    error, options = wrong
    if any(name in options for name in NOT_OF_STREAMS):
        return
    async with HttpClient(NOBODY) as http:
        method, path = options.pop("method", "GET"), options.pop("path", "/x")
        with pytest.raises(error):
            http.stream(method, path, **options)


@pytest.mark.parametrize("clock", ["first_event_within", "gap_within"])
async def test_every_clock_of_a_stream_is_a_bound(clock: str) -> None:
    async with HttpClient(NOBODY) as http:
        with pytest.raises(InvalidBound):
            http.stream("GET", "/x", **{clock: 0})  # type: ignore[arg-type] # a clock's name


@pytest.mark.parametrize("token", ["line\r\nend", "snow☃man"])
async def test_a_token_that_http_cannot_carry_is_refused(token: str) -> None:
    async with HttpClient(NOBODY, token=token) as http:
        with pytest.raises(Misuse, match="authorization") as refused:
            await http.get("/x")
    assert token not in str(refused.value)


async def test_a_client_that_is_not_open_is_refused() -> None:
    http = HttpClient(NOBODY)
    for _ in range(2):
        with pytest.raises(ClientClosed):
            await http.get("/x")
        with pytest.raises(ClientClosed):
            http.stream("GET", "/x")
        async with http:
            pass


async def test_a_client_that_is_open_is_not_entered_again() -> None:
    async with HttpClient(NOBODY) as http:
        with pytest.raises(Misuse, match="while it is open"):
            await http.__aenter__()


def test_another_event_loop_is_refused() -> None:
    http = HttpClient(NOBODY)
    asyncio.run(http.__aenter__())

    async def elsewhere(use: Callable[[], Any]) -> None:
        with pytest.raises(WrongLoop):
            await use()

    asyncio.run(elsewhere(lambda: http.get("/x")))
    asyncio.run(elsewhere(lambda: http.__aexit__(None, None, None)))


PRODUCTION = StagingConfig(environment="production", allow_production=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "delete"])
async def test_production_is_only_read(method: str) -> None:
    async with HttpClient(PRODUCTION) as http:
        with pytest.raises(Misuse, match="read-only"):
            await http.request(method, "/api/threads")
        with pytest.raises(Misuse, match="read-only"):
            http.stream(method, "/api/chat/stream")


STAGING = StagingConfig(environment="staging", allowed_hosts=("also.invalid",))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.staging.netrasystems.ai/x",
        "http://also.invalid/",
        PRODUCTION.base_url,
        "https://app.staging.netrasystems.ai/",
    ],
)
async def test_a_token_goes_nowhere_in_plain_text_nor_elsewhere(url: str) -> None:
    async with HttpClient(STAGING) as http:
        with pytest.raises(Misuse, match="a request to http"):
            await http.get(url)
