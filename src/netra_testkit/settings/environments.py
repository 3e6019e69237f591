"""The environments: their names, how one is recognised, and which hosts are whose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.settings.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLOUD_MARKERS",
    "ENDPOINTS",
    "ENVIRONMENT_NAMES",
    "KNOWN_HOSTS",
    "Endpoints",
    "Environment",
    "belongs_to",
    "detect_environment",
    "environment_of_host",
]

# Only what looks like a short name is quoted in an error: anything else may be a secret that was
# put into the wrong variable.
_LONGEST = 20
_QUOTABLE = re.compile(rf"[a-z][a-z0-9_-]{{0,{_LONGEST - 1}}}")


class Environment(StrEnum):
    """Where a deployment runs.

    ``local`` is the embedded staging; a backend started by hand is ``development``.
    """

    LOCAL = "local"
    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"

    @classmethod
    def parse(cls, name: str | Environment, *, source: str) -> Environment:
        """The environment of this name or alias, whatever its case and the space around it.

        Args:
            name: A key of ENVIRONMENT_NAMES, or a member.
            source: Where the name came from, for the text of an error.

        Raises:
            ConfigurationError: It is none of the known names; those that look like it are named.
        """
        return _parsed(name, source, offered=tuple(cls))


ENVIRONMENT_NAMES: Mapping[str, Environment] = MappingProxyType(
    {
        **{each.value: each for each in Environment},
        "dev": Environment.DEVELOPMENT,
        "local-dev": Environment.DEVELOPMENT,
        "testing": Environment.TEST,
        "stage": Environment.STAGING,
        "stg": Environment.STAGING,
        "prod": Environment.PRODUCTION,
    }
)
"""Every name and alias of an environment."""

_GENERIC = tuple(each for each in Environment if each is not Environment.LOCAL)

CLOUD_MARKERS: tuple[str, ...] = (
    "K_SERVICE",
    "GOOGLE_CLOUD_PROJECT",
    "GCP_PROJECT_ID",
    "KUBERNETES_SERVICE_HOST",
)
"""Variables that a cloud platform sets; where one stands, no environment is assumed."""


def detect_environment(environ: Mapping[str, str]) -> Environment:
    """What ``ENVIRONMENT`` says; development when it is unset and nothing speaks of a cloud.

    Args:
        environ: The variables to read, such as ``os.environ``.

    Raises:
        ConfigurationError: The name is blank, unknown or ``local``, or there is none although a
            cloud marker is set.
    """
    name = environ.get("ENVIRONMENT")
    if name is None:
        markers = [each for each in CLOUD_MARKERS if environ.get(each, "").strip()]
        if markers:
            raise _refused(
                "ENVIRONMENT",
                f"is unset although {' and '.join(markers)} says that this is a cloud, "
                f"where none is assumed; set ENVIRONMENT to one of {', '.join(_GENERIC)}",
            )
        return Environment.DEVELOPMENT
    environment = _parsed(name, "ENVIRONMENT", offered=_GENERIC)
    if environment is Environment.LOCAL:
        raise _refused(
            "ENVIRONMENT",
            "'local' has two meanings; for the embedded staging say --env=local, "
            "NETRA_ENVIRONMENT=local or environment='local', "
            "for a backend started by hand say ENVIRONMENT=development",
        )
    return environment


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """Where the parts of one deployment answer.

    Attributes:
        backend: The host of HTTP and WebSocket.
        api: The root of the HTTP API.
        websocket: The WebSocket.
        auth: The auth service.
        frontend: The web application.
    """

    backend: str
    api: str
    websocket: str
    auth: str
    frontend: str


def _public(domain: str) -> Endpoints:
    return Endpoints(
        backend=f"https://api.{domain}",
        api=f"https://api.{domain}/api",
        websocket=f"wss://api.{domain}/ws",
        auth=f"https://auth.{domain}",
        frontend=f"https://app.{domain}",
    )


_STARTED_BY_HAND = Endpoints(
    backend="http://localhost:8000",
    api="http://localhost:8000/api",
    websocket="ws://localhost:8000/ws",
    auth="http://localhost:8081",
    frontend="http://localhost:3000",
)

ENDPOINTS: Mapping[Environment, Endpoints] = MappingProxyType(
    {
        Environment.DEVELOPMENT: _STARTED_BY_HAND,
        Environment.TEST: _STARTED_BY_HAND,
        Environment.STAGING: _public("staging.netrasystems.ai"),
        Environment.PRODUCTION: _public("netrasystems.ai"),
    }
)
"""The canonical endpoints; ``local`` has none, its port is free until the server has started."""


def _hosts(domain: str) -> frozenset[str]:
    return frozenset({f"api.{domain}", f"auth.{domain}", f"app.{domain}"})


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

KNOWN_HOSTS: Mapping[Environment, frozenset[str]] = MappingProxyType(
    {
        Environment.LOCAL: _LOOPBACK,
        Environment.DEVELOPMENT: _LOOPBACK,
        Environment.TEST: _LOOPBACK,
        Environment.STAGING: _hosts("staging.netrasystems.ai"),
        Environment.PRODUCTION: _hosts("netrasystems.ai"),
    }
)
"""Which hosts are whose; of loopback every address counts, see ``belongs_to``."""


def belongs_to(host: str, environment: Environment) -> bool:
    """Whether a host is one of an environment's own.

    Args:
        host: A name or an address without port; its case, a trailing dot and the brackets of an
            IPv6 address do not matter.
        environment: Whose it should be.
    """
    return _canonical(host) in KNOWN_HOSTS[environment]


def environment_of_host(host: str) -> Environment | None:
    """Whose a host is, None for an unknown one.

    Loopback, which local, development and test share, is said to be local.

    Args:
        host: As for ``belongs_to``.
    """
    name = _canonical(host)
    return next((each for each, hosts in KNOWN_HOSTS.items() if name in hosts), None)


def _canonical(host: str) -> str:
    from ipaddress import ip_address

    name = host.casefold().removesuffix(".").removeprefix("[").removesuffix("]")
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return "127.0.0.1" if address.is_loopback else name


def _parsed(name: object, source: str, *, offered: tuple[Environment, ...]) -> Environment:
    if not isinstance(name, str):
        raise _refused(source, f"must be a name, not {type(name).__name__}")
    folded = name.strip().casefold()
    try:
        return ENVIRONMENT_NAMES[folded]
    except KeyError:
        raise _refused(source, _said_of(folded, ", ".join(offered))) from None


def _said_of(name: str, offered: str) -> str:
    if not name:
        return f"is blank; say one of {offered}"
    said = f"{name!r}" if _QUOTABLE.fullmatch(name) else f"a text of {len(name)} characters"
    alike = " or ".join(nearest(name[:_LONGEST], ENVIRONMENT_NAMES))
    meant = f"did you mean {alike}? " if alike else ""
    return f"{said} is not an environment; {meant}known are {offered}"


def _refused(source: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(problems=(Problem("environment", source, remedy),))
