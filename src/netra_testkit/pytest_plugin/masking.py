"""Nothing secret in what is shown or written beside the reports: ids, warnings, logs, files."""

from __future__ import annotations

import inspect
import linecache
import logging
import os
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin.masked_text import is_showing, loaded_mask, masked, without_secrets

if TYPE_CHECKING:
    import warnings
    from collections.abc import Generator

    from netra_testkit.pytest_plugin.masked_text import Mask

__all__ = ["MaskedFormatter"]

# What pytest makes an id of; for anything else it takes the name of the argument.
_NAMES_ITSELF = (str, bytes, Enum, re.Pattern)
_HANDLERS = ("log_cli_handler", "log_file_handler")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Mask what `--debug` writes of every hook and what it is given."""
    tracer = config.trace.root
    write = tracer._writer  # noqa: SLF001 - nothing public tells who writes
    if write is not None:
        tracer.setwriter(lambda text: write(without_secrets(text)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_parametrize_id(
    val: object, argname: str
) -> Generator[None, str | None, str | None]:
    """Name a parameter that holds a secret after its argument."""
    made = yield
    mask = loaded_mask()
    named = made if made is not None else val if isinstance(val, _NAMES_ITSELF) else ""
    return made if mask is None or not is_showing(named, mask) else argname


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Mask the ids that a suite names itself, for which pytest asks no hook."""
    mask = loaded_mask()
    if mask is None:
        # Whoever never met a secret meets pytest as it is, in tracebacks and warnings too.
        return
    original = metafunc.parametrize
    signature = inspect.signature(original)

    def parametrize(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed on
        __tracebackhide__ = True
        given = signature.bind(*args, **kwargs)
        given.arguments["argvalues"] = [_named(each, mask) for each in given.arguments["argvalues"]]
        if given.arguments.get("ids") is not None:
            given.arguments["ids"] = _ids(given.arguments["ids"], mask)
        original(*given.args, **given.kwargs)

    vars(metafunc)["parametrize"] = parametrize


@pytest.hookimpl(tryfirst=True)
def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """Mask a warning before it is kept or sent."""
    mask = loaded_mask()
    if mask is None:
        return
    if is_showing(warning_message.message, mask):
        # The warning itself may be the test's, and need not take a text.
        warning_message.message = Warning(mask(str(warning_message.message)))
    line = warning_message.line
    if line is None:
        line = linecache.getline(warning_message.filename, warning_message.lineno)
    if is_showing(line, mask):
        warning_message.line = mask(line)


@pytest.hookimpl(tryfirst=True)
def pytest_internalerror(excrepr: object) -> None:
    """Mask a failure of pytest itself, or of a plugin."""
    mask = loaded_mask()
    if mask is not None:
        masked(excrepr, mask)


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Mask the traceback of an interrupted run whenever somebody asks for it."""
    write = excinfo.getrepr

    def getrepr(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - handed on
        written = write(*args, **kwargs)
        mask = loaded_mask()
        return written if mask is None else masked(written, mask)

    vars(excinfo)["getrepr"] = getrepr


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None, None, None]:
    """Mask what is logged to the terminal and to a file, from the first line on."""
    handlers = session.config.pluginmanager.get_plugin("logging-plugin")
    for name in _HANDLERS:
        handler = getattr(handlers, name, None)
        if isinstance(handler, logging.Handler):
            handler.setFormatter(MaskedFormatter(handler.formatter))
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Mask what came into the JUnit file by another way than a report."""
    yield
    mask = loaded_mask()
    named = session.config.getoption("xmlpath", None)
    if mask is None or not named or hasattr(session.config, "workerinput"):
        return
    path = Path(os.path.expandvars(named)).expanduser()
    text = path.read_text(encoding="utf-8")
    if is_showing(text, mask):
        path.write_text(mask(text), encoding="utf-8")


class MaskedFormatter(logging.Formatter):
    """Another formatter's lines without secrets.

    The record stays what it is: a test may look at it to find out whether a secret was logged.

    Args:
        inner: What formats; the usual way when there is none.
    """

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, masked."""
        return without_secrets(self._inner.format(record))


def _named(parameters: Any, mask: Mask) -> object:  # noqa: ANN401 - told apart by what it has
    """A set of parameters, with its id masked where it was given one."""
    named = getattr(parameters, "id", None)
    if isinstance(named, str) and hasattr(parameters, "marks"):
        return parameters._replace(id=mask(named))
    return parameters


def _ids(ids: Any, mask: Mask) -> object:  # noqa: ANN401 - a function or a sequence of anything
    if callable(ids):
        return lambda value: masked(ids(value), mask)
    return [mask(each) if isinstance(each, str) else each for each in ids]
