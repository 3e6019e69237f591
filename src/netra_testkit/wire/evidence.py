"""Reading a JSON body field by field, and what is to be said about how far it can be believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar, cast

from netra_testkit.safety.jsonable import safe_state
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["Body", "Finding", "FindingKind", "works"]

Taken = TypeVar("Taken")

GOOD = frozenset({"alive", "available", "connected", "healthy", "ok", "ready", "true", "up"})
BAD = frozenset(
    {
        "critical",
        "dead",
        "disconnected",
        "down",
        "error",
        "failed",
        "failing",
        "false",
        "not_ready",
        "unavailable",
        "unhealthy",
    }
)
VERDICTS = ("status", "connected", "healthy", "available", "ready")


class FindingKind(StrEnum):
    """What a finding says about a value."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    UNPROVEN = "unproven"
    UNTRUSTED = "untrusted"
    CONTRADICTION = "contradiction"
    DEGRADED = "degraded"
    FAILING = "failing"
    UNDETECTED = "undetected"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something a person should know about what a deployment says of itself.

    Attributes:
        kind: What it says about the value.
        field: Which value, such as ``metrics.websocket.error_rate``; empty for the whole body.
        evidence: A sentence, masked.
    """

    kind: FindingKind
    field: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.field or 'the body'}: {self.evidence}"


class Body:
    """A JSON body of which one field after another is taken; what nobody takes is left over.

    A field that is absent or null gives None. So does one of another type, which is left over
    and is a finding.
    """

    def __init__(self, value: object, *, within: str = "") -> None:
        self._within = within
        self._left: dict[str, JsonValue] = dict(value) if isinstance(value, dict) else {}
        self._refused: set[str] = set()
        self.findings: list[Finding] = []
        if not isinstance(value, dict):
            self.note(
                FindingKind.UNREADABLE, "", f"an object was expected, not {safe_state(value)}"
            )

    def note(self, kind: FindingKind, field: str, evidence: str) -> None:
        """Keep a finding about one of the fields."""
        whole = f"{self._within}.{field}".strip(".")
        self.findings.append(Finding(kind=kind, field=whole, evidence=mask(evidence)))

    def text(self, path: str) -> str | None:
        """Take a string."""
        return self._take(path, "text", _text)

    def flag(self, path: str) -> bool | None:
        """Take a boolean."""
        return self._take(path, "true or false", _flag)

    def amount(self, path: str) -> float | None:
        """Take a finite number that is not negative."""
        return self._take(path, "a number from 0", _amount)

    def count(self, path: str) -> int | None:
        """Take a whole number that is not negative."""
        return self._take(path, "a whole number from 0", _count)

    def moment(self, path: str) -> str | float | None:
        """Take a timestamp as it was written, text or number."""
        return self._take(path, "a timestamp", _moment)

    def section(self, path: str) -> dict[str, JsonValue]:
        """Take an object whole; empty when there is none."""
        return self._take(path, "an object", _object) or {}

    def listed(self, path: str) -> tuple[JsonValue, ...]:
        """Take a list; empty when there is none."""
        return self._take(path, "a list", _list) or ()

    def component(self, path: str) -> bool | None:
        """Take whether a component works, see `works`; the details of an object are left over."""
        return self._take(path, "whether it works", works)

    def rate(self, path: str, *, attempts: int | None) -> float | None:
        """Take a rate over so many attempts; over none it is not known, whatever is said."""
        said = self.amount(path)
        if said is None or attempts:
            return said
        over = "0 attempts" if attempts == 0 else "a number of attempts that is not said"
        self.note(FindingKind.UNKNOWN, path, f"{said:g} was said of {over}")
        return None

    def left_over(self) -> dict[str, JsonValue]:
        """What was not taken, nested as it came."""
        return _without_emptied(self._left)

    def _take(self, path: str, wanted: str, read: Callable[[JsonValue], Taken]) -> Taken | None:
        *sections, name = path.split(".")
        holder = self._left
        for depth, section in enumerate(sections, 1):
            inner = holder.get(section)
            if not isinstance(inner, dict):
                self._refuse(".".join(sections[:depth]), "an object", inner)
                return None
            # Copied, so that taking a field does not change what the caller gave.
            holder[section] = holder = _Opened(inner)
        value = holder.get(name)
        taken = read(value)
        if taken is None:
            self._refuse(path, wanted, value)
        elif read is not works or not isinstance(value, dict):
            del holder[name]
        return taken

    def _refuse(self, path: str, wanted: str, value: object) -> None:
        if value is None or path in self._refused:
            return
        self._refused.add(path)
        self.note(
            FindingKind.UNREADABLE, path, f"{wanted} was expected and {safe_state(value)} came"
        )


class _Opened(dict[str, "JsonValue"]):
    """An object of which fields are taken."""


def _without_emptied(holder: dict[str, JsonValue]) -> dict[str, JsonValue]:
    left: dict[str, JsonValue] = {}
    for name, value in holder.items():
        if not isinstance(value, _Opened):
            left[name] = value
        elif inner := _without_emptied(value):
            left[name] = inner
    return left


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: JsonValue) -> bool | None:
    return value if isinstance(value, bool) else None


def _amount(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _moment(value: JsonValue) -> str | float | None:
    return value if isinstance(value, str) else _amount(value)


def _count(value: JsonValue) -> int | None:
    number = _amount(value)
    return None if number is None or not number.is_integer() else int(cast("float", value))


def _object(value: JsonValue) -> dict[str, JsonValue] | None:
    return value if isinstance(value, dict) else None


def _list(value: JsonValue) -> tuple[JsonValue, ...] | None:
    return tuple(value) if isinstance(value, list) else None


def works(value: JsonValue) -> bool | None:
    """Whether a component works, by a boolean, a word or an object with either; None if unsaid."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().casefold().replace(" ", "_")
        return True if word in GOOD else False if word in BAD else None
    if not isinstance(value, dict):
        return None
    said = [works(each) for name in VERDICTS if not isinstance(each := value.get(name), dict)]
    return False if False in said else True if True in said else None
