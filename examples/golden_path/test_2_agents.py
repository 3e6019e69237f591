"""Agents and their tools: found, configured, started, watched, and quick enough."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from netra_testkit import (
    FactoryStats,
    FindingKind,
    Frame,
    MessageType,
    UnexpectedStatus,
    WebSocketHealth,
)

if TYPE_CHECKING:
    from netra_testkit import Staging

pytestmark = pytest.mark.phase("agents")

TOOLS = 11
NOTICEABLE = 0.5


@dataclass
class Capabilities:
    """What a server of tools offers."""

    tools: list[str]


@dataclass
class Server:
    """A server of tools."""

    name: str
    status: str
    version: str
    capabilities: Capabilities


@dataclass
class Servers:
    """Every server of tools."""

    data: list[Server]
    status: str


@dataclass
class Agent:
    """A started agent, as it is listed."""

    agent_id: str
    status: str
    agent_type: str


@pytest.mark.priority(1, id="P1-005", name="agent_discovery")
@pytest.mark.impact("agents have no tools")
async def test_the_servers_offer_eleven_tools(staging: Staging) -> None:
    """Each server has a name, a state and a version; together they offer every tool."""
    async with staging.user() as alice:
        servers = (await alice.http.get("/api/mcp/servers")).json_as(Servers)
    tools = [tool for server in servers.data for tool in server.capabilities.tools]
    assert len(set(tools)) == len(tools) == TOOLS
    assert {server.status for server in servers.data} == {"connected"}


@pytest.mark.priority(1, id="P1-006", name="agent_configuration")
@pytest.mark.impact("clients do not find the platform")
async def test_the_platform_says_where_it_is(staging: Staging) -> None:
    """Every place of configuration answers as agreed, and names the socket that is used."""
    async with staging.anonymous() as nobody:
        for path in ("/api/mcp/config", "/api/mcp/status", "/api/config/public", "/ws/config"):
            assert (await nobody.http.get(path)).json()
        await nobody.http.get("/api/config", expect=403)
        services = (await nobody.http.get("/api/discovery/services")).json()["services"]
        health = WebSocketHealth.parse((await nobody.http.get("/ws/health")).json())
        stats = FactoryStats.parse((await nobody.http.get("/ws/stats")).json())
    assert services["backend"]["ws_url"] == staging.config.websocket_url
    assert {"backend", "frontend", "auth"} <= services.keys()
    # Tests that are not recognised meet refusals which look like bugs.
    assert health.e2e_detected is not False
    assert FindingKind.MISSING not in {each.kind for each in stats.findings()}


@pytest.mark.priority(1, id="P1-007", name="agent_execution_endpoints")
@pytest.mark.impact("agents cannot be asked")
async def test_every_agent_answers(staging: Staging) -> None:
    """Each endpoint gives a result for a message, and 422 without one."""
    async with staging.user() as alice:
        for name in ("execute", "triage", "data", "optimization"):
            path = f"/api/agents/{name}"
            answer = (await alice.http.post(path, json={"message": "Save some budget"})).json()
            assert answer["status"] == "success", answer
            assert answer["response"]
            assert name == "execute" or name in answer["agent"].lower()
            await alice.http.post(path, json={"context": {}}, expect=422)
        async with alice.chat() as chat:
            asked = {"agent": "triage", "user_request": "Save some budget"}
            # Clients of an earlier generation say it so, and each of them waits for its answer.
            await chat.send_raw(json.dumps({"type": "execute_agent", "payload": asked}))
            await chat.expect(MessageType.AGENT_STARTED)
            await chat.expect(MessageType.AGENT_COMPLETED)


@pytest.mark.priority(1, id="P1-008", name="agent_streaming_capabilities")
@pytest.mark.impact("answers come late, all at once")
async def test_an_agent_streams_what_it_does(staging: Staging) -> None:
    """The first event and the terminal event come in time, and what is between them meanwhile."""
    async with staging.user() as alice:
        request = {"agent": "triage", "message": "Save some budget"}
        async with alice.http.stream("POST", "/api/agents/stream", json=request) as events:
            heard = [(time.monotonic(), event) async for event in events]
    names = [event.json()["event"] for _, event in heard]
    assert len(names) >= 3
    assert names[0] == "agent_started"
    assert "agent_completed" in names
    assert names[-1] == "stream_end"
    # What happened over some time was heard over some time, and not held back until the end.
    stamps = [stamp for _, event in heard if (stamp := Frame.decode(event.data).timestamp)]
    took = stamps[-1] - stamps[0]
    assert took < NOTICEABLE or heard[-1][0] - heard[0][0] > took / 2


@pytest.mark.priority(1, id="P1-009", name="agent_status_monitoring")
@pytest.mark.impact("nobody sees what agents do")
async def test_a_started_agent_is_listed(staging: Staging) -> None:
    """Once started, an agent is in its user's list, with its kind and its state, till it stops."""
    async with staging.user() as alice:
        started = (await alice.http.post("/api/agents/start", json={"agent": "data"})).json()

        async def listed() -> list[tuple[str, str]]:
            agents = (await alice.http.get("/api/agents/status")).json_as(list[Agent])
            mine = [each for each in agents if each.agent_id == started["agent_id"]]
            return [(each.agent_type, each.status) for each in mine]

        assert await listed() == [("data", "running")]
        await alice.http.post("/api/agents/stop", json={"agent_id": started["agent_id"]})
        assert ("data", "running") not in await listed()


@pytest.mark.priority(1, id="P1-010", name="tool_execution")
@pytest.mark.impact("tools fail unnoticed")
async def test_a_tool_works_or_says_why_not(staging: Staging) -> None:
    """A known tool works, an unknown one is refused, a failure reaches the user."""
    async with staging.user() as alice, alice.chat() as chat:
        call = {"name": "keyword_extractor", "arguments": {"text": "budget of the platform"}}
        worked = (await alice.http.post("/api/mcp/tools/call", json=call)).json()
        assert (worked["status"], worked["error"]) == ("success", None)
        assert worked["result"]
        with pytest.raises(UnexpectedStatus) as refused:
            await alice.http.post("/api/mcp/tools/call", json=call | {"name": "no_such_tool"})
        assert refused.value.status == 404
        run = await chat.run_agent("triage", "Please fail:keyword_extractor")
        assert [failure.tool for failure in run.tool_failures] == ["keyword_extractor"]
        run.assert_delivered()


@pytest.mark.priority(1, id="P1-011", name="agent_performance")
@pytest.mark.impact("the platform is slow")
async def test_thirty_requests_are_quick_enough(staging: Staging) -> None:
    """After a warm-up, all succeed, and median and p95 are within their budgets."""
    async with staging.user() as alice:
        await alice.http.get("/health")
        for _ in range(30):
            assert isinstance((await alice.http.get("/api/agents/status")).json(), list)
        latency = alice.latency.of("GET /api/agents/status")
    budgets = staging.config.budgets
    assert latency.n == 30
    assert latency.p50 <= budgets.api_median.limit, latency
    assert latency.p95 <= budgets.api_p95.limit, latency
