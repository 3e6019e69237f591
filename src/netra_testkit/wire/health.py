"""What a deployment says about its health, typed, and how far each value can be believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netra_testkit.wire.evidence import Body, Finding, FindingKind, works
from netra_testkit.wire.verdicts import contradicted, failing, judged, serves
from netra_testkit.wire.websocket_health import FactoryStats, WebSocketHealth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from netra_testkit.safety.jsonable import JsonValue

__all__ = [
    "ApiHealth",
    "Check",
    "FactoryStats",
    "Finding",
    "FindingKind",
    "Health",
    "WebSocketHealth",
]


@dataclass(frozen=True, kw_only=True)
class Health:
    """The answer of ``/health``, ``/health/live`` or ``/health/ready``.

    A field that the deployment does not give is None; one that this class does not know is in
    `extra`.

    Attributes:
        status: What the deployment says of itself.
        service: Its name.
        version: Its version.
        revision: The revision deployed.
        environment: Its environment.
        timestamp: When it said so, as written.
        message: Its explanation when it is not healthy.
        details: The details of that.
        core_db: Whether its database works.
        redis_db: Whether Redis works.
        clickhouse_db: Whether ClickHouse works.
        websocket_readiness: Whether WebSockets are ready.
        extra: Whatever else it said.
        noted: What was found while reading.
    """

    status: str | None = None
    service: str | None = None
    version: str | None = None
    revision: str | None = None
    environment: str | None = None
    timestamp: str | float | None = None
    message: str | None = None
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    core_db: bool | None = None
    redis_db: bool | None = None
    clickhouse_db: bool | None = None
    websocket_readiness: bool | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    noted: tuple[Finding, ...] = ()

    @classmethod
    def parse(cls, body: object) -> Self:
        """Read a decoded JSON body, whatever it is; what cannot be read is a finding."""
        read = Body(body)
        return cls(
            status=read.text("status"),
            service=read.text("service"),
            version=read.text("version"),
            revision=read.text("revision"),
            environment=read.text("environment"),
            timestamp=read.moment("timestamp"),
            message=read.text("message"),
            details=read.section("details"),
            core_db=read.component("core_db"),
            redis_db=read.component("redis_db"),
            clickhouse_db=read.component("clickhouse_db"),
            websocket_readiness=read.component("websocket_readiness"),
            extra=read.left_over(),
            noted=tuple(read.findings),
        )

    @property
    def is_ready(self) -> bool:
        """Whether it says that it serves, and no component says the contrary."""
        return serves(self.status) and False not in self._components().values()

    def findings(self) -> tuple[Finding, ...]:
        """What a person should know before believing the above."""
        return (*self.noted, *judged(self.status, self._components(), self.message))

    def _components(self) -> dict[str, bool | None]:
        names = ("core_db", "redis_db", "clickhouse_db", "websocket_readiness")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check in the answer of ``/api/health``.

    Attributes:
        status: Its result in a word.
        connected: Whether what it checks is connected.
        response_time_ms: How long it took, in milliseconds.
        error: What went wrong.
        works: Whether what it checks works; None when it does not say.
        extra: Whatever else it said.
    """

    status: str | None = None
    connected: bool | None = None
    response_time_ms: float | None = None
    error: str | None = None
    works: bool | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ApiHealth:
    """The answer of ``/api/health``.

    Attributes:
        status: What the deployment says of itself: healthy or degraded.
        timestamp: When it said so, as written.
        uptime_seconds: For how long it has been up.
        checks: Its checks by name.
        version: Its version.
        revision: The revision deployed.
        environment: Its environment.
        extra: Whatever else it said.
        noted: What was found while reading.
    """

    status: str | None = None
    timestamp: str | float | None = None
    uptime_seconds: float | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)
    version: str | None = None
    revision: str | None = None
    environment: str | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict)
    noted: tuple[Finding, ...] = ()

    @classmethod
    def parse(cls, body: object) -> Self:
        """Read a decoded JSON body, whatever it is; what cannot be read is a finding."""
        read = Body(body)
        checks: dict[str, Check] = {}
        noted: list[Finding] = []
        for name, said in read.section("checks").items():
            # A check may also be a word or a boolean.
            each = Body(
                said if isinstance(said, dict) else {"status": said}, within=f"checks.{name}"
            )
            checks[name] = Check(
                status=each.text("status"),
                connected=each.flag("connected"),
                response_time_ms=each.amount("response_time_ms"),
                error=each.text("error"),
                works=works(said),
                extra=each.left_over(),
            )
            noted.extend(each.findings)
        return cls(
            status=read.text("status"),
            timestamp=read.moment("timestamp"),
            uptime_seconds=read.amount("uptime_seconds"),
            checks=checks,
            version=read.text("version"),
            revision=read.text("revision"),
            environment=read.text("environment"),
            extra=read.left_over(),
            noted=(*read.findings, *noted),
        )

    @property
    def is_ready(self) -> bool:
        """Whether it says that it serves; a failing check under "healthy" says the contrary."""
        return serves(self.status) and not contradicted(self.status, self._components())

    def findings(self) -> tuple[Finding, ...]:
        """What a person should know before believing the above."""
        errors = tuple(
            failing(f"checks.{name}.error", each.error)
            for name, each in self.checks.items()
            if each.error
        )
        return (*self.noted, *judged(self.status, self._components()), *errors)

    def _components(self) -> dict[str, bool | None]:
        return {f"checks.{name}": each.works for name, each in self.checks.items()}
