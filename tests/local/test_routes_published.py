"""What the deployment says of itself: health, statistics, configuration, services, tools."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import ALICE, BOB, receive_until, socket
from tests.local.web import Web, said_wrong, served

from netra_testkit.local.faults import Fault
from netra_testkit.local.options import LIMITED_ROUTE, Limits
from netra_testkit.local.tools import TOOLS
from netra_testkit.settings.users import StagingUser
from netra_testkit.wire.evidence import works
from netra_testkit.wire.health import ApiHealth, FactoryStats, Health, WebSocketHealth

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMS = {
    "/health": Health,
    "/health/live": Health,
    "/health/ready": Health,
    "/api/health": ApiHealth,
    "/ws/health": WebSocketHealth,
}
LIMITS = Limits(
    requests=7,
    window=30,
    connections_per_user=3,
    messages_per_minute=500,
    message_bytes=4096,
    heartbeat_interval=12.5,
)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with served(limits=LIMITS) as served_here:
        yield served_here


def said(web: Web, path: str, **options: Any) -> Any:
    answer = web("GET", path, **options)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("path", FORMS)
def test_a_whole_server_is_healthy_in_every_form(web: Web, path: str) -> None:
    body = said(web, path)
    assert (body["status"], body["environment"]) == ("healthy", "local")
    assert (body["version"], body["revision"]) == (version("netra-testkit"), "embedded")
    assert FORMS[path].parse(body).noted == ()


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/health", 200, "degraded"),
        ("/health/live", 200, "healthy"),
        ("/health/ready", 503, "unhealthy"),
        ("/api/health", 200, "degraded"),
        ("/ws/health", 200, "degraded"),
    ],
)
def test_a_degraded_server_says_so(web: Web, path: str, status: int, word: str) -> None:
    with web.broken(Fault("degraded")):
        answer = web("GET", path)
    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert FORMS[path].parse(answer.json()).noted == ()


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/health", 503, "unhealthy"),
        ("/health/live", 200, "healthy"),
        ("/health/ready", 503, "unhealthy"),
        ("/api/health", 503, "unhealthy"),
        ("/ws/health", 200, "degraded"),
    ],
)
def test_an_unhealthy_server_says_so(web: Web, path: str, status: int, word: str) -> None:
    with web.broken(Fault("degraded", level="unhealthy")):
        answer = web("GET", path)
    assert (answer.status_code, answer.json()["status"]) == (status, word)
    health = FORMS[path].parse(answer.json())
    assert health.noted == ()
    assert bool(health.is_ready) is (word == "healthy")


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
def test_an_unhealthy_server_says_why(web: Web, path: str) -> None:
    with web.broken(Fault("degraded", level="unhealthy")):
        body = web("GET", path).json()
    assert body["message"] == "The deployment is not ready: clickhouse_db is not connected."
    assert body["details"] == {"clickhouse_db": "clickhouse_db is not connected"}


def test_an_unhealthy_server_checks_its_parts(web: Web) -> None:
    with web.broken(Fault("degraded", level="unhealthy")):
        health = ApiHealth.parse(web("GET", "/api/health").json())
    assert {name: each.works for name, each in health.checks.items()} == {
        "core_db": True,
        "redis_db": True,
        "clickhouse_db": False,
    }


def test_a_degraded_server_says_which_part_it_is(web: Web) -> None:
    with web.broken(Fault("degraded")):
        ready = web("GET", "/health/ready").json()
        checks = said(web, "/api/health")["checks"]
        errors = said(web, "/ws/health")["errors"]
    assert (ready["core_db"], ready["clickhouse_db"]) == (True, False)
    assert ready["message"]
    assert ready["details"] == {"clickhouse_db": errors[0]}
    assert (checks["core_db"]["connected"], checks["clickhouse_db"]["connected"]) == (
        True,
        False,
    )
    assert checks["clickhouse_db"]["error"] == errors[0]


def test_one_form_alone_may_be_degraded(web: Web) -> None:
    with web.broken(Fault("degraded", route="/ws/health")):
        assert said(web, "/ws/health")["status"] == "degraded"
        assert said(web, "/api/health")["status"] == "healthy"


def test_the_time_it_is_up_grows(web: Web) -> None:
    first = said(web, "/api/health")["uptime_seconds"]
    assert 0 <= first <= said(web, "/api/health")["uptime_seconds"]


def test_tests_are_recognised_or_not(web: Web) -> None:
    assert said(web, "/ws/health")["e2e_testing"] == {"enabled": True}
    with web.broken(Fault("e2e-off")):
        assert said(web, "/ws/health")["e2e_testing"] == {"enabled": False}


def test_the_later_generation_says_it_by_component(web: Web) -> None:
    with web.broken(Fault("later-health")):
        body = said(web, "/ws/health")
        health = WebSocketHealth.parse(body)
        with web.broken(Fault("degraded"), Fault("later-health")):
            degraded = WebSocketHealth.parse(said(web, "/ws/health"))
    assert "e2e_testing" not in body
    assert health.noted == ()
    assert health.e2e_detected is None
    assert {works(each) for each in health.components.values()} == {True}
    assert {works(each) for each in health.service_availability.values()} == {True}
    assert works(degraded.service_availability["clickhouse_db"]) is False
    assert "e2e_testing" in said(web, "/ws/health")


async def test_what_is_open_is_counted(web: Web) -> None:
    web.server.reset()
    async with socket(web.server, ALICE) as open_one:
        await receive_until(open_one, "connection_established")
        metrics = said(web, "/ws/health")["metrics"]
        stats = said(web, "/ws/stats")
        counted = said(web, "/api/metrics/websocket")["metrics"]
    assert metrics["websocket"]["active_connections"] == 1
    assert metrics["websocket"]["total_connections"] == 1
    assert metrics["monitoring"] == {"monitored_connections": 1, "healthy_connections": 1}
    assert metrics["authentication"]["success_rate"] == 1.0
    assert stats["factory_metrics"]["managers_active"] == 1
    assert stats["current_state"] == {"active_managers": 1, "users_with_managers": 1}
    assert counted == {"active_connections": 1}


def test_the_socket_publishes_what_it_enforces(web: Web) -> None:
    config = said(web, "/ws/config")["websocket"]
    assert config["limits"] == {
        "max_connections_per_user": 3,
        "max_message_rate_per_minute": 500,
        "max_message_size_bytes": 4096,
        "heartbeat_interval_seconds": 12.5,
    }
    assert config["endpoint"] == web.server.config().websocket_url
    assert (config["version"], config["revision"]) == (version("netra-testkit"), "embedded")
    assert said(web, "/ws/health")["config"] == {
        "max_connections_per_user": 3,
        "heartbeat_interval": 12.5,
    }


def test_the_limited_route_is_published(web: Web) -> None:
    [limit] = said(web, "/api/config/public")["rate_limits"]
    assert limit == {
        "method": "GET",
        "route": LIMITED_ROUTE,
        "requests": 7,
        "window_seconds": 30,
        "per": "user",
    }


def test_the_limit_is_enforced_as_published(web: Web) -> None:
    web.server.reset()
    answers = [web("GET", LIMITED_ROUTE, user=ALICE) for _ in range(9)]
    assert [each.status_code for each in answers] == [200] * 7 + [429] * 2
    left = [each.headers["x-ratelimit-remaining"] for each in answers]
    assert left == ["6", "5", "4", "3", "2", "1", "0", "0", "0"]
    assert {each.headers["x-ratelimit-limit"] for each in answers} == {"7"}
    refused = answers[-1]
    assert said_wrong(refused) == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert int(refused.headers["x-ratelimit-reset"]) > refused.json()["timestamp"]
    assert "retry-after" not in answers[0].headers
    assert said(web, "/api/metrics/requests")["metrics"] == {"rate_limited": 2}
    authentication = said(web, "/ws/health")["metrics"]["authentication"]
    assert authentication["rate_limited_requests"] == 2


def test_each_user_has_a_limit_of_their_own(web: Web) -> None:
    web.server.reset()
    for _ in range(8):
        last = web("GET", LIMITED_ROUTE, user=ALICE)
    assert last.status_code == 429
    assert web("GET", LIMITED_ROUTE, user=BOB).status_code == 200


def test_whoever_waits_for_the_limit_comes_in_again() -> None:
    with served(limits=Limits(requests=1, window=0.2)) as own:
        for status in (200, 429, 200):
            asking = (own("GET", LIMITED_ROUTE, user=ALICE).status_code for _ in range(1000))
            assert status in asking


def test_a_limit_can_be_ignored(web: Web) -> None:
    web.server.reset()
    with web.broken(Fault("rate-limit-ignored")):
        statuses = {web("GET", LIMITED_ROUTE, user=ALICE).status_code for _ in range(9)}
    assert statuses == {200}


def test_a_refusal_can_keep_silent_on_when(web: Web) -> None:
    web.server.reset()
    with web.broken(Fault("rate-limit-no-retry-after")):
        last = [web("GET", LIMITED_ROUTE, user=ALICE) for _ in range(8)][-1]
    assert last.status_code == 429
    assert "retry-after" not in last.headers


def test_a_limit_can_be_far_too_low(web: Web) -> None:
    web.server.reset()
    with web.broken(Fault("rate-limit-too-low", requests=2)):
        answers = [web("GET", LIMITED_ROUTE, user=ALICE) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[-1].headers["x-ratelimit-limit"] == "2"


def test_a_limit_can_be_that_of_all_users_together(web: Web) -> None:
    web.server.reset()
    with web.broken(Fault("rate-limit-shared")):
        for user in (ALICE, BOB, ALICE, BOB, ALICE, BOB, ALICE):
            assert web("GET", LIMITED_ROUTE, user=user).status_code == 200
        refused = [web("GET", LIMITED_ROUTE, user=user).status_code for user in (BOB, ALICE)]
    assert refused == [429, 429]


def test_the_statistics_are_complete(web: Web) -> None:
    stats = FactoryStats.parse(said(web, "/ws/stats"))
    assert (stats.emergency_cleanups, stats.failed_creations) == (0, 0)
    assert stats.findings() == ()


def test_one_generation_of_statistics_lost_two(web: Web) -> None:
    with web.broken(Fault("stats-without-fields")):
        metrics = said(web, "/ws/stats")["factory_metrics"]
    assert not {"emergency_cleanups", "failed_creations"} & metrics.keys()
    assert "managers_cleaned_up" in metrics


def test_the_reader_of_statistics_dies_of_that(web: Web) -> None:
    with web.broken(Fault("stats-dies")):
        answer = web("GET", "/ws/stats")
        assert web("GET", "/ws/health").status_code == 200
    assert (answer.status_code, said_wrong(answer)) == (500, "INTERNAL_ERROR")


def test_discovery_names_where_clients_are_configured_to_go(web: Web) -> None:
    config = web.server.config()
    services = said(web, "/api/discovery/services")["services"]
    assert services["backend"]["ws_url"] == config.websocket_url
    assert services["backend"]["url"] == config.base_url
    assert services["auth"]["url"] == config.auth_url
    assert {each["port"] for each in services.values()} == {web.server.port}


def test_the_whole_configuration_takes_a_permission(web: Web) -> None:
    root = StagingUser("local-root", "root@example.com", ("admin",))
    assert said(web, "/api/config", user=root)["options"]["seed"] == 0
    assert said_wrong(web("GET", "/api/config", user=ALICE)) == "FORBIDDEN"


def test_a_deployment_may_forget_to_look_at_permissions(web: Web) -> None:
    with web.broken(Fault("no-authorization")):
        assert said(web, "/api/config", user=ALICE)["options"]["seed"] == 0
        assert said_wrong(web("GET", "/api/config")) == "FORBIDDEN"


@pytest.mark.parametrize("path", ["/api/config", "/api/config/public", "/auth/config"])
def test_no_secret_is_published(web: Web, path: str) -> None:
    root = StagingUser("local-root", "root@example.com", ("admin",))
    secret = web.server.config().jwt_secret()
    text = web("GET", path, user=root).text
    assert secret.reveal() not in text
    assert secret.fingerprint not in text


def test_metrics_are_all_or_one(web: Web) -> None:
    whole = said(web, "/api/metrics")["metrics"]
    web("POST", "/api/agents/data", json={"message": "hello"})
    for name in whole:
        assert said(web, f"/api/metrics/{name}")["metrics"].keys() == whole[name].keys()
    assert said(web, "/api/metrics/agents")["metrics"]["started"]["data"] == 1
    assert said_wrong(web("GET", "/api/metrics/none")) == "NOT_FOUND"


def test_there_are_eleven_tools_over_all_servers(web: Web) -> None:
    servers = said(web, "/api/mcp/servers")["data"]
    offered = [tool for each in servers for tool in each["capabilities"]["tools"]]
    assert len(servers) > 1
    assert sorted(offered) == sorted(TOOLS)
    assert len(set(offered)) == len(offered) == 11
    for each in servers:
        assert each.keys() == {"name", "status", "version", "capabilities"}
        assert each["capabilities"].keys() == {"tools", "resources", "prompts"}


def test_the_tools_are_the_same_everywhere(web: Web) -> None:
    names = {each["name"] for each in said(web, "/api/mcp/servers")["data"]}
    config = said(web, "/api/mcp/config")
    status = said(web, "/api/mcp/status")
    assert set(config["servers"]) == set(status["servers"]) == names
    assert {each["name"] for each in config["tools"]} == set(TOOLS)
    assert (status["status"], status["tools"]) == ("healthy", 11)


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_answers_the_same_twice(web: Web, name: str) -> None:
    body = {"name": name, "arguments": {"text": "Two and 3", "amounts": [1, 2.5]}}
    first, second = (web("POST", "/api/mcp/tools/call", json=body).json() for _ in range(2))
    assert (first["status"], first["error"], first["tool"]) == ("success", None, name)
    assert first["result"] == second["result"] is not None


@pytest.mark.parametrize("name", TOOLS)
def test_the_error_of_each_tool_reaches_the_caller(web: Web, name: str) -> None:
    body = {"name": name, "arguments": {"text": f"fail:{name}"}}
    answer = web("POST", "/api/mcp/tools/call", json=body)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["result"]) == ("error", None)
    assert name in answer.json()["error"]


def test_an_unknown_tool_is_not_found(web: Web) -> None:
    answer = web("POST", "/api/mcp/tools/call", json={"name": "hammer", "arguments": {}})
    assert (answer.status_code, said_wrong(answer)) == (404, "TOOL_NOT_FOUND")
