"""What is sent, as text: in the form that the other side reads, and only what JSON can carry."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, cast

from netra_testkit.errors import Unencodable
from netra_testkit.wire.documents import DEFAULT_MAX_DEPTH, DEFAULT_MAX_SIZE
from netra_testkit.wire.excerpts import bounded
from netra_testkit.wire.timestamps import MILLISECONDS_FROM
from netra_testkit.wire.types import MESSAGE_TYPES, Direction, MessageType

if TYPE_CHECKING:
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["encode", "encode_json"]

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)

# No float is larger, and most readers keep numbers as floats.
_MOST_BITS = 1024


def encode(
    type: MessageType | str,  # noqa: A002 - the established name
    payload: Mapping[str, object] | None = None,
    *,
    message_id: str | None,
    timestamp: float,
    thread_id: str | None = None,
    run_id: str | None = None,
    user_id: str | None = None,
    as_server: bool = False,
    aliases: Mapping[str, MessageType | str] = MESSAGE_TYPES,
    max_size: int = DEFAULT_MAX_SIZE,
    max_depth: int = DEFAULT_MAX_DEPTH,
) -> str:
    """The text of a frame; what JSON cannot carry is refused before anything is sent.

    Args:
        type: A member, a canonical name or an alias; the canonical name is sent.
        payload: The body. A tuple becomes a list, a member of a text or number enum its value.
        message_id: The id of this message; None only as a server.
        timestamp: Now, in seconds since the epoch.
        thread_id: The thread it belongs to.
        run_id: The agent run it belongs to.
        user_id: The user it is about.
        as_server: Take the form that servers use, with the body under `data`, and allow events.
        aliases: A table from `with_aliases`, or a product's extra aliases as they are.
        max_size: The most bytes it may have.
        max_depth: The most objects and lists within one another it may have.

    Raises:
        UnknownMessageType: No type has this name.
        Unencodable: It is an event and not said as a server, or JSON or a limit refuses the
            value that `path` names.
    """
    kind = MessageType.parse(type, aliases=aliases)
    if kind.direction is Direction.EVENT and not as_server:
        raise Unencodable(
            path="type",
            reason=f"{kind.value} is an event, which only servers say",
            hint="Send a command, or say as_server=True to send it all the same.",
        )
    if message_id is None and not as_server:
        raise Unencodable(path="message_id", reason="a client names each of its messages")
    frame: dict[str, JsonValue] = {
        "type": str.__str__(kind),
        "data" if as_server else "payload": _body(payload, max_depth),
    }
    if message_id is not None:
        frame["message_id"] = _identity("message_id", message_id)
    frame["timestamp"] = _seconds(timestamp)
    if thread_id is not None:
        frame["thread_id"] = _identity("thread_id", thread_id)
    if run_id is not None:
        frame["run_id"] = _identity("run_id", run_id)
    if user_id is not None:
        frame["user_id"] = _identity("user_id", user_id)
    text = _ENCODER.encode(frame)
    size = len(text) if text.isascii() else len(text.encode())
    if size > max_size:
        raise Unencodable(path="payload", reason=f"{size} bytes, and {max_size} are allowed")
    return text


def encode_json(value: object, *, name: str = "json") -> str:
    """The text of a JSON value; what JSON cannot carry is refused.

    Args:
        value: The value. A tuple becomes a list, a member of a text or number enum its value.
        name: What an error calls it.

    Raises:
        Unencodable: JSON refuses the value that `path` names.
    """
    return _ENCODER.encode(_plain(value, (name,), DEFAULT_MAX_DEPTH))


def _body(payload: Mapping[str, object] | None, max_depth: int) -> JsonValue:
    if payload is None:
        return {}
    if type(payload) is not dict and not isinstance(payload, Mapping):
        raise _refused(("payload",), f"it is no mapping but of type {_name_of_type(payload)}")
    return _plain(payload, ("payload",), max_depth - 1)  # the frame itself is one level


def _plain(value: object, path: tuple[str | int, ...], max_depth: int) -> JsonValue:
    try:
        if _is_plain(value, max_depth):
            return cast("JsonValue", value)
        return _Plain(max_depth).of(value, path)
    except RecursionError:
        raise _refused(path, "it is nested too deeply for the interpreter") from None


def _identity(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or value.isspace():
        raise _refused((name,), "it is not a text that says something")
    return _text(value, (name,))


def _seconds(timestamp: float) -> float:
    path = ("timestamp",)
    if timestamp.__class__ is float and 0.0 <= timestamp < MILLISECONDS_FROM:
        return timestamp
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        raise _refused(path, f"it is not a number but of type {_name_of_type(timestamp)}")
    if not -MILLISECONDS_FROM < timestamp < MILLISECONDS_FROM:  # NaN is in no range
        raise _refused(path, "it is not in seconds since the epoch")
    return float(timestamp)


def _is_plain(value: object, levels: int) -> bool:  # noqa: PLR0911 - one answer a kind
    """Whether a value may be written as it is; whoever wants to know why not walks it again."""
    if type(value) is str:
        return value.isascii()
    if type(value) is dict:
        if levels <= 0:
            return False
        for key, each in value.items():
            if type(key) is not str or not key.isascii() or not _is_plain(each, levels - 1):
                return False
        return True
    if type(value) is list:
        return levels > 0 and all(_is_plain(each, levels - 1) for each in value)
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is int:
        return value.bit_length() <= _MOST_BITS
    return value is None or type(value) is bool


class _Plain:
    """A copy of a value in JSON's own types, made in one walk that knows where it is."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._above: set[int] = set()

    def of(self, value: object, path: tuple[str | int, ...]) -> JsonValue:
        if isinstance(value, str):
            return _text(value, path)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return _integer(value, path)
        if isinstance(value, float):
            return _float(value, path)
        if not isinstance(value, Mapping | list | tuple):
            raise _refused(path, _unknown(value))
        identity = id(value)
        if identity in self._above:
            raise _refused(path, "it contains itself")
        if len(self._above) >= self._max_depth:
            raise _refused(path, "it is nested too deeply")
        self._above.add(identity)
        plain: JsonValue
        if isinstance(value, Mapping):
            plain = {_key(key, path): self.of(each, (*path, key)) for key, each in value.items()}
        else:
            plain = [self.of(each, (*path, index)) for index, each in enumerate(value)]
        self._above.remove(identity)
        return plain


def _key(key: object, path: tuple[str | int, ...]) -> str:
    if not isinstance(key, str):
        raise _refused(path, f"it has a key of type {_name_of_type(key)}")
    return _text(key, path)


def _text(value: str, path: tuple[str | int, ...]) -> str:
    if type(value) is str and value.isascii():
        return value
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _refused(path, "it has half of a surrogate pair") from None
    # The text itself: a member of an enum would be written differently from one Python to another.
    return str.__str__(value)


def _integer(value: int, path: tuple[str | int, ...]) -> int:
    if value.bit_length() > _MOST_BITS:
        raise _refused(path, "it has more digits than readers of JSON take")
    return value


def _float(value: float, path: tuple[str | int, ...]) -> float:
    if not math.isfinite(value):
        raise _refused(path, "it is NaN" if math.isnan(value) else "it is infinite")
    return value


def _unknown(value: object) -> str:
    kind = "a member of an enum whose values are neither text nor numbers"
    return f"it is {kind}" if isinstance(value, Enum) else f"it is of type {_name_of_type(value)}"


def _name_of_type(value: object) -> str:
    return value.__class__.__name__


def _refused(path: tuple[str | int, ...], reason: str) -> Unencodable:
    steps = [
        f"[{step}]"
        if isinstance(step, int)
        else f".{step}"
        if step.isidentifier()
        else f"[{step!r}]"
        for step in path
    ]
    return Unencodable(path=bounded("".join(steps).removeprefix(".")), reason=reason)
