from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import ALICE, BOB, WITHIN, client, receive, receive_until, send, socket

from netra_testkit.local.faults import Fault
from netra_testkit.local.options import EventForm, Limits
from netra_testkit.local.specialists import SPECIALISTS
from netra_testkit.local.staging import LocalStaging
from netra_testkit.settings.users import StagingUser
from netra_testkit.wire.contract import RunContract
from netra_testkit.wire.events import AgentRun
from netra_testkit.wire.frames import Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from websockets.asyncio.client import ClientConnection


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0) as started:
        yield started


@pytest.fixture(scope="module")
def slow() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0.05) as started:
        yield started


@pytest.fixture
async def alice(server: LocalStaging) -> AsyncIterator[ClientConnection]:
    async with socket(server) as connection:
        await receive_until(connection, "handshake_response")
        yield connection


async def followed(connection: ClientConnection, run: AgentRun) -> AgentRun:
    async with asyncio.timeout(WITHIN):
        while not run.finished:
            run.feed(Frame.decode(await connection.recv()))
    return run


@pytest.mark.parametrize("type_name", ["start_agent", "execute_agent", "agent_request", "agent"])
@pytest.mark.parametrize("agent", SPECIALISTS)
async def test_every_agent_delivers(alice: ClientConnection, agent: str, type_name: str) -> None:
    run = AgentRun(agent, run_id=str(uuid.uuid4()), user_id=ALICE.user_id)
    await send(alice, type_name, agent=agent, message="What does it cost?", run_id=run.run_id)
    await followed(alice, run)
    run.assert_delivered(RunContract.STRICT)
    run.assert_delivered(RunContract.BALANCED)


@pytest.mark.parametrize("agent", ["triage", "supervisor"])
@pytest.mark.parametrize("form", EventForm)
async def test_a_run_is_delivered_in_every_form(form: EventForm, agent: str) -> None:
    with LocalStaging(pace=0, event_form=form) as server:
        async with socket(server) as connection:
            run = AgentRun(agent, run_id="r-1", thread_id="t-1", user_id=ALICE.user_id)
            body = {"agent": agent, "message": "hello", "run_id": "r-1", "thread_id": "t-1"}
            await connection.send(json.dumps({"type": "start_agent", **body}))
            await followed(connection, run)
    run.assert_delivered(RunContract.STRICT)
    for event in run.events:
        ids = (event.run_id, event.thread_id, event.user_id)
        assert ids == ("r-1", "t-1", ALICE.user_id)


@pytest.mark.parametrize("ids", [{}, {"run_id": None, "thread_id": None}], ids=["none", "null"])
async def test_the_server_names_a_run_that_has_no_name(
    alice: ClientConnection, ids: dict[str, None]
) -> None:
    payload = {"agent": "data", "user_request": "hello", **ids}
    await alice.send(json.dumps({"type": "start_agent", "payload": payload, "message_id": "m"}))
    frames = await receive_until(alice, "agent_completed")
    assert len({(each["run_id"], each["thread_id"]) for each in frames}) == 1
    assert frames[0]["run_id"]
    assert frames[0]["thread_id"]
    assert {each["request_id"] for each in frames} == {"m"}


async def test_a_task_is_acknowledged_first(alice: ClientConnection) -> None:
    await send(alice, "agent_task", agent="data", message="hello", run_id="task-1")
    frames = await receive_until(alice, "agent_completed")
    assert frames[0]["type"] == "agent_task_ack"
    assert frames[0]["data"]["run_id"] == "task-1"


async def test_a_failing_tool_reaches_the_user(alice: ClientConnection) -> None:
    run = AgentRun("supervisor", run_id="failing", user_id=ALICE.user_id)
    await send(alice, "start_agent", agent="supervisor", message="fail:ranking", run_id="failing")
    await followed(alice, run)
    assert [(each.tool, each.success) for each in run.tool_failures] == [("ranking", False)]
    assert "ranking failed" in str(run.events[-1].result)
    run.assert_delivered()


@pytest.mark.parametrize("seed", [0, 1])
async def test_the_seed_decides_the_answer(server: LocalStaging, seed: int) -> None:
    async def result(of: LocalStaging) -> str:
        async with socket(of) as connection:
            await send(connection, "start_agent", agent="data", message="hello")
            frames = await receive_until(connection, "agent_completed")
            return str(frames[-1]["data"]["result"])

    with LocalStaging(pace=0, seed=seed) as another:
        assert (await result(another) == await result(server)) is (seed == 0)


async def stops(
    server: LocalStaging, payload: dict[str, str], terminal: str, *, named: bool
) -> None:
    """Stop a run of a user's own, and see that nothing more comes of it."""
    name = {"run_id": f"{terminal}-{named}"}
    async with socket(server, StagingUser(name["run_id"], "any@example.com")) as connection:
        await send(connection, "start_agent", agent="supervisor", message="hello", **name)
        await receive_until(connection, "tool_executing")
        await send(connection, "stop_agent", **payload, **(name if named else {}))
        frames = await receive_until(connection, terminal)
        [ack] = [each for each in frames if each["type"] == "ack"]
        assert ack["data"]["stopped"] == [name["run_id"]]
        assert frames[-1]["run_id"] == name["run_id"]
        assert frames[-1]["data"]["agent"] == "supervisor"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await connection.recv()
        await send(connection, "stop_agent", **name)
        assert (await receive(connection))["error_code"] == "RUN_NOT_FOUND"


async def test_a_run_is_stopped_over_the_socket(slow: LocalStaging) -> None:
    async with asyncio.TaskGroup() as users:
        for named in (True, False):
            users.create_task(stops(slow, {}, "agent_stopped", named=named))
            cancel = {"action": "cancel"}
            users.create_task(stops(slow, cancel, "agent_cancelled", named=named))


@pytest.mark.parametrize(
    ("action", "terminal"), [("stop", "agent_stopped"), ("cancel", "agent_cancelled")]
)
async def test_a_run_is_stopped_over_http(slow: LocalStaging, action: str, terminal: str) -> None:
    async with socket(slow) as connection, client(slow, ALICE) as http:
        await send(connection, "start_agent", agent="supervisor", message="x", run_id=action)
        await receive_until(connection, "agent_thinking")
        listed = (await http.get("/api/agents/status")).json()
        [agent_id] = [each["agent_id"] for each in listed if each["status"] == "running"]
        async with client(slow, BOB) as other:
            refused = await other.post(f"/api/agents/{action}", json={"agent_id": agent_id})
            assert refused.status_code == 404
        answer = await http.post(f"/api/agents/{action}", json={"agent_id": agent_id})
        assert answer.json()["success"] is True
        frames = await receive_until(connection, terminal)
        assert frames[-1]["run_id"] == action


@pytest.mark.parametrize(
    ("action", "status"), [("stop", "stopped"), ("cancel", "cancelled")], ids=["stop", "cancel"]
)
@pytest.mark.parametrize("way", ["socket", "http"])
async def test_a_run_that_is_ended_in_vain_goes_on(
    slow: LocalStaging, action: str, status: str, way: str
) -> None:
    run_id = f"{action}-{way}"
    slow.faults.add(Fault("cancel-in-vain", user=ALICE.user_id))
    try:
        async with socket(slow) as connection, client(slow, ALICE) as http:
            await send(connection, "start_agent", agent="data", message="x", run_id=run_id)
            await receive_until(connection, "agent_thinking")
            listed = (await http.get("/api/agents/status")).json()
            [agent] = [each for each in listed if each["run_id"] == run_id]
            if way == "socket":
                await send(connection, "stop_agent", run_id=run_id, action=action)
                ack = (await receive_until(connection, "ack"))[-1]
                assert ack["data"]["stopped"] == [run_id]
            else:
                named = {"agent_id": agent["agent_id"]}
                answer = await http.post(f"/api/agents/{action}", json=named)
                assert answer.json()["success"] is True
            assert (await receive_until(connection, "agent_completed"))[-1]["run_id"] == run_id
            listed = (await http.get("/api/agents/status")).json()
            assert [each["status"] for each in listed if each["run_id"] == run_id] == [status]
    finally:
        slow.faults.clear()


async def test_another_users_run_cannot_be_stopped(slow: LocalStaging) -> None:
    async with socket(slow) as alice, socket(slow, BOB) as bob:
        await send(alice, "start_agent", agent="data", message="hello", run_id="alices")
        await receive_until(alice, "agent_started")
        await send(bob, "stop_agent", run_id="alices")
        assert (await receive_until(bob, "error_message"))[-1]["error_code"] == "RUN_NOT_FOUND"
        await receive_until(alice, "agent_completed")


async def test_one_id_names_one_run_at_a_time(slow: LocalStaging) -> None:
    payload = {"agent": "data", "message": "hello", "run_id": "twice"}
    async with socket(slow) as connection:
        await send(connection, "start_agent", **payload)
        await receive_until(connection, "agent_started")
        await send(connection, "start_agent", **payload)
        frames = await receive_until(connection, "error_message")
        assert frames[-1]["error_code"] == "DUPLICATE_RUN"
        await receive_until(connection, "agent_completed")
        await send(connection, "start_agent", **payload)
        await receive_until(connection, "agent_started")


async def test_the_status_of_runs_is_told(alice: ClientConnection) -> None:
    await send(alice, "start_agent", agent="data", message="hello", run_id="told")
    frames = await receive_until(alice, "agent_completed")
    await send(alice, "agent_status_request")
    update = await receive(alice)
    assert update["type"] == "agent_status_update"
    [agent] = [each for each in update["data"]["agents"] if each["run_id"] == "told"]
    assert (agent["agent_type"], agent["status"]) == ("data", "completed")
    assert agent["message_count"] == len(frames)


async def test_who_asked_gets_the_events_and_nobody_else() -> None:
    users = [StagingUser(f"user-{number}", f"user-{number}@example.com") for number in range(8)]
    sockets_each, runs_each = 2, 3

    async def session(server: LocalStaging, user: StagingUser, place: int) -> list[Any]:
        runs = [
            AgentRun("triage", run_id=f"{user.user_id}/{place}/{number}", user_id=user.user_id)
            for number in range(runs_each)
        ]
        async with socket(server, user) as connection:
            await receive_until(connection, "handshake_response")
            for run in runs:
                await send(
                    connection, "start_agent", agent="triage", message="x", run_id=run.run_id
                )
            frames = []
            async with asyncio.timeout(2 * WITHIN):
                while not all(run.finished for run in runs):
                    frames.append(Frame.decode(await connection.recv()))
                    for run in runs:
                        run.feed(frames[-1])
            for run in runs:
                run.assert_delivered()
            foreign = [
                each
                for each in frames
                if each.user_id != user.user_id or each.run_id not in {run.run_id for run in runs}
            ]
            await send(connection, "ping")
            assert (await receive(connection))["type"] == "pong"
            return foreign

    limits = Limits(connections_per_user=sockets_each)
    with LocalStaging(pace=0, limits=limits) as server:
        sessions = [session(server, user, place) for user in users for place in range(sockets_each)]
        assert await asyncio.gather(*sessions) == [[] for _ in sessions]
        sent = server.received.events
        assert len(sent) == 8 * len(sessions) * runs_each
        for event in sent:
            owner = event.run_id.partition("/")[0]
            assert event.user == owner
        pairs = {(each.run_id, each.connection_id) for each in sent}
        assert len(pairs) == len(sessions) * runs_each
