from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netra_testkit.safety.redaction import register
from netra_testkit.wire.health import (
    ApiHealth,
    Check,
    FactoryStats,
    Finding,
    FindingKind,
    Health,
    WebSocketHealth,
)

READY = {
    "status": "ready",
    "service": "netra-backend",
    "version": "1.0.0",
    "revision": "netra-00042",
    "environment": "staging",
    "timestamp": 1_759_320_000.5,
    "core_db": "connected",
    "redis_db": True,
    "clickhouse_db": {"status": "healthy", "latency_ms": 3},
    "websocket_readiness": "ready",
}

API = {
    "status": "degraded",
    "timestamp": "2025-10-01T12:00:00Z",
    "uptime_seconds": 12,
    "checks": {
        "database": {"status": "healthy", "connected": True, "response_time_ms": 2.5, "pool": 5},
        "redis": {"status": "unhealthy", "connected": False, "error": "refused"},
        "llm": "ok",
        "queue": {"pending": 3},
    },
    "version": "1.0.0",
    "environment": "staging",
}

EVERY_CLASS = [Health, ApiHealth, WebSocketHealth, FactoryStats]


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(str(each.kind), each.field) for each in findings]


def test_an_answer_of_health_is_typed() -> None:
    found = Health.parse(READY)
    assert (found.status, found.service, found.version) == ("ready", "netra-backend", "1.0.0")
    assert (found.revision, found.environment) == ("netra-00042", "staging")
    assert found.timestamp == 1_759_320_000.5
    assert (found.core_db, found.redis_db, found.clickhouse_db) == (True, True, True)
    assert found.websocket_readiness is True
    assert found.is_ready
    assert found.findings() == ()


def test_the_details_of_a_component_are_kept() -> None:
    assert Health.parse(READY).extra == {"clickhouse_db": {"status": "healthy", "latency_ms": 3}}


def test_an_unhealthy_answer_says_why() -> None:
    found = Health.parse({"status": "unhealthy", "message": "no database", "details": {"a": 1}})
    assert not found.is_ready
    assert found.details == {"a": 1}
    [finding] = found.findings()
    assert str(finding) == "failing: status: it says unhealthy: no database"


@pytest.mark.parametrize("status", ["healthy", "ready", "ok", "alive", "degraded", " Healthy "])
def test_a_status_that_serves_is_ready(status: str) -> None:
    assert Health.parse({"status": status}).is_ready
    assert ApiHealth.parse({"status": status}).is_ready


@pytest.mark.parametrize("status", ["unhealthy", "not ready", "starting", "", None, 1, True, []])
def test_any_other_status_is_not(status: object) -> None:
    body = {"status": status, "metrics": {"websocket": {"total_connections": 5}}}
    assert Health.parse(body).is_ready is False
    assert ApiHealth.parse(body).is_ready is False
    assert WebSocketHealth.parse(body).is_ready is False
    assert Health.parse(body).findings() != ()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("unhealthy", "failing"),
        ("not ready", "failing"),
        ("degraded", "degraded"),
        ("odd", "unknown"),
    ],
)
def test_what_a_status_comes_to(status: str, kind: str) -> None:
    assert kinds(Health.parse({"status": status}).findings()) == [(kind, "status")]


@pytest.mark.parametrize("name", ["core_db", "redis_db", "clickhouse_db", "websocket_readiness"])
@pytest.mark.parametrize("status", ["healthy", "degraded"])
def test_a_component_that_fails_is_not_ready(status: str, name: str) -> None:
    found = Health.parse({"status": status, name: "disconnected"})
    assert not found.is_ready
    kind = "contradiction" if status == "healthy" else "failing"
    assert (kind, name) in kinds(found.findings())


VERDICTS: dict[str, tuple[object, bool | None]] = {
    "true": (True, True),
    "false": (False, False),
    "a good word": (" Connected", True),
    "a bad word": ("NOT READY", False),
    "another word": ("skipped", None),
    "an object": ({"status": "ok"}, True),
    "an object that fails": ({"status": "healthy", "connected": False}, False),
    "an object that says nothing": ({"status": "skipped"}, None),
    "an object in an object": ({"status": {"status": "ok"}}, None),
    "none": (None, None),
    "a number": (1, None),
}


@pytest.mark.parametrize(("said", "verdict"), VERDICTS.values(), ids=list(VERDICTS))
def test_whether_a_component_works_is_said_in_many_ways(
    said: object, *, verdict: bool | None
) -> None:
    found = Health.parse({"status": "healthy", "core_db": said})
    assert found.core_db is verdict
    assert found.is_ready is (verdict is not False)
    unsaid = [("unreadable", "core_db")] if verdict is None and said is not None else []
    assert [each for each in kinds(found.findings()) if each[0] == "unreadable"] == unsaid


def test_an_answer_of_api_health_is_typed() -> None:
    found = ApiHealth.parse(API)
    assert found.uptime_seconds == 12
    assert (found.version, found.environment) == ("1.0.0", "staging")
    assert found.checks["database"] == Check(
        status="healthy", connected=True, response_time_ms=2.5, works=True, extra={"pool": 5}
    )
    assert found.checks["redis"].error == "refused"
    assert found.checks["llm"] == Check(status="ok", works=True)
    assert found.checks["queue"].works is None
    assert found.extra == {}


def test_a_degraded_deployment_serves_and_says_what_fails() -> None:
    found = ApiHealth.parse(API)
    assert found.is_ready
    assert kinds(found.findings()) == [
        ("failing", "checks.redis"),
        ("degraded", "status"),
        ("failing", "checks.redis.error"),
    ]


def test_a_healthy_deployment_with_a_failing_check_contradicts_itself() -> None:
    found = ApiHealth.parse({**API, "status": "healthy"})
    assert not found.is_ready
    assert ("contradiction", "checks.redis") in kinds(found.findings())


def test_a_check_that_cannot_be_read_is_a_finding() -> None:
    found = ApiHealth.parse({"status": "healthy", "checks": {"a": 1, "b": {"error": 5}}})
    assert kinds(found.findings()) == [
        ("unreadable", "checks.a.status"),
        ("unreadable", "checks.b.error"),
    ]
    assert found.checks["b"].extra == {"error": 5}


def test_what_is_not_known_is_kept() -> None:
    body = {
        "status": "healthy",
        "new": [1],
        "metrics": {"websocket": {"total_connections": 5, "new": 1}, "other": {}},
        "factory_metrics": {"managers_created": 1, "new": {"a": 1}},
        "current_state": {"active_managers": 2},
    }
    before = json.dumps(body)
    assert WebSocketHealth.parse(body).extra == {
        "new": [1],
        "metrics": {"websocket": {"new": 1}, "other": {}},
        "factory_metrics": body["factory_metrics"],
        "current_state": body["current_state"],
    }
    assert FactoryStats.parse(body).extra["factory_metrics"] == {"new": {"a": 1}}
    assert "current_state" not in FactoryStats.parse(body).extra
    assert json.dumps(body) == before, "parsing changed what it was given"


@pytest.mark.parametrize("kind", EVERY_CLASS)
@pytest.mark.parametrize("body", [{}, None, [], "ok", 5, {"status": None}])
def test_whatever_is_missing_is_none(kind: Any, body: object) -> None:
    found = kind.parse(body)
    values = {
        name: value
        for name, value in vars(found).items()
        if name not in {"extra", "noted"} and value not in ({}, ())
    }
    assert set(values.values()) == {None}
    unreadable = [each for each in found.findings() if each.kind is FindingKind.UNREADABLE]
    assert bool(unreadable) is not isinstance(body, dict)


WRONG: dict[str, tuple[Any, dict[str, Any], str, object]] = {
    "text": (Health, {"version": 1}, "version", None),
    "a timestamp": (Health, {"timestamp": True}, "timestamp", None),
    "an object": (Health, {"details": "none"}, "details", {}),
    "a number": (ApiHealth, {"uptime_seconds": "12"}, "uptime_seconds", None),
    "not a number": (ApiHealth, {"uptime_seconds": float("nan")}, "uptime_seconds", None),
    "infinity": (ApiHealth, {"uptime_seconds": float("inf")}, "uptime_seconds", None),
    "a number beyond floats": (ApiHealth, {"uptime_seconds": 10**400}, "uptime_seconds", None),
    "a negative number": (ApiHealth, {"uptime_seconds": -1}, "uptime_seconds", None),
    "checks": (ApiHealth, {"checks": []}, "checks", {}),
    "errors": (WebSocketHealth, {"errors": "none"}, "errors", ()),
}


@pytest.mark.parametrize(("kind", "body", "name", "value"), WRONG.values(), ids=list(WRONG))
def test_a_value_of_another_type_is_a_finding_and_kept(
    kind: Any,
    body: dict[str, Any],
    name: str,
    value: object,
) -> None:
    found = kind.parse(body)
    assert getattr(found, name) == value
    assert ("unreadable", name) in kinds(found.findings())
    assert repr(found.extra) == repr(body)


def test_evidence_is_masked_and_bounded() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a secret of this test")
    body = {"status": secret, "message": secret, "version": [secret], "core_db": secret * 9}
    findings = Health.parse(body).findings()
    assert secret[:20] not in repr(findings)
    assert len(findings) == 3
    long = Health.parse({"status": "x" * 5_000, "version": ["x" * 5_000]})
    assert all(len(each.evidence) < 200 for each in long.findings())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = [
    *("status", "version", "timestamp", "details", "core_db", "checks", "uptime_seconds", "errors"),
    *("metrics", "websocket", "authentication", "monitoring", "config", "e2e_testing", "enabled"),
    *("active_connections", "total_connections", "messages_processed", "error_rate", "components"),
    *("factory_metrics", "current_state", "managers_active", "failed_creations", "success_rate"),
]
bodies = st.recursive(
    values,
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=12,
)


@given(body=bodies, open_socket=st.booleans())
@example(body={"errors": [""]}, open_socket=False)
def test_any_body_parses_and_can_be_judged(body: object, *, open_socket: bool) -> None:
    for kind in (Health, ApiHealth):
        found = kind.parse(body)
        assert found.is_ready in {True, False}
        assert all(isinstance(each, Finding) for each in found.findings())
    sockets = WebSocketHealth.parse(body)
    assert sockets.is_ready is not True or sockets.total_connections
    assert sockets.e2e_detected in {True, False, None}
    for each in (sockets, FactoryStats.parse(body)):
        assert all(finding.evidence for finding in each.findings(own_socket_open=open_socket))
