"""What a StagingConfig can be told, as arguments and as variables."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from netra_testkit.settings.environments import Environment
    from netra_testkit.settings.secrets import JwtSecret
    from netra_testkit.settings.timing import Budget, Budgets, Timeouts
    from netra_testkit.settings.users import StagingUser

__all__ = ["FOREIGN", "NESTED", "PREFIX", "SEPARATOR", "VARIABLES", "ConfigOptions"]

PREFIX = "NETRA_"
SEPARATOR = "__"


class ConfigOptions(TypedDict, total=False):
    """The arguments of a StagingConfig; each overrides its variable."""

    environment: Environment | str
    env_file: Path | str
    allow_production: bool
    allowed_hosts: Iterable[str]
    websocket_path: str
    base_url: str
    api_url: str
    websocket_url: str
    auth_url: str
    frontend_url: str
    timeouts: Timeouts | Mapping[str, float]
    budgets: Budgets | Mapping[str, float | Budget]
    retry_count: int
    retry_delay: float
    announce_e2e: bool
    expected_revision: str | None
    extra_aliases: Mapping[str, str]
    users: Iterable[StagingUser]
    allow_registration: bool
    ca_file: Path | str | None
    test_api_key: str | None
    test_jwt_token: str | None
    bypass_key: str | None
    jwt_secret: JwtSecret | str | None


_ESTABLISHED = {
    "users": "NETRA_TEST_USERS",
    "test_api_key": "STAGING_TEST_API_KEY",
    "test_jwt_token": "STAGING_TEST_JWT_TOKEN",
    "bypass_key": "E2E_OAUTH_SIMULATION_KEY",
}

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        option: _ESTABLISHED.get(option, f"{PREFIX}{option.upper()}")
        for option in ConfigOptions.__annotations__
        # The secret has names of its own, which depend on the environment.
        if option != "jwt_secret"
    }
)
"""The variable of each option; of those in NESTED the prefix of one variable per key."""

NESTED: frozenset[str] = frozenset({"timeouts", "budgets", "extra_aliases"})
"""Options of several values, merged key by key: NETRA_TIMEOUTS__RECEIVE=20."""

FOREIGN: frozenset[str] = frozenset(
    {
        "NETRA_FAIL_FAST",
        "NETRA_PHASE",
        "NETRA_PRIORITY",
        "NETRA_REQUIRE_LIVE",
        "NETRA_STRICT",
    }
)
"""Variables of the process that other parts of the kit read."""
