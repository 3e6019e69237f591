"""What a kind of fault is: what it acts on, what it may be narrowed to, what can be said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Family", "FaultKind", "FaultOption", "OptionValue", "Phase", "Scope"]

OptionValue = float | str | bool | None
"""What an option of a fault can be."""

_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NOTHING = "none"


class Family(StrEnum):
    """What a fault acts on."""

    TRANSPORT = "transport"
    PLATFORM = "platform"


class Scope(StrEnum):
    """What a fault may be narrowed to."""

    ROUTE = "route"
    PHASE = "phase"
    USER = "user"


class Phase(StrEnum):
    """When in the life of a connection a fault acts."""

    UPGRADE = "upgrade"
    BEFORE_WELCOME = "before-welcome"
    AFTER_WELCOME = "after-welcome"
    MID_RUN = "mid-run"
    HTTP = "http"
    STREAM = "stream"


@dataclass(frozen=True, kw_only=True)
class FaultOption:
    """One thing that can be said about a fault beyond its scope.

    Attributes:
        default: What holds when nothing is said.
        type: What its values are.
        unit: The unit of a number.
        lowest: The smallest number allowed, None for any.
        highest: The greatest number allowed, None for any.
        excluded: Numbers between those two that are not allowed.
        choices: The only texts allowed; empty for any.
        longest: How many bytes of UTF-8 a text may have, None for any number.
        optional: Whether it may be nothing at all.
    """

    default: OptionValue
    type: type[int | float | str | bool]
    unit: str = ""
    lowest: float | None = 0
    highest: float | None = None
    excluded: frozenset[int] = frozenset()
    choices: tuple[str, ...] = ()
    longest: int | None = None
    optional: bool = False

    def read(self, value: object) -> OptionValue:
        """The value that is meant, from itself or from its text.

        Args:
            value: What was said.

        Raises:
            ValueError: It is no value of this option; the text says which values are.
        """
        if self.optional and (value is None or value == _NOTHING):
            return None
        if self.type is str:
            return self._text(value)
        if self.type is bool:
            switch = value if isinstance(value, bool) else _SWITCH.get(str(value).lower())
            if switch is None:
                raise ValueError(f"is true or false, not {value!r}")
            return switch
        return self._number(value)

    def spell(self, value: OptionValue) -> str:
        """A value as text that is read as the same value.

        Args:
            value: A value of this option.
        """
        if value is None:
            return _NOTHING
        if isinstance(value, bool):
            return str(value).lower()
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value) if whole else value)

    def _text(self, value: object) -> str:
        if self.choices and value not in self.choices:
            raise ValueError(f"is one of {', '.join(self.choices)}, not {value!r}")
        if not isinstance(value, str):
            raise ValueError(f"is a text, not {value!r}")  # noqa: TRY004 - one error for any value
        try:
            length = len(value.encode())
        except UnicodeEncodeError:
            raise ValueError(f"is a text that UTF-8 can carry, not {value!r}") from None
        if self.longest is not None and length > self.longest:
            raise ValueError(f"is at most {self.longest} bytes long, not {length}")
        return value

    def _number(self, value: object) -> float:
        whole = self.type is int
        number = math.nan
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                number = float(value)
            except (ValueError, OverflowError):
                number = math.nan
        if not math.isfinite(number) or (whole and not number.is_integer()):
            raise ValueError(f"is a {'whole ' if whole else ''}number, not {value!r}")
        if self.lowest is not None and number < self.lowest:
            raise ValueError(f"is at least {self.lowest:g}, not {number:g}")
        if self.highest is not None and number > self.highest:
            raise ValueError(f"is at most {self.highest:g}, not {number:g}")
        if number in self.excluded:
            raise ValueError(f"is a number that may be sent, not {number:g}")
        return int(number) if whole else number


@dataclass(frozen=True, kw_only=True)
class FaultKind:
    """One way to break the embedded staging.

    Attributes:
        name: How it is called; ``-`` and ``_`` are the same when it is looked up.
        family: What it acts on.
        summary: What it does.
        breaks: What no longer holds, for a suite to notice.
        scopes: What it may be narrowed to; without a scope it acts everywhere.
        phases: The phases it can act in, the first being its own when none is named.
        options: Its options, with their defaults and units.
    """

    name: str
    family: Family
    summary: str
    breaks: str
    scopes: frozenset[Scope] = frozenset()
    phases: tuple[Phase, ...] = ()
    options: Mapping[str, FaultOption] = field(default_factory=lambda: MappingProxyType({}))
