"""StagingConfig: where a deployment is and with which credentials to come in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self, SupportsIndex

from pydantic import ValidationError
from typing_extensions import Unpack, deprecated

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.established import NOT_HONOURED, EstablishedNames
from netra_testkit.settings.explanation import Explanation, explanation_of
from netra_testkit.settings.fields import ConfigFields
from netra_testkit.settings.sources import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netra_testkit.settings.options import ConfigOptions
    from netra_testkit.settings.secrets import JwtSecret

__all__ = ["STAGING_CONFIG", "StagingConfig", "get_staging_config"]

_ANOTHER = "make another one, StagingConfig(argument=value)"


class StagingConfig(ConfigFields, EstablishedNames, defer_build=False):
    """One deployment, described once and validated as a whole; staging unless told otherwise.

    Each field is taken from the first that gives it: an argument, a variable of the process, a
    variable in the named env file, the default of the environment. Everything is read when the
    configuration is made, and never changes afterwards.

    Attributes:
        environment: Which deployment this is.
        env_file: The file of variables that was read, None without one.
        allow_production: Whether production may be reached; it is read-only even then.
        allowed_hosts: Hosts beyond the environment's own that URLs may name.
        websocket_path: The path of the WebSocket.
        base_url: The backend.
        api_url: The root of the HTTP API.
        websocket_url: The WebSocket.
        auth_url: The auth service.
        frontend_url: The web application.
        timeouts: The bounds of each phase.
        budgets: The latency targets.
        retry_count: How often a call that may be repeated is; 0 for never.
        retry_delay: The longest wait before the first repetition, in seconds.
        announce_e2e: Whether clients announce themselves as a test.
        expected_revision: The revision that the deployment should report, None for any.
        extra_aliases: The product's own names of known message types.
        users: The identities that exist.
        allow_registration: Whether more identities may be registered.
        ca_file: Certificates of an authority of one's own.
        bypass_key: The key of the test sign-in route.

    Raises:
        ConfigurationError: With every problem of the configuration.
    """

    def __init__(self, **options: Unpack[ConfigOptions]) -> None:
        readings = Readings(options, os.environ)
        problems = readings.problems
        try:
            super().__init__(readings=readings)
        except ValidationError as invalid:
            problems = [*problems, *_problems_of(invalid, readings)]
        # Raised here and not above: a ValidationError holds every raw value, secrets included.
        if problems:
            raise ConfigurationError(problems=tuple(problems))

    @classmethod
    def for_environment(cls, name: Environment | str, **options: Unpack[ConfigOptions]) -> Self:
        """The configuration of an environment, by name or alias.

        Args:
            name: Which environment.
            **options: Any other argument.
        """
        options["environment"] = name
        return cls(**options)

    @classmethod
    def from_env_file(cls, path: Path | str, **options: Unpack[ConfigOptions]) -> Self:
        """The configuration that an env file describes.

        Args:
            path: The file; it must exist.
            **options: Any other argument.
        """
        options["env_file"] = path
        return cls(**options)

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed there: always so in production."""
        return self.environment is Environment.PRODUCTION

    def jwt_secret(self) -> JwtSecret:
        """The secret of this environment: the argument, or what its variables said when read.

        Raises:
            ConfigurationError: There is none that can be used.
        """
        if self.sealed_jwt_secret is not None:
            return self.sealed_jwt_secret
        return self.readings.jwt_secret(self.environment)

    def explain(self) -> Explanation:
        """Every field with its value, secrets masked, and the source that gave it."""
        return explanation_of(self)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002 - the library's signature; a value that never changes is its own deep copy
        """The configuration itself; a change is refused because it would not be validated."""
        if update:
            raise TypeError(f"a StagingConfig does not change: {_ANOTHER}")
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            "a StagingConfig holds secrets and is not pickled: "
            "make one in the other process, from the same variables or env file"
        )

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"a StagingConfig does not change, {name} included: {_ANOTHER}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a StagingConfig does not change, {name} included: {_ANOTHER}")

    def __repr__(self) -> str:
        return f"StagingConfig(environment={str(self.environment)!r}, base_url={self.base_url!r})"

    def __str__(self) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StagingConfig):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        values = [getattr(self, name) for name in type(self).model_fields if name != "readings"]
        return (
            *(
                tuple(sorted(each.items())) if isinstance(each, Mapping) else each
                for each in values
            ),
            tuple(sorted(self.readings.secrets.items())),
        )

    # Type checkers know these from pydantic, or are to say that there is no such name.
    if not TYPE_CHECKING:  # pragma: no branch - always so when it runs

        @classmethod
        def model_construct(cls, _fields_set: object = None, **_values: object) -> NoReturn:
            """Refused: it would make a configuration that nobody validated."""
            raise TypeError(f"a StagingConfig is always validated: {_ANOTHER}")

        def __getattr__(self, name: str) -> object:
            if name in NOT_HONOURED:
                raise AttributeError(f"{name} is not honoured: {NOT_HONOURED[name]}")
            return super().__getattr__(name)


@deprecated("Use StagingConfig().", category=None)
def get_staging_config() -> StagingConfig:
    """The configuration that the environment describes now."""
    return StagingConfig()


if TYPE_CHECKING:
    STAGING_CONFIG: StagingConfig


def __getattr__(name: str) -> object:
    if name == "STAGING_CONFIG":
        return StagingConfig()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def _problems_of(invalid: ValidationError, readings: Readings) -> Iterator[Problem]:
    for error in invalid.errors(include_url=False, include_input=False):
        refused = error.get("ctx", {}).get("error")
        if isinstance(refused, ConfigurationError):
            yield from refused.problems
        else:
            field = ".".join(str(each) for each in error["loc"])
            yield Problem(field, readings.source(field), f"{error['msg']}.")
