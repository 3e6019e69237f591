"""How long the formatter takes for a record, as a ratio to python-json-logger."""

from __future__ import annotations

import enum
import logging
import secrets
from typing import TYPE_CHECKING

from pythonjsonlogger.json import JsonFormatter
from tests.benchmarks.rounds import compare

from netra_testkit.safety.jsonable import to_jsonable
from netra_testkit.safety.logs import CloudLoggingFormatter
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = 500

SIMPLE = {"user_id": "staging-e2e-user-001", "attempt": 3, "elapsed": 0.25, "cached": False}


class State(enum.Enum):
    CONNECTED = 1


def record(**extra: object) -> logging.LogRecord:
    """A record like those a server writes for each request."""
    return logging.getLogger("backend").makeRecord(
        "backend", logging.INFO, __file__, 1, "%s took %d ms", ("triage", 12), None, "f", extra
    )


def formatting(formatter: logging.Formatter, made: logging.LogRecord) -> Callable[[], None]:
    """Format one record many times."""

    def work() -> None:
        for _ in range(RECORDS):
            formatter.format(made)

    return work


def converting(value: object) -> Callable[[], None]:
    """Convert one value many times."""

    def work() -> None:
        for _ in range(RECORDS):
            to_jsonable(value)

    return work


def main() -> None:
    """Print the ratios; smaller is faster."""
    fields = ["levelname", "message", "asctime", "name", "pathname", "lineno", "funcName"]
    theirs = JsonFormatter(fields)
    ours = CloudLoggingFormatter()
    simple, nested = record(**SIMPLE), record(**SIMPLE, state=State.CONNECTED, tags=[SIMPLE] * 5)
    before = formatting(ours, simple)
    compare(
        f"{RECORDS} records with simple extras, python-json-logger",
        formatting(theirs, simple),
        {"CloudLoggingFormatter, no secret registered": before, "to_jsonable": converting(SIMPLE)},
    )
    for number in range(20):
        register(secrets.token_urlsafe(48), label=f"secret {number}")
    compare(
        f"{RECORDS} records with simple extras, python-json-logger",
        formatting(theirs, simple),
        {"CloudLoggingFormatter, 20 secrets registered": formatting(ours, simple)},
    )
    compare(
        f"{RECORDS} records with an enum and a list, python-json-logger",
        formatting(theirs, nested),
        {"CloudLoggingFormatter, 20 secrets registered": formatting(ours, nested)},
    )


if __name__ == "__main__":
    main()
