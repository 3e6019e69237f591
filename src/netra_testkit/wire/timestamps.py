"""Times as emitters write them, read as seconds since the epoch."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from netra_testkit.errors import MalformedFrame
from netra_testkit.wire.excerpts import bounded

if TYPE_CHECKING:
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["MILLISECONDS_FROM", "parse_timestamp"]

MILLISECONDS_FROM = 1e11
"""Numbers from here on count milliseconds; as seconds they would lie past the year 5138."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parse_timestamp(value: JsonValue, *, field: str = "timestamp") -> float | None:
    """Seconds since the epoch, from seconds, milliseconds, a numeric text or ISO 8601.

    Args:
        value: As received; None stays None. An ISO 8601 text without a zone is in UTC.
        field: What an error calls it.

    Raises:
        MalformedFrame: A boolean, NaN, an infinity, or what cannot be read as a time.
    """
    if value is None or (type(value) is float and 0.0 <= value < MILLISECONDS_FROM):
        return value
    if isinstance(value, str):
        text = value.strip()
        return _finite(text, field) if _NUMBER.fullmatch(text) else _from_iso(text, field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not_a_time(value, field)
    return _finite(value, field)


def _finite(value: str | float, field: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _not_a_time(value, field)
    return number / 1000 if number >= MILLISECONDS_FROM else number


def _from_iso(text: str, field: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_time(text, field) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _not_a_time(value: JsonValue, field: str) -> MalformedFrame:
    # An integer too long to print and a whole object are named by their kind alone.
    shown = value if isinstance(value, str | float) else f"a value of type {type(value).__name__}"
    return MalformedFrame(reason=f"{field} is not a time", excerpt=bounded(str(shown)))
