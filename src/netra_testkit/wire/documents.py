"""From what came over the wire to one JSON object, within limits, or an error that shows where."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

from netra_testkit.errors import MalformedFrame
from netra_testkit.wire.excerpts import excerpt

if TYPE_CHECKING:
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["DEFAULT_MAX_DEPTH", "DEFAULT_MAX_SIZE", "malformed", "read_document"]

DEFAULT_MAX_SIZE = 2**20
"""The most bytes a frame may have unless its reader says otherwise."""

DEFAULT_MAX_DEPTH = 64
"""The most objects and lists within one another that a frame may have unless its reader says so."""

_WHITESPACE = " \t\n\r"
_CONTAINERS = (dict, list)

# Quoted text as a whole, or one of the things that need a place in an error.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\]]|-?Infinity|NaN|[0-9]+', re.DOTALL)


class _NotJson(ValueError):
    """A constant that Python would read and JSON does not have."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotJson(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def read_document(
    data: str | bytes, max_size: int, max_depth: int
) -> tuple[str, dict[str, JsonValue]]:
    """The text of a frame and the JSON object that it is.

    Of a key that comes twice the last value counts, as in a browser.

    Args:
        data: What came; bytes are UTF-8.
        max_size: The most bytes it may have.
        max_depth: The most objects and lists within one another it may have.

    Raises:
        MalformedFrame: It is not UTF-8, not JSON, not an object, too large or nested too deeply.
        TypeError: `data` is neither text nor bytes.
    """
    text = data if isinstance(data, str) else _text_of(data, max_size)
    if len(text) > max_size or not text.isascii():
        _check_characters(text, max_size)
    start = 0 if text.startswith("{") else _start_of(text)
    try:
        document, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise _unreadable(text, error, max_depth) from None
    if type(document) is not dict:
        raise malformed(f"it is {_kind_of(document)}, not an object", text, start)
    if end != len(text):
        _check_end(text, end)
    # Most frames have fewer brackets than levels are allowed, so nothing need be walked.
    brackets = text.count("{") + (text.count("[") if "[" in text else 0)
    if brackets > max_depth and _is_deeper(document, max_depth):
        raise _too_deep(text, max_depth)
    return text, document


def malformed(reason: str, text: str, position: int | None = None) -> MalformedFrame:
    """The error for a place in a text, with a bounded, masked piece around it."""
    return MalformedFrame(reason=reason, excerpt=excerpt(text, position or 0), position=position)


def _text_of(data: bytes, max_size: int) -> str:
    if not isinstance(data, bytes):
        raise TypeError(f"a frame is str or bytes, not {type(data).__name__}")
    if len(data) > max_size:
        raise _too_large(data[:max_size].decode("utf-8", "replace"), max_size)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        position = len(data[: error.start].decode())
        shown = data.decode("utf-8", "backslashreplace")
        raise malformed("its bytes are not UTF-8", shown, position) from None


def _check_characters(text: str, max_size: int) -> None:
    try:
        size = len(text) if len(text) > max_size else len(text.encode())
    except UnicodeEncodeError as error:
        raise malformed("half of a surrogate pair", text, error.start) from None
    if size > max_size:
        raise _too_large(text, max_size)


def _too_large(text: str, max_size: int) -> MalformedFrame:
    return malformed(f"it is larger than the {max_size} bytes allowed", text)


def _start_of(text: str) -> int:
    start = len(text) - len(text.lstrip(_WHITESPACE))
    if start == len(text):
        raise malformed("there is nothing in it", text, 0)
    if text[start] == "\ufeff":
        raise malformed("it begins with a byte order mark", text, start)
    return start


def _check_end(text: str, end: int) -> None:
    rest = text[end:].lstrip(_WHITESPACE)
    if rest:
        raise malformed("more follows the object", text, len(text) - len(rest))


def _kind_of(document: JsonValue) -> str:
    if document is None:
        return "null"
    kinds = {bool: "true or false", str: "text", list: "a list"}
    return kinds.get(type(document), "a number")


def _is_deeper(document: dict[str, JsonValue], max_depth: int) -> bool:
    level: list[dict[str, JsonValue] | list[JsonValue]] = [document]
    for _ in range(max_depth):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, _CONTAINERS)
        ]
        if not level:
            return False
    return True


def _too_deep(text: str, max_depth: int) -> MalformedFrame:
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in {"{", "["}) - (token[0] in {"}", "]"})
        if depth > max_depth:
            return malformed(f"it is nested deeper than {max_depth}", text, token.start())
    return malformed("it is nested deeper than the interpreter can follow here", text)


def _unreadable(text: str, error: ValueError | RecursionError, max_depth: int) -> MalformedFrame:
    if isinstance(error, RecursionError):
        return _too_deep(text, max_depth)
    if isinstance(error, json.JSONDecodeError):
        return malformed(f"invalid JSON, {error.msg}", text, error.pos)
    tokens = _TOKEN.finditer(text)
    if isinstance(error, _NotJson):
        [constant] = error.args
        position = next(token.start() for token in tokens if token[0] == constant)
        return malformed(f"{constant} is not JSON", text, position)
    digits = [token for token in tokens if token[0][0].isdigit()]
    longest = max(digits, key=lambda token: len(token[0]))
    return malformed("a number with too many digits", text, longest.start())
