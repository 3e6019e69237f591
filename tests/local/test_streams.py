from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import ALICE, BOB, WITHIN, bad_tokens, call, client

from netra_testkit.local.faults import Fault
from netra_testkit.local.options import EventForm, Limits
from netra_testkit.local.staging import LocalStaging
from netra_testkit.wire.events import AgentRun
from netra_testkit.wire.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

RUN = [
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "tool_executing",
    "tool_completed",
    "agent_thinking",
    "agent_completed",
]
E2E = {"X-Test-Type": "E2E", "X-E2E-Test": "true"}


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalStaging]:
    limits = Limits(heartbeat_interval=0.01)
    with LocalStaging(pace=0, limits=limits) as started:
        yield started


@pytest.fixture
def server(shared: LocalStaging) -> Iterator[LocalStaging]:
    yield shared
    shared.faults.clear()


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


def types(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    return [str(Frame.decode(json.dumps(each)).type) for each in documents(response.text)]


def chat(server: LocalStaging, **body: Any) -> httpx.Response:
    return call(server, "POST", "/api/chat/stream", user=ALICE, json=body)


def ask(server: LocalStaging, user: Any = None, **body: Any) -> httpx.Response:
    return call(server, "POST", "/api/agents/stream", user=user, json=body)


@pytest.mark.parametrize("user", [None, ALICE], ids=["nobody", "alice"])
def test_an_agent_is_followed_to_its_end(server: LocalStaging, user: Any) -> None:
    response = ask(server, user, type="triage", message="hello")
    assert types(response) == [*RUN, "stream_end"]
    told = documents(response.text)
    assert {each["event"] for each in told} == {*RUN, "stream_end"}
    assert len({each["agent_id"] for each in told}) == 1
    assert all(isinstance(each["timestamp"], float) for each in told)
    assert told[-1]["status"] == "completed"
    run = AgentRun("triage")
    for each in told:
        run.feed(Frame.decode(json.dumps(each)))
    run.assert_delivered()
    assert run.user_id == (user.user_id if user else "anonymous")


def test_events_have_ids_and_a_keep_alive_comes_first(server: LocalStaging) -> None:
    lines = ask(server, message="hello").text.splitlines()
    assert lines[0].startswith(":")
    ids = [line for line in lines if line.startswith("id: ")]
    assert ids == [f"id: {number}" for number in range(1, len(RUN) + 2)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": "hi", "agent": "data"}, 200),
        ({"message": "hi", "type": "nobody"}, 422),
        ({"message": ""}, 422),
        ({"message": "x" * 8001}, 422),
        ({}, 422),
    ],
    ids=["fine", "unknown-agent", "empty", "too-long", "no-message"],
)
def test_what_an_agent_is_asked_is_validated(
    server: LocalStaging, body: dict[str, Any], status: int
) -> None:
    assert ask(server, **body).status_code == status


@pytest.mark.parametrize("form", EventForm)
def test_a_chat_is_streamed_in_every_form(form: EventForm) -> None:
    with LocalStaging(pace=0, event_form=form) as server:
        response = chat(server, content="hello")
    *told, end = types(response)
    assert told[: 2 + len(RUN)] == ["stream_start", "user_message", *RUN]
    assert {*told[2 + len(RUN) :]} == {"response_chunk"}
    assert end == "stream_end"
    run = AgentRun("triage")
    for each in documents(response.text):
        run.feed(Frame.decode(json.dumps(each)))
    run.assert_delivered()


def test_a_streamed_chat_is_kept(server: LocalStaging) -> None:
    first = documents(chat(server, message="hello").text)
    thread_id = first[0]["data"]["thread_id"]
    second = documents(chat(server, content="again", thread_id=thread_id).text)
    answers = [
        "".join(each["data"]["content"] for each in told if each["type"] == "response_chunk")
        for told in (first, second)
    ]
    listed = call(server, "GET", f"/api/threads/{thread_id}/messages", user=ALICE).json()
    kept = [each["content"] for each in listed["messages"]]
    assert kept == ["hello", answers[0], "again", answers[1]]
    foreign = call(
        server,
        "POST",
        "/api/chat/stream",
        user=BOB,
        json={"content": "mine now", "thread_id": thread_id},
    )
    assert foreign.status_code == 404


def test_what_happens_is_streamed_until_its_time_is_over(server: LocalStaging) -> None:
    response = call(server, "GET", "/api/events/stream", user=ALICE)
    told = types(response)
    assert told[:4] == ["stream_connected", *["quality_metrics"] * 3]
    assert {*told[4:-1]} == {"heartbeat"}
    assert told[-1] == "stream_timeout"
    connected = documents(response.text)[0]["data"]
    assert connected["user_id"] == ALICE.user_id
    assert connected["connection_id"]
    anonymous = call(server, "GET", "/api/events/stream")
    assert documents(anonymous.text)[0]["data"]["user_id"] == "anonymous"


@pytest.mark.parametrize("headers", [{}, E2E], ids=["plain", "announced"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/agents/stream", {"message": "hi"}),
        ("POST", "/api/chat/stream", {"content": "hi"}),
        ("GET", "/api/events/stream", None),
    ],
    ids=["agents", "chat", "events"],
)
async def test_a_bad_token_is_refused_on_every_stream(
    server: LocalStaging, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    async with client(server) as http:
        for token in bad_tokens(server).values():
            own = {"Authorization": f"Bearer {token}".strip(), **headers}
            response = await http.request(method, path, headers=own, json=body)
            assert response.status_code == 401


def test_a_chat_needs_a_token(server: LocalStaging) -> None:
    assert call(server, "POST", "/api/chat/stream", json={"content": "hi"}).status_code == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/agents/stream", {"message": "hi"}),
        ("/api/chat/stream", {"content": "hi"}),
    ],
    ids=["agents", "chat"],
)
def test_a_stream_is_cut(server: LocalStaging, path: str, body: dict[str, str]) -> None:
    server.faults.add(Fault("stream-cut", route=path))
    told = types(call(server, "POST", path, user=ALICE, json=body))
    assert len(told) == 3
    assert "stream_end" not in told
    assert types(call(server, "GET", "/api/events/stream"))[-1] == "stream_timeout"


def test_a_stream_says_that_its_agent_failed(server: LocalStaging) -> None:
    server.faults.add(Fault("failed-run"))
    response = ask(server, ALICE, message="hello")
    assert types(response) == [*RUN[:-1], "agent_error", "stream_error"]
    failed, end = documents(response.text)[-2:]
    assert (failed["error_code"], end["error_code"]) == ("AGENT_FAILED", "AGENT_FAILED")
    assert failed["error"] == end["error"] == "triage could not do what was asked"
    assert (end["run_id"], end["status"]) == (failed["run_id"], "failed")


def test_a_chat_says_that_its_agent_failed_and_keeps_no_answer(server: LocalStaging) -> None:
    server.faults.add(Fault("failed-run"))
    response = chat(server, content="hello")
    told = ["stream_start", "user_message", *RUN[:-1], "agent_error", "stream_error"]
    assert types(response) == told
    end = documents(response.text)[-1]["data"]
    assert (end["error_code"], end["status"]) == ("AGENT_FAILED", "failed")
    assert end["error"] == "triage could not do what was asked"
    path = f"/api/threads/{end['thread_id']}/messages"
    kept = call(server, "GET", path, user=ALICE).json()["messages"]
    assert [each["role"] for each in kept] == ["user"]


@pytest.mark.parametrize("kind", ["tool_completed", "agent_completed"])
def test_events_are_lost_from_a_stream_too(server: LocalStaging, kind: str) -> None:
    server.faults.add(Fault("lost-event", type=kind))
    assert kind not in types(ask(server, message="hello"))
    told = types(chat(server, content="hello"))
    assert kind not in told
    assert told[-1] == "stream_end"


@pytest.mark.parametrize(
    ("action", "terminal"), [("stop", "agent_stopped"), ("cancel", "agent_cancelled")]
)
async def test_a_streamed_run_is_stopped(server: LocalStaging, action: str, terminal: str) -> None:
    server.faults.add(Fault("never-completes"))
    told = []
    async with (
        asyncio.timeout(WITHIN),
        client(server, ALICE) as http,
        client(server, ALICE) as other,
        http.stream("POST", "/api/agents/stream", json={"message": "hello"}) as response,
    ):
        async for line in response.aiter_lines():
            if not line.startswith("data: "):
                continue
            told.append(json.loads(line[6:]))
            if len(told) == 1:
                named = {"agent_id": told[0]["agent_id"]}
                answer = await other.post(f"/api/agents/{action}", json=named)
                assert answer.json()["success"] is True
    assert [each["event"] for each in told[-2:]] == [terminal, "stream_end"]
    assert told[-1]["status"] == {"stop": "stopped", "cancel": "cancelled"}[action]


async def test_a_stream_is_held_back_until_its_end(server: LocalStaging) -> None:
    server.faults.add(Fault("never-completes"))
    server.faults.add(Fault("buffered-stream", route="/api/agents/stream"))
    async with (
        asyncio.timeout(WITHIN),
        client(server, ALICE) as http,
        client(server, ALICE) as other,
        http.stream("POST", "/api/agents/stream", json={"message": "hello"}) as response,
    ):
        reading = asyncio.create_task(response.aread())
        told = 0
        while told < len(RUN) - 1:
            run = (await other.get("/api/agents/status")).json()[-1]
            told = run["message_count"]
        # A whole request went there and back since the last of them was told.
        await other.get("/api/agents/status")
        assert response.num_bytes_downloaded == 0
        await other.post("/api/agents/stop", json={"agent_id": run["agent_id"]})
        await reading
    assert types(response) == [*RUN[:-1], "agent_stopped", "stream_end"]


async def test_who_leaves_a_stream_ends_its_run(server: LocalStaging) -> None:
    server.faults.add(Fault("never-completes"))
    async with client(server, BOB) as http:
        async with http.stream("POST", "/api/agents/stream", json={"message": "hi"}) as response:
            assert "event" in json.loads((await anext_data(response))[6:])
        async with asyncio.timeout(WITHIN):
            while True:
                listed = (await http.get("/api/agents/status")).json()
                if [each["status"] for each in listed] == ["cancelled"]:
                    break


async def anext_data(response: httpx.Response) -> str:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            return line
    raise AssertionError


def test_what_is_streamed_is_known(server: LocalStaging) -> None:
    [first, *_] = documents(ask(server, ALICE, message="hello").text)
    sent = [each for each in server.received.events if each.run_id == first["run_id"]]
    assert [each.type_name for each in sent] == RUN
    assert {(each.user, each.connection_id) for each in sent} == {(ALICE.user_id, None)}
