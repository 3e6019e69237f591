"""Live secrets, masked by value wherever text leaves the process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from netra_testkit.safety.registry import KIT_LOGGER, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netra_testkit.safety.jsonable import JsonValue

    _Arguments: TypeAlias = tuple[object, ...] | Mapping[str, object]

__all__ = [
    "KIT_LOGGER",
    "LIBRARY_LOGGERS",
    "RedactingFilter",
    "Registry",
    "install",
    "mask",
    "mask_json",
    "register",
]

# A filter of a logger does not see what is logged to a logger below it, a handler may be replaced
# by whoever configures logging, and a record factory comes before the extras: so each logger that
# these libraries write to is named.
LIBRARY_LOGGERS = (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "websockets",
    "websockets.client",
    "websockets.protocol",
    "websockets.server",
    "uvicorn",
    "uvicorn.access",
    "uvicorn.asgi",
    "uvicorn.error",
)
"""Every logger that httpx, httpcore, websockets and uvicorn write to."""

ROOTS = frozenset({KIT_LOGGER, *(name.partition(".")[0] for name in LIBRARY_LOGGERS)})
UNREADABLE = "[masked: this log record could not be read]"
# Of a record, what comes from the code that logs and holds nothing that it handles.
OF_THE_CODE = frozenset({"name", "levelname", "pathname", "filename", "module", "funcName"})
# What is masked together, or from which another attribute is written.
TOGETHER = frozenset({"msg", "args", "exc_info"})
# Deeper than this a container is masked as text.
DEEPEST = 8

_LIVE = Registry()
_TRACEBACKS = logging.Formatter()


def register(secret: str, *, label: str, expires_at: float | None = None) -> None:
    """Mask a secret wherever text leaves the process, from now on.

    Args:
        secret: Its value; the space around it is no part of it, and one of fewer than six
            characters is not masked, which a warning says.
        label: What to write in its place, such as the name of a variable; a kind of secret, not
            each single one.
        expires_at: When it ceases to open anything, in seconds since the epoch; None for never.
            It is forgotten a quarter of an hour later.
    """
    _LIVE.register(secret, label=label, expires_at=expires_at)


def mask(text: str) -> str:
    """The text without any live secret, in whole or in part, and without what looks like a token.

    No text makes it raise, and masking what is masked changes nothing.
    """
    return _LIVE.mask(text)


def mask_json(value: JsonValue) -> JsonValue:
    """A copy of JSON values with every string in it masked, keys included."""
    return _LIVE.mask_json(value)


class RedactingFilter(logging.Filter):
    """Masks a record before any handler sees it, whatever formatter comes after.

    A logger's filter sees what is logged to that logger and not what is logged below it; a
    handler's sees everything that the handler writes. The record itself is changed: its message,
    arguments, traceback, stack and extras. An argument or extra that shows no secret stays the
    object it is.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record and let it pass; whatever the record holds."""
        try:
            _mask_record(record)
        except Exception:  # noqa: BLE001 - a log line must not fail, nor be written unmasked
            _blank(record)
        return super().filter(record)


_FILTER = RedactingFilter()


def install() -> None:
    """Mask what this package, httpx, httpcore, websockets and uvicorn log; twice is once.

    Loggers below theirs that exist by now are included.
    """
    existing = [
        name
        for name, each in list(logging.Logger.manager.loggerDict.items())
        if isinstance(each, logging.Logger) and name.partition(".")[0] in ROOTS
    ]
    for name in (KIT_LOGGER, *LIBRARY_LOGGERS, *existing):
        logging.getLogger(name).addFilter(_FILTER)


def _mask_record(record: logging.LogRecord) -> None:
    trace = _TRACEBACKS.formatException(record.exc_info) if record.exc_info else ""
    # Most records show nothing, and one look at all that they say is cheaper than one at each.
    written = "\n".join((trace, *_written(record)))
    if mask(written) != written:
        _mask_traceback(record, trace)
        _mask_extras(record)
        _mask_message(record)


def _written(record: logging.LogRecord) -> Iterator[str]:
    """The text of everything in a record that a formatter may write."""
    values = [each for name, each in vars(record).items() if name not in OF_THE_CODE]
    if record.args:
        yield _message(record.msg, record.args) or ""
        values += record.args.values() if isinstance(record.args, Mapping) else record.args
    for value in values:
        if isinstance(value, str):
            yield value
        elif value is not None and not isinstance(value, bool | int | float):
            yield _text(str, value)
            yield _text(repr, value)


def _mask_traceback(record: logging.LogRecord, trace: str) -> None:
    masked = mask(trace)
    if masked != trace:
        # Whoever formats it again would write it unmasked; every formatter takes the text instead.
        record.exc_text = masked
        record.exc_info = None


def _mask_extras(record: logging.LogRecord) -> None:
    attributes = vars(record)
    for name, value in list(attributes.items()):
        if name not in OF_THE_CODE and name not in TOGETHER:
            attributes[name] = _masked(value)


def _mask_message(record: logging.LogRecord) -> None:
    msg, args = _masked(record.msg), record.args
    if args:
        said = _message(record.msg, args)
        args = _masked_args(args)
        # A secret may begin in the message and end in an argument, and what was a number may now
        # be text that its directive does not take.
        if said is not None and mask(said) != _message(msg, args):
            msg, args = mask(said), ()
    vars(record).update(msg=msg, args=args)


def _masked_args(args: _Arguments) -> _Arguments:
    if isinstance(args, Mapping):
        return {name: _masked(each) for name, each in args.items()}
    return tuple(_masked(each) for each in args)


def _message(msg: object, args: _Arguments) -> str | None:
    try:
        return str(msg) % args
    except Exception:  # noqa: BLE001 - logging itself reports arguments that do not fit
        return None


def _masked(value: object, depth: int = 0) -> object:
    """The same object where its text shows no secret, else one whose text shows none."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask(value)
    written = _text(str, value), _text(repr, value)
    shown = mask(written[0]), mask(written[1])
    if shown == written:
        return value
    return shown[0] if depth >= DEEPEST else _rebuilt(value, shown[0], depth + 1)


def _rebuilt(value: object, shown: str, depth: int) -> object:
    """A container of the same kind with masked members; anything else as its masked text."""
    if type(value) is dict:
        return {_masked(key, depth): _masked(each, depth) for key, each in value.items()}
    if type(value) is list:
        return [_masked(each, depth) for each in value]
    if type(value) is tuple:
        return tuple(_masked(each, depth) for each in value)
    return shown


def _text(write: Callable[[object], str], value: object) -> str:
    try:
        return write(value)
    except Exception:  # noqa: BLE001 - what cannot be written shows no secret
        return ""


def _blank(record: logging.LogRecord) -> None:
    known = vars(logging.makeLogRecord({}))
    for name in list(vars(record)):
        if name not in known:
            delattr(record, name)
    record.msg, record.args = UNREADABLE, ()
    record.exc_info = record.exc_text = record.stack_info = None
