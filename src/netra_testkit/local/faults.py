"""Fault: one way to break the embedded staging, with its scope and its options."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, unquote

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.local.catalogue import FAULTS
from netra_testkit.local.kinds import Family, FaultKind, FaultOption, OptionValue, Phase, Scope
from netra_testkit.settings.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAULTS", "Family", "Fault", "FaultKind", "FaultOption", "OptionValue", "Phase", "Scope"]

_COMMON: Mapping[str, FaultOption] = MappingProxyType(
    {
        "route": FaultOption(default=None, type=str, optional=True),
        "phase": FaultOption(default=None, type=str, optional=True),
        "user": FaultOption(default=None, type=str, optional=True),
        "probability": FaultOption(default=1.0, type=float, highest=1),
        "count": FaultOption(default=None, type=int, lowest=1, optional=True),
        "seconds": FaultOption(default=None, type=float, unit="s", optional=True),
        "seed": FaultOption(default=0, type=int, lowest=None),
    }
)
_STARTUP = "startup"
_SAFE = "/*{}:-_ .!?'()"


@dataclass(frozen=True, init=False)
class Fault:
    """One fault of the catalogue, told where, when, how often and for how long it acts.

    A route is a path, in which ``*`` stands for anything and ``{name}`` for one segment. Where a
    kind has an option ``seconds`` of its own, that is what ``seconds`` says.

    Attributes:
        kind: The name of its kind in FAULTS.
        route: The path it is narrowed to.
        phase: The phase it is narrowed to.
        user: The id of the user it is narrowed to.
        probability: How likely it strikes each time it could.
        count: How many times it strikes; None for always.
        seconds: How long it lasts, counted from when it is set; None for ever.
        seed: What its chance is drawn from.
        options: The options of its kind, defaults filled in.

    Raises:
        ConfigurationError: With everything that is wrong with it.
    """

    kind: str
    route: str | None
    phase: Phase | None
    user: str | None
    probability: float
    count: int | None
    seconds: float | None
    seed: int
    options: Mapping[str, OptionValue] = field(hash=False)

    def __init__(
        self,
        kind: str,
        *,
        route: str | None = None,
        phase: Phase | str | None = None,
        user: str | None = None,
        probability: float = 1.0,
        count: int | None = None,
        seconds: float | None = None,
        seed: int = 0,
        **options: OptionValue,
    ) -> None:
        common = {
            "route": route,
            "phase": phase,
            "user": user,
            "probability": probability,
            "count": count,
            "seconds": seconds,
            "seed": seed,
        }
        said = {name: value for name, value in common.items() if value is not None}
        self._fill(kind, {**said, **options}, source="argument")

    @classmethod
    def parse(cls, spec: str, *, source: str = "--fault") -> Self:
        """The fault that a text describes, such as ``close:code=1011,phase=mid-run``.

        Args:
            spec: A name, and after a colon ``name=value`` separated by commas. A comma within a
                value is written ``%2C``, and a name alone is switched on.
            source: Where the text stands.

        Raises:
            ConfigurationError: With everything that is wrong with it.
        """
        kind, _, rest = spec.partition(":")
        said: dict[str, OptionValue] = {}
        for part in rest.split(",") if rest.strip() else ():
            name, equals, value = part.partition("=")
            said[name.strip().replace("-", "_")] = unquote(value.strip()) if equals else True
        fault = object.__new__(cls)
        fault._fill(kind, said, source=source)
        return fault

    def __str__(self) -> str:
        known = {**_COMMON, **FAULTS[self.kind].options}
        values = {name: getattr(self, name) for name in _COMMON} | dict(self.options)
        said = [
            f"{name}={quote(option.spell(values[name]), safe=_SAFE)}"
            for name, option in known.items()
            if values[name] != option.default
        ]
        return f"{self.kind}:{','.join(said)}" if said else self.kind

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).parse, (str(self),)

    def matches(self, *, route: str | None, phase: str | None, user: str | None) -> bool:
        """Whether this fault covers a place; what it is not narrowed to, it covers.

        Args:
            route: The path there.
            phase: The phase there.
            user: The id of the user there.
        """
        return (
            (self.route is None or (route is not None and _covers(self.route, route)))
            and (self.phase is None or self.phase == phase)
            and (self.user is None or self.user == user)
        )

    def number(self, option: str) -> float:
        """A numeric option's value.

        Args:
            option: Its name.
        """
        value = self.options[option]
        if isinstance(value, str) or value is None:
            raise TypeError(f"{option} of {self.kind} is no number")
        return value

    def _fill(self, name: str, said: Mapping[str, OptionValue], *, source: str) -> None:
        kind = FAULTS.get(name.strip().lower())
        if kind is None:
            meant = " or ".join(nearest(name, FAULTS)) or "one that `serve --faults` lists"
            raise _refused(Problem("fault", source, f"There is no fault {name!r}; use {meant}."))
        known = {**_COMMON, **kind.options}
        values = {each: option.default for each, option in known.items()}
        if kind.phases:
            values["phase"] = kind.phases[0]
        problems: list[Problem] = []
        for each, value in said.items():
            try:
                values[each] = _read(kind, known, each, value)
            except ValueError as wrong:
                problems.append(Problem(f"fault {kind.name}", source, f"{wrong}."))
        if problems:
            raise _refused(*problems)
        options = {each: values[each] for each in kind.options}
        # How long a start-up takes is how long it fails; elsewhere it measures something else.
        if "seconds" in options and kind.name != _STARTUP:
            values["seconds"] = None
        for each in _COMMON:
            object.__setattr__(self, each, values[each])
        object.__setattr__(self, "kind", kind.name)
        object.__setattr__(self, "options", MappingProxyType(options))


def _read(
    kind: FaultKind, known: Mapping[str, FaultOption], name: str, value: OptionValue
) -> OptionValue:
    option = known.get(name)
    if option is None:
        meant = " or ".join(nearest(name, known)) or f"one of {', '.join(known)}"
        raise ValueError(f"There is no option {name!r}; use {meant}")
    if name in tuple(Scope) and name not in kind.scopes:
        scopes = " or ".join(sorted(kind.scopes)) or "nothing"
        raise ValueError(f"It cannot be narrowed to a {name}, only to {scopes}")
    try:
        read = option.read(value)
        if name != Scope.PHASE:
            return read
        phases = FaultOption(default=None, type=str, choices=kind.phases)
        return Phase(str(phases.read(str(read).replace("_", "-"))))
    except ValueError as wrong:
        raise ValueError(f"{name} {wrong}") from None


def _refused(*problems: Problem) -> ConfigurationError:
    return ConfigurationError(
        problems=problems, hint="`netra-testkit serve --faults` lists every fault and its options."
    )


@cache
def _pattern(route: str) -> re.Pattern[str]:
    parts = re.split(r"(\*|\{\w+\})", route)
    meanings = (
        ".*" if part == "*" else "[^/]+" if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    )
    return re.compile("".join(meanings), re.DOTALL)


def _covers(route: str, path: str) -> bool:
    return route == path or _pattern(route).fullmatch(path) is not None
