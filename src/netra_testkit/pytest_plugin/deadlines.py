"""A deadline for each whole test that the kit's rules hold for, whatever the test does about it."""

from __future__ import annotations

import inspect
import math
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin.fixtures import load
from netra_testkit.pytest_plugin.last_line import LastLine, others
from netra_testkit.pytest_plugin.markers import labels_of
from netra_testkit.pytest_plugin.masked_text import without_secrets
from netra_testkit.pytest_plugin.run import PREFIX, fixtures_of, run_of
from netra_testkit.pytest_plugin.second_line import HUNG, LATE, Interruption, SecondLine, Watch

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator

__all__ = ["LATENESS", "PATIENCE", "TIMED_OUT", "WATCH"]

TIMED_OUT = f"{PREFIX}timed_out"
"""The fact that a test was not in time: its phase and its limit."""

DEFAULT = 120.0
"""The bound of a test in seconds where neither a marker nor a setting gives one."""

WATCH: pytest.StashKey[Watch] = pytest.StashKey()
"""Where a pytest configuration keeps the deadline of the test that runs."""

LATENESS: pytest.StashKey[float] = pytest.StashKey()
"""How many seconds after a deadline the second line steps in, for whoever needs another number."""

PATIENCE: pytest.StashKey[float] = pytest.StashKey()
"""How many seconds after that a test is hung, for whoever needs another number."""

_LINE: pytest.StashKey[SecondLine] = pytest.StashKey()
_STDERR: pytest.StashKey[int] = pytest.StashKey()
_BEFORE: pytest.StashKey[frozenset[threading.Thread]] = pytest.StashKey()
# What ends the run and not the test.
_ENDS_THE_RUN = (KeyboardInterrupt, pytest.exit.Exception)

if TYPE_CHECKING:
    Wrapped = Generator[None, object, object]


def pytest_configure(config: pytest.Config) -> None:
    """Keep the way to the terminal that no capturing takes away, and which threads there are."""
    config.stash[_BEFORE] = others()
    try:
        number = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        number = -1
    if number < 0 and sys.__stderr__ is not None:
        number = sys.__stderr__.fileno()
    config.stash[_STDERR] = os.dup(number)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the second line, and see to it that the process can end."""
    if _LINE in config.stash:
        config.stash[_LINE].close()
        _see_to_the_end(config)
    if _STDERR in config.stash:
        os.close(config.stash[_STDERR])


def _see_to_the_end(config: pytest.Config) -> None:
    """Leave a last line where threads are left that the process would wait for."""
    before = config.stash[_BEFORE]
    left = others() - before
    if not left:
        return
    # What this run keeps is closed now, and nothing captures any more when it is written to.
    number = os.dup(config.stash[_STDERR])
    session = config.pluginmanager.get_plugin("session")
    code = int(getattr(session, "exitstatus", 0)) or HUNG

    def end() -> None:
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            os._exit(code)

    line = LastLine(
        left,
        within=_lateness(config),
        write=lambda text: _say(number, text),
        end=end,
        gone=lambda: os.close(number),
    )
    line.start()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Wrapped:
    """Begin the deadline of a test, and bound what sets it up."""
    __tracebackhide__ = True
    if not run_of(item.config).applies(item):
        return (yield)
    # What is imported once is not to be paid for by whichever test comes first.
    if used := fixtures_of(item):
        load(used)
    try:
        watch = Watch(item.nodeid, _limit(item))
    except ValueError:
        # What others keep for a test must be there when it is torn down.
        yield
        raise
    item.config.stash[WATCH] = watch
    return (yield from _bounded(item, watch))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Wrapped:
    """Bound a test by what is left of its deadline."""
    __tracebackhide__ = True
    watch = item.config.stash.get(WATCH, None)
    if watch is None:
        return (yield)
    watch.enter("call")
    with pytest.MonkeyPatch.context() as patch:
        _bound_the_body(item, patch)
        return (yield from _bounded(item, watch))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Wrapped:
    """Bound what cleans up, which has a moment even after a test that took too long."""
    __tracebackhide__ = True
    watch = item.config.stash.get(WATCH, None)
    if watch is None:
        return (yield)
    watch.enter("teardown", at_least=_lateness(item.config))
    try:
        return (yield from _bounded(item, watch))
    finally:
        del item.config.stash[WATCH]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Wrapped:
    """Bound a fixture that is a coroutine or an asynchronous generator, in setup and teardown."""
    __tracebackhide__ = True
    stash = request.config.stash
    if WATCH not in stash or not _is_asynchronous(fixturedef.func):
        return (yield)
    from netra_testkit.pytest_plugin.bounding import bounded_function

    with pytest.MonkeyPatch.context() as patch:
        current = partial(stash.get, WATCH, None)
        patch.setattr(fixturedef, "func", bounded_function(fixturedef.func, current))
        return (yield)


def pytest_enter_pdb(config: pytest.Config) -> None:
    """Give a test that somebody looks at all the time there is."""
    if WATCH in config.stash:
        config.stash[WATCH].suspend()
        config.stash[_LINE].release()


def _bounded(item: pytest.Item, watch: Watch) -> Wrapped:
    """One phase of a test, which is a failure when it ends after its deadline, however it ends."""
    __tracebackhide__ = True
    line = _line(item.config)
    result: object = None
    raised: BaseException | None = None
    try:
        line.look_after(watch)
        try:
            result = yield
        finally:
            line.release()
    except BaseException as error:  # noqa: BLE001 - raised below
        raised = error
    # An Interruption may have come before the release was done.
    line.release()
    if watch.expired and not isinstance(raised, _ENDS_THE_RUN):
        raised = raised or _told_to_unittest(item)
        item.user_properties.append((TIMED_OUT, f"{watch.phase}, {watch.limit:g} s"))
        raised = _too_late(watch, raised)
    if raised is not None:
        raise raised
    return result


def _too_late(watch: Watch, raised: BaseException | None) -> BaseException:
    if watch.failure is not None and raised is watch.failure:
        return watch.failure
    failure = watch.exceeded()
    if isinstance(raised, Interruption):
        # Where it was is what has to be seen, and nothing of how it was ended.
        return failure.with_traceback(raised.__traceback__)
    failure.__cause__ = raised
    return failure


def _told_to_unittest(item: pytest.Item) -> BaseException | None:
    """What a test of unittest failed with, taken from where it would become the verdict."""
    kept: list[pytest.ExceptionInfo[BaseException]] = getattr(item, "_excinfo", None) or []
    raised = kept[0].value if kept else None
    kept.clear()
    return raised


def _bound_the_body(item: pytest.Item, patch: pytest.MonkeyPatch) -> None:
    """Have a coroutine test end by its deadline, from inside."""
    body: Any = getattr(item, "obj", None)
    case = getattr(item, "instance", None)
    unittest = sys.modules.get("unittest")
    holder: object = item
    name = "obj"
    if hasattr(body, "hypothesis"):
        # What hypothesis runs for each example is the test; the function itself is none any more.
        holder, name = body.hypothesis, "inner_test"
    elif unittest is not None and isinstance(case, unittest.TestCase):
        holder, name = case, item.name
    function = getattr(holder, name, None)
    if inspect.iscoroutinefunction(function):
        from netra_testkit.pytest_plugin.bounding import bounded_function

        current = partial(item.config.stash.get, WATCH, None)
        patch.setattr(holder, name, bounded_function(function, current))


def _is_asynchronous(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _limit(item: pytest.Item) -> float:
    run = run_of(item.config)
    marked = labels_of(item).deadline
    if marked is not None and "deadline" in run.own_markers:
        return marked
    found = run.told("deadline")
    if found is None:
        return DEFAULT
    try:
        seconds = float(found.value)
    except ValueError:
        seconds = math.nan
    if not 0.0 < seconds < math.inf:
        from netra_testkit.errors import ConfigurationError, Problem

        remedy = "Give a positive, finite number of seconds."
        raise ConfigurationError(problems=(Problem("deadline", found.source, remedy),))
    return seconds


def _lateness(config: pytest.Config) -> float:
    return config.stash.get(LATENESS, LATE)


def _line(config: pytest.Config) -> SecondLine:
    if _LINE not in config.stash:
        config.stash[_LINE] = SecondLine(
            write=partial(_write, config),
            end=partial(_end, config),
            late=_lateness(config),
            hung=config.stash.get(PATIENCE, LATE),
        )
    return config.stash[_LINE]


def _write(config: pytest.Config, text: str) -> None:
    _say(config.stash[_STDERR], text)


def _say(number: int, text: str) -> None:
    os.write(number, text.encode(errors="backslashreplace"))


def _end(config: pytest.Config, said: str) -> None:
    """End the process, with all that was captured of the test."""
    try:
        capture = config.pluginmanager.get_plugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture()
            said += "".join(capture.read_global_capture())
        _write(config, without_secrets(said))
        sys.stdout.flush()
    finally:
        os._exit(HUNG)
