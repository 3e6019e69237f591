"""Agents over HTTP: answered, started, listed to their owner, and really stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import ALICE, BOB, client
from tests.local.web import Web, said_wrong, served

from netra_testkit.local.faults import Fault
from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from netra_testkit.settings.users import StagingUser

HELLO = {"message": "Where does my budget go?"}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with served() as served_here:
        yield served_here


@pytest.fixture(scope="module")
def slow() -> Iterator[LocalStaging]:
    """A server whose agents take longer than any test."""
    with LocalStaging(pace=60) as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_is_left(web: Web) -> None:
    web.server.reset()


def listed(web: Web, user: StagingUser | None) -> list[dict[str, Any]]:
    agents: list[dict[str, Any]] = web("GET", "/api/agents/status", user=user).json()
    return agents


def started(web: Web, user: StagingUser | None = None, **body: Any) -> str:
    answer = web("POST", "/api/agents/start", user=user, json=body)
    assert answer.json()["success"] is True
    agent_id: str = answer.json()["agent_id"]
    return agent_id


def test_an_agent_that_fails_says_so(web: Web) -> None:
    with web.broken(Fault("failed-run")):
        answer = web("POST", "/api/agents/triage", user=ALICE, json=HELLO).json()
    assert (answer["status"], answer["response"]) == ("error", None)
    assert answer["error"] == "triage could not do what was asked"
    assert [each["status"] for each in listed(web, ALICE)] == ["failed"]


@pytest.mark.parametrize("name", ["triage", "data", "optimization"])
def test_an_agent_with_a_route_of_its_own_answers(web: Web, name: str) -> None:
    answer = web("POST", f"/api/agents/{name}", json=HELLO).json()
    assert (answer["agent"], answer["status"], answer["error"]) == (name, "success", None)
    assert answer["response"]
    assert answer["circuit_breaker_state"] == "closed"
    assert 0 <= answer["execution_time"] < 5


@pytest.mark.parametrize(
    ("body", "agent"),
    [
        ({}, "triage"),
        ({"type": "data"}, "data"),
        ({"agent": "supervisor"}, "supervisor"),
        ({"agent_type": "Reporting"}, "reporting"),
    ],
    ids=str,
)
def test_the_body_names_the_agent(web: Web, body: dict[str, str], agent: str) -> None:
    answer = web("POST", "/api/agents/execute", json={**HELLO, **body})
    assert answer.json()["agent"] == agent


def test_an_answer_is_decided_by_the_request(web: Web) -> None:
    first, second = (web("POST", "/api/agents/data", json=HELLO).json() for _ in range(2))
    assert first["response"] == second["response"]


def test_an_unknown_agent_is_refused(web: Web) -> None:
    answer = web("POST", "/api/agents/execute", json={**HELLO, "type": "nobody"})
    assert (answer.status_code, said_wrong(answer)) == (422, "UNKNOWN_AGENT")
    assert "supervisor" in answer.json()["details"]["agents"]


@pytest.mark.parametrize("name", ["execute", "triage", "data", "optimization"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"message": ""}, id="empty"),
        pytest.param({"message": " "}, id="blank"),
        pytest.param({"message": "x" * 8001}, id="too long"),
        pytest.param({"message": 1}, id="a number"),
        pytest.param({**HELLO, "context": []}, id="a list for a context"),
        pytest.param({**HELLO, "type": ""}, id="an empty type"),
    ],
)
def test_a_request_without_message_is_not_valid(web: Web, name: str, body: dict[str, Any]) -> None:
    answer = web("POST", f"/api/agents/{name}", json=body)
    assert (answer.status_code, said_wrong(answer)) == (422, "VALIDATION_ERROR")
    assert web.server.received.runs == ()


def test_the_error_of_a_tool_reaches_the_caller(web: Web) -> None:
    answer = web("POST", "/api/agents/data", json={"message": "fail:usage_statistics"}).json()
    assert answer["status"] == "error"
    assert "usage_statistics failed" in answer["error"]
    assert "usage_statistics failed" in answer["response"]


def test_what_was_asked_is_listed_to_who_asked(web: Web) -> None:
    answer = web("POST", "/api/agents/data", user=ALICE, json=HELLO).json()
    [run] = listed(web, ALICE)
    assert (run["run_id"], run["agent_type"]) == (answer["run_id"], "data")
    assert (run["status"], run["message_count"] > 4) == ("completed", True)
    assert run["start_time"] <= run["last_activity"]
    assert (listed(web, BOB), listed(web, None)) == ([], [])
    assert [each.user for each in web.server.received.runs] == [ALICE.user_id]


def test_an_agent_started_without_a_message_waits(web: Web) -> None:
    agent_id = started(web, ALICE, agent_type="data")
    [run] = listed(web, ALICE)
    assert (run["agent_id"], run["status"], run["agent_type"]) == (agent_id, "running", "data")


async def test_an_agent_started_with_a_message_performs(web: Web) -> None:
    async with client(web.server, ALICE) as alice:
        body = {**HELLO, "agent": "data"}
        agent_id = (await alice.post("/api/agents/start", json=body)).json()["agent_id"]
        run = await listed_as(alice, agent_id, "completed")
    assert run["message_count"] > 4


@pytest.mark.parametrize(("action", "status"), [("stop", "stopped"), ("cancel", "cancelled")])
def test_who_started_an_agent_ends_it(web: Web, action: str, status: str) -> None:
    agent_id = started(web, ALICE)
    answer = web("POST", f"/api/agents/{action}", user=ALICE, json={"agent_id": agent_id})
    assert answer.json()["success"] is True
    assert (answer.json()["action"], answer.json()["agent_id"]) == (action, agent_id)
    assert [each["status"] for each in listed(web, ALICE)] == [status]


@pytest.mark.parametrize("action", ["stop", "cancel"])
def test_what_has_ended_cannot_be_ended(web: Web, action: str) -> None:
    body = {"agent_id": started(web, ALICE)}
    web("POST", "/api/agents/stop", user=ALICE, json=body)
    answer = web("POST", f"/api/agents/{action}", user=ALICE, json=body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert [each["status"] for each in listed(web, ALICE)] == ["stopped"]


@pytest.mark.parametrize("action", ["stop", "cancel"])
@pytest.mark.parametrize("user", [BOB, None], ids=["another", "nobody"])
def test_nobody_else_ends_an_agent(web: Web, action: str, user: StagingUser | None) -> None:
    agent_id = started(web, ALICE)
    answer = web("POST", f"/api/agents/{action}", user=user, json={"agent_id": agent_id})
    assert (answer.status_code, said_wrong(answer)) == (404, "AGENT_NOT_FOUND")
    assert [each["status"] for each in listed(web, ALICE)] == ["running"]


@pytest.mark.parametrize("user", [BOB, None], ids=["another", "nobody"])
def test_without_isolation_anybody_sees_and_ends_an_agent(
    web: Web, user: StagingUser | None
) -> None:
    agent_id = started(web, ALICE)
    with web.broken(Fault("foreign-run")):
        assert [each["agent_id"] for each in listed(web, user)] == [agent_id]
        none = web("POST", "/api/agents/cancel", user=user, json={"agent_id": "agent_none"})
        answer = web("POST", "/api/agents/cancel", user=user, json={"agent_id": agent_id})
    assert (none.status_code, answer.json()["success"]) == (404, True)
    assert [each["status"] for each in listed(web, ALICE)] == ["cancelled"]


def test_the_isolation_of_agents_may_be_missing_for_one_user(web: Web) -> None:
    started(web, ALICE)
    with web.broken(Fault("foreign-run", user="somebody-else")):
        assert listed(web, BOB) == []


def test_callers_without_a_token_see_nothing_of_one_another(web: Web) -> None:
    agent_id = started(web, None)
    web("POST", "/api/agents/execute", json=HELLO)
    assert (listed(web, None), listed(web, ALICE)) == ([], [])
    answer = web("POST", "/api/agents/stop", user=ALICE, json={"agent_id": agent_id})
    assert (answer.status_code, said_wrong(answer)) == (404, "AGENT_NOT_FOUND")


@pytest.mark.parametrize("action", ["stop", "cancel"])
def test_who_has_no_token_ends_an_agent_by_its_name(web: Web, action: str) -> None:
    body = {"agent_id": started(web, None)}
    assert web("POST", f"/api/agents/{action}", json=body).json()["success"] is True
    assert web("POST", f"/api/agents/{action}", json=body).json()["success"] is False


@pytest.mark.parametrize("body", [{}, {"agent_id": ""}, {"agent_id": 1}], ids=str)
def test_an_end_names_an_agent(web: Web, body: dict[str, Any]) -> None:
    assert web("POST", "/api/agents/stop", json=body).status_code == 422


@pytest.mark.parametrize(("action", "status"), [("stop", "stopped"), ("cancel", "cancelled")])
async def test_who_waits_for_an_answer_is_told(
    slow: LocalStaging, action: str, status: str
) -> None:
    async with client(slow, ALICE) as alice:
        asked = asyncio.create_task(alice.post("/api/agents/execute", json=HELLO))
        run = await listed_as(alice, None, "running")
        await alice.post(f"/api/agents/{action}", json={"agent_id": run["agent_id"]})
        answer = (await asked).json()
    assert (answer["status"], answer["response"]) == (status, None)
    assert answer["error"] == f"The run was {status}."


async def test_a_stopped_agent_sends_nothing_more(slow: LocalStaging) -> None:
    async with client(slow, ALICE) as alice:
        answer = await alice.post("/api/agents/start", json=HELLO)
        agent_id = answer.json()["agent_id"]
        await alice.post("/api/agents/stop", json={"agent_id": agent_id})
        run = await listed_as(alice, agent_id, "stopped")
    assert run["message_count"] == 0


async def test_a_server_ends_with_agents_at_work() -> None:
    with LocalStaging(pace=60) as server:
        async with client(server, ALICE) as alice:
            asked = asyncio.create_task(alice.post("/api/agents/execute", json=HELLO))
            await alice.post("/api/agents/start", json=HELLO)
            await listed_as(alice, None, "running")
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(server.stop)
            assert asyncio.get_running_loop().time() - began < 2
            [outcome] = await asyncio.gather(asked, return_exceptions=True)
    assert isinstance(outcome, Exception)


async def listed_as(user: httpx.AsyncClient, agent_id: str | None, status: str) -> dict[str, Any]:
    """The agent, once it is listed with this status."""
    async with asyncio.timeout(5):
        while True:
            for run in (await user.get("/api/agents/status")).json():
                if agent_id in {None, run["agent_id"]} and run["status"] == status:
                    return dict(run)
