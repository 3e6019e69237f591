"""Whether a test that passed has shown anything: awaited, in contact, and no failure dropped."""

from __future__ import annotations

import contextlib
import warnings
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import pytest

from netra_testkit.pytest_plugin import awaiting, contact, expectations
from netra_testkit.pytest_plugin.attempts import SECTION, attempt_of
from netra_testkit.pytest_plugin.run import PREFIX, fixtures_of, run_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from netra_testkit.clients.ledger import Ledger

__all__ = [
    "Check",
    "HonestyWarning",
    "Level",
    "answer_for",
    "judge",
    "levels",
    "pytest_fixture_setup",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "pytest_sessionstart",
]

NOT_OBSERVABLE = "not observable"


class Check(StrEnum):
    """What is asked of a test that passed."""

    AWAITED = "awaited"
    CONTACT = "contact"
    ERRORS = "errors"
    RETRIED = "retried"


class Level(StrEnum):
    """What becomes of a test that does not stand up to a check."""

    FAILURE = "failure"
    WARNING = "warning"


class HonestyWarning(pytest.PytestWarning):
    """A test passed and has shown less than it seems to."""


class _Finding(NamedTuple):
    check: Check
    text: str

    def __str__(self) -> str:
        return f"{self.check}: {self.text}"


class _Watch:
    """One attempt at one test, from its setup to its teardown."""

    def __init__(self, item: pytest.Item) -> None:
        from netra_testkit.clients.ledger import Ledger

        self.item = item
        self.ledger: Ledger = Ledger()
        self.levels: Mapping[Check, Level] = _levels_of(item.config)
        self._said: set[int] = set()
        self._stack = contextlib.ExitStack()
        self.uses_staging: bool = False
        if "staging" in fixtures_of(item):
            self.listen()
        if expectations.is_observable():
            self._stack.enter_context(expectations.watched(self.ledger.account))

    def close(self) -> None:
        """Leave pytest as it was found."""
        self._stack.close()

    def listen(self) -> None:
        """From now on see connections that no client of the kit makes."""
        from netra_testkit.clients.ledger import note_connect

        self._stack.enter_context(contact.watched(note_connect))

    def go_on(self) -> None:
        """Use the ledger from here on: the test came to the kit while it ran."""
        self._stack.enter_context(self.in_use())
        self.listen()

    def in_use(self, *, by_the_kit: bool = False) -> contextlib.AbstractContextManager[None]:
        """A block whose calls are the test's, or the kit's own."""
        from netra_testkit.clients.ledger import kept

        return kept(None if by_the_kit else self.ledger)

    def ended(self, error: BaseException, when: str) -> None:
        """Answer for what ended a phase, and say what else there was.

        Raises:
            Failed: It was ended as skipped, over an error that this would hide.
        """
        if isinstance(error, pytest.skip.Exception):
            self.judge(self._dropped(), when)
            return
        self.ledger.account(error)
        for finding in self._dropped():
            self.item.add_report_section(when, SECTION, str(finding))

    def judge(self, findings: Iterable[_Finding], when: str) -> None:
        """Warn of some findings and fail because of the others.

        Raises:
            Failed: A check is not stood up to, and its level is a failure.
        """
        found = [each for each in findings if each.check in self.levels]
        if not found:
            return
        checks = ", ".join(each.check for each in found)
        self.note("honesty" if when == "call" else f"honesty.{when}", checks)
        said = "\n".join(map(str, found))
        if any(self.levels[each.check] is Level.FAILURE for each in found):
            raise pytest.fail.Exception(said, pytrace=False)
        warnings.warn(HonestyWarning(f"{self.item.nodeid}: {said}"), stacklevel=1)

    def after_call(self, forgotten: Sequence[str]) -> list[_Finding]:
        """What there is to say of a test that passed."""
        found: list[_Finding] = []
        if forgotten:
            text = f"{forgotten[0]} is a coroutine that nobody awaited, so nothing in it ran."
            found.append(_Finding(Check.AWAITED, text))
        elif self.uses_staging and not self.ledger.contacted:
            found += self._silent()
        return [*found, *self._dropped(), *self._repeated()]

    def after_teardown(self) -> list[_Finding]:
        """What there is to say of a teardown that went well."""
        return self._dropped()

    def note(self, fact: str, said: str) -> None:
        """Put a fact where the report takes it from, once per attempt."""
        name = f"{PREFIX}{fact}"
        properties = self.item.user_properties
        properties[:] = [each for each in properties if each[0] != name]
        properties.append((name, said))

    def _silent(self) -> list[_Finding]:
        if contact.is_observable():
            text = (
                "the test uses staging, sent no request and opened no socket. "
                "Ask the deployment something, or leave the fixture out."
            )
            return [_Finding(Check.CONTACT, text)]
        self.note(Check.CONTACT, NOT_OBSERVABLE)
        return []

    def _dropped(self) -> list[_Finding]:
        left = [each for each in self.ledger.unaccounted if each.number not in self._said]
        if not left:
            return []
        if not expectations.is_observable():
            self.note(Check.ERRORS, NOT_OBSERVABLE)
            return []
        self._said.update(each.number for each in left)
        kinds = ", ".join(dict.fromkeys(each.kind for each in left))
        lines = [
            "an error left a call of the kit and nothing came of it:"
            if len(left) == 1
            else f"{len(left)} errors left calls of the kit and nothing came of them:",
            *(f"  {each}" for each in left),
            f"Let it end the test, or name it: pytest.raises(...), staging.expecting({kinds}).",
        ]
        return [_Finding(Check.ERRORS, "\n".join(lines))]

    def _repeated(self) -> list[_Finding]:
        again = list(self.ledger.retried)
        attempt = attempt_of(self.item)
        if attempt > 1:
            again.insert(0, f"attempt {attempt} of the test")
        if not again:
            return []
        self.note(Check.RETRIED, "; ".join(again))
        lines = ["the test passed only after retries:", *(f"  {each}" for each in again)]
        return [_Finding(Check.RETRIED, "\n".join(lines))]


_WATCH = pytest.StashKey[_Watch]()
_LEVELS = pytest.StashKey["Mapping[Check, Level]"]()


def levels(said: str, *, source: str) -> Mapping[Check, Level]:
    """What becomes of a test for each check that is more than noted.

    Args:
        said: `failure` or `warning` for every check, or `contact=warning, retried=failure`.
        source: Where it was said.

    Raises:
        pytest.UsageError: It names no such check or level.
    """
    chosen = dict.fromkeys((Check.AWAITED, Check.CONTACT, Check.ERRORS), Level.FAILURE)
    for each in said.replace(",", " ").split():
        name, named, level = each.rpartition("=")
        try:
            checks = [Check(name)] if named else list(Check)[:3]
            chosen |= dict.fromkeys(checks, Level(level))
        except ValueError:
            raise pytest.UsageError(
                f"{source}: {each!r} is none of {', '.join(Level)} and no check with one of them "
                f"({', '.join(f'{check}=failure' for check in Check)})"
            ) from None
    return chosen


def pytest_sessionstart(session: pytest.Session) -> None:
    """Resolve what becomes of a finding, before any test that could be one."""
    _levels_of(session.config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Begin to watch a test that concerns the kit."""
    __tracebackhide__ = True
    if not run_of(item.config).applies(item):
        return (yield)
    watch = _begin(item)
    try:
        # Its fixtures come into this one by one; the rest of a setup is pytest's and the kit's.
        with watch.in_use(by_the_kit=True):
            return (yield)
    except BaseException as error:
        watch.ended(error, "setup")
        raise


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Tell what a fixture of the suite does from what the kit does in its own."""
    __tracebackhide__ = True
    watch = request.config.stash.get(_WATCH, None)
    ours = fixturedef.func.__module__.partition(".")[0] == __name__.partition(".")[0]
    if ours and isinstance(request.node, pytest.Item):
        if watch is None:
            # Asked for by request.getfixturevalue(), which nothing says beforehand.
            watch = _begin(request.node)
            watch.go_on()
        if fixturedef.argname == "staging":
            # A suite's own fixture of that name is none of ours.
            watch.uses_staging = True
    if watch is None:
        return (yield)
    with watch.in_use(by_the_kit=ours):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge a test that passed."""
    __tracebackhide__ = True
    watch = item.stash.get(_WATCH, None)
    forgotten: list[str] = []
    try:
        with contextlib.ExitStack() as stack:
            if watch is not None:
                stack.enter_context(watch.in_use())
                test, name = getattr(item, "obj", None), getattr(item, "originalname", None)
                forgotten = stack.enter_context(awaiting.watched(test, name))
            result = yield
    except BaseException as error:
        answer_for(item, error)
        raise
    judge(item, forgotten)
    return result


def answer_for(item: pytest.Item, error: BaseException) -> None:
    """Have what ended a test answered for, if the test concerns the kit by now.

    Raises:
        Failed: It was ended as skipped, over an error that this would hide.
    """
    watch = item.stash.get(_WATCH, None)
    if watch is not None:
        watch.ended(error, "call")


def judge(item: pytest.Item, forgotten: Sequence[str] = ()) -> None:
    """Judge a test that has come to its end, if it concerns the kit by now.

    Args:
        item: The test.
        forgotten: Its coroutines that nobody awaited.

    Raises:
        Failed: A check is not stood up to, and its level is a failure.
    """
    watch = item.stash.get(_WATCH, None)
    # unittest raises nothing: what ended its tests is kept here until the report is made.
    if watch is not None and not vars(item).get("_excinfo"):
        watch.judge(watch.after_call(forgotten), "call")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Judge a teardown that went well, and stop watching."""
    __tracebackhide__ = True
    watch = item.stash.get(_WATCH, None)
    if watch is None:
        return (yield)
    try:
        with watch.in_use():
            result = yield
    except BaseException as error:
        watch.ended(error, "teardown")
        raise
    finally:
        watch.close()
        del item.stash[_WATCH], item.config.stash[_WATCH]
    watch.judge(watch.after_teardown(), "teardown")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Answer for what is reported as a failure, of a subtest too."""
    report = yield
    watch = item.stash.get(_WATCH, None)
    if watch is not None and call.excinfo is not None and report.outcome != "skipped":
        watch.ledger.account(call.excinfo.value)
    return report


def _levels_of(config: pytest.Config) -> Mapping[Check, Level]:
    if _LEVELS not in config.stash:
        told = run_of(config).told("honesty")
        config.stash[_LEVELS] = (
            levels("", source="") if told is None else levels(told.value, source=told.source)
        )
    return config.stash[_LEVELS]


def _begin(item: pytest.Item) -> _Watch:
    watch = _Watch(item)
    item.config.stash[_WATCH] = item.stash[_WATCH] = watch
    return watch
