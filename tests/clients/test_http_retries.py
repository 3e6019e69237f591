from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import answer, config_for, nothing_left, serving, within

from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.retry import RetryPolicy
from netra_testkit.errors import (
    CallFailed,
    ConnectionFailed,
    DeadlineExceeded,
    RateLimited,
    ServiceUnavailable,
    UnexpectedStatus,
)
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.http_server import Request

AT_ONCE = RetryPolicy(attempts=3, waits=False)


def failing(times: int, failure: bytes) -> Callable[[Request], bytes]:
    """Fail so often, then answer well."""
    asked = []

    def say(request: Request) -> bytes:
        asked.append(request)
        return failure if len(asked) <= times else answer()

    return say


UNAVAILABLE = answer(b"", 503)


async def test_an_answer_at_the_third_attempt_says_so() -> None:
    trace = Trace()
    async with (
        nothing_left(),
        serving(failing(2, UNAVAILABLE)) as served,
        HttpClient(served.config, trace=trace) as http,
    ):
        response = await http.get("/x", retry=AT_ONCE)
    assert (response.status, response.attempts) == (200, 3)
    assert len({each.headers["x-request-id"] for each in served.requests}) == 3
    assert served.requests[-1].headers["x-request-id"] == response.request_id
    kinds = [json.loads(line)["kind"] for line in trace.tail(9)]
    assert kinds == ["http", "retry", "http", "retry", "http"]


async def test_the_last_failure_is_raised_and_says_which_attempt_it_was() -> None:
    async with serving(UNAVAILABLE) as served, HttpClient(served.config) as http:
        with pytest.raises(ServiceUnavailable) as refused:
            await http.get("/x", retry=AT_ONCE)
    assert len(served.requests) == 3
    assert refused.value.__notes__ == ["This was attempt 3."]
    assert served.requests[-1].headers["x-request-id"] == refused.value.request_id


async def test_nothing_is_retried_unless_it_is_named() -> None:
    async with serving(failing(1, UNAVAILABLE)) as served, HttpClient(served.config) as http:
        with pytest.raises(ServiceUnavailable):
            await http.get("/x")
    assert len(served.requests) == 1


async def test_a_count_in_the_configuration_is_a_policy() -> None:
    async with serving(failing(1, UNAVAILABLE)) as served:
        config = config_for(f"127.0.0.1:{served.port}", retry_count=1, retry_delay=0.01)
        async with HttpClient(config) as http:
            assert (await http.get("/x")).attempts == 2


NOT_REPEATED: dict[str, tuple[str, bytes, type[CallFailed]]] = {
    "a POST that may have been executed": ("POST", UNAVAILABLE, ServiceUnavailable),
    "a PATCH that may have been executed": ("PATCH", b"", ConnectionFailed),
    "500": ("GET", answer(b"", 500), UnexpectedStatus),
    "404": ("GET", answer(b"", 404), UnexpectedStatus),
}


@pytest.mark.parametrize(("method", "failure", "error"), NOT_REPEATED.values(), ids=NOT_REPEATED)
async def test_a_call_is_not_repeated(method: str, failure: bytes, error: type[CallFailed]) -> None:
    async with serving(failing(1, failure)) as served, HttpClient(served.config) as http:
        with pytest.raises(error) as failed:
            await http.request(method, "/x", retry=AT_ONCE)
    assert len(served.requests) == 1
    assert not hasattr(failed.value, "__notes__")


async def test_a_post_is_repeated_where_the_caller_says_it_does_no_harm() -> None:
    async with serving(failing(1, UNAVAILABLE)) as served, HttpClient(served.config) as http:
        response = await http.post("/x", json={}, retry=AT_ONCE, idempotent=True)
    assert response.attempts == 2


async def test_a_get_is_not_repeated_where_the_caller_says_that_it_does_harm() -> None:
    async with serving(failing(1, b"")) as served, HttpClient(served.config) as http:
        with pytest.raises(ConnectionFailed):
            await http.get("/x", retry=AT_ONCE, idempotent=False)


async def test_a_post_that_was_surely_not_executed_is_repeated() -> None:
    async with HttpClient(config_for("127.0.0.1:9")) as http:
        with pytest.raises(ConnectionFailed) as refused:
            await http.post("/x", retry=AT_ONCE)
    assert refused.value.phase == "tcp"
    assert refused.value.__notes__ == ["This was attempt 3."]


async def test_what_the_server_asks_to_wait_is_waited() -> None:
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    policy = RetryPolicy(attempts=2, sleep=sleep, random=lambda: 0.0)
    limited = answer(b"", 429, "Retry-After: 3")
    async with serving(failing(1, limited)) as served, HttpClient(served.config) as http:
        assert (await http.get("/x", retry=policy)).attempts == 2
        assert waited == [3.0]


async def test_a_wait_longer_than_what_is_left_is_not_begun() -> None:
    limited = answer(b"", 429, "Retry-After: 30")
    async with serving(limited) as served, HttpClient(served.config) as http:
        with within(0.0), pytest.raises(RateLimited) as refused:
            await http.get("/x", retry=RetryPolicy(attempts=5), within=2)
    assert refused.value.retry_after == 30.0


async def test_attempts_share_the_bound() -> None:
    silent = failing(1, UNAVAILABLE)

    def say(request: Request) -> bytes:
        return b"HTTP/1.1 2" if silent(request) == answer() else UNAVAILABLE

    async with serving(say) as served, HttpClient(served.config) as http:
        with within(0.3), pytest.raises(DeadlineExceeded) as late:
            await http.get("/x", retry=AT_ONCE, within=0.3)
    assert late.value.limit == 0.3
    assert len(served.requests) == 2
