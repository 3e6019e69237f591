"""A thread that a test left behind does not keep the process from ending."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from netra_testkit.pytest_plugin import last_line
from netra_testkit.pytest_plugin.last_line import LastLine, is_ending, others

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pytest_plugin.suites import Suite

CONFTEST = """
    from netra_testkit.pytest_plugin.deadlines import LATENESS

    def pytest_configure(config):
        config.stash[LATENESS] = 0.2
"""
HEAD = """
    import asyncio, threading, time
    from concurrent.futures import ThreadPoolExecutor
    import pytest

"""
RULES = "    pytestmark = pytest.mark.deadline(20)\n"
THREAD = """
    def test_it():
        threading.Thread(target=threading.Event().wait).start()
"""
EXECUTOR = """
    async def wait():
        asyncio.create_task(asyncio.to_thread(threading.Event().wait))
        await asyncio.sleep(0.01)

    def test_it():
        loop = asyncio.new_event_loop()
        loop.run_until_complete(wait())
        loop.close()
"""
# Ends by itself, and later than the last line would let it.
SLOW = """
    def test_it():
        threading.Thread(target=threading.Event().wait, args=(2,)).start()
"""
GOES_ON = """
    import sys, threading, pytest

    code = pytest.main(["-q"])
    # Longer than threads have once a process is ending.
    [line] = [each for each in threading.enumerate() if each.name == "netra last line"]
    line.join(1)
    print("goes on", int(code), line.is_alive(), flush=True)
"""
HELD = "netra: the run has ended, and a thread begun in it kept its process from ending for 0.2 s"


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """Ends the threads of a test that wait for it."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def left(ended: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=ended.wait, name="left behind")
    thread.start()
    return thread


# What each waits for, the others wait for meanwhile.
@pytest.mark.broad
def test_a_process_ends_whatever_its_tests_left_behind(suite: Suite) -> None:
    fails = "        assert not threading.active_count()"
    kept = {
        "thread": (21, THREAD),
        "executor": (21, EXECUTOR),
        # A run that failed keeps its exit code.
        "failed": (1, THREAD + fails),
    }
    started = {
        name: suite.start(name, conftest=CONFTEST, test_it=HEAD + RULES + source)
        for name, (_, source) in kept.items()
    }
    in_time = suite.start("in_time", test_it=HEAD + RULES + SLOW.replace("(2,)", "(1,)"))
    # The conftest.py loads the plugin's rooms; no rule holds for any test.
    suite.environ(NETRA_ENVIRONMENT="test")
    stranger = suite.start("stranger", conftest=CONFTEST, test_it=HEAD + SLOW)
    for name, (code, _) in kept.items():
        result = started[name]()
        result.assert_outcomes(**{"failed" if code == 1 else "passed": 1})
        assert result.ret == code, name
        lines = [HELD, "Thread *:", "*signaled = self._cond.wait(timeout)"]
        result.stderr.fnmatch_lines(lines)
    for result in (in_time(), stranger()):
        result.assert_outcomes(passed=1)
        assert result.ret == pytest.ExitCode.OK
        assert "netra:" not in result.stderr.str()


@pytest.mark.broad
def test_a_process_goes_on_where_there_is_more_to_it_than_the_run(suite: Suite) -> None:
    sources = {"conftest": CONFTEST, "test_it": HEAD + RULES + THREAD}
    program = suite.start(
        "program", program="program_of_theirs", program_of_theirs=GOES_ON, **sources
    )
    worker = suite.start("worker", "-p", "xdist", "-n", "1", **sources)
    result = program()
    result.stdout.fnmatch_lines("goes on 0 True")
    assert result.ret == 21
    result = worker()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


def test_this_process_is_not_ending(left: threading.Thread) -> None:
    assert not is_ending()
    assert left in others()
    assert threading.main_thread() not in others()


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "stays"])
def test_it_ends_the_process_of_what_stays(
    monkeypatch: pytest.MonkeyPatch,
    left: threading.Thread,
    ended: threading.Event,
    *,
    ends: bool,
) -> None:
    said: list[str] = []
    done = threading.Event()
    monkeypatch.setattr(last_line, "is_ending", iter((False, True)).__next__)
    if ends:
        ended.set()
    how: dict[str, Any] = {"write": said.append, "within": 5.0 if ends else 0.01}
    called: list[str] = []

    def call(name: str) -> None:
        called.append(name)
        done.set()

    LastLine([left], end=lambda: call("end"), gone=lambda: call("gone"), **how).start()
    assert done.wait(10)
    assert called == ["gone" if ends else "end"]
    assert "".join(said).count("Thread left behind:") == (not ends)


def test_what_was_written_is_written_when_the_process_is_ended(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    told = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda code: (codes.append(code), told.set()))
    monkeypatch.setattr(last_line, "is_ending", lambda: True)
    suite.conftest(CONFTEST).files(
        test_it=HEAD + RULES + THREAD.replace("threading.Event()", "BEGUN"),
    )
    begun = threading.Event()
    monkeypatch.setattr("builtins.BEGUN", begun, raising=False)
    suite.run("-p", "no:threadexception").assert_outcomes(passed=1)
    assert told.wait(10)
    begun.set()
    assert codes == [21]
    assert "a thread begun in it kept its process" in capfd.readouterr().err


def test_several_are_counted(monkeypatch: pytest.MonkeyPatch, ended: threading.Event) -> None:
    monkeypatch.setattr(last_line, "is_ending", lambda: True)
    said: list[str] = []
    done = threading.Event()
    threads = [threading.Thread(target=ended.wait) for _ in range(2)]
    for each in threads:
        each.start()
    LastLine(threads, within=0.01, write=said.append, end=done.set, gone=done.set).start()
    assert done.wait(10)
    assert "2 threads begun in it" in said[0]
