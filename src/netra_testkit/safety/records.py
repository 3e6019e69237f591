"""What a log record says, read without failing, whatever it holds."""

from __future__ import annotations

import datetime as dt
import json
import logging
import traceback
from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

from netra_testkit.safety.jsonable import JsonValue, to_jsonable
from netra_testkit.safety.leaves import clean_text

__all__ = [
    "STANDARD",
    "as_name",
    "as_text",
    "extras_of",
    "message_of",
    "plain",
    "readable_args",
    "stack_trace_of",
    "time_of",
]

# The attributes that every record has; what else one holds was given in ``extra``.
STANDARD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})


def extras_of(record: logging.LogRecord, *, max_items: int = 10_000) -> dict[str, JsonValue]:
    """What was given in ``extra``, as JSON values."""
    given = {name: value for name, value in vars(record).items() if name not in STANDARD}
    return cast("dict[str, JsonValue]", to_jsonable(given, max_items=max_items)) if given else {}


def time_of(record: logging.LogRecord) -> str | None:
    """When the record was made, RFC 3339 in UTC; None when it holds no such time."""
    try:
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def message_of(record: logging.LogRecord) -> str:
    """The message with its arguments; those that do not fit are put behind it."""
    try:
        text = str(as_name(record.msg))
        args = readable_args(record)
        return plain(text % args if args else text)
    except Exception:  # noqa: BLE001 - what was to be said is said as far as it can be read
        return f"{plain(record.msg)} {plain(record.args)}"


def as_name(value: Any) -> Any:  # noqa: ANN401 - an argument of a log call is anything
    """An enum as its name; anything else as it is."""
    return to_jsonable(value) if _is_enum(value) else value


def _is_enum(value: object) -> bool:
    return issubclass(type(value), Enum)


def readable_args(record: logging.LogRecord) -> Any:  # noqa: ANN401 - as logging types them
    """The arguments with enums by their names, where the message takes names."""
    args = record.args
    try:
        named = _named(args)
        if named is not args:
            _ = str(record.msg) % named
    except Exception:  # noqa: BLE001 - %d of an IntEnum, or an argument that refuses to be read
        return args
    return named


def _named(args: Any) -> Any:  # noqa: ANN401 - as logging types them
    if isinstance(args, Mapping):
        if any(map(_is_enum, args.values())):
            return {name: as_name(each) for name, each in args.items()}
    elif isinstance(args, tuple) and any(map(_is_enum, args)):
        return tuple(map(as_name, args))
    return args


def stack_trace_of(record: logging.LogRecord) -> str | None:
    """The exception with its traceback and the stack; None when it holds neither."""
    parts: list[str] = []
    if isinstance(record.exc_info, tuple) and record.exc_info[0] is not None:
        try:
            parts.extend(traceback.format_exception(*record.exc_info))
        except Exception:  # noqa: BLE001 - the message is worth more than the trace
            parts.append(f"<no trace of {plain(record.exc_info[0])}>\n")
    elif record.exc_text:
        parts.append(f"{plain(record.exc_text)}\n")
    if record.stack_info:
        parts.append(plain(record.stack_info))
    return plain("".join(parts)) if parts else None


def plain(value: object) -> str:
    """Any value as text: text as it is, anything else as JSON."""
    return clean_text(value) if type(value) is str else as_text(to_jsonable(value))


def as_text(value: JsonValue) -> str:
    """A JSON value as text: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else json.dumps(value, ensure_ascii=False)
