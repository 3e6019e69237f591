"""Log lines that cannot fail: structured for Cloud Logging, or safe for any other formatter."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from netra_testkit.safety.records import (
    STANDARD,
    as_name,
    as_text,
    extras_of,
    message_of,
    plain,
    readable_args,
    stack_trace_of,
    time_of,
)
from netra_testkit.safety.redaction import mask, mask_json

if TYPE_CHECKING:
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["CloudLoggingFormatter", "SafeExtrasFilter"]

# Cloud Logging cuts or refuses entries of more than 256 KiB.
LONGEST_LINE = 200_000
# What is kept of a longer one: every character may be written as twelve bytes.
KEPT_CHARACTERS = 10_000
KEPT_OF_ONE_TEXT = 4_000
KEPT_ITEMS = 100
# Read beyond what is kept before masking, so that a token across the edge is masked as a whole.
MARGIN = 4_096

SEVERITIES = (
    (logging.CRITICAL, "CRITICAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARNING"),
    (logging.INFO, "INFO"),
    (logging.DEBUG, "DEBUG"),
)

PREFIX = "logging.googleapis.com/"

# Top-level fields that Cloud Logging or this formatter gives a meaning of their own.
RESERVED = frozenset(
    {
        "extra",
        "httpRequest",
        "log",
        "logger",
        "message",
        "severity",
        "stack_trace",
        "time",
        "timestamp",
        "timestampNanos",
        "timestampSeconds",
    }
)

HTTP_FIELDS = {
    "method": "requestMethod",
    "url": "requestUrl",
    "request_size": "requestSize",
    "response_size": "responseSize",
    "user_agent": "userAgent",
    "remote_ip": "remoteIp",
    "server_ip": "serverIp",
}

ENCODE = json.JSONEncoder(allow_nan=False).encode


class CloudLoggingFormatter(logging.Formatter):
    """One line of JSON for each record, in the fields that Cloud Logging knows.

    What is given in ``extra`` stands beside ``message``, by way of `to_jsonable`, so a state enum
    is its name in lower case. Four names have a meaning: ``trace_id``, ``span_id``, ``labels`` (a
    mapping) and ``http_request`` (a mapping with ``method``, ``url``, ``status``, ``latency`` in
    seconds and so on). A name that Cloud Logging uses itself moves below ``extra``.

    Live secrets and whatever looks like a token are masked. A line is at most 200,000 characters
    of ASCII. No record makes it raise: arguments that do not fit the message are put behind it.
    """

    def __init__(self, *, project: str | None = None) -> None:
        """Make a formatter.

        Args:
            project: The Google Cloud project that traces belong to; without it a trace is written
                by its id alone.
        """
        super().__init__()
        self._project = project

    def format(self, record: logging.LogRecord) -> str:
        """Give the record as one line; whatever the record holds."""
        try:
            return self._line(record)
        except Exception as error:  # noqa: BLE001 - a log line must not end the program that wrote it
            said = f"A log record could not be written: {type(error).__name__}"
            return json.dumps({"severity": "ERROR", "message": said})

    def _line(self, record: logging.LogRecord) -> str:
        entry = self._entry(record, extras_of(record))
        line = ENCODE(entry)
        # Masking every value is slow and seldom needed. A line without escapes holds each value as
        # it is, so it shows whether there is anything to mask; masking the line would break it.
        if len(line) <= LONGEST_LINE and ("\\" in line or mask(line) != line):
            line = ENCODE(mask_json(entry))
        if len(line) > LONGEST_LINE:
            read = self._entry(record, extras_of(record, max_items=KEPT_ITEMS))
            masked = mask_json(_Allowance(KEPT_CHARACTERS, MARGIN).cut(read))
            line = ENCODE(_Allowance(KEPT_CHARACTERS, 0).cut(masked))
        return line

    def _entry(
        self, record: logging.LogRecord, extras: dict[str, JsonValue]
    ) -> dict[str, JsonValue]:
        entry: dict[str, JsonValue] = {
            "severity": _severity(record.levelno),
            "message": message_of(record),
            "logger": plain(record.name),
            f"{PREFIX}sourceLocation": {
                "file": plain(record.pathname),
                "line": plain(record.lineno),
                "function": plain(record.funcName),
            },
        }
        if (time := time_of(record)) is not None:
            entry["time"] = time  # without one, Cloud Logging takes that of arrival
        if (trace := stack_trace_of(record)) is not None:
            entry["stack_trace"] = trace
        if extras:
            entry.update(self._context(extras))
            hidden = {name: extras.pop(name) for name in list(extras) if _is_reserved(name)}
            entry |= {"extra": hidden, **extras} if hidden else extras
        return entry

    def _context(self, extras: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Take what Cloud Logging has fields for out of the extras."""
        found: dict[str, JsonValue] = {}
        trace = extras.get("trace_id")
        if isinstance(trace, str) and trace:
            whole = self._project is None or trace.startswith("projects/")
            found[f"{PREFIX}trace"] = trace if whole else f"projects/{self._project}/traces/{trace}"
            del extras["trace_id"]
        span = extras.get("span_id")
        if isinstance(span, str) and span:
            found[f"{PREFIX}spanId"] = span
            del extras["span_id"]
        labels = extras.get("labels")
        if isinstance(labels, dict):
            found[f"{PREFIX}labels"] = {name: as_text(each) for name, each in labels.items()}
            del extras["labels"]
        request = extras.get("http_request")
        if isinstance(request, dict):
            found["httpRequest"] = _http_request(request)
            del extras["http_request"]
        return found


class SafeExtrasFilter(logging.Filter):
    """Makes a record safe for any formatter, such as one that calls ``json.dumps`` itself.

    Attach it to a handler or a logger. What was given in ``extra`` becomes JSON values by way of
    `to_jsonable`, and enums among the arguments become their names. The record itself is changed,
    so handlers that come later see the same; nothing is masked.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Make the record safe and let it pass; whatever the record holds."""
        extras = extras_of(record)
        record.args = readable_args(record)
        record.msg = as_name(record.msg)
        for name in [each for each in vars(record) if each not in STANDARD]:
            del vars(record)[name]
        for name, value in extras.items():
            vars(record)[f"extra.{name}" if name in STANDARD else name] = value
        return True


class _Allowance:
    """How many characters of an entry that is too long are still to be written."""

    def __init__(self, characters: int, margin: int) -> None:
        self.left = characters
        self.margin = margin

    def cut(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self._kept(value)
        if isinstance(value, list):
            return [self.cut(each) for each in value]
        if isinstance(value, dict):
            return {self._kept(name): self.cut(each) for name, each in value.items()}
        return value

    def _kept(self, text: str) -> str:
        kept = min(self.left, KEPT_OF_ONE_TEXT)
        self.left -= min(len(text), kept)
        if len(text) <= kept + 2 * self.margin:
            return text
        # What matters most is at either end: what was said, and the last line of a trace.
        half = kept // 2 + self.margin
        return f"{text[:half]}<cut>{text[len(text) - half :]}"


def _is_reserved(name: str) -> bool:
    return name in RESERVED or name.startswith(PREFIX)


def _severity(level: object) -> str:
    if not isinstance(level, int):
        return "DEFAULT"
    return next((name for least, name in SEVERITIES if level >= least), "DEFAULT")


def _http_request(request: dict[str, JsonValue]) -> JsonValue:
    found: dict[str, JsonValue] = {}
    for name, value in request.items():
        if name == "latency" and isinstance(value, int | float):
            found[name] = f"{value:.6f}s"
        else:
            found[HTTP_FIELDS.get(name, name)] = value
    return found
