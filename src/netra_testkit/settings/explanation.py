"""A configuration as a table: every field, its value without secrets, and its source."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from netra_testkit.errors import ConfigurationError
from netra_testkit.safety.redaction import mask
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.settings.config import StagingConfig

__all__ = ["ExplainedField", "Explanation", "explanation_of"]

MASKED = "***"
_UNDECIDED = "default, as neither an argument nor NETRA_ENVIRONMENT names one"
_OF_ENVIRONMENT = frozenset({"base_url", "auth_url", "frontend_url", "timeouts", "users"})
_OF_BACKEND = frozenset({"api_url", "websocket_url"})
# The embedded staging answers everything on one port.
_OF_LOCAL_BACKEND = _OF_BACKEND | {"auth_url", "frontend_url"}


class ExplainedField(NamedTuple):
    """One row: a field, its value as text with secrets masked, and where it comes from."""

    field: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Which value each field has and why; printed as a table, iterated by row.

    Attributes:
        rows: Every field.
        environment_from: The setting that decided the environment.
        unread: Variables of the process that begin like the kit's and that nobody reads.
    """

    rows: tuple[ExplainedField, ...]
    environment_from: str
    unread: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[ExplainedField]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, field: str) -> ExplainedField:
        for row in self.rows:
            if row.field == field:
                return row
        raise KeyError(field)

    def __str__(self) -> str:
        lines = [("field", "value", "source"), *self.rows]
        fields, values = (max(len(line[column]) for line in lines) for column in (0, 1))
        table = [
            f"{field:<{fields}}  {value:<{values}}  {source}".rstrip()
            for field, value, source in lines
        ]
        said = [f"The environment was decided by: {self.environment_from}"]
        if self.unread:
            said.append(f"Set, but read by nobody: {', '.join(self.unread)}")
        return "\n".join([*table, *said])


def explanation_of(config: StagingConfig) -> Explanation:
    """The table of a configuration.

    Args:
        config: What is to be explained.
    """
    fields = [name for name in type(config).model_fields if name != "readings"]
    rows = [row for name in fields for row in _rows(config, name)]
    return Explanation(
        rows=tuple(row._replace(value=mask(row.value)) for row in rows),
        environment_from=config.readings.source("environment", otherwise=_UNDECIDED),
        unread=config.readings.unread,
    )


def _rows(config: StagingConfig, name: str) -> list[ExplainedField]:
    """The rows of a field: one, or one for each of its keys."""
    option, value = name.removeprefix("sealed_"), getattr(config, name)
    if option == "jwt_secret":
        return [_secret_row(config)]
    source = partial(config.readings.source, otherwise=_usual_source(config, option))
    if dataclasses.is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping) and value:
        return [
            ExplainedField(f"{option}.{key}", _shown(each), source(f"{option}.{key}"))
            for key, each in value.items()
        ]
    return [ExplainedField(option, _shown(value), source(option))]


def _secret_row(config: StagingConfig) -> ExplainedField:
    try:
        secret = config.jwt_secret()
    except ConfigurationError as missing:
        return ExplainedField("jwt_secret", "none", f"none of {missing.problems[0].source}")
    value = f"{MASKED} ({secret.length} bytes, fingerprint {secret.fingerprint})"
    return ExplainedField(
        "jwt_secret", value, config.readings.source(secret.source, otherwise=secret.source)
    )


def _usual_source(config: StagingConfig, option: str) -> str:
    local = config.environment is Environment.LOCAL
    if option in (_OF_LOCAL_BACKEND if local else _OF_BACKEND):
        return "derived from base_url"
    return f"default of {config.environment}" if option in _OF_ENVIRONMENT else "default"


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return MASKED
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        names = (each.user_id if isinstance(each, StagingUser) else str(each) for each in value)
        return ", ".join(names) or "-"
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value is None or value == {} else str(value)
