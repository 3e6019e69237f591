"""Any object as JSON: no exception, no memory address, and the same text every time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import islice
from types import NoneType
from typing import Any, TypeAlias, cast

from netra_testkit.safety.leaves import (
    UNREADABLE,
    attribute,
    clean_text,
    leaf,
    member_name,
    said_by,
    type_name,
)

__all__ = [
    "JsonValue",
    "safe_state",
    "safe_websocket_state_for_logging",
    "to_jsonable",
]

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None

CYCLE = "<cycle>"
TOO_DEEP = "<too deep>"
CUT_KEY = "<cut>"

LONGEST_STATE = 100
# json.dumps recurses as well, so what is much deeper than this could not be written.
DEEPEST = 128

# Integers that need no second look; nearly all are.
SMALL = 1 << 64

PLAIN_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})


def safe_state(value: object) -> str:
    """Give a connection state, or any other value, as short text on one line.

    Args:
        value: A member of any enum, such as Starlette's ``WebSocketState`` or the ``State`` of
            websockets, gives its name in lower case. Text stays as it is; anything else gives its
            JSON, or the name of its type where it has none.

    Returns:
        At most 100 characters. No object makes it raise.
    """
    try:
        if issubclass(type(value), Enum):
            text = member_name(value)
        else:
            converted = to_jsonable(value, max_depth=3, max_items=20)
            text = converted if isinstance(converted, str) else _compact(converted)
        line = clean_text(" ".join(text[: 10 * LONGEST_STATE].split()))
    except Exception:  # noqa: BLE001 - a log line must not fail, whatever the value is
        return UNREADABLE
    return line if len(line) <= LONGEST_STATE else f"{line[: LONGEST_STATE - 1]}…"


safe_websocket_state_for_logging = safe_state


def to_jsonable(value: object, *, max_depth: int = 64, max_items: int = 10_000) -> JsonValue:
    """Give any object graph as values that ``json.dumps(…, allow_nan=False)`` accepts.

    An object is read, not run: no ``__str__``, ``__repr__`` or ``__getattr__`` is called (but an
    exception is asked for its text) and no iterator is consumed. What has no sensible form becomes
    the qualified name of its type. Masking is the work of whoever writes the result down; only
    the text of an exception is masked here.

    Args:
        value: Anything.
        max_depth: How many containers may stand in one another, at most 128; a deeper one becomes
            ``"<too deep>"``.
        max_items: How many values all containers hold together; ``"<+3 more>"`` stands for those
            left out.

    Returns:
        The same for the same value, in every process. No object makes it raise.
    """
    try:
        return _Conversion(min(max_depth, DEEPEST), max(max_items, 0), set()).of(value, 0)
    except RecursionError:  # the caller has used up the stack
        return UNREADABLE


class _Conversion:
    """One walk over an object graph, and what is left of its limits."""

    __slots__ = ("deepest", "left", "path")

    def __init__(self, deepest: int, left: int, path: set[int]) -> None:
        self.deepest = deepest
        self.left = left
        self.path = path

    def of(self, value: object, depth: int) -> JsonValue:
        kind = type(value)
        if kind is str:
            return clean_text(cast("str", value))
        if kind is bool or kind is NoneType:
            return cast("bool | None", value)
        if kind is int and -SMALL < cast("int", value) < SMALL:
            return cast("int", value)
        try:
            found = None if kind in PLAIN_CONTAINERS else leaf(value, kind)
            return self._container(value, kind, depth) if found is None else found
        except Exception:  # noqa: BLE001 - whatever an object does when read, it ends as text
            return type_name(kind)

    def _container(self, value: object, kind: type, depth: int) -> JsonValue:
        convert = next((convert for fits, convert in CONVERSIONS if fits(kind)), None)
        if convert is None:
            return type_name(cast("type", value) if issubclass(kind, type) else kind)
        if id(value) in self.path:
            return CYCLE
        if depth >= self.deepest:
            return TOO_DEEP
        self.path.add(id(value))
        try:
            return convert(self, value, depth + 1)
        finally:
            self.path.discard(id(value))

    def mapping(self, value: Mapping[object, object], depth: int) -> JsonValue:
        plain = issubclass(type(value), dict)
        items = dict.items(cast("dict[object, object]", value)) if plain else value.items()
        return self._entries(items, len(items), depth)

    def _entries(
        self, entries: Iterable[tuple[object, object]], total: int, depth: int
    ) -> JsonValue:
        found: dict[str, JsonValue] = {}
        numbers: dict[str, int] = {}
        taken = 0
        # Copied first: another thread may change the mapping while its values are converted.
        for key, each in list(islice(entries, min(self.left, total))):
            if not self.left:
                break
            self.left -= 1
            taken += 1
            found[_unused(self._key(key, depth), found, numbers)] = self.of(each, depth)
        if taken < total:
            found[_unused(CUT_KEY, found, numbers)] = _more(total - taken)
        return found

    def _key(self, key: object, depth: int) -> str:
        converted = self.of(key, depth)
        return converted if isinstance(converted, str) else _compact(converted)

    def sequence(self, value: Sequence[object], depth: int) -> JsonValue:
        for plain in (list, tuple):
            if issubclass(type(value), plain):
                first = plain.__getitem__(cast("Any", value), slice(self.left))
                return self._items(first, plain.__len__(cast("Any", value)), depth)
        return self._items(list(islice(value, self.left)), len(value), depth)

    def _items(self, items: Iterable[object], total: int, depth: int) -> JsonValue:
        found: list[JsonValue] = []
        for each in items:
            if not self.left:
                break
            self.left -= 1
            found.append(self.of(each, depth))
        if len(found) < total:
            found.append(_more(total - len(found)))
        return found

    def unordered(self, value: AbstractSet[object], depth: int) -> JsonValue:
        total = len(value)
        # Which items come first is chance: a part of them would be another part next time.
        if total > self.left:
            return [_more(total)]
        share = self.left // total if total else 0
        found: list[JsonValue] = []
        for each in list(islice(value, total)):
            part = _Conversion(self.deepest, share - 1, self.path)
            found.append(part.of(each, depth))
            self.left -= share - part.left
        return sorted(found, key=_order)

    def named_tuple(self, value: tuple[object, ...], depth: int) -> JsonValue:
        names: tuple[str, ...] = cast("Any", type(value))._fields
        return self._entries(zip(names, tuple.__iter__(value), strict=True), len(names), depth)

    def dataclass(self, value: object, depth: int) -> JsonValue:
        fields = dataclasses.fields(cast("Any", type(value)))
        entries = [(each.name, attribute(value, each.name)) for each in fields if each.repr]
        return self._entries(entries, len(entries), depth)

    def pydantic_model(self, value: object, depth: int) -> JsonValue:
        model = cast("Any", type(value))
        stored: dict[str, object] = object.__getattribute__(value, "__dict__")
        if model.__pydantic_root_model__:
            return self.of(stored["root"], depth)
        extra: dict[str, object] = object.__getattribute__(value, "__pydantic_extra__") or {}
        shown = [
            name for name, each in model.model_fields.items() if each.repr and not each.exclude
        ]
        entries = [(name, stored.get(name, UNREADABLE)) for name in shown]
        return self._entries([*entries, *extra.items()], len(entries) + len(extra), depth)

    def exception(self, value: BaseException, depth: int) -> JsonValue:
        said: dict[str, JsonValue] = {"type": type_name(type(value)), "text": said_by(value)}
        if issubclass(type(value), BaseExceptionGroup):
            inner = BaseExceptionGroup.exceptions.__get__(value)
            said["exceptions"] = self.of(inner, depth)
        return said


# How each kind of container is recognised, by its type alone, and read.
CONVERSIONS: tuple[tuple[Callable[[Any], bool], Callable[[_Conversion, Any, int], JsonValue]], ...]
CONVERSIONS = (
    (lambda kind: issubclass(kind, (dict, Mapping)), _Conversion.mapping),
    (lambda kind: issubclass(kind, tuple) and hasattr(kind, "_fields"), _Conversion.named_tuple),
    (lambda kind: issubclass(kind, (list, tuple, Sequence)), _Conversion.sequence),
    (lambda kind: issubclass(kind, AbstractSet), _Conversion.unordered),
    (lambda kind: issubclass(kind, BaseException), _Conversion.exception),
    (lambda kind: hasattr(kind, "__dataclass_fields__"), _Conversion.dataclass),
    (lambda kind: hasattr(kind, "__pydantic_root_model__"), _Conversion.pydantic_model),
)


def _unused(key: str, taken: Mapping[str, JsonValue], numbers: dict[str, int]) -> str:
    """The key, numbered when an earlier one had the same text."""
    unused = key
    while unused in taken:
        numbers[key] = numbers.get(key, 1) + 1
        unused = f"{key}#{numbers[key]}"
    return unused


def _more(count: int) -> str:
    return f"<+{count} more>"


def _compact(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _order(value: JsonValue) -> tuple[bool, float, str]:
    number = value if isinstance(value, int | float) else None
    return number is None, number or 0, _compact(value)
