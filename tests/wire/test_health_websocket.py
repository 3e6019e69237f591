from __future__ import annotations

import copy
from typing import Any

import pytest

from netra_testkit.wire.health import FactoryStats, Finding, WebSocketHealth

FIRST_GENERATION: dict[str, Any] = {
    "status": "healthy",
    "service": "websocket",
    "version": "1.0.0",
    "timestamp": "2025-10-01T12:00:00Z",
    "environment": "staging",
    "metrics": {
        "websocket": {
            "active_connections": 2,
            "total_connections": 40,
            "messages_processed": 500,
            "error_rate": 0.02,
        },
        "authentication": {"success_rate": 0.95, "rate_limited_requests": 1},
        "monitoring": {"monitored_connections": 2, "healthy_connections": 2},
    },
    "config": {"max_connections_per_user": 3, "heartbeat_interval": 45},
    "e2e_testing": {"enabled": True},
}

LATER_GENERATION: dict[str, Any] = {
    "status": "degraded",
    "service": "websocket",
    "timestamp": 1_759_320_000,
    "components": {"factory": {"status": "healthy"}, "monitor": {"status": "unhealthy"}},
    "service_availability": {"thread_service": True, "supervisor": False},
    "errors": ["monitor: not started", {"code": 5}],
}

STATS: dict[str, Any] = {
    "factory_metrics": {
        "managers_created": 9,
        "managers_active": 2,
        "managers_cleaned_up": 7,
        "emergency_cleanups": 0,
        "failed_creations": 0,
    },
    "current_state": {"active_managers": 2, "users_with_managers": 2},
}


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(str(each.kind), each.field) for each in findings]


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with one value changed; `...` takes it out."""
    copied = copy.deepcopy(body)
    *sections, name = path.split(".")
    holder = copied
    for section in sections:
        holder = holder[section]
    if value is ...:
        del holder[name]
    else:
        holder[name] = value
    return copied


def test_the_first_generation_is_typed() -> None:
    found = WebSocketHealth.parse(FIRST_GENERATION)
    assert (found.status, found.service, found.version) == ("healthy", "websocket", "1.0.0")
    assert (found.environment, found.timestamp) == ("staging", "2025-10-01T12:00:00Z")
    assert (found.active_connections, found.total_connections) == (2, 40)
    assert (found.messages_processed, found.error_rate) == (500, 0.02)
    assert (found.success_rate, found.rate_limited_requests) == (0.95, 1)
    assert (found.monitored_connections, found.healthy_connections) == (2, 2)
    assert (found.max_connections_per_user, found.heartbeat_interval) == (3, 45)
    assert found.e2e_detected is True
    assert found.extra == {}
    assert found.is_ready is True
    assert found.findings(own_socket_open=True) == ()


def test_the_later_generation_is_typed() -> None:
    found = WebSocketHealth.parse(LATER_GENERATION)
    assert found.components == LATER_GENERATION["components"]
    assert found.service_availability == {"thread_service": True, "supervisor": False}
    assert found.errors == ("monitor: not started", {"code": 5})
    assert found.e2e_detected is None
    assert found.is_ready is None
    assert kinds(found.findings()) == [
        ("failing", "components.monitor"),
        ("failing", "service_availability.supervisor"),
        ("degraded", "status"),
        ("unknown", "e2e_testing.enabled"),
        ("failing", "errors"),
        ("failing", "errors"),
    ]
    assert [each.evidence for each in found.findings()[-2:]] == [
        "monitor: not started",
        '{"code":5}',
    ]


@pytest.mark.parametrize(
    ("said", "detected"), [(True, True), (False, False), (..., None), (None, None), ("yes", None)]
)
def test_whether_end_to_end_tests_are_detected_is_yes_no_or_unknown(
    said: object, *, detected: bool | None
) -> None:
    found = WebSocketHealth.parse(changed(FIRST_GENERATION, "e2e_testing.enabled", said))
    assert found.e2e_detected is detected
    expected = {True: [], False: ["undetected"], None: ["unknown"]}[detected]
    about_it = [str(each.kind) for each in found.findings() if each.field == "e2e_testing.enabled"]
    assert [kind for kind in about_it if kind != "unreadable"] == expected


RATES = [
    ("metrics.websocket.error_rate", "metrics.websocket.messages_processed"),
    ("metrics.authentication.success_rate", "metrics.websocket.total_connections"),
]


@pytest.mark.parametrize(("rate", "attempts"), RATES)
@pytest.mark.parametrize("count", [0, ..., "many"])
def test_a_rate_over_no_attempts_is_unknown(rate: str, attempts: str, count: object) -> None:
    found = WebSocketHealth.parse(changed(FIRST_GENERATION, attempts, count))
    assert getattr(found, rate.rpartition(".")[2]) is None
    [finding] = [each for each in found.findings() if each.field == rate]
    said = "0 attempts" if count == 0 else "a number of attempts that is not said"
    assert finding.kind == "unknown"
    assert finding.evidence.endswith(f"was said of {said}")


@pytest.mark.parametrize(("rate", "attempts"), RATES)
def test_no_rate_over_no_attempts_is_no_finding(rate: str, attempts: str) -> None:
    body = changed(changed(FIRST_GENERATION, attempts, 0), rate, ...)
    assert not [each for each in WebSocketHealth.parse(body).findings() if each.field == rate]


@pytest.mark.parametrize("count", [0, ...])
@pytest.mark.parametrize(
    ("status", "kind"), [("healthy", ["unproven"]), ("degraded", ["degraded"])]
)
def test_healthy_without_a_connection_ever_counted_is_unproven(
    status: str, kind: list[str], count: object
) -> None:
    body = changed(FIRST_GENERATION, "metrics.websocket.total_connections", count)
    found = WebSocketHealth.parse({**body, "status": status})
    assert [str(each.kind) for each in found.findings() if each.field == "status"] == kind
    assert found.is_ready is None


COUNTS = [
    "metrics.websocket.active_connections",
    "metrics.websocket.total_connections",
    "metrics.monitoring.monitored_connections",
    "metrics.monitoring.healthy_connections",
]


@pytest.mark.parametrize("path", COUNTS)
def test_a_count_that_stays_0_while_our_socket_is_open_is_not_trusted(path: str) -> None:
    found = WebSocketHealth.parse(changed(FIRST_GENERATION, path, 0))
    expected = ("untrusted", path)
    assert expected in kinds(found.findings(own_socket_open=True))
    assert expected not in kinds(found.findings())


@pytest.mark.parametrize("path", COUNTS)
def test_a_count_that_is_not_said_is_not_distrusted(path: str) -> None:
    found = WebSocketHealth.parse(changed(FIRST_GENERATION, path, ...))
    assert "untrusted" not in dict(kinds(found.findings(own_socket_open=True)))


@pytest.mark.parametrize("path", [*COUNTS, *(rate for rate, _ in RATES)])
def test_no_value_that_cannot_be_believed_makes_it_unready(path: str) -> None:
    body = changed(FIRST_GENERATION, path, 0)
    assert WebSocketHealth.parse(body).is_ready is not False


@pytest.mark.parametrize("section", ["components", "service_availability"])
def test_healthy_with_a_failing_component_is_not_ready(section: str) -> None:
    found = WebSocketHealth.parse({**FIRST_GENERATION, section: {"monitor": False}})
    assert found.is_ready is False
    assert ("contradiction", f"{section}.monitor") in kinds(found.findings())


def test_a_degraded_service_that_counted_connections_serves() -> None:
    body = {**FIRST_GENERATION, **LATER_GENERATION}
    assert WebSocketHealth.parse(body).is_ready is True


def test_the_statistics_of_the_factory_are_typed() -> None:
    found = FactoryStats.parse(STATS)
    assert (found.managers_created, found.managers_active, found.managers_cleaned_up) == (9, 2, 7)
    assert (found.emergency_cleanups, found.failed_creations) == (0, 0)
    assert (found.active_managers, found.users_with_managers) == (2, 2)
    assert found.extra == {}
    assert found.findings(own_socket_open=True) == ()


@pytest.mark.parametrize("name", ["emergency_cleanups", "failed_creations"])
def test_a_count_that_one_generation_lacks_is_none_and_said_to_be_missing(name: str) -> None:
    found = FactoryStats.parse(changed(STATS, f"factory_metrics.{name}", ...))
    assert getattr(found, name) is None
    assert kinds(found.findings()) == [("missing", f"factory_metrics.{name}")]


@pytest.mark.parametrize("name", ["emergency_cleanups", "failed_creations"])
def test_a_count_of_failures_is_a_finding(name: str) -> None:
    found = FactoryStats.parse(changed(STATS, f"factory_metrics.{name}", 3))
    assert [str(each) for each in found.findings()] == [
        f"failing: factory_metrics.{name}: 3 since it started"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "factory_metrics.managers_created",
        "factory_metrics.managers_active",
        "current_state.active_managers",
        "current_state.users_with_managers",
    ],
)
def test_no_manager_while_our_socket_is_open_is_not_trusted(path: str) -> None:
    found = FactoryStats.parse(changed(STATS, path, 0))
    assert kinds(found.findings(own_socket_open=True)) == [("untrusted", path)]
    assert found.findings() == ()


def test_a_large_count_is_exact() -> None:
    body = changed(STATS, "factory_metrics.managers_created", 2**53 + 1)
    assert FactoryStats.parse(body).managers_created == 2**53 + 1


@pytest.mark.parametrize(("said", "count"), [(3.0, 3), (3.5, None), (-1, None), (True, None)])
def test_a_count_is_a_whole_number(said: object, count: int | None) -> None:
    body = changed(STATS, "factory_metrics.managers_created", said)
    assert FactoryStats.parse(body).managers_created == count


def test_a_section_that_is_no_object_is_found_once() -> None:
    found = WebSocketHealth.parse({**FIRST_GENERATION, "metrics": {"websocket": "none"}})
    unreadable = [each for each in kinds(found.findings()) if each[0] == "unreadable"]
    assert unreadable == [("unreadable", "metrics.websocket")]
    assert found.extra == {"metrics": {"websocket": "none"}}
