"""Test users: who is known, who is named by NETRA_TEST_USERS, and how more are made up."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.safety.redaction import register
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.unpickled import Unpickled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "DEFAULT_PERMISSIONS",
    "KNOWN_USERS",
    "Password",
    "StagingUser",
    "generated_users",
    "parse_users",
    "refuse_twins",
    "users_for",
]

DEFAULT_PERMISSIONS = ("read", "write", "execute")
SETTING = "NETRA_TEST_USERS"
_KEYS = ("user_id", "email", "permissions", "password")


class Password(Unpickled):
    """A password that shows itself only when asked, and is masked wherever text leaves."""

    __slots__ = ("_value",)

    _instead: ClassVar[str] = "hand over the setting it came from instead"

    def __init__(self, value: str) -> None:
        if not _is_text(value):
            raise ConfigurationError(
                problems=(Problem("password", "argument", "must be a text that is not blank"),)
            )
        self._value = value
        register(value, label="a test user's password")

    def reveal(self) -> str:
        """The password itself, for the one line that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Password(***)"


def _problems_of(entry: object, *, prefix: str, source: str) -> list[Problem]:
    if not isinstance(entry, Mapping):
        return [Problem(prefix, source, "must be an object with user_id and email")]
    checks = (
        ("user_id", _is_name(entry.get("user_id")), "must be a name without spaces"),
        ("email", _is_address(entry.get("email")), "must be an address, name@host"),
        ("permissions", _are_names(entry.get("permissions", []), list), "must be a list of names"),
        ("password", _is_text(entry.get("password", "absent")), "must be a text, or absent"),
    )
    problems = [
        Problem(f"{prefix}.{name}", source, said) for name, fine, said in checks if not fine
    ]
    if not entry.keys() <= set(_KEYS):
        remedy = f"has a key that is not one of {', '.join(_KEYS)}"
        problems.append(Problem(prefix, source, remedy))
    return problems


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_names(values: object, kind: type[tuple[Any, ...] | list[Any]]) -> bool:
    return isinstance(values, kind) and all(map(_is_name, values))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable() and " " not in value


def _is_address(value: object) -> bool:
    return _is_name(value) and all(str(value).partition("@")[::2]) and str(value).count("@") == 1


@dataclass(frozen=True, slots=True)
class StagingUser:
    """One identity that tests may take on.

    Attributes:
        user_id: What the platform calls it; the subject of its tokens.
        email: Its address.
        permissions: What its tokens allow.
        password: For the log-in route, None where it is not known; no part of equality.
    """

    user_id: str
    email: str
    permissions: tuple[str, ...] = DEFAULT_PERMISSIONS
    password: Password | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        problems = _problems_of(
            {"user_id": self.user_id, "email": self.email}, prefix="StagingUser", source="argument"
        )
        if not _are_names(self.permissions, tuple):
            remedy = "must be a tuple of names"
            problems.append(Problem("StagingUser.permissions", "argument", remedy))
        if self.password is not None and not isinstance(self.password, Password):
            remedy = "must be wrapped: Password(...)"
            problems.append(Problem("StagingUser.password", "argument", remedy))
        if problems:
            raise ConfigurationError(problems=tuple(problems))


KNOWN_USERS: tuple[StagingUser, ...] = tuple(
    StagingUser(
        user_id=f"staging-e2e-user-{number}",
        email=f"e2e-test-{number}@staging.netrasystems.ai",
    )
    for number in ("001", "002", "003")
)
"""The users that exist on every staging deployment."""


def users_for(
    environment: Environment, named: str | None = None, *, source: str = SETTING
) -> tuple[StagingUser, ...]:
    """The identities of an environment: those known there, then those named by the setting.

    An entry that repeats both user_id and email of a known user takes its place: that is how a
    known user gets a password.

    Args:
        environment: Where they are to be used.
        named: The value of NETRA_TEST_USERS, None or blank when it is not set.
        source: Where that value came from, for the text of an error.

    Raises:
        ConfigurationError: The value cannot be read, or one identity would stand for two.
    """
    known = KNOWN_USERS if environment is Environment.STAGING else ()
    extra = parse_users(named, source=source) if named and named.strip() else ()
    instead = {(user.user_id, user.email): user for user in extra}
    users = [instead.pop((user.user_id, user.email), user) for user in known]
    users += instead.values()
    refuse_twins(users, source=source)
    return tuple(users)


def parse_users(text: str, *, source: str = SETTING) -> tuple[StagingUser, ...]:
    """Read a list of users: inline JSON, or the path of a ``.json`` file that holds it.

    Each entry is ``{"user_id": …, "email": …, "permissions"?: [names], "password"?: …}``.

    Args:
        text: The JSON list, or a path that ends in ``.json``.
        source: Where it came from, for the text of an error.

    Raises:
        ConfigurationError: It cannot be read; every problem at once, and none quotes a value.
    """
    text = text.strip()
    # The ending tells a path from JSON however badly that is quoted: an error names a path, and
    # must never name a text that holds passwords.
    if text.endswith(".json"):
        text, source = _read(text, source), f"{source}, file {text}"
    entries = _entries(text, source)
    problems: list[Problem] = []
    users: list[StagingUser] = []
    for position, entry in enumerate(entries):
        found = _problems_of(entry, prefix=f"{SETTING}[{position}]", source=source)
        problems += found
        if not found:
            users.append(_user(entry))
    if problems:
        raise ConfigurationError(problems=tuple(problems))
    refuse_twins(users, source=source)
    return tuple(users)


def refuse_twins(users: Iterable[StagingUser], *, source: str) -> None:
    """Refuse a list in which one identity stands for two.

    Raises:
        ConfigurationError: A user_id or an email (whatever its case) occurs more than once.
    """
    seen: set[tuple[str, str]] = set()
    problems: list[Problem] = []
    for user in users:
        for name, value in (("user_id", user.user_id), ("email", user.email)):
            key = (name, value.casefold())
            if key in seen:
                remedy = f"{value} occurs twice; each identity is named once"
                problems.append(Problem(name, source, remedy))
            seen.add(key)
    if problems:
        raise ConfigurationError(problems=tuple(problems))


def generated_users(environment: Environment, *, run: str) -> Iterator[StagingUser]:
    """Users without end, numbered; the same ones for the same run.

    Args:
        environment: Part of their names.
        run: What tells this run's users from another's; unique to whoever draws from it.
    """

    def numbered(number: int) -> StagingUser:
        user_id = f"{environment}-e2e-user-{run}-{number:04d}"
        return StagingUser(user_id=user_id, email=f"{user_id}@example.com")

    return map(numbered, itertools.count(1))


def _read(name: str, source: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError:
        reason = "its name or its text is not UTF-8"
    remedy = f"the file {name} cannot be read ({reason}); a relative path starts where you are"
    raise ConfigurationError(problems=(Problem(SETTING, source, remedy),))


def _entries(text: str, source: str) -> list[Any]:
    reason = "is not a JSON list"
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"is not JSON at line {error.lineno}, column {error.colno}"
    except (RecursionError, ValueError):
        reason = "is not JSON that can be read"
    else:
        if isinstance(entries, list):
            return entries
    # Raised here and not above: a decoding error holds the whole text, passwords included.
    remedy = f'{reason}; write [{{"user_id": "…", "email": "…"}}] or the path of a .json file'
    raise ConfigurationError(problems=(Problem(SETTING, source, remedy),))


def _user(entry: Mapping[str, Any]) -> StagingUser:
    password = entry.get("password")
    return StagingUser(
        user_id=entry["user_id"],
        email=entry["email"],
        permissions=tuple(entry.get("permissions", DEFAULT_PERMISSIONS)),
        password=None if password is None else Password(password),
    )
