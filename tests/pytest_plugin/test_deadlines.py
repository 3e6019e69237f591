"""The deadline of a whole test: caught whatever the test does about it, and not falsely caught."""

from __future__ import annotations

import os
import re
from html import unescape
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.pytest_plugin.late_suites import IN_TIME, LATE, SLOW
from tests.pytest_plugin.suites import PACKAGE

from netra_testkit.pytest_plugin import ROOMS, bounding, deadlines, second_line, stacks

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

LOADED = () if "deadlines" in ROOMS else ("-p", f"{PACKAGE}.deadlines")
MODULES = (bounding, deadlines, second_line, stacks)

HEAD = """
    import asyncio, subprocess, sys, time, unittest
    import pytest

"""
CONFTEST = """
    from netra_testkit.pytest_plugin.deadlines import LATENESS

    def pytest_configure(config):
        config.stash[LATENESS] = 0.2
"""
SUSPENDS = """
    async def test_it(pytestconfig):
        pytestconfig.hook.pytest_enter_pdb(config=pytestconfig, pdb=None)
        await asyncio.sleep(0.15)
"""


@pytest.fixture
def timed(suite: Suite) -> Suite:
    return suite.conftest(CONFTEST).ini("asyncio_mode = auto")


def test(suite: Suite, source: str, *, deadline: float, **options: object) -> pytest.RunResult:
    """Run one test file in which every test has this deadline."""
    marked = f"    pytestmark = [pytest.mark.deadline({deadline})]\n"
    suite.files(test_it=HEAD + marked + source)
    return suite.run(*LOADED, "--junitxml=junit.xml", **options)  # type: ignore[arg-type]


test.__test__ = False  # type: ignore[attr-defined]


def told(suite: Suite, sources: dict[str, str], **outcomes: int) -> dict[str, str]:
    """Run a file for each source, with a deadline of 0.1 s; what the report says of each."""
    marked = HEAD + "    pytestmark = [pytest.mark.deadline(0.1)]\n"
    suite.files(**{f"test_{name}": marked + source for name, source in sources.items()})
    result = suite.run(*LOADED, "--junitxml=junit.xml")
    result.assert_outcomes(**outcomes)
    # Nobody waited for what they wait for.
    assert result.duration < 20
    written = (suite.pytester.path / "junit.xml").read_text()
    case = r'<testcase classname="test_(\w+)[^>]*[^/]>(.*?)</testcase>'
    return {name: unescape(said) for name, said in re.findall(case, written, re.DOTALL)}


def test_a_test_that_takes_too_long_fails_whatever_it_does(timed: Suite) -> None:
    said = told(timed, LATE, failed=len(LATE))
    for name in LATE:
        assert '<property name="netra.timed_out" value="call, 0.1 s" />' in said[name], name
        assert "DeadlineExceeded: call: no end of the test within 0.1 s" in said[name], name


def test_a_test_that_is_in_time_stays_what_it_is(timed: Suite) -> None:
    marked = HEAD + "    pytestmark = [pytest.mark.deadline(5)]\n"
    timed.files(**{f"test_{name}": marked + source for name, source in IN_TIME.items()})
    result = timed.run(*LOADED, "--junitxml=junit.xml")
    result.assert_outcomes(passed=len(IN_TIME))
    assert "timed_out" not in (timed.pytester.path / "junit.xml").read_text()


def test_what_it_did_is_shown_and_nothing_of_how_it_was_ended(timed: Suite) -> None:
    said = told(timed, {name: LATE[name] for name in ("awaits", "fails_late")}, failed=2)
    assert ">       await asyncio.sleep(30)" in said["awaits"]
    assert "bounding.py" not in said["awaits"]
    assert "CancelledError" not in said["awaits"]
    own, _, ours = said["fails_late"].partition("direct cause")
    assert "E       assert False" in own
    assert "DeadlineExceeded: call:" in ours


def test_a_fixture_takes_its_time_from_the_test(timed: Suite) -> None:
    sources = {
        name: f"""
    @pytest.fixture
    {fixture}

    async def test_it(slow):
        pass
    """
        for name, (_, fixture) in SLOW.items()
    }
    ends = [phase for phase, _ in SLOW.values()].count("teardown")
    said = told(timed, sources, errors=len(SLOW), passed=ends)
    for name, (phase, _) in SLOW.items():
        exceeded = f"DeadlineExceeded: {phase}: no end of the test within 0.1 s"
        assert exceeded in said[name], name


def test_what_is_blocked_as_it_ends_keeps_nothing_else_from_ending(timed: Suite) -> None:
    source = """
    ended = []

    @pytest.fixture
    def given():
        yield
        ended.append(1)

    @pytest.fixture
    def slow(given):
        yield
        while True: pass

    def test_it(slow):
        pass

    def test_after():
        assert ended == [1]
    """
    test(timed, source, deadline=0.1).assert_outcomes(passed=2, errors=1)


def test_what_is_left_of_the_deadline_is_what_the_test_has(timed: Suite) -> None:
    source = """
    @pytest.fixture
    def slow():
        time.sleep(0.1)

    async def test_it(slow):
        await asyncio.sleep(0.25)
    """
    result = test(timed, source, deadline=0.3)
    result.assert_outcomes(failed=1)


def test_a_fixture_of_a_module_ends_after_a_test_that_no_rule_holds_for(timed: Suite) -> None:
    timed.files(
        test_it=HEAD
        + """
    import pytest_asyncio

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def shared():
        yield 1

    @pytest.mark.deadline(5)
    def test_marked(shared):
        assert shared == 1

    def test_unmarked(shared):
        assert shared == 1
    """
    )
    timed.run(*LOADED).assert_outcomes(passed=2)


def test_it_holds_under_the_plugin_of_anyio(suite: Suite) -> None:
    source = """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.fixture
    async def made(anyio_backend):
        yield 1

    @pytest.mark.anyio
    async def test_it(made):
        await asyncio.sleep(30)
    """
    suite.conftest(CONFTEST).ini("asyncio_mode = strict")
    marked = "    pytestmark = [pytest.mark.deadline(0.1)]\n"
    suite.files(test_it=HEAD + marked + source)
    result = suite.run(*LOADED, "-p", "anyio")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("E*DeadlineExceeded: call: no end of the test within 0.1 s*")


def test_the_setting_bounds_what_has_no_marker(timed: Suite) -> None:
    timed.environ(NETRA_DEADLINE="0.1", NETRA_STRICT="1")
    timed.files(test_it=HEAD + LATE["awaits"])
    timed.run(*LOADED).assert_outcomes(failed=1)


def test_the_setting_counts_less_than_a_marker_and_not_at_all_for_somebody_elses(
    timed: Suite,
) -> None:
    timed.environ(NETRA_DEADLINE="0.05").files(
        test_it=HEAD
        + """
    @pytest.mark.deadline(5)
    async def test_marked():
        await asyncio.sleep(0.1)

    async def test_of_somebody_else():
        await asyncio.sleep(0.1)
    """
    )
    timed.run(*LOADED).assert_outcomes(passed=2)


def test_without_a_marker_or_a_setting_there_is_a_default(suite: Suite) -> None:
    suite.environ(NETRA_STRICT="1").files(
        test_it="""
    from netra_testkit.pytest_plugin.deadlines import _LINE, DEFAULT, WATCH

    def test_it(pytestconfig):
        assert pytestconfig.stash[WATCH].limit == DEFAULT == 120
        line = pytestconfig.stash[_LINE]
        assert line._late == line._hung == 2
    """
    )
    suite.run(*LOADED).assert_outcomes(passed=1)


def test_the_marker_of_a_suite_that_declares_one_itself_is_not_ours(suite: Suite) -> None:
    suite.environ(NETRA_STRICT="1").ini("markers = deadline(text)", "asyncio_mode = auto")
    result = test(suite, IN_TIME["plain"], deadline=0)
    result.assert_outcomes(passed=1)


def test_a_setting_that_says_no_number_of_seconds_is_an_error(suite: Suite) -> None:
    suite.files(test_it="def test_it(): pass").environ(NETRA_STRICT="1")
    for said in ("soon", "-1", "inf"):
        result = suite.environ(NETRA_DEADLINE=said).run(*LOADED)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines("E*NETRA_DEADLINE*")


@pytest.mark.broad
def test_what_ends_the_run_is_not_taken_for_a_late_test(suite: Suite) -> None:
    source = """
    @pytest.mark.deadline(0.1)
    def test_it():
        time.sleep(0.15)
        """
    started = [
        suite.start(name, conftest=CONFTEST, test_it=f"{HEAD}{source}{how}\n")
        for name, how in (("interrupts", "raise KeyboardInterrupt"), ("exits", "pytest.exit('x')"))
    ]
    for result in (each() for each in started):
        assert result.ret == pytest.ExitCode.INTERRUPTED
        assert "DeadlineExceeded" not in result.stdout.str()


def test_a_cancellation_from_outside_stays_one(timed: Suite) -> None:
    source = """
    async def test_it():
        asyncio.current_task().cancel()
        await asyncio.sleep(30)
    """
    result = test(timed, source, deadline=5)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("E*CancelledError")
    assert "DeadlineExceeded" not in result.stdout.str()


def test_a_debugger_stops_the_clock_where_there_is_one(timed: Suite) -> None:
    timed.files(
        test_a=HEAD + "    pytestmark = [pytest.mark.deadline(0.1)]\n" + SUSPENDS,
        test_b=HEAD + SUSPENDS,
    )
    # Another plugin would believe for the rest of this process that somebody debugs it.
    timed.run(*LOADED, "-p", "no:timeout").assert_outcomes(passed=2)


def test_the_tests_after_a_late_one_run_as_if_it_had_not_been(timed: Suite) -> None:
    source = f"""
    {LATE["swallows_for_ever"]}
    async def test_after():
        await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) == 1
    """
    test(timed, source, deadline=0.1).assert_outcomes(failed=1, passed=1)


def test_another_plugin_with_timeouts_keeps_its_own(timed: Suite) -> None:
    source = "    def test_it():\n        time.sleep(5)"
    timed.files(test_it=HEAD + "    pytestmark = [pytest.mark.deadline(60)]\n" + source)
    result = timed.run(*LOADED, "-p", "pytest_timeout", "-o", "timeout=0.2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("E*Timeout*0.2*")


def test_another_plugin_with_longer_timeouts_does_not_matter(timed: Suite) -> None:
    timed.files(test_it=HEAD + "    pytestmark = [pytest.mark.deadline(0.1)]\n" + LATE["awaits"])
    result = timed.run(*LOADED, "-p", "pytest_timeout", "-o", "timeout=30")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("E*DeadlineExceeded: call:*")


@pytest.mark.broad
def test_the_workers_of_xdist_keep_the_deadlines(timed: Suite) -> None:
    source = LATE["awaits"] + LATE["ends_late"].replace("test_it", "test_too")
    result = test(timed, source, deadline=0.1, workers=1)
    result.assert_outcomes(failed=2)
    assert (timed.pytester.path / "junit.xml").read_text().count("netra.timed_out") == 2


@pytest.mark.broad
def test_nothing_is_loaded_for_a_run_that_never_needs_it(suite: Suite) -> None:
    suite.files(
        test_it="""
    import sys

    def test_it():
        heavy = {"asyncio", "ctypes", "netra_testkit.errors"}
        if sys.version_info >= (3, 14):
            heavy.remove("asyncio")  # pytest loads pdb, which imports it there
        assert not heavy & sys.modules.keys()
    """
    )
    loaded = ("-p", "no:asyncio", "-p", "no:xdist", "-p", "no:hypothesispytest", "-p", "no:timeout")
    suite.run(*LOADED, *loaded, subprocess=True).assert_outcomes(passed=1)


@pytest.mark.parametrize("stream", [object(), None], ids=["of_a_notebook", "its_own"])
def test_the_way_to_the_terminal_is_kept_for_the_run(
    monkeypatch: pytest.MonkeyPatch, stream: object
) -> None:
    if stream is not None:
        monkeypatch.setattr("sys.stderr", stream)
    config: Any = SimpleNamespace(stash=pytest.Stash())
    deadlines.pytest_configure(config)
    kept = config.stash._storage.values()  # noqa: SLF001 - what it keeps
    [number] = [each for each in kept if isinstance(each, int)]
    os.fstat(number)
    deadlines.pytest_unconfigure(config)
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(number)


def test_a_run_that_was_never_configured_ends_too() -> None:
    config: Any = SimpleNamespace(stash=pytest.Stash())
    deadlines.pytest_unconfigure(config)
    assert len(config.stash) == 0
