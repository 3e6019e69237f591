"""What a deployment says about its WebSockets, typed, and how far each value can be believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netra_testkit.safety.jsonable import safe_state
from netra_testkit.wire.evidence import Body, Finding, FindingKind, works
from netra_testkit.wire.verdicts import contradicted, failing, is_well, judged, serves, untrusted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["FactoryStats", "WebSocketHealth"]

# Where the counts stand in the body that cannot be 0 while a socket of ours is open.
CONNECTION_COUNTS = {
    "active_connections": "metrics.websocket.active_connections",
    "total_connections": "metrics.websocket.total_connections",
    "monitored_connections": "metrics.monitoring.monitored_connections",
    "healthy_connections": "metrics.monitoring.healthy_connections",
}
MANAGER_COUNTS = {
    "managers_created": "factory_metrics.managers_created",
    "managers_active": "factory_metrics.managers_active",
    "active_managers": "current_state.active_managers",
    "users_with_managers": "current_state.users_with_managers",
}
FAILURES = {
    "emergency_cleanups": "factory_metrics.emergency_cleanups",
    "failed_creations": "factory_metrics.failed_creations",
}
E2E_FIELD = "e2e_testing.enabled"


@dataclass(frozen=True, kw_only=True)
class WebSocketHealth:
    """The answer of ``/ws/health``, of either generation.

    A rate over no attempts is None, whatever number was said: it is not known.

    Attributes:
        status: What the deployment says of itself: healthy or degraded.
        service: Its name.
        version: Its version.
        timestamp: When it said so, as written.
        environment: Its environment.
        active_connections: How many connections it counts now.
        total_connections: How many it ever counted.
        messages_processed: How many messages it counted.
        error_rate: Errors for each message.
        success_rate: Of authentications.
        rate_limited_requests: How many requests it turned away.
        monitored_connections: How many connections it watches.
        healthy_connections: How many of those it finds healthy.
        max_connections_per_user: Its limit.
        heartbeat_interval: Its interval in seconds.
        e2e_detected: Whether it recognises end-to-end tests; None when it does not say.
        components: Its components, in the later generation.
        service_availability: The services behind it, in the later generation.
        errors: The errors it lists.
        extra: Whatever else it said.
        noted: What was found while reading.
    """

    status: str | None = None
    service: str | None = None
    version: str | None = None
    timestamp: str | float | None = None
    environment: str | None = None
    active_connections: int | None = None
    total_connections: int | None = None
    messages_processed: int | None = None
    error_rate: float | None = None
    success_rate: float | None = None
    rate_limited_requests: int | None = None
    monitored_connections: int | None = None
    healthy_connections: int | None = None
    max_connections_per_user: int | None = None
    heartbeat_interval: float | None = None
    e2e_detected: bool | None = None
    components: Mapping[str, JsonValue] = field(default_factory=dict)
    service_availability: Mapping[str, JsonValue] = field(default_factory=dict)
    errors: tuple[JsonValue, ...] = ()
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    noted: tuple[Finding, ...] = ()

    @classmethod
    def parse(cls, body: object) -> Self:
        """Read a decoded JSON body, whatever it is; what cannot be read is a finding."""
        read = Body(body)
        total = read.count(CONNECTION_COUNTS["total_connections"])
        messages = read.count("metrics.websocket.messages_processed")
        return cls(
            status=read.text("status"),
            service=read.text("service"),
            version=read.text("version"),
            timestamp=read.moment("timestamp"),
            environment=read.text("environment"),
            active_connections=read.count(CONNECTION_COUNTS["active_connections"]),
            total_connections=total,
            messages_processed=messages,
            error_rate=read.rate("metrics.websocket.error_rate", attempts=messages),
            success_rate=read.rate("metrics.authentication.success_rate", attempts=total),
            rate_limited_requests=read.count("metrics.authentication.rate_limited_requests"),
            monitored_connections=read.count(CONNECTION_COUNTS["monitored_connections"]),
            healthy_connections=read.count(CONNECTION_COUNTS["healthy_connections"]),
            max_connections_per_user=read.count("config.max_connections_per_user"),
            heartbeat_interval=read.amount("config.heartbeat_interval"),
            e2e_detected=read.flag(E2E_FIELD),
            components=read.section("components"),
            service_availability=read.section("service_availability"),
            errors=read.listed("errors"),
            extra=read.left_over(),
            noted=tuple(read.findings),
        )

    @property
    def is_ready(self) -> bool | None:
        """Whether WebSockets are shown to work; None when it only says so.

        Before the first connection was counted, "healthy" is a word without evidence.
        """
        if not serves(self.status) or contradicted(self.status, self._components()):
            return False
        return True if self.total_connections else None

    def findings(self, *, own_socket_open: bool = False) -> tuple[Finding, ...]:
        """What a person should know before believing the above.

        Args:
            own_socket_open: Whether a socket of ours was open when the answer was made.
        """
        found = [*self.noted, *judged(self.status, self._components())]
        if is_well(self.status) and not self.total_connections:
            evidence = "it says that it is well and has never counted a connection"
            found.append(Finding(kind=FindingKind.UNPROVEN, field="status", evidence=evidence))
        if own_socket_open:
            found.extend(
                untrusted({path: getattr(self, name) for name, path in CONNECTION_COUNTS.items()})
            )
        if self.e2e_detected is None:
            evidence = "it does not say whether it recognises end-to-end tests"
            found.append(Finding(kind=FindingKind.UNKNOWN, field=E2E_FIELD, evidence=evidence))
        elif not self.e2e_detected:
            evidence = "end-to-end tests are not recognised: a refusal may come from that"
            found.append(Finding(kind=FindingKind.UNDETECTED, field=E2E_FIELD, evidence=evidence))
        found.extend(failing("errors", safe_state(each)) for each in self.errors)
        return tuple(found)

    def _components(self) -> dict[str, bool | None]:
        return {
            f"{section}.{name}": works(said)
            for section, all_said in (
                ("components", self.components),
                ("service_availability", self.service_availability),
            )
            for name, said in all_said.items()
        }


@dataclass(frozen=True, kw_only=True)
class FactoryStats:
    """The answer of ``/ws/stats``.

    Attributes:
        managers_created: How many managers were made.
        managers_active: How many the factory counts as active.
        managers_cleaned_up: How many were cleaned up.
        emergency_cleanups: How many of those in an emergency.
        failed_creations: How many could not be made.
        active_managers: How many are active now.
        users_with_managers: How many users have one.
        extra: Whatever else it said.
        noted: What was found while reading.
    """

    managers_created: int | None = None
    managers_active: int | None = None
    managers_cleaned_up: int | None = None
    emergency_cleanups: int | None = None
    failed_creations: int | None = None
    active_managers: int | None = None
    users_with_managers: int | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    noted: tuple[Finding, ...] = ()

    @classmethod
    def parse(cls, body: object) -> Self:
        """Read a decoded JSON body, whatever it is; what cannot be read is a finding."""
        read = Body(body)
        return cls(
            managers_created=read.count(MANAGER_COUNTS["managers_created"]),
            managers_active=read.count(MANAGER_COUNTS["managers_active"]),
            managers_cleaned_up=read.count("factory_metrics.managers_cleaned_up"),
            emergency_cleanups=read.count(FAILURES["emergency_cleanups"]),
            failed_creations=read.count(FAILURES["failed_creations"]),
            active_managers=read.count(MANAGER_COUNTS["active_managers"]),
            users_with_managers=read.count(MANAGER_COUNTS["users_with_managers"]),
            extra=read.left_over(),
            noted=tuple(read.findings),
        )

    def findings(self, *, own_socket_open: bool = False) -> tuple[Finding, ...]:
        """What a person should know before believing the above.

        Args:
            own_socket_open: Whether a socket of ours was open when the answer was made.
        """
        found = list(self.noted)
        for name, path in FAILURES.items():
            count: int | None = getattr(self, name)
            if count is None:
                evidence = "it does not say, so whether there were any is not known"
                found.append(Finding(kind=FindingKind.MISSING, field=path, evidence=evidence))
            elif count:
                found.append(failing(path, f"{count} since it started"))
        if own_socket_open:
            found.extend(
                untrusted({path: getattr(self, name) for name, path in MANAGER_COUNTS.items()})
            )
        return tuple(found)
