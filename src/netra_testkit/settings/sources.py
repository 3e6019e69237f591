"""Where the values of one configuration are read, and which source gave each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from netra_testkit.errors import Problem
from netra_testkit.settings.established import instead_of
from netra_testkit.settings.options import FOREIGN, NESTED, PREFIX, SEPARATOR, VARIABLES
from netra_testkit.settings.secrets import resolve_jwt_secret
from netra_testkit.settings.spelling import nearest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from netra_testkit.settings.environments import Environment
    from netra_testkit.settings.secrets import JwtSecret

__all__ = ["Layer", "Readings", "path_of"]

NAMES = (*VARIABLES, "jwt_secret")
_OPTIONS = {variable: option for option, variable in VARIABLES.items()}
_SPELLINGS = {
    "JWT_SECRET": "JWT_SECRET_STAGING",
    **{variable.removeprefix(PREFIX): variable for variable in _OPTIONS},
    **{option.upper(): variable for option, variable in VARIABLES.items()},
}
# A variable of the process may belong to somebody else: only what is almost ours is a mistake.
_ALMOST = 0.86


class Layer(PydanticBaseSettingsSource):
    """The values that one source gives, as pydantic-settings asks for them."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, object]) -> None:
        super().__init__(settings_cls)
        self.values: Mapping[str, object] = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the signature is the library's
        """What this source says of a field, its key, and that nothing is left to decode."""
        return self.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Everything that this source gives."""
        return _NamesOnly(self.values)


class _NamesOnly(dict[str, Any]):
    """Values of which a log shows the names: the library logs what a source gave when debugged."""

    def __repr__(self) -> str:
        return f"<{', '.join(self) or 'nothing'}>"

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        _stay()


class Readings:
    """Everything read for one configuration: arguments over variables over those of a file.

    Attributes:
        problems: What was wrong with the reading itself.
        unread: Variables of the process that begin like the kit's and are not its.
        secrets: The variables, of the process over those of the file, that may hold the secret.
    """

    def __init__(self, options: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.unread: tuple[str, ...] = ()
        self._sources: dict[str, str] = {}
        arguments = self._arguments(options)
        of_process = self._variables(environ, file=None)
        named = arguments.get("env_file", of_process.get("env_file"))
        file = None if named is None else path_of(named)
        in_file = {} if file is None else self._contents(file)
        of_file = self._variables(in_file, file=file)
        self._layers = [_NamesOnly(each) for each in (arguments, of_process, of_file)]
        set_here = {name: text for name, text in environ.items() if text.strip()}
        secret = {**environ, **in_file, **set_here}
        self.secrets: Mapping[str, str] = _NamesOnly(
            {name: text for name, text in secret.items() if "SECRET" in name}
        )
        for name in self.secrets:
            in_process = name in set_here or name not in in_file
            self._sources[name] = name if in_process else f"{name} in {file}"
        self._resolved: JwtSecret | None = None

    def layers(self, settings_cls: type[BaseSettings]) -> tuple[Layer, ...]:
        """Each source's values, the most important source first; they are given once."""
        layers, self._layers = self._layers, []
        return tuple(Layer(settings_cls, values) for values in layers)

    def gave(self, path: str) -> bool:
        """Whether any source gave this field, or this key of a field."""
        return path in self._sources

    def source(self, path: str, *, otherwise: str = "default") -> str:
        """Which source gave a field, or a key of one: an argument, or a variable and its file."""
        return self._sources.get(path, otherwise)

    def jwt_secret(self, environment: Environment) -> JwtSecret:
        """The secret that the variables held when they were read; resolved once.

        Args:
            environment: Whose secret.

        Raises:
            ConfigurationError: There is none that can be used.
        """
        if self._resolved is None:
            self._resolved = resolve_jwt_secret(self.secrets, environment=environment)
        return self._resolved

    def __repr__(self) -> str:
        return f"Readings({', '.join(self._sources)})"

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        _stay()

    def _arguments(self, options: Mapping[str, object]) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, given in options.items():
            if name in NAMES:
                value = _by_key(given) if name in NESTED else given
                keys = value if isinstance(value, dict) and name in NESTED else ()
                self._sources |= {f"{name}.{key}": "argument" for key in keys} | {name: "argument"}
                values[name] = value
            else:
                meant = " or ".join(nearest(name, NAMES)) or f"one of {', '.join(NAMES)}"
                remedy = instead_of(name) or f"There is no such argument; use {meant}."
                self.problems.append(Problem(name, "argument", remedy))
        return values

    def _variables(self, variables: Mapping[str, str], *, file: Path | None) -> dict[str, object]:
        values: dict[str, object] = {}
        keyed: dict[str, dict[str, str]] = {}
        for name, text in variables.items():
            head, _, key = name.partition(SEPARATOR)
            option = _OPTIONS.get(head)
            source = name if file is None else f"{name} in {file}"
            path = option if not key else f"{option}.{key.lower()}"
            if not text.strip():
                continue
            if option is None or path is None or (option in NESTED) is not bool(key):
                self._unknown(name, file)
            elif file is not None and option == "env_file":
                remedy = "A file names no other file; name it in the environment or as argument."
                self.problems.append(Problem(name, str(file), remedy))
            elif key:
                keyed.setdefault(option, {})[key.lower()] = text.strip()
                self._sources.setdefault(path, source)
            else:
                values[option] = text.strip()
                self._sources.setdefault(path, source)
        return values | keyed

    def _unknown(self, name: str, file: Path | None) -> None:
        head, separator, key = name.upper().partition(SEPARATOR)
        if not head.startswith(PREFIX) or (file is None and name in FOREIGN):
            return
        alike = nearest(head.removeprefix(PREFIX), _SPELLINGS, closeness=_ALMOST)
        if alike:
            variable = _SPELLINGS[alike[0]]
            keyed = f"{separator or SEPARATOR}{key or '<NAME>'}"
            nested = _OPTIONS.get(variable) in NESTED
            remedy = f"There is no such setting; use {variable}{keyed if nested else ''}."
            self.problems.append(Problem(name, _place(file), remedy))
        elif file is not None:
            remedy = "There is no such setting; remove it, or correct its name."
            self.problems.append(Problem(name, _place(file), remedy))
        else:
            self.unread = (*self.unread, name)

    def _contents(self, file: Path) -> dict[str, str]:
        reason = "there is no such file"
        try:
            if file.is_file():
                self._refuse_unreadable_lines(file)
                reader = DotEnvSettingsSource(
                    BaseSettings, env_file=file, env_file_encoding="utf-8-sig", case_sensitive=True
                )
                return {name: text for name, text in reader.env_vars.items() if text is not None}
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        except UnicodeDecodeError:
            reason = "it is not UTF-8"
        remedy = f"Name a file of NAME=value lines; of {file}, {reason}."
        self.problems.append(Problem("env_file", self.source("env_file"), remedy))
        return {}

    def _refuse_unreadable_lines(self, file: Path) -> None:
        """The reader passes them over; what they were to set would come from somewhere else."""
        from dotenv.parser import parse_stream

        with file.open(encoding="utf-8-sig") as lines:
            for each in parse_stream(lines):
                if each.error:
                    text, line = each.original
                    line += text[: len(text) - len(text.lstrip())].count("\n")
                    remedy = f"Line {line} is not NAME=value; correct it, or put # before it."
                    self.problems.append(Problem("env_file", str(file), remedy))


def path_of(named: object) -> Path:
    """Where a named file is; what is neither text nor path names none."""
    return Path(named).expanduser().absolute() if isinstance(named, (str, Path)) else Path()


def _stay() -> NoReturn:
    raise TypeError("what was read may be secret and is neither copied nor pickled")


def _place(file: Path | None) -> str:
    return "environment" if file is None else str(file)


def _by_key(value: object) -> object:
    """The values of an option that has several, by key; anything else is left to be refused."""
    if dataclasses.is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    return {str(key): each for key, each in value.items()} if isinstance(value, Mapping) else value
