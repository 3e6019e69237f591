"""No line holds a live secret, and none is longer than Cloud Logging takes."""

from __future__ import annotations

import json
import logging
import secrets
import sys
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.safety.logs import CloudLoggingFormatter
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import Callable


def record(message: object = "hello", *args: object, **attributes: object) -> logging.LogRecord:
    made = logging.LogRecord(
        "netra.tests", logging.INFO, "/src/app.py", 12, message, args, None, "handler"
    )
    vars(made).update(attributes)
    return made


def written(made: logging.LogRecord, *, project: str | None = None) -> dict[str, Any]:
    line = CloudLoggingFormatter(project=project).format(made)
    assert line.isascii()
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line, parse_constant=refuse_constant)
    return found


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def caught(raiser: Callable[[], object]) -> Any:
    try:
        raiser()
    except Exception:  # noqa: BLE001 - whatever it is, it is what the test wants
        return sys.exc_info()
    raise AssertionError


SECRET_PLACES: dict[str, Callable[[str], logging.LogRecord]] = {
    "the message": lambda secret: record(f"key {secret}"),
    "an argument": lambda secret: record("key %s", secret),
    "arguments that do not fit": lambda secret: record("key %d", secret),
    "an extra": lambda secret: record(key=[{"deep": secret}]),
    "the name of an extra": lambda secret: record(**{secret: 1}),
    "a key": lambda secret: record(table={secret: 1}),
    "a label": lambda secret: record(labels={"key": secret}),
    "a url": lambda secret: record(http_request={"url": f"/x?token={secret}"}),
    "the logger": lambda secret: record(name=secret),
    "the trace": lambda secret: record(trace_id=secret),
    "an exception": lambda secret: record(exc_info=caught(lambda: int(secret + "-"))),
    "an exception as an extra": lambda secret: record(error=ValueError(secret)),
}


@pytest.mark.parametrize("place", SECRET_PLACES.values(), ids=list(SECRET_PLACES))
@pytest.mark.parametrize("before", [0, 1_995, 4_050, 4_990, 250_000])
def test_a_live_secret_is_masked_wherever_it_stands(
    place: Callable[[str], logging.LogRecord], before: int
) -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a secret of this test")
    made = place("-" * before + secret)
    line = CloudLoggingFormatter().format(made)
    assert not any(secret[start : start + 12] in line for start in range(len(secret) - 11))
    json.loads(line)


@pytest.mark.parametrize("character", ['"', "\\", "\n", "é", "\U0001f600", "\x7f", "<", "%"])
def test_a_secret_of_any_characters_is_masked(character: str) -> None:
    secret = f"{secrets.token_urlsafe(16)}{character}{secrets.token_urlsafe(16)}"
    register(secret, label="a secret of this test")
    line = CloudLoggingFormatter().format(record("see %s", secret, key=[secret]))
    assert not any(part in line for part in secret.split(character))
    found = json.loads(line)
    assert (found["message"], found["key"]) == (
        "see [masked a secret of this test]",
        ["[masked a secret of this test]"],
    )


def test_a_token_after_a_tab_is_masked_though_nobody_registered_it() -> None:
    token = secrets.token_urlsafe(48)
    line = CloudLoggingFormatter().format(record(f"Authorization: Bearer\t{token}"))
    assert token not in line
    assert json.loads(line)["message"] == "Authorization: Bearer\t[masked bearer token]"


@pytest.mark.parametrize("before", range(1_700, 2_100, 50))
def test_a_token_across_the_edge_of_what_is_kept_is_masked_as_a_whole(before: int) -> None:
    payload = secrets.token_urlsafe(150)
    token = f"eyJhbGciOiJIUzI1NiJ9.{payload}.{secrets.token_urlsafe(32)}"
    line = CloudLoggingFormatter().format(record(f"{'-' * before} {token} {'-' * 300_000}"))
    assert payload[:16] not in line


def text_of(size: int) -> str:
    return "é\U0001f600\x00" * (size // 3)


LONG: dict[str, logging.LogRecord] = {
    "the message": record(text_of(10**6)),
    "the logger": record(name=text_of(10**6)),
    "the trace": record(exc_text=text_of(10**6)),
    "an extra": record(text=text_of(10**6)),
    "the name of an extra": record(**{text_of(10**6): 1}),
    "many extras": record(**{f"extra {number}": text_of(100) for number in range(5_000)}),
    "many numbers": record(numbers=[10**600] * 9_000),
    "labels": record(labels={f"label {number}": text_of(1_000) for number in range(5_000)}),
    "everything": record(
        text_of(10**5),
        name=text_of(10**5),
        exc_text=text_of(10**5),
        text=[text_of(10**5)] * 50,
        numbers=[10**600] * 500,
    ),
}


@pytest.mark.parametrize("made", LONG.values(), ids=list(LONG))
def test_a_line_is_bounded(made: logging.LogRecord) -> None:
    line = CloudLoggingFormatter().format(made)
    assert len(line) <= 200_000
    found = json.loads(line)
    assert found["severity"] == "INFO"
    assert "message" in found


def test_a_long_text_keeps_its_ends() -> None:
    found = written(record("start " + "x" * 300_000 + " end"))
    assert found["message"].startswith("start xxx")
    assert found["message"].endswith("xxx end")
    assert "<cut>" in found["message"]
    assert len(found["message"]) < 5_000


def test_a_line_that_fits_is_whole() -> None:
    assert written(record("x" * 190_000))["message"] == "x" * 190_000
