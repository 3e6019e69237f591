from __future__ import annotations

import asyncio
import json
import re
import secrets
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import answer, config_for, nothing_left, serving

from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    AuthRefused,
    Cause,
    ConnectionFailed,
    NetraError,
    ServiceUnavailable,
    UnexpectedStatus,
    UnusableBody,
)
from netra_testkit.safety.redaction import mask
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.clients.http_server import Request


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
async def test_every_method_is_sent(method: str) -> None:
    async with nothing_left(), serving() as served, HttpClient(served.config) as http:
        response = await getattr(http, method)("/x")
    assert served.targets == [f"{method.upper()} /x"]
    assert (response.status, response.method, response.path) == (200, method.upper(), "/x")
    assert response.attempts == 1
    assert response.elapsed > 0


@pytest.mark.parametrize("method", ["HEAD", "options"])
async def test_an_answer_may_have_no_body(method: str) -> None:
    gzipped = answer(b"", 200, "Content-Encoding: gzip")
    async with serving(gzipped) as served, HttpClient(served.config) as http:
        assert (await http.request(method, "/x")).content == b""
    assert served.targets == [f"{method.upper()} /x"]


async def test_what_is_sent_arrives() -> None:
    async with serving() as served, HttpClient(served.config) as http:
        await http.post("/a?b=1", json={"é": [1, None]}, params={"c": "d e", "f": True})
        await http.put("/x", content=b"\0raw", headers={"Content-Type": "x/y", "X-Mine": "1"})
    first, second = served.requests
    assert (first.target, json.loads(first.body)) == ("/a?b=1&c=d+e&f=true", {"é": [1, None]})
    assert first.headers["content-type"] == "application/json"
    assert (second.body, second.headers["content-type"]) == (b"\0raw", "x/y")
    assert second.headers["x-mine"] == "1"


async def test_a_call_carries_ids_of_its_own() -> None:
    async with serving() as served, HttpClient(served.config) as http:
        responses = [await http.get("/x") for _ in range(2)]
    for request, response in zip(served.requests, responses, strict=True):
        assert request.headers["x-request-id"] == response.request_id
        traced = re.fullmatch(r"00-([0-9a-f]{32})-[0-9a-f]{16}-01", request.headers["traceparent"])
        assert traced is not None
        assert traced[1] == response.trace_id
    assert len({response.request_id for response in responses}) == 2
    assert len({request.headers["x-test-session"] for request in served.requests}) == 1


async def test_ids_that_a_caller_sets_are_those_of_the_call() -> None:
    own = {"X-Request-Id": "mine", "Traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    async with serving() as served, HttpClient(served.config) as http:
        response = await http.get("/x", headers=own)
    assert (response.request_id, response.trace_id) == ("mine", "a" * 32)
    assert served.requests[0].headers["x-request-id"] == "mine"


async def test_plain_headers_are_sent_unless_asked_for_more() -> None:
    async with serving() as served:
        for announce in (False, True):
            config = config_for(f"127.0.0.1:{served.port}", announce_e2e=announce)
            async with HttpClient(config, session="this run") as http:
                await http.get("/x")
    plain, announced = (each.headers for each in served.requests)
    assert "x-test-type" not in plain
    assert announced["x-test-type"] == "E2E"
    assert plain["x-test-session"] == announced["x-test-session"] == "this run"
    assert plain["accept-encoding"] == "gzip, deflate"
    assert "authorization" not in plain


async def test_a_token_is_asked_for_at_each_call_and_masked() -> None:
    tokens = [secrets.token_urlsafe(48) for _ in range(3)]
    left = iter(tokens)
    async with serving() as served, HttpClient(served.config, token=lambda: next(left)) as http:
        for _ in tokens:
            await http.get("/x")
    sent = [each.headers["authorization"] for each in served.requests]
    assert sent == [f"Bearer {token}" for token in tokens]
    assert not any(token in mask(f"said {token}") for token in tokens)


async def test_an_empty_token_is_sent_as_such() -> None:
    async with serving() as served, HttpClient(served.config, token="") as http:
        await http.get("/x")
    assert served.requests[0].headers["authorization"] == "Bearer"


async def test_paths_of_the_auth_service_go_there() -> None:
    async with serving() as backend, serving() as auth:
        config = config_for(f"127.0.0.1:{backend.port}", auth_url=f"http://127.0.0.1:{auth.port}")
        async with HttpClient(config) as http:
            await http.get("/auth/me")
            await http.get("/api/auth/me")
            await http.get(f"http://127.0.0.1:{auth.port}/x")
    assert auth.targets == ["GET /auth/me", "GET /x"]
    assert backend.targets == ["GET /api/auth/me"]


EXPECTED: list[tuple[int, int | Collection[int] | None]] = [
    (404, 404),
    (404, {200, 404}),
    (503, None),
    (401, [401]),
    (302, 302),
    (200, range(200, 300)),
]


@pytest.mark.parametrize(("status", "expect"), EXPECTED)
async def test_a_status_that_is_wanted_is_an_answer(
    status: int, expect: int | Collection[int] | None
) -> None:
    async with serving(answer(b"{}", status)) as served, HttpClient(served.config) as http:
        response = await http.get("/x", expect=expect)
    assert (response.status, response.json()) == (status, {})


UNWANTED: list[tuple[int, int | None, type[NetraError]]] = [
    (404, 200, UnexpectedStatus),
    (200, 404, UnexpectedStatus),
    (204, 200, UnexpectedStatus),
    (401, 403, AuthRefused),
    (503, 500, ServiceUnavailable),
]


@pytest.mark.parametrize(("status", "expect", "error"), UNWANTED)
async def test_no_status_is_ignored_by_accident(
    status: int, expect: int, error: type[NetraError]
) -> None:
    async with nothing_left(), serving(answer(b"" if status == 204 else b"{}", status)) as served:
        async with HttpClient(served.config) as http:
            with pytest.raises(error) as refused:
                await http.get("/x?token=hidden", expect=expect)
            assert "hidden" not in str(refused.value)
            assert "logs: trace=~" in str(refused.value)
            assert (await http.get("/x", expect=None)).status == status
        assert served.connections == 1


async def test_a_status_says_more_than_the_page_that_came_with_it() -> None:
    page = answer(b"what is this", 502, "Content-Encoding: br")
    async with serving(page) as served, HttpClient(served.config) as http:
        with pytest.raises(ServiceUnavailable, match="the encoding br") as refused:
            await http.get("/x")
        assert refused.value.cause is Cause.DEPLOYMENT
        with pytest.raises(UnusableBody, match="the encoding br"):
            await http.get("/x", expect=None)


async def test_a_connection_is_used_again() -> None:
    async with nothing_left(), serving() as served, HttpClient(served.config) as http:
        for _ in range(5):
            await http.get("/x")
    assert served.connections == 1


async def test_an_idle_connection_that_the_server_closed_is_not_used() -> None:
    closing = iter([answer(), b"", answer()])
    async with serving(lambda _: next(closing)) as served, HttpClient(served.config) as http:
        await http.get("/x")
        with pytest.raises(ConnectionFailed):
            await http.get("/x")
        assert (await http.get("/x")).status == 200


async def test_calls_at_once_use_connections_of_their_own() -> None:
    def echo(request: Request) -> bytes:
        return answer(request.target.encode())

    async with nothing_left(), serving(echo) as served, HttpClient(served.config) as http:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(http.get(f"/{number}")) for number in range(60)]
        assert [task.result().text for task in tasks] == [f"/{number}" for number in range(60)]


async def test_calls_are_recorded_and_observed() -> None:
    trace, observed = Trace(), []
    refuse = answer(b"{}", 404)
    async with serving(lambda each: refuse if each.target == "/no" else answer()) as served:
        client = HttpClient(
            served.config,
            trace=trace,
            observe=lambda name, seconds, failure: observed.append((name, seconds, failure)),
        )
        async with client as http:
            response = await http.get("/yes?secret=hidden")
            with pytest.raises(UnexpectedStatus) as refused:
                await http.get("/no")
    assert [(name, failure) for name, _, failure in observed] == [
        ("GET /yes", None),
        ("GET /no", refused.value),
    ]
    assert all(0 < seconds < 5 for _, seconds, _ in observed)
    said = [json.loads(line) for line in trace.tail(2)]
    assert [each["text"].rpartition(" ")[2] for each in said] == ["200", "UnexpectedStatus"]
    assert "/yes ->" in said[0]["text"]
    assert said[0]["request_id"] == response.request_id
    assert "hidden" not in str(said)


async def test_a_call_that_is_cancelled_is_recorded_and_no_latency() -> None:
    trace, observed = Trace(), []
    async with serving(b"HTTP/1.1 200 OK\r\n") as served:
        client = HttpClient(served.config, trace=trace, observe=lambda *said: observed.append(said))
        async with client as http:
            task = asyncio.create_task(http.get("/x"))
            await served.asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert observed == []
    assert "CancelledError" in trace.tail(1)[0]


MADE = {
    "a thread": ("/api/threads", b'{"id": "t-1"}', ["t-1"]),
    "no id": ("/api/threads", b"{}", []),
    "no JSON": ("/api/threads", b"", []),
    "another route": ("/api/agents/start", b'{"id": "t-1"}', []),
}


@pytest.mark.parametrize(("path", "body", "expected"), MADE.values(), ids=MADE)
async def test_a_thread_that_a_call_made_is_told(
    path: str, body: bytes, expected: list[str]
) -> None:
    made: list[str] = []
    async with (
        serving(answer(body)) as served,
        HttpClient(served.config, made=made.append) as http,
    ):
        await http.post(path)
    assert made == expected


async def test_it_works_without_pytest_and_after_it_was_open_before() -> None:
    async with serving() as served:
        http = HttpClient(served.config)
        for _ in range(2):
            async with http:
                assert (await http.get("/x")).status == 200
