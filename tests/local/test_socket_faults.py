from __future__ import annotations

import asyncio
import base64
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import (
    ALICE,
    BOB,
    WITHIN,
    client,
    mint,
    receive,
    receive_until,
    send,
    socket,
)
from tests.local.worlds import until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netra_testkit.local.faults import Fault
from netra_testkit.local.staging import LocalStaging
from netra_testkit.wire.contract import CRITICAL_EVENTS, Ending, Rule
from netra_testkit.wire.events import AgentRun
from netra_testkit.wire.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.asyncio.client import ClientConnection

QUIET = 0.05


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0) as started:
        yield started


@pytest.fixture
def server(shared: LocalStaging) -> Iterator[LocalStaging]:
    yield shared
    shared.faults.clear()


async def ready(connection: ClientConnection) -> ClientConnection:
    await receive_until(connection, "handshake_response")
    return connection


async def all_of_a_run(connection: ClientConnection, agent: str) -> list[Any]:
    """What comes of a run until the server says that it has ended, and just after."""
    await send(connection, "start_agent", agent=agent, message="What does it cost?", run_id="r")
    frames: list[Any] = []
    running = True
    while running:
        await send(connection, "agent_status_request")
        *told, update = await receive_until(connection, "agent_status_update")
        frames += told
        latest = [each for each in update["data"]["agents"] if each["run_id"] == "r"][-1]
        running = latest["status"] == "running"
    for _ in range(3):
        await send(connection, "ping")
        *told, _ = await receive_until(connection, "pong")
        frames += told
    return frames


async def judged(server: LocalStaging, agent: str = "triage") -> AgentRun:
    run = AgentRun(agent, run_id="r", user_id=ALICE.user_id)
    async with socket(server) as connection:
        await ready(connection)
        for frame in await all_of_a_run(connection, agent):
            run.feed(Frame.decode(json.dumps(frame)))
    return run


async def nothing_comes(connection: ClientConnection) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUIET):
            await connection.recv()


async def all_before_the_close(connection: ClientConnection) -> list[str]:
    """The types of all frames until the connection is closed."""
    frames: list[str] = []
    async with asyncio.timeout(WITHIN):
        with suppress(ConnectionClosed):
            async for raw in connection:
                frames.append(json.loads(raw)["type"])  # noqa: PERF401 - kept when it breaks off
    return frames


@pytest.mark.parametrize(
    ("code", "status"), [(1008, 403), (4401, 401), (1012, 503), (1014, 502), (1011, 500)]
)
async def test_a_close_at_the_upgrade_refuses_it(
    server: LocalStaging, code: int, status: int
) -> None:
    server.faults.add(Fault("close", phase="upgrade", code=code))
    with pytest.raises(InvalidStatus) as refused:
        async with socket(server):
            pass
    assert refused.value.response.status_code == status
    body = json.loads(refused.value.response.body or b"{}")
    assert body["error_code"] == "UPGRADE_FAILED"


@pytest.mark.parametrize("code", [1000, 1011, 1012, 4001])
@pytest.mark.parametrize(
    ("phase", "before"),
    [
        ("before-welcome", []),
        ("after-welcome", ["connection_established", "handshake_response"]),
        (
            "mid-run",
            ["connection_established", "handshake_response", "agent_started", "agent_thinking"],
        ),
    ],
)
async def test_a_close_in_every_phase(
    server: LocalStaging, phase: str, before: list[str], code: int
) -> None:
    server.faults.add(Fault("close", phase=phase, code=code, reason="on request"))
    async with socket(server) as connection:
        if phase == "mid-run":
            await send(connection, "start_agent", agent="triage", message="hello")
        assert await all_before_the_close(connection) == before
        assert (connection.close_code, connection.close_reason) == (code, "on request")


async def test_a_fault_of_one_user_leaves_the_others_alone(server: LocalStaging) -> None:
    server.faults.add(Fault("close", phase="after-welcome", user=BOB.user_id))
    async with socket(server) as alice, socket(server, BOB) as bob:
        await ready(alice)
        await all_before_the_close(bob)
        assert bob.close_code == 1011
        await send(alice, "ping")
        assert (await receive(alice))["type"] == "pong"


async def test_no_welcome(server: LocalStaging) -> None:
    server.faults.add(Fault("no-welcome"))
    async with socket(server) as connection:
        await nothing_comes(connection)
        await send(connection, "ping")
        assert (await receive(connection))["type"] == "pong"


async def test_not_ready(server: LocalStaging) -> None:
    server.faults.add(Fault("not-ready"))
    async with socket(server) as connection:
        assert (await receive(connection))["data"]["connection_ready"] is False


@pytest.mark.parametrize("kind", CRITICAL_EVENTS)
async def test_a_lost_event(server: LocalStaging, kind: str) -> None:
    server.faults.add(Fault("lost-event", type=kind.value))
    run = await judged(server)
    assert kind not in {each.kind for each in run.events}
    assert run.missing or not run.finished
    assert run.violations


@pytest.mark.parametrize("kind", CRITICAL_EVENTS)
async def test_a_duplicated_event(server: LocalStaging, kind: str) -> None:
    healthy = [each.kind for each in (await judged(server)).events]
    server.faults.add(Fault("duplicated-event", type=kind.value))
    events = [each.kind for each in (await judged(server)).events]
    assert events.count(kind) == 2 * healthy.count(kind)


async def test_reordered_events(server: LocalStaging) -> None:
    server.faults.add(Fault("reordered-events"))
    assert Rule.STARTED_FIRST in {each.rule for each in (await judged(server)).violations}


@pytest.mark.parametrize("agent", ["triage", "supervisor"])
async def test_an_unpaired_tool(server: LocalStaging, agent: str) -> None:
    server.faults.add(Fault("unpaired-tool"))
    run = await judged(server, agent)
    assert [each.rule for each in run.violations] == [Rule.TOOL_ANSWERED]


async def test_a_crossed_event(server: LocalStaging) -> None:
    async with socket(server, BOB) as bob:
        await ready(bob)
        server.faults.add(Fault("crossed-event", count=1))
        assert (await judged(server)).violations == ()
        stray = await receive(bob)
        assert (stray["type"], stray["user_id"]) == ("agent_completed", ALICE.user_id)
        await nothing_comes(bob)
    crossed = [each for each in server.received.events if each.user == BOB.user_id]
    assert [each.run_id for each in crossed] == ["r"]


async def test_an_event_cannot_be_crossed_with_nobody(server: LocalStaging) -> None:
    server.faults.add(Fault("crossed-event", count=1))
    assert (await judged(server)).violations == ()
    assert len(server.faults.faults) == 1


async def test_a_run_that_never_completes_goes_on_until_it_is_stopped(
    server: LocalStaging,
) -> None:
    server.faults.add(Fault("never-completes"))
    async with socket(server) as connection:
        await ready(connection)
        await send(connection, "start_agent", agent="triage", message="hello", run_id="r")
        await receive_until(connection, "agent_thinking")
        await receive_until(connection, "agent_thinking")
        await nothing_comes(connection)
        await send(connection, "agent_status_request")
        agents = (await receive(connection))["data"]["agents"]
        assert [each["status"] for each in agents if each["run_id"] == "r"][-1] == "running"
        await send(connection, "stop_agent")
        assert (await receive_until(connection, "agent_stopped"))[-1]["run_id"] == "r"


async def test_a_run_fails_and_its_user_is_told_why(server: LocalStaging) -> None:
    server.faults.add(Fault("failed-run"))
    run = await judged(server, "supervisor")
    assert run.finished
    assert (run.ending, run.error_code) == (Ending.FAILED, "AGENT_FAILED")
    assert str(run.events[-1].error) == "supervisor could not do what was asked"
    assert [each.rule for each in run.violations] != []


async def test_a_chat_that_fails_keeps_no_answer(server: LocalStaging) -> None:
    server.faults.add(Fault("failed-run"))
    async with socket(server) as connection:
        await ready(connection)
        await send(connection, "user_message", content="hello")
        failed = (await receive_until(connection, "agent_error"))[-1]
        assert failed["data"]["status"] == "failed"
        await send(connection, "get_thread_history")
        *_, history = await receive_until(connection, "thread_update")
    assert [each["role"] for each in history["data"]["messages"]] == ["user"]


async def test_a_late_reply_does_not_hold_up_the_next(server: LocalStaging) -> None:
    server.faults.add(Fault("late-reply", seconds=0.2, count=1))
    async with socket(server) as connection:
        await ready(connection)
        began = time.monotonic()
        for name in ("late", "soon"):
            await connection.send(json.dumps({"type": "ping", "message_id": name}))
        assert (await receive(connection))["request_id"] == "soon"
        assert (await receive(connection))["request_id"] == "late"
        assert time.monotonic() - began >= 0.19


async def test_unknown_types_are_taken_for_chat_by_an_older_generation(
    server: LocalStaging,
) -> None:
    server.faults.add(Fault("older-unknown-types"))
    async with socket(server) as connection:
        await ready(connection)
        await send(connection, "nonsense", content="x")
        frames = await receive_until(connection, "agent_completed")
        assert frames[0]["data"]["status"] == "created"
        thread_id = frames[0]["data"]["thread_id"]
    async with client(server, ALICE) as http:
        listed = (await http.get(f"/api/threads/{thread_id}/messages")).json()["messages"]
    assert "nonsense" in listed[0]["content"]


async def test_a_handler_that_logs_an_enum_dies(server: LocalStaging) -> None:
    server.faults.add(Fault("enum-in-log"))
    async with socket(server) as connection:
        assert await all_before_the_close(connection) == []
        assert connection.close_code == 1011
    server.faults.clear()
    async with socket(server) as connection:
        await ready(connection)


@pytest.mark.parametrize("name", ["execute_agent", "Execute-Agent"])
async def test_without_the_alias_execute_agent_is_acknowledged_and_starts_nothing(
    server: LocalStaging, name: str
) -> None:
    server.faults.add(Fault("no-execute-agent"))
    async with socket(server) as connection:
        await ready(connection)
        await send(connection, name, agent="triage", message="hello")
        ack = await receive(connection)
        assert (ack["type"], ack["data"]["received_type"]) == ("ack", name)
        await nothing_comes(connection)
        await send(connection, "start_agent", agent="triage", message="hello")
        assert (await receive(connection))["type"] == "agent_started"


async def test_frames_before_readiness_are_lost(server: LocalStaging) -> None:
    server.faults.add(Fault("early-frames-lost"))
    async with socket(server) as connection:
        await send(connection, "ping")
        await ready(connection)
        await nothing_comes(connection)
        await send(connection, "heartbeat")
        assert (await receive(connection))["type"] == "heartbeat_ack"


async def test_a_client_that_leaves_before_readiness_is_no_crash(server: LocalStaging) -> None:
    server.faults.add(Fault("early-frames-lost"))
    async with socket(server) as connection:
        await connection.close()
    await until(lambda: not server.received.open_connections)
    assert server.received.connections[-1].close_code == 1000


async def test_without_the_fault_an_early_frame_is_answered(server: LocalStaging) -> None:
    async with socket(server) as connection:
        await send(connection, "ping")
        await receive_until(connection, "pong")


@pytest.mark.parametrize("agent", ["triage", "supervisor"])
async def test_a_silent_tool_failure(server: LocalStaging, agent: str) -> None:
    server.faults.add(Fault("silent-tool-failure"))
    run = await judged(server, agent)
    assert len(run.tool_failures) == 1
    assert [each.rule for each in run.violations] == [Rule.FAILURE_TOLD]


async def test_a_token_is_echoed(server: LocalStaging) -> None:
    server.faults.add(Fault("token-echo"))
    carrier = "jwt." + base64.urlsafe_b64encode(mint(server).encode()).rstrip(b"=").decode()
    offered: Any = ["jwt-auth", carrier]
    async with socket(server, None, subprotocols=offered) as connection:
        assert connection.subprotocol == carrier
    async with socket(server, subprotocols=["jwt-auth"]) as connection:  # type: ignore[list-item]
        assert connection.subprotocol == "jwt-auth"


@pytest.mark.parametrize("token", [None, "nonsense"], ids=["none", "bad"])
async def test_without_authentication_everybody_is_let_in(
    server: LocalStaging, token: str | None
) -> None:
    server.faults.add(Fault("no-authentication"))
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with socket(server, None, headers=headers) as connection:
        assert (await receive(connection))["type"] == "connection_established"


@pytest.mark.parametrize("raw", ['{"type": "ping"}', "broken", '{"type": "start_agent"}'])
async def test_a_mute_server_answers_nothing(server: LocalStaging, raw: str) -> None:
    async with socket(server) as connection:
        await ready(connection)
        server.faults.add(Fault("mute"))
        await connection.send(raw)
        await nothing_comes(connection)


async def test_what_is_said_is_forgotten(server: LocalStaging) -> None:
    server.faults.add(Fault("not-persisted"))
    async with socket(server) as connection:
        await ready(connection)
        await send(connection, "user_message", content="hello", thread_id="forgotten")
        await receive_until(connection, "agent_completed")
        await send(connection, "get_thread_history", thread_id="forgotten")
        told = await receive(connection)
        assert "hello" not in json.dumps(told)


@pytest.mark.parametrize("kind", ["secret-mismatch", "token-skew"])
async def test_a_gate_that_is_wrong_refuses_a_good_token(server: LocalStaging, kind: str) -> None:
    server.faults.add(Fault(kind))
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            server.config().websocket_url,
            additional_headers={"Authorization": f"Bearer {mint(server)}"},
            proxy=None,
        ):
            pass
    assert refused.value.response.status_code == 403
