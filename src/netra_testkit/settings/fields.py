"""The fields of a configuration: their types, their defaults, and what each of them refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    Field,
    StringConstraints,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.safety.redaction import register
from netra_testkit.settings.environments import ENDPOINTS, Environment
from netra_testkit.settings.hosts import credentials_in, guarded_hosts, guarded_path, guarded_url
from netra_testkit.settings.sealed import SealedText
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.sources import Readings, path_of
from netra_testkit.settings.timing import Budgets, Timeouts
from netra_testkit.settings.users import (
    KNOWN_USERS,
    StagingUser,
    parse_users,
    refuse_twins,
    users_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ConfigFields"]

_STAGING = ENDPOINTS[Environment.STAGING]


class ConfigFields(BaseSettings):
    """Every field of a StagingConfig; the defaults are those of staging.

    A validator that needs a field declared before it, and does not find it because that one was
    refused, judges nothing: what is wrong is said once.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        arbitrary_types_allowed=True,
        defer_build=True,  # never validated by itself: only what is made of it is built
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    readings: Readings = Field(exclude=True, repr=False)

    environment: Environment = Environment.STAGING
    env_file: Path | None = None
    allow_production: bool = False
    allowed_hosts: tuple[str, ...] = ()
    websocket_path: str = "/ws"
    base_url: str = _STAGING.backend
    api_url: str = _STAGING.api
    websocket_url: str = _STAGING.websocket
    auth_url: str = _STAGING.auth
    frontend_url: str = _STAGING.frontend
    timeouts: Timeouts = Timeouts.for_environment(Environment.STAGING)
    budgets: Budgets = Budgets()
    retry_count: int = Field(default=0, ge=0, le=10)
    retry_delay: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    announce_e2e: bool = False
    expected_revision: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None
    ) = None
    extra_aliases: Mapping[str, str] = Field(default_factory=lambda: MappingProxyType({}))
    users: tuple[StagingUser, ...] = KNOWN_USERS
    allow_registration: bool = False
    ca_file: Path | None = None
    sealed_test_api_key: SealedText | None = Field(default=None, alias="test_api_key", repr=False)
    sealed_test_jwt_token: SealedText | None = Field(
        default=None, alias="test_jwt_token", repr=False
    )
    bypass_key: SealedText | None = Field(default=None, repr=False)
    sealed_jwt_secret: JwtSecret | None = Field(
        default=None, alias="jwt_secret", exclude=True, repr=False
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, variables of the process, variables of the named file."""
        readings: Readings = init_settings()["readings"]
        return (init_settings, *readings.layers(settings_cls))

    @field_validator("environment", mode="before")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> Environment:
        return Environment.parse(value, source=_source(info))

    @field_validator("env_file", mode="before")
    @classmethod
    def _file(cls, value: object) -> Path | None:
        return None if value is None else path_of(value)

    @field_validator("allow_production")
    @classmethod
    def _in_so_many_words(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - a field's value
        if info.data.get("environment") is Environment.PRODUCTION and not value:
            readings: Readings = info.data["readings"]
            remedy = (
                "Production is refused unless allow_production (NETRA_ALLOW_PRODUCTION) is true; "
                "it is then read-only."
            )
            raise _refused("environment", readings.source("environment"), remedy)
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object, info: ValidationInfo) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [each for each in value.split(",") if each.strip()]
        hosts = value if isinstance(value, Iterable) else [value]
        return guarded_hosts(hosts, source=_source(info))

    @field_validator("websocket_path", mode="before")
    @classmethod
    def _path(cls, value: object, info: ValidationInfo) -> str:
        return guarded_path(value, source=_source(info))

    @field_validator(
        "base_url", "api_url", "websocket_url", "auth_url", "frontend_url", mode="before"
    )
    @classmethod
    def _url(cls, value: object, info: ValidationInfo) -> str:
        field, data = str(info.field_name), info.data
        readings: Readings = data["readings"]
        if not readings.gave(field):
            return _usual_url(field, data)
        register(credentials_in(value), label=f"credentials in {field}")
        return guarded_url(
            value,
            field=field,
            source=readings.source(field),
            environment=data.get("environment") if "allowed_hosts" in data else None,
            allowed_hosts=data.get("allowed_hosts", ()),
            websocket_path=data.get("websocket_path", "") if field == "websocket_url" else None,
        )

    @field_validator("timeouts", mode="before")
    @classmethod
    def _bounds(cls, value: object, info: ValidationInfo) -> Timeouts:
        environment = info.data.get("environment")
        preset = Timeouts.for_environment(environment or Environment.STAGING)
        if isinstance(value, Timeouts):
            return preset
        given = _keyed(value, info, "Give Timeouts, or seconds by name.")
        source = _sources_of_keys(info)
        if environment is None:
            Timeouts.checked(given, source=source)
            return preset
        return Timeouts.read({**dataclasses.asdict(preset), **given}, source=source)

    @field_validator("budgets", mode="before")
    @classmethod
    def _targets(cls, value: object, info: ValidationInfo) -> Budgets:
        if isinstance(value, Budgets):
            return value
        given = _keyed(value, info, "Give Budgets, or seconds by name.")
        return Budgets.read(given, source=_sources_of_keys(info))

    @field_validator("extra_aliases", mode="plain")
    @classmethod
    def _aliases(cls, value: object, info: ValidationInfo) -> Mapping[str, str]:
        if isinstance(value, MappingProxyType):
            return value
        given = _keyed(value, info, "Give known message types by the product's own name.")
        source = _sources_of_keys(info)
        problems = [
            Problem(f"extra_aliases.{alias}", source(alias), "Name one message type for it.")
            for alias, name in given.items()
            if not (alias.strip() and isinstance(name, str) and name.strip())
        ]
        if problems:
            raise ConfigurationError(problems=tuple(problems))
        return MappingProxyType({alias: str(name).strip() for alias, name in given.items()})

    @field_validator("users", mode="plain")
    @classmethod
    def _identities(cls, value: object, info: ValidationInfo) -> tuple[StagingUser, ...]:
        environment, source = info.data.get("environment"), _source(info)
        if environment is None:
            return parse_users(value, source=source) if isinstance(value, str) else ()
        if isinstance(value, str):
            return users_for(environment, value, source=source)
        known = users_for(environment)
        if not info.data["readings"].gave("users"):
            return known
        named = tuple(value) if isinstance(value, Iterable) else (value,)
        if not all(isinstance(each, StagingUser) for each in named):
            raise _refused("users", source, "Give StagingUser objects.")
        instead = {(each.user_id, each.email): each for each in named}
        users = [instead.get((each.user_id, each.email), each) for each in known]
        users += [each for each in named if each not in users]
        refuse_twins(users, source=source)
        return tuple(users)

    @field_validator("ca_file", mode="before")
    @classmethod
    def _authorities(cls, value: object, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        file = path_of(value)
        if not file.is_file():
            remedy = f"There is no file {file}; name the certificates of your authority."
            raise _refused("ca_file", _source(info), remedy)
        return file

    @field_validator("sealed_test_api_key", "sealed_test_jwt_token", "bypass_key", mode="before")
    @classmethod
    def _sealed(cls, value: object, info: ValidationInfo) -> SealedText | None:
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise _refused(_option(info), _source(info), "Give a text that is not blank, or None.")
        register(value.strip(), label=_option(info))
        return SealedText(value.strip())

    @field_validator("sealed_jwt_secret", mode="plain")
    @classmethod
    def _signing(cls, value: object, info: ValidationInfo) -> JwtSecret | None:
        if value is None or isinstance(value, JwtSecret):
            return value
        if not isinstance(value, str):
            raise _refused("jwt_secret", _source(info), "Give a JwtSecret, or a text.")
        return JwtSecret.of(value, source=_source(info))

    @field_serializer("users")
    def _users_without_passwords(self, users: tuple[StagingUser, ...]) -> list[dict[str, Any]]:
        return [
            {"user_id": each.user_id, "email": each.email, "permissions": list(each.permissions)}
            for each in users
        ]

    @field_serializer("extra_aliases")
    def _aliases_as_dict(self, aliases: Mapping[str, str]) -> dict[str, str]:
        return dict(aliases)


def _usual_url(field: str, data: Mapping[str, Any]) -> str:
    """The URL that the environment, or the backend, implies; of no use where one was refused."""
    environment, base = data.get("environment"), data.get("base_url", "")
    if environment is None:
        return ""
    if field == "base_url" and environment is Environment.LOCAL:
        remedy = (
            "The embedded staging has a port of its own: use the configuration that it gives, "
            "the env file that it writes, or its URL."
        )
        raise _refused(field, "neither an argument nor NETRA_BASE_URL", remedy)
    if field == "api_url":
        return f"{base}/api"
    if field == "websocket_url":
        scheme, _, rest = base.partition("://")
        secure = "wss" if scheme == "https" else "ws"
        path = data.get("websocket_path", "").rstrip("/")
        return f"{secure}://{rest.partition('/')[0]}{path}"
    if environment is Environment.LOCAL:
        return str(base)
    usual = ENDPOINTS[environment]
    return {"base_url": usual.backend, "auth_url": usual.auth, "frontend_url": usual.frontend}[
        field
    ]


def _keyed(value: object, info: ValidationInfo, remedy: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _refused(_option(info), _source(info), remedy)
    return value


def _sources_of_keys(info: ValidationInfo) -> Callable[[str], str]:
    readings: Readings = info.data["readings"]
    environment = info.data.get("environment", "unknown")
    return lambda key: readings.source(
        f"{info.field_name}.{key}", otherwise=f"default of {environment}"
    )


def _option(info: ValidationInfo) -> str:
    return str(info.field_name).removeprefix("sealed_")


def _source(info: ValidationInfo) -> str:
    readings: Readings = info.data["readings"]
    return readings.source(_option(info))


def _refused(field: str, source: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(problems=(Problem(field, source, remedy),))
