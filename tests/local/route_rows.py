"""Every HTTP endpoint of the platform that answers at once, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE, OPTIONAL, REQUIRED, ADMIN = "none", "optional", "required", "admin"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One endpoint: how it is called well, and what it answers."""

    method: str
    path: str
    auth: str = NONE
    status: int = 200
    keys: str = ""
    body: Mapping[str, Any] | None = None
    within: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def options(self) -> dict[str, Any]:
        """What httpx is told beside method and path."""
        return {} if self.body is None else {"json": self.body}


HEALTH = "status service version timestamp"
AGENT = "status agent response execution_time circuit_breaker_state error"
DONE = "success agent_id action message timestamp"
THREAD = "id object title created_at updated_at metadata message_count"
MESSAGES = "messages total_count page page_size has_more"
TOKENS = "access_token refresh_token token_type expires_in user"
ASKING = {"message": "Where does my budget go?", "context": {"a": 1}}
CREDENTIALS = {"email": "row@example.com", "password": "a password"}

# `{thread}` and `{agent}` stand for those of the one who calls.
ROWS = (
    Row(method="GET", path="/health", keys=HEALTH),
    Row(method="GET", path="/health/live", keys=HEALTH),
    Row(
        method="GET",
        path="/health/ready",
        keys=f"{HEALTH} core_db redis_db clickhouse_db websocket_readiness",
    ),
    Row(
        method="GET",
        path="/api/health",
        auth=OPTIONAL,
        keys="status timestamp uptime_seconds checks version environment",
        within={"checks core_db": "status connected response_time_ms error"},
    ),
    Row(
        method="GET",
        path="/ws/health",
        keys=f"{HEALTH} environment metrics config e2e_testing",
        within={
            "metrics websocket": (
                "active_connections total_connections messages_processed error_rate"
            ),
            "metrics authentication": "success_rate rate_limited_requests",
            "metrics monitoring": "monitored_connections healthy_connections",
            "config": "max_connections_per_user heartbeat_interval",
            "e2e_testing": "enabled",
        },
    ),
    Row(
        method="GET",
        path="/ws/config",
        keys="websocket",
        within={
            "websocket": (
                "endpoint version revision authentication supported_auth_methods features limits"
            ),
            "websocket limits": (
                "max_connections_per_user max_message_rate_per_minute max_message_size_bytes "
                "heartbeat_interval_seconds"
            ),
        },
    ),
    Row(
        method="GET",
        path="/ws/stats",
        keys="factory_metrics current_state",
        within={
            "factory_metrics": (
                "managers_created managers_active managers_cleaned_up emergency_cleanups "
                "failed_creations"
            ),
            "current_state": "active_managers users_with_managers",
        },
    ),
    Row(
        method="GET",
        path="/api/discovery/services",
        keys="services timestamp available",
        within={
            "services backend": "port url ws_url",
            "services frontend": "port url",
            "services auth": "port url",
        },
    ),
    Row(method="GET", path="/api/mcp/servers", auth=OPTIONAL, keys="data status"),
    Row(method="GET", path="/api/mcp/config", auth=OPTIONAL, keys="servers tools status"),
    Row(method="GET", path="/api/mcp/status", auth=OPTIONAL, keys="servers tools status"),
    Row(
        method="POST",
        path="/api/mcp/tools/call",
        auth=OPTIONAL,
        body={"name": "calculator", "arguments": {"amounts": [1, 2]}},
        keys="status tool result error",
    ),
    *(
        Row(method="POST", path=f"/api/agents/{name}", auth=OPTIONAL, body=ASKING, keys=AGENT)
        for name in ("execute", "triage", "data", "optimization")
    ),
    Row(method="POST", path="/api/agents/start", auth=OPTIONAL, body={}, keys=DONE),
    *(
        Row(
            method="POST",
            path=f"/api/agents/{name}",
            auth=OPTIONAL,
            body={"agent_id": "{agent}"},
            keys=DONE,
        )
        for name in ("stop", "cancel")
    ),
    Row(method="GET", path="/api/agents/status", auth=OPTIONAL),
    Row(method="GET", path="/api/chat/messages", auth=REQUIRED, keys=MESSAGES),
    Row(
        method="POST",
        path="/api/chat/messages",
        auth=REQUIRED,
        body={"content": "hello", "thread_id": "{thread}"},
        keys="message status",
        within={"message": "id thread_id role content created_at metadata"},
    ),
    Row(
        method="GET",
        path="/api/threads",
        auth=REQUIRED,
        keys="threads total_count page page_size has_more",
    ),
    Row(method="POST", path="/api/threads", auth=REQUIRED, body={"title": "t"}, keys=THREAD),
    Row(method="GET", path="/api/threads/{thread}", auth=REQUIRED, keys=THREAD),
    Row(
        method="PUT",
        path="/api/threads/{thread}",
        auth=REQUIRED,
        body={"title": "another"},
        keys=THREAD,
    ),
    Row(method="GET", path="/api/threads/{thread}/messages", auth=REQUIRED, keys=MESSAGES),
    Row(
        method="POST",
        path="/api/threads/{thread}/messages",
        auth=REQUIRED,
        body={"content": "hello"},
        keys="message status",
    ),
    Row(method="DELETE", path="/api/threads/{thread}", auth=REQUIRED, keys="id object deleted"),
    Row(
        method="GET",
        path="/api/config/public",
        keys="environment version revision ws_url rate_limits",
    ),
    Row(
        method="GET",
        path="/api/config",
        auth=ADMIN,
        keys="environment version revision ws_url rate_limits options",
    ),
    Row(method="GET", path="/api/metrics", auth=OPTIONAL, keys="metrics timestamp"),
    Row(method="GET", path="/api/metrics/agents", auth=OPTIONAL, keys="metrics timestamp"),
    Row(method="GET", path="/api/users/profile", auth=REQUIRED, keys="id email permissions"),
    Row(
        method="POST",
        path="/auth/register",
        body={"email": "{new}", "password": "a password"},
        keys=TOKENS,
        within={"user": "id email"},
    ),
    Row(
        method="POST",
        path="/auth/login",
        body=CREDENTIALS,
        keys=TOKENS,
        within={"user": "id email"},
    ),
    Row(method="POST", path="/auth/refresh", body={"refresh_token": "{refresh}"}, keys=TOKENS),
    Row(method="POST", path="/auth/logout", auth=REQUIRED, keys="success message"),
    Row(method="POST", path="/auth/dev/login", body={}, keys=TOKENS),
    Row(method="POST", path="/auth/e2e/test-auth", body={}, status=503, keys="error error_code"),
    Row(method="GET", path="/auth/me", auth=REQUIRED, keys="id email permissions"),
    Row(method="GET", path="/auth/verify", keys="valid error"),
    Row(method="POST", path="/auth/validate", body={"token": "no token"}, keys="valid error"),
    Row(
        method="GET",
        path="/auth/config",
        keys="environment development_mode oauth_providers endpoints",
    ),
    Row(method="GET", path="/auth/login?provider=local", status=302),
    Row(method="GET", path="/auth/provider/authorize", status=400, keys="error error_code"),
    Row(method="GET", path="/auth/callback", status=400, keys="error error_code"),
)
