from __future__ import annotations

import enum
import io
import json
import logging
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from netra_testkit.safety.logs import SafeExtrasFilter

if TYPE_CHECKING:
    from collections.abc import Iterator


class State(enum.Enum):
    CONNECTED = 1


class Code(enum.IntEnum):
    GONE = 7


class Silent:
    def __repr__(self) -> str:
        raise RuntimeError

    __str__ = __repr__


class PlainJson(logging.Formatter):
    """What services write themselves: the message and the extras through json.dumps."""

    def format(self, record: logging.LogRecord) -> str:
        standard = vars(logging.makeLogRecord({}))
        extras = {name: each for name, each in vars(record).items() if name not in standard}
        return json.dumps({"message": record.getMessage(), **extras}, allow_nan=False)


@pytest.fixture
def handler() -> Iterator[logging.StreamHandler[io.StringIO]]:
    logger = logging.getLogger("netra.tests.plain")
    made = logging.StreamHandler(io.StringIO())
    made.setFormatter(PlainJson())
    logger.addHandler(made)
    logger.propagate = False
    yield made
    logger.removeHandler(made)


def logged(handler: logging.StreamHandler[io.StringIO], *args: Any, **extra: Any) -> dict[str, Any]:
    handler.addFilter(SafeExtrasFilter())
    logging.getLogger("netra.tests.plain").warning(*args, extra=extra)
    found: dict[str, Any] = json.loads(handler.stream.getvalue())
    return found


def test_without_it_a_plain_formatter_fails(
    handler: logging.StreamHandler[io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("netra.tests.plain").warning("hello", extra={"state": State.CONNECTED})
    assert handler.stream.getvalue() == ""
    assert "TypeError: Object of type State is not JSON serializable" in capsys.readouterr().err


EXTRAS: dict[str, tuple[object, object]] = {
    "an enum": (State.CONNECTED, "connected"),
    "an integer enum": (Code.GONE, "gone"),
    "an enum as a key": ({Code.GONE: {State.CONNECTED}}, {"gone": ["connected"]}),
    "a number that is none": (float("nan"), "NaN"),
    "an object": (Silent(), f"{__name__}.Silent"),
    "text": ("a", "a"),
    "none": (None, None),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_with_it_any_extra_can_be_written(
    handler: logging.StreamHandler[io.StringIO], name: str
) -> None:
    value, form = EXTRAS[name]
    assert logged(handler, "hello", thing=value) == {"message": "hello", "thing": form}


ARGUMENTS: dict[str, tuple[tuple[Any, ...], str]] = {
    "an enum": (("it is %s", State.CONNECTED), "it is connected"),
    "an integer enum": (("it is %s", Code.GONE), "it is gone"),
    "an integer enum as a number": (("it is %d", Code.GONE), "it is 7"),
    "a named enum": (("it is %(state)s", {"state": State.CONNECTED}), "it is connected"),
    "a message that is an enum": ((State.CONNECTED,), "connected"),
    "no arguments": (("100%",), "100%"),
    "plain arguments": (("%s %d", "a", 1), "a 1"),
}


@pytest.mark.parametrize(("args", "text"), ARGUMENTS.values(), ids=list(ARGUMENTS))
def test_enums_among_the_arguments_are_their_names(
    handler: logging.StreamHandler[io.StringIO], args: tuple[Any, ...], text: str
) -> None:
    assert logged(handler, *args) == {"message": text}


def test_arguments_that_do_not_fit_are_left_as_they_are() -> None:
    made = logging.LogRecord("a", 20, "", 1, "%d %s", (State.CONNECTED, Silent()), None)
    assert SafeExtrasFilter().filter(made)
    assert made.args == (State.CONNECTED, made.args[1])  # type: ignore[index]


class Unreadable(dict[str, object]):
    def values(self) -> NoReturn:
        raise RuntimeError


def test_arguments_that_cannot_be_read_are_left_as_they_are() -> None:
    args = Unreadable(state=State.CONNECTED)
    record = logging.LogRecord("a", logging.INFO, "b.py", 1, "%(state)s", (args,), None)
    assert SafeExtrasFilter().filter(record)
    assert record.args is args


def test_an_extra_whose_name_is_an_enum_gets_a_name() -> None:
    made = logging.makeLogRecord({State.CONNECTED: 1})
    assert SafeExtrasFilter().filter(made)
    assert vars(made)["connected"] == 1
    assert State.CONNECTED not in vars(made)


def test_an_extra_cannot_become_a_part_of_the_record() -> None:
    name = enum.Enum("Name", "MSG")
    made = logging.makeLogRecord({"msg": "hello", name["MSG"]: "mine"})
    SafeExtrasFilter().filter(made)
    assert (made.getMessage(), vars(made)["extra.msg"]) == ("hello", "mine")


def test_a_second_time_changes_nothing() -> None:
    made = logging.makeLogRecord({"msg": "it is %s", "args": (Code.GONE,), "state": {1, 2}})
    SafeExtrasFilter().filter(made)
    once = dict(vars(made))
    SafeExtrasFilter().filter(made)
    assert vars(made) == once
