"""What holds no other value, as JSON: read from the object's own storage, without running it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "UNREADABLE",
    "attribute",
    "clean_text",
    "leaf",
    "member_name",
    "said_by",
    "type_name",
]

UNREADABLE = "<unreadable>"

# Python refuses to print longer integers where its limit of digits is set to the least possible.
LONGEST_INTEGER_BITS = 2048

ADDRESS = re.compile(r"\s+at 0x[0-9A-Fa-f]+")

# The functions of the kinds themselves: what a subclass overrides is not called.
READINGS: tuple[tuple[tuple[type, ...], Callable[[Any], str | float]], ...] = (
    ((dt.datetime,), dt.datetime.isoformat),
    ((dt.date,), dt.date.isoformat),
    ((dt.time,), dt.time.isoformat),
    ((dt.timedelta,), dt.timedelta.total_seconds),
    ((bytes, bytearray, memoryview), lambda data: bytes(data).decode("utf-8", "backslashreplace")),
    ((Decimal,), Decimal.__str__),
    ((UUID,), UUID.__str__),
    ((PurePath,), PurePath.__str__),
    ((Fraction,), Fraction.__str__),
    ((complex,), complex.__repr__),
    ((ipaddress.IPv4Address,), ipaddress.IPv4Address.__str__),
    ((ipaddress.IPv6Address,), ipaddress.IPv6Address.__str__),
)


def leaf(value: object, kind: type) -> str | int | float | None:
    """The JSON form of a value that holds no others; None when it is not such a value."""
    if issubclass(kind, str):
        return clean_text(str.__str__(cast("str", value)))
    if issubclass(kind, Enum):
        return clean_text(member_name(value))
    if issubclass(kind, int):
        number = int.__int__(cast("int", value))
        return number if number.bit_length() <= LONGEST_INTEGER_BITS else hex(number)
    if issubclass(kind, float):
        return _finite(float.__float__(cast("float", value)))
    for kinds, read in READINGS:
        if issubclass(kind, kinds):
            found = read(value)
            return clean_text(found) if isinstance(found, str) else found
    return None


def _finite(number: float) -> str | float:
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def member_name(member: object) -> str:
    """The name of an enum's member in lower case."""
    name: str | None = object.__getattribute__(member, "_name_")
    # A flag without a bit set has a value and no name.
    return str(object.__getattribute__(member, "_value_")) if name is None else name.lower()


def clean_text(text: str) -> str:
    """Text that UTF-8 can carry: lone surrogates are written out as escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def said_by(error: BaseException) -> str:
    """What an exception says, masked and without the addresses of objects."""
    from netra_testkit.safety.redaction import mask

    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception that cannot say what it is still has a type
        return UNREADABLE
    return clean_text(mask(ADDRESS.sub("", text)))


def attribute(value: object, name: str) -> object:
    """An attribute as it is stored, past any ``__getattr__`` and ``__getattribute__``."""
    try:
        found: object = object.__getattribute__(value, name)
    except Exception:  # noqa: BLE001 - one unreadable attribute must not cost the others
        return UNREADABLE
    return found


def type_name(kind: type) -> str:
    """The qualified name of a type; that of a builtin without its module."""
    try:
        module, name = kind.__module__, kind.__qualname__
    except Exception:  # noqa: BLE001 - a metaclass may refuse even this
        return "object"
    # A class may set either to an object, whose text would hold its address.
    if type(module) is not str or type(name) is not str:
        return "object"
    return clean_text(name if module == "builtins" else f"{module}.{name}")
