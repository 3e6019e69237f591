"""Records are masked before they reach a handler, whatever writes them."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
import secrets
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn.config
from pythonjsonlogger.json import JsonFormatter
from uvicorn.logging import AccessFormatter, DefaultFormatter

from netra_testkit.safety.logs import CloudLoggingFormatter
from netra_testkit.safety.redaction import (
    KIT_LOGGER,
    LIBRARY_LOGGERS,
    RedactingFilter,
    install,
    register,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FORMATTERS: dict[str, Callable[[], logging.Formatter]] = {
    "plain": lambda: logging.Formatter("%(name)s %(message)s"),
    "of everything": lambda: Everything("%(message)s"),
    "JSON": lambda: JsonFormatter("%(message)s %(threadName)s", rename_fields={}),
    "Cloud Logging": CloudLoggingFormatter,
    "uvicorn's": lambda: DefaultFormatter("%(levelprefix)s %(message)s", use_colors=True),
}


class Everything(logging.Formatter):
    """Writes all that a record holds."""

    def format(self, record: logging.LogRecord) -> str:
        args = record.args.values() if isinstance(record.args, dict) else record.args or ()
        return " ".join((super().format(record), repr(vars(record)), *map(str, args)))


class Shows:
    """An object that shows what it holds."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return f"shows {self.text}"


class ShowsWhenAsked(Shows):
    def __repr__(self) -> str:
        return f"<shows {self.text}>"

    def __str__(self) -> str:
        return "nothing"


class Refuses:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


@dataclass
class Held:
    token: str


class Broken(dict[str, object]):
    def values(self) -> Any:
        raise RuntimeError("broken")


@pytest.fixture
def secret() -> str:
    made = secrets.token_urlsafe(48)
    register(made, label="SECRET")
    return made


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.Logger("a logger of this test")  # noqa: LOG001 - one that nobody else has
    made.addFilter(RedactingFilter())
    yield made
    made.handlers.clear()


@pytest.fixture(params=FORMATTERS.values(), ids=FORMATTERS)
def written(request: pytest.FixtureRequest, logger: logging.Logger) -> io.StringIO:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    logger.addHandler(handler)
    return stream


def raised(secret: str) -> BaseException:
    """An exception with a cause, a context and notes that all tell the secret."""
    try:
        try:
            try:
                raise ValueError(secret)
            finally:
                raise KeyError(secret)
        except KeyError as error:
            again = RuntimeError(f"again {secret}")
            again.add_note(f"a note of {secret}")
            raise again from error
    except RuntimeError as error:
        return error


def caused_by(secret: str) -> BaseException:
    """An exception that tells nothing, of one that does."""
    error = RuntimeError("nothing")
    error.__cause__ = ValueError(secret)
    return error


def say(logger: logging.Logger, msg: str, *args: object) -> None:
    logger.warning(msg, *args)


CALLS: dict[str, Callable[[logging.Logger, str], None]] = {
    "the message": lambda log, s: say(log, f"a {s} b"),
    "the message, an object": lambda log, s: log.warning(Shows(s)),
    "the message, an exception": lambda log, s: log.warning(ValueError(s)),
    "an argument": lambda log, s: log.warning("a %s b", s),
    "an argument by name": lambda log, s: log.warning("a %(token)s b", {"token": s}),
    "an argument in a container": lambda log, s: log.warning("%s", [{"a": (1, s)}]),
    "an argument of bytes": lambda log, s: log.warning("%s", s.encode()),
    "an argument's text": lambda log, s: log.warning("%s", Shows(s)),
    "an argument's repr": lambda log, s: log.warning("%r", ShowsWhenAsked(s)),
    "an argument's repr, not its text": lambda log, s: log.warning("%s", ShowsWhenAsked(s)),
    "an argument's text, not its repr": lambda log, s: log.warning("%r", Shows(s)),
    "an argument nobody asks for": lambda log, s: log.warning("%(a)s", {"a": 1, "b": Shows(s)}),
    "an argument that is a dataclass": lambda log, s: log.warning("%s", Held(s)),
    "an argument that is cut": lambda log, s: log.warning("%.30s", s),
    "an argument that is no number": lambda log, s: log.warning("%s %d", s, 5),
    "message and argument together": lambda log, s: say(log, f"a {s[:9]}%s b", s[9:]),
    "two arguments together": lambda log, s: log.warning("%s%s", s[:9], s[9:18]),
    "arguments that do not fit": lambda log, s: say(log, f"{s} %s", s, s),
    "arguments of another kind": lambda log, s: say(log, f"{s} %d", s),
    "the traceback": lambda log, s: log.warning("failed", exc_info=raised(s)),
    "the cause of the exception": lambda log, s: log.warning("failed", exc_info=caused_by(s)),
    "the stack": lambda log, s: log.warning("here", stack_info=bool(s)),
    "an extra": lambda log, s: log.warning("a", extra={"token": s}),
    "an extra in a container": lambda log, s: log.warning("a", extra={"headers": {s: [s, (s,)]}}),
    "an extra that is an object": lambda log, s: log.warning("a", extra={"held": Held(s)}),
    "an extra's repr, not its text": lambda log, s: log.warning(
        "a", extra={"x": ShowsWhenAsked(s)}
    ),
    "an extra with itself in it": lambda log, s: log.warning("a", extra={"cycle": cycle(s)}),
    "an extra of great depth": lambda log, s: log.warning("a", extra={"deep": deep(s)}),
    "an extra that is a URL": lambda log, s: log.warning(
        "a", extra={"url": httpx.URL("http://a/", params={"q": s})}
    ),
}


def cycle(secret: str) -> list[object]:
    made: list[object] = [secret]
    made.append(made)
    return made


def deep(secret: str) -> object:
    made: object = secret
    for _ in range(50):
        made = [made]
    return made


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_piece_of_a_secret_is_written(
    logger: logging.Logger,
    written: io.StringIO,
    secret: str,
    call: Callable[[logging.Logger, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    call(logger, secret)
    text = written.getvalue() + capsys.readouterr().err
    assert text
    assert pieces_of(secret, text) == []


def pieces_of(secret: str, text: str) -> list[str]:
    return [secret[at : at + 12] for at in range(len(secret) - 11) if secret[at : at + 12] in text]


def filtered(**attributes: object) -> logging.LogRecord:
    record = logging.makeLogRecord(attributes)
    assert RedactingFilter().filter(record) is True
    return record


def test_a_record_without_a_secret_keeps_its_objects() -> None:
    held, error = Held("nothing"), ValueError("nothing")
    given: Mapping[str, Any] = {
        "msg": "%s %d %s",
        "args": (held, 3, {"a": held}),
        "exc_info": (ValueError, error, None),
        "held": held,
        "websocket": Shows("nothing"),
    }
    record = filtered(**given)
    assert {name: vars(record)[name] for name in given} == given
    assert record.held is held  # type: ignore[attr-defined] - an extra
    assert record.exc_text is None


def test_a_record_with_a_secret_keeps_its_other_objects(secret: str) -> None:
    held, error = Held("nothing"), ValueError("nothing")
    record = filtered(
        msg="%s %s", args=(held, secret), held=held, exc_info=(ValueError, error, None)
    )
    assert record.args == (held, "[masked SECRET]")
    assert record.held is held  # type: ignore[attr-defined] - an extra
    assert record.exc_info == (ValueError, error, None)


def test_a_container_with_itself_in_it_costs_nothing_else(secret: str) -> None:
    record = filtered(msg="kept", cycle=cycle(secret))
    assert record.msg == "kept"
    assert "[masked SECRET]" in str(record.cycle)  # type: ignore[attr-defined] - an extra


def test_what_the_caller_holds_is_not_changed(secret: str) -> None:
    held = {"token": secret, "list": [secret]}
    record = filtered(msg="%s", args=(held,), held=held)
    assert held == {"token": secret, "list": [secret]}
    assert record.getMessage() == "{'token': '[masked SECRET]', 'list': ['[masked SECRET]']}"


def test_arguments_keep_their_shape_for_a_formatter_that_takes_them_apart(secret: str) -> None:
    register(secret, label="SECRET")
    record = filtered(
        msg='%s - "%s %s HTTP/%s" %d',
        args=("127.0.0.1:5", "GET", f"/ws?token={secret}", "1.1", 101),
        levelname="INFO",
    )
    line = AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s").format(record)
    assert line == "127.0.0.1:5 GET /ws?token=[masked SECRET] HTTP/1.1 101 Switching Protocols"


def test_a_secret_across_message_and_argument_is_masked_as_a_whole(secret: str) -> None:
    record = filtered(msg=f"a {secret[:9]}%s b", args=(secret[9:],))
    assert (record.msg, record.args) == ("a [masked SECRET] b", ())


def test_a_percent_sign_beside_what_is_masked_as_a_whole_stays(secret: str) -> None:
    record = filtered(msg=f"100%% %s{secret[:9]}%s", args=(5, secret[9:]))
    assert record.getMessage() == "100% 5[masked SECRET]"


def test_a_traceback_that_shows_a_secret_is_kept_as_masked_text(secret: str) -> None:
    error = raised(secret)
    record = filtered(msg="failed", exc_info=(type(error), error, error.__traceback__))
    assert record.exc_info is None
    assert record.exc_text is not None
    assert record.exc_text.count("[masked SECRET]") == 4
    assert "RuntimeError: again [masked SECRET]" in record.exc_text


def test_a_traceback_written_before_is_masked(secret: str) -> None:
    record = filtered(msg="failed", exc_text=f"ValueError: {secret}", stack_info=secret)
    assert record.exc_text == "ValueError: [masked SECRET]"
    assert record.stack_info == "[masked SECRET]"


@pytest.mark.parametrize("refusing", [Refuses(), [Refuses()]])
def test_an_object_that_refuses_to_be_written_does_no_harm(refusing: object) -> None:
    record = filtered(msg="%s", args=(refusing,), refusing=refusing)
    assert record.args == (refusing,)


def test_a_record_that_cannot_be_read_is_replaced(secret: str) -> None:
    record = filtered(
        msg=f"{secret} %(a)s", args=Broken(a=secret), extra_one=secret, stack_info=secret
    )
    assert record.getMessage() == "[masked: this log record could not be read]"
    assert not pieces_of(secret, repr(vars(record)))


def test_the_name_of_a_filter_still_chooses_loggers() -> None:
    record = logging.makeLogRecord({"name": "other", "msg": "a"})
    assert RedactingFilter("mine").filter(record) is False


def test_it_masks_at_a_handler_too(secret: str) -> None:
    logger = logging.Logger("below")  # noqa: LOG001 - one that nobody else has
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger.addHandler(handler)
    logger.warning("a %s b", secret)
    assert stream.getvalue() == "a [masked SECRET] b\n"


def redacting(name: str) -> int:
    return sum(isinstance(each, RedactingFilter) for each in logging.getLogger(name).filters)


@pytest.mark.parametrize("name", [KIT_LOGGER, *LIBRARY_LOGGERS])
def test_installing_twice_is_installing_once(name: str) -> None:
    install()
    install()
    assert redacting(name) == 1


def test_loggers_that_exist_below_are_included() -> None:
    below = f"httpcore.of_this_test.{secrets.token_hex(4)}"
    logging.getLogger(below)
    beside = f"httpcore_of_this_test_{secrets.token_hex(4)}"
    logging.getLogger(beside)
    install()
    assert redacting(below) == 1
    assert redacting(beside) == 0
    assert isinstance(
        logging.Logger.manager.loggerDict["httpcore.of_this_test"], logging.PlaceHolder
    )


def test_configuring_uvicorns_logs_keeps_the_filters() -> None:
    install()
    before = {
        name: (list(each.handlers), each.level, each.propagate)
        for name in ("uvicorn", "uvicorn.error", "uvicorn.access")
        for each in [logging.getLogger(name)]
    }
    try:
        logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
        assert [redacting(name) for name in before] == [1, 1, 1]
    finally:
        for name, (handlers, level, propagate) in before.items():
            logger = logging.getLogger(name)
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)


def named_loggers(package: str) -> set[str]:
    """The names of the loggers that a package's source asks for."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (root,) = spec.submodule_search_locations
    return {
        name
        for path in Path(root).rglob("*.py")
        for name in re.findall(r"getLogger\(\s*\"([^\"]+)\"", path.read_text("utf-8"))
    }


@pytest.mark.parametrize("package", ["httpx", "httpcore", "websockets", "uvicorn"])
def test_every_logger_of_the_libraries_is_known(package: str) -> None:
    found = named_loggers(package)
    assert found
    assert found <= set(LIBRARY_LOGGERS)


def test_this_package_has_one_logger() -> None:
    source = Path(sys.modules[RedactingFilter.__module__].__file__ or "").parents[1]
    asked = {
        call
        for path in source.rglob("*.py")
        for call in re.findall(r"getLogger\(([^)]*)\)", path.read_text("utf-8"))
    }
    assert asked <= {"", "KIT_LOGGER", "name"}


def test_a_json_line_of_a_masked_record_can_be_read(secret: str) -> None:
    record = filtered(msg="a", headers={"authorization": f"Bearer {secret}"})
    line = JsonFormatter("%(message)s").format(record)
    assert json.loads(line)["headers"] == {"authorization": "Bearer [masked SECRET]"}
