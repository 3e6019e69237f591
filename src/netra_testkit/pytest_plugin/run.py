"""One run: what it was asked for, by which source, and which tests the kit's rules hold for."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.settings.environments import Environment

__all__ = [
    "ENVIRONMENT",
    "FIXTURES",
    "MARKERS",
    "PREFIX",
    "RUN",
    "SETTINGS",
    "TAKEN",
    "Run",
    "Setting",
    "fixtures_of",
    "put",
    "run_of",
    "twin_of",
]

PREFIX = "netra."
"""How the names of the facts begin that a test's `user_properties` carry to the report."""

TAKEN = f"{PREFIX}taken"
"""The property of a report that says which environment was taken where nobody named one."""

ENVIRONMENT = "NETRA_ENVIRONMENT"
"""The variable that everything that reads the configuration takes the environment from."""

FIXTURES: frozenset[str] = frozenset({"staging_config", "staging", "staging_user", "local_staging"})
"""The kit's fixtures; one of that name that a suite defines itself is the suite's."""

MARKERS: Mapping[str, str] = MappingProxyType(
    {
        "priority": "priority(n, id=, name=): how much depends on it, from 0 (most) to 6.",
        "phase": "phase(name): when it runs; the order of phases is that of netra_phases.",
        "impact": "impact(text): what it costs when this is broken; shown, never added up.",
        "deadline": "deadline(seconds): the bound of the whole test.",
        "needs": "needs(feature, ...): what the deployment must offer: register, rate_limit.",
        "destructive": "destructive: it takes something away that others use.",
        "read_only": "read_only: it changes nothing; what else runs never runs on production.",
    }
)
"""The kit's markers; one of that name that a suite declares itself is the suite's."""


class Setting(NamedTuple):
    """What a run was told by one name.

    Attributes:
        value: What.
        source: Who told it.
        ours: Whether that is a source of the kit's own.
        given: Whether it was said for this run, and is no mere default.
    """

    value: str
    source: str
    ours: bool = True
    given: bool = True


SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "env": ENVIRONMENT,
        "priority": "NETRA_PRIORITY",
        "phase": "NETRA_PHASE",
        "fail_fast": "NETRA_FAIL_FAST",
        "require_live": "NETRA_REQUIRE_LIVE",
        "strict": "NETRA_STRICT",
        "honesty": "NETRA_HONESTY",
        "deadline": "NETRA_DEADLINE",
    }
)
"""Every setting of a run, with its variable; its option and its ini key are `twin_of(name)`."""

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_APPLIES = pytest.StashKey[bool]()


class Run:
    """What one run of pytest was asked for; reached by `run_of(config)`.

    Attributes:
        declared_elsewhere: The kit's marker names that the suite declares itself.
        not_reached: The tests that were chosen and did not run; known when the session ends.
        unreachable: Why the deployment counts as not there; None while nothing says so.
        problem: Why no embedded staging could be started where the suite's own option asks for
            `local`; None otherwise.
    """

    declared_elsewhere: frozenset[str]
    not_reached: list[str]
    unreachable: str | None
    problem: str | None

    def __init__(self, config: pytest.Config) -> None:
        self.declared_elsewhere = frozenset()
        self.not_reached = []
        self.unreachable = None
        self.problem = None
        self._pytest = config
        self._marked = False
        self._carried: tuple[str | None, str | None] | None = None
        self._suites_own: tuple[str, bool] | None = None
        self._config: StagingConfig | None = None

    @property
    def is_worker(self) -> bool:
        """Whether this process runs a part of the tests for another one."""
        return hasattr(self._pytest, "workerinput")

    @property
    def requested(self) -> bool:
        """Whether somebody asked for the kit: by an option, a twin of one, or a marker."""
        return self._marked or any(found.ours for found in self.all_told())

    def all_told(self) -> Iterator[Setting]:
        """Whatever this run was told."""
        for name in SETTINGS:
            found = self.told(name)
            if found is not None:
                yield found

    def setting(self, name: str) -> str | None:
        """What a setting says now: command line, then environment, then ini; None for nothing.

        Args:
            name: A key of SETTINGS.
        """
        found = self.told(name)
        return None if found is None else found.value

    def switched_on(self, name: str) -> bool:
        """Whether a setting that is a switch is on.

        Raises:
            pytest.UsageError: It says neither yes nor no.
        """
        found = self.told(name)
        if found is None:
            return False
        said = found.value.casefold()
        if said in _YES | _NO:
            return said in _YES
        raise pytest.UsageError(f"{found.source}: say true or false, not {found.value!r}")

    def told(self, name: str) -> Setting | None:
        """What a setting says now, and which source said it.

        Args:
            name: A key of SETTINGS.
        """
        twin = twin_of(name)
        own = self._suites_own if name == "env" else None
        given = getattr(self._pytest.option, twin, None)
        if given is not None:
            return Setting(str(given), f"--{_dashed(name)}")
        if own is not None and own[1]:
            return Setting(own[0], "the suite's own --env", ours=False)
        variable = self._variable(SETTINGS[name])
        if variable:
            return Setting(variable, SETTINGS[name])
        in_file = _words(self._pytest.getini(twin))
        if in_file:
            return Setting(in_file, f"ini {twin}")
        if own is not None:
            return Setting(own[0], "the default of the suite's own --env", ours=False, given=False)
        return None

    @property
    def environment(self) -> Environment:
        """Where the run is against.

        Raises:
            ConfigurationError: What names it names none.
        """
        from netra_testkit.settings.environments import Environment

        found = self.told("env")
        if found is not None:
            return Environment.parse(found.value, source=found.source)
        if os.environ.get("NETRA_ENV_FILE", "").strip():
            return self.config().environment
        return Environment.STAGING

    @property
    def environment_from(self) -> str:
        """Which source decided the environment."""
        found = self.told("env")
        if found is not None:
            return found.source
        if os.environ.get("NETRA_ENV_FILE", "").strip():
            return "NETRA_ENV_FILE"
        return "the default, as neither --env nor NETRA_ENVIRONMENT names one"

    @property
    def mode(self) -> str:
        """`local` against an embedded staging, else `live`."""
        return "local" if self.environment == "local" else "live"

    def config(self) -> StagingConfig:
        """The configuration of this run, read when it is first asked for.

        Raises:
            ConfigurationError: What is configured cannot be used.
        """
        if self.problem is not None:
            from netra_testkit.errors import ConfigurationError, Problem

            what = Problem("environment", self.environment_from, self.problem)
            raise ConfigurationError(problems=(what,))
        if self._config is None:
            from netra_testkit.settings.config import StagingConfig

            self._config = StagingConfig()
        return self._config

    def carry(self, environment: str | None) -> None:
        """Say to everything that reads the configuration which environment this run is against.

        Args:
            environment: Its name, for NETRA_ENVIRONMENT until the run ends; None to take back
                a name that turned out to be none.
        """
        if self._carried is None:
            if environment is None:
                return
            before = os.environ.get(ENVIRONMENT)
            self._pytest.add_cleanup(lambda: put(ENVIRONMENT, before))
        else:
            before = self._carried[1]
        self._carried = (environment, before)
        put(ENVIRONMENT, environment)

    def follow(self, value: str, *, given: bool) -> None:
        """Take the environment from an option of that name which is the suite's own.

        Args:
            value: What it says; the name of an environment.
            given: Whether it stands on the command line, or is the suite's default.
        """
        self._suites_own = (value, given)

    def note_marker(self) -> None:
        """Keep in mind that a test carries one of the kit's markers."""
        self._marked = True

    def note_use(self, item: pytest.Item) -> None:
        """Keep in mind that a test uses the kit, although nothing said so beforehand."""
        item.stash[_APPLIES] = True

    def note_taken(self, item: pytest.Item) -> None:
        """Have it said which environment a test uses, where nobody named one."""
        if not self.requested and all(name != TAKEN for name, _ in item.user_properties):
            item.user_properties.append((TAKEN, self.taken()))

    def taken(self) -> str:
        """Which environment this run is against, and why.

        Raises:
            ConfigurationError: What is configured cannot be used.
        """
        config = self.config()
        mode = "embedded" if self.mode == "local" else self.mode
        return f"{config.environment} ({mode}) at {config.base_url} ({self.environment_from})"

    def applies(self, item: pytest.Item) -> bool:
        """Whether the kit's rules hold for a test.

        They do where it uses a fixture of the kit, carries a marker of the kit, or stands in a
        place that `netra_strict` names.
        """
        known = item.stash.get(_APPLIES, None)
        if known is None:
            known = bool(fixtures_of(item)) or self.is_marked(item) or self._is_strict(item)
            item.stash[_APPLIES] = known
        return known

    @property
    def own_markers(self) -> frozenset[str]:
        """The kit's markers, without those that the suite declares itself."""
        return frozenset(MARKERS) - self.declared_elsewhere

    def is_marked(self, item: pytest.Item) -> bool:
        """Whether a test carries one of the kit's markers."""
        own = self.own_markers
        return any(mark.name in own for mark in item.iter_markers())

    def _is_strict(self, item: pytest.Item) -> bool:
        places = (self.setting("strict") or "").split()
        if not places or places[0].casefold() in _NO:
            return False
        if places[0].casefold() in _YES:
            return True
        root = self._pytest.rootpath
        return any(item.path.is_relative_to(Path(os.path.normpath(root / each))) for each in places)

    def _variable(self, name: str) -> str:
        value = os.environ.get(name)
        if name == ENVIRONMENT and self._carried is not None and value == self._carried[0]:
            value = self._carried[1]
        return (value or "").strip()


RUN: pytest.StashKey[Run] = pytest.StashKey()
"""Where a pytest configuration keeps its Run."""


def run_of(config: pytest.Config) -> Run:
    """The run of a pytest configuration."""
    if RUN not in config.stash:
        config.stash[RUN] = Run(config)
    return config.stash[RUN]


def fixtures_of(item: pytest.Item) -> frozenset[str]:
    """The fixtures of the kit that a test, or another fixture of it, names."""
    # Public names say which fixtures a test uses, and not whose they are.
    information = getattr(item, "_fixtureinfo", None)
    if information is None:
        return frozenset()
    definitions: Mapping[str, Any] = information.name2fixturedefs
    return frozenset(
        name for name in FIXTURES & definitions.keys() if _is_ours(name, definitions[name])
    )


def _is_ours(name: str, definitions: Sequence[Any]) -> bool:
    """Whether the kit's definition is used, and not only overridden by the suite's."""
    chain = definitions[::-1]
    # One that asks for the fixture that it overrides hands on what the next one gives.
    last = next((place for place, each in enumerate(chain) if name not in each.argnames), 0)
    return any(each.func.__module__ == f"{__package__}.fixtures" for each in chain[: last + 1])


def _words(value: object) -> str:
    """What an ini key says as text, whatever its type; empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list) else str(value).strip()


def _dashed(name: str) -> str:
    return name if name in {"env", "priority", "phase"} else f"netra-{name.replace('_', '-')}"


def twin_of(name: str) -> str:
    """The destination of a setting's option, which is also its ini key."""
    return f"netra_{name}"


def put(name: str, value: str | None) -> None:
    """Set a variable of the process, or remove it."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
