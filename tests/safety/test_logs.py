from __future__ import annotations

import enum
import io
import json
import logging
import secrets
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.safety.logs import CloudLoggingFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = "logging.googleapis.com/"


class State(enum.Enum):
    CONNECTED = 1


class Code(enum.IntEnum):
    GONE = 7


class Silent:
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    __str__ = __repr__ = __bool__ = __format__ = __getattribute__  # type: ignore[assignment]


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


def test_a_record_is_one_line_in_the_fields_of_cloud_logging() -> None:
    assert written(record("%s is %d", "it", 5, created=1_759_320_000.25)) == {
        "severity": "INFO",
        "message": "it is 5",
        "time": "2025-10-01T12:00:00.250000Z",
        "logger": "netra.tests",
        f"{PREFIX}sourceLocation": {"file": "/src/app.py", "line": "12", "function": "handler"},
    }


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (logging.NOTSET, "DEFAULT"),
        (5, "DEFAULT"),
        (logging.DEBUG, "DEBUG"),
        (logging.INFO, "INFO"),
        (25, "INFO"),
        (logging.WARNING, "WARNING"),
        (logging.ERROR, "ERROR"),
        (logging.CRITICAL, "CRITICAL"),
        (60, "CRITICAL"),
        ("high", "DEFAULT"),
    ],
)
def test_a_level_is_the_severity_below_it(level: object, severity: str) -> None:
    assert written(record(levelno=level))["severity"] == severity


@pytest.mark.parametrize("created", [float("nan"), float("inf"), 1e300, -1e300, "now", None])
def test_a_time_that_is_none_is_left_to_cloud_logging(created: object) -> None:
    found = written(record(created=created))
    assert "time" not in found
    assert found["message"] == "hello"


MESSAGES: dict[str, tuple[tuple[Any, ...], str]] = {
    "no arguments": (("100%",), "100%"),
    "named arguments": (("%(a)s", {"a": 1}), "1"),
    "an enum": (("it is %s", State.CONNECTED), "it is connected"),
    "an integer enum": (("it is %s", Code.GONE), "it is gone"),
    "an integer enum as a number": (("it is %d", Code.GONE), "it is 7"),
    "a named enum": (("it is %(state)s", {"state": State.CONNECTED}), "it is connected"),
    "a message that is an enum": ((State.CONNECTED,), "connected"),
    "a message that is an exception": ((ValueError("no"),), "no"),
    "a message that is no text": ((Silent(),), f"{__name__}.Silent []"),
    "too few arguments": (("%s %s", 1), "%s %s [1]"),
    "too many arguments": (("%s", 1, 2), "%s [1, 2]"),
    "arguments of the wrong kind": (("%d", "x"), '%d ["x"]'),
    "an argument that refuses": (("%s", Silent()), f'%s ["{__name__}.Silent"]'),
    "an enum beside one that refuses": (
        ("%s %s", State.CONNECTED, Silent()),
        f'%s %s ["connected", "{__name__}.Silent"]',
    ),
    "a format that is broken": (("%", 1), "% [1]"),
    "a name that is missing": (("%(b)s", {"a": 1}), '%(b)s {"a": 1}'),
    "a lone surrogate": (("%s", "\udc80"), "\\udc80"),
    "several lines": (("a\nb",), "a\nb"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_said_as_far_as_it_can_be(name: str) -> None:
    given_, text = MESSAGES[name]
    made = record(given_[0])
    # As Logger does: one mapping is the arguments by name.
    made.args = given_[1] if type(given_[-1]) is dict else given_[1:]
    assert written(made)["message"] == text


def test_what_is_given_in_extra_stands_beside_the_message() -> None:
    found = written(record(state=State.CONNECTED, codes={Code.GONE: {2, 1}}, rate=float("nan")))
    assert found["state"] == "connected"
    assert found["codes"] == {"gone": [1, 2]}
    assert found["rate"] == "NaN"


def test_an_extra_that_refuses_everything_is_the_name_of_its_type() -> None:
    assert written(record(thing=Silent()))["thing"] == f"{__name__}.Silent"


@pytest.mark.parametrize(
    "name", ["severity", "time", "timestamp", "stack_trace", "httpRequest", f"{PREFIX}trace"]
)
def test_an_extra_cannot_take_the_place_of_a_field(name: str) -> None:
    found = written(record(**{name: "mine", "extra": "also"}))
    assert found["extra"] == {name: "mine", "extra": "also"}
    assert found["severity"] == "INFO"


@pytest.mark.parametrize(
    ("project", "trace_id", "field"),
    [
        (None, "abc", "abc"),
        ("shop", "abc", "projects/shop/traces/abc"),
        ("shop", "projects/other/traces/abc", "projects/other/traces/abc"),
    ],
)
def test_a_trace_is_where_cloud_logging_looks_for_it(
    project: str | None, trace_id: str, field: str
) -> None:
    found = written(record(trace_id=trace_id, span_id="0f"), project=project)
    assert found[f"{PREFIX}trace"] == field
    assert found[f"{PREFIX}spanId"] == "0f"
    assert "trace_id" not in found
    assert "span_id" not in found


def test_labels_are_text() -> None:
    found = written(record(labels={"state": State.CONNECTED, "shard": 1, Code.GONE: None}))
    assert found[f"{PREFIX}labels"] == {"state": "connected", "shard": "1", "gone": "null"}
    assert "labels" not in found


def test_a_request_is_in_the_fields_of_cloud_logging() -> None:
    request = {"method": "GET", "url": "/x", "status": 200, "latency": 0.25, "user_agent": "kit"}
    assert written(record(http_request={**request, "remote_ip": "127.0.0.1"}))["httpRequest"] == {
        "requestMethod": "GET",
        "requestUrl": "/x",
        "status": 200,
        "latency": "0.250000s",
        "userAgent": "kit",
        "remoteIp": "127.0.0.1",
    }


def test_a_latency_that_is_text_stays() -> None:
    assert written(record(http_request={"latency": "3s"}))["httpRequest"] == {"latency": "3s"}


@pytest.mark.parametrize("name", ["trace_id", "span_id", "labels", "http_request"])
@pytest.mark.parametrize("value", [5, [1], ""])
def test_a_field_of_another_kind_is_an_extra_like_any_other(name: str, value: object) -> None:
    assert written(record(**{name: value}))[name] == value


def caught(raiser: Callable[[], object]) -> Any:
    try:
        raiser()
    except Exception:  # noqa: BLE001 - whatever it is, it is what the test wants
        return sys.exc_info()
    raise AssertionError


def test_an_exception_is_the_stack_trace() -> None:
    found = written(record(exc_info=caught(lambda: 1 / 0)))
    assert found["stack_trace"].startswith("Traceback (most recent call last):")
    assert "ZeroDivisionError: division by zero" in found["stack_trace"]
    assert found["message"] == "hello"


def test_formatting_leaves_nothing_unmasked_on_the_record_for_others() -> None:
    made = record(exc_info=caught(lambda: 1 / 0))
    before = dict(vars(made))
    CloudLoggingFormatter().format(made)
    assert vars(made) == before


STACKS: dict[str, tuple[dict[str, object], str | None]] = {
    "none": ({"exc_info": None}, None),
    "no exception": ({"exc_info": (None, None, None)}, None),
    "already text": ({"exc_text": "Traceback: …"}, "Traceback: …\n"),
    "a stack": ({"stack_info": "Stack: …"}, "Stack: …"),
    "both": ({"exc_text": "Traceback", "stack_info": "Stack"}, "Traceback\nStack"),
    "nonsense": ({"exc_info": (ValueError, "x", 5)}, "<no trace of ValueError>\n"),
    "nonsense that is no tuple": ({"exc_info": "yes"}, None),
}


@pytest.mark.parametrize(("attributes", "trace"), STACKS.values(), ids=list(STACKS))
def test_a_stack_trace_comes_from_wherever_it_is(
    attributes: dict[str, object], trace: str | None
) -> None:
    assert written(record(**attributes)).get("stack_trace") == trace


def test_an_exception_that_cannot_say_what_it_is_has_a_trace() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def raise_it() -> None:
        raise Mute

    assert "Mute" in written(record(exc_info=caught(raise_it)))["stack_trace"]


def test_what_another_formatter_left_on_the_record_is_no_extra() -> None:
    made = record("%s", "hello")
    before = written(made)
    logging.Formatter("%(asctime)s %(message)s").format(made)
    assert written(made) == before


def test_a_record_that_cannot_be_read_is_said_to_be_so() -> None:
    made = record(f"the secret {secrets.token_urlsafe(48)}")
    del made.pathname
    assert json.loads(CloudLoggingFormatter().format(made)) == {
        "severity": "ERROR",
        "message": "A log record could not be written: AttributeError",
    }


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.builds(object)),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.integers() | st.text(max_size=8), inner, max_size=3)
            ),
            max_leaves=4,
        ),
        max_size=4,
    ),
    st.text(),
    st.lists(st.integers() | st.text() | st.sampled_from([State.CONNECTED]), max_size=3),
)
def test_any_record_is_one_line_of_json(
    extras: dict[str, object], message: str, args: list[object]
) -> None:
    found = written(record(message, *args, **{f"_{name}": each for name, each in extras.items()}))
    assert {f"_{name}" for name in extras if name.isascii()} <= set(found)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    logger = logging.getLogger("netra.tests.stream")
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(CloudLoggingFormatter())
    logger.addHandler(handler)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)


def test_it_works_in_a_logger(stream: io.StringIO) -> None:
    logger = logging.getLogger("netra.tests.stream")
    logger.error("state %s", State.CONNECTED, extra={"state": State.CONNECTED})
    logger.info("below the level")
    [line] = stream.getvalue().splitlines()
    found = json.loads(line)
    assert (found["message"], found["state"]) == ("state connected", "connected")
    assert found[f"{PREFIX}sourceLocation"]["function"] == "test_it_works_in_a_logger"
