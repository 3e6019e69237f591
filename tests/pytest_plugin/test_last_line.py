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
LEAVES = {
    "thread": """
    def test_it():
        threading.Thread(target=threading.Event().wait).start()
    """,
    "executor": """
    async def wait():
        asyncio.create_task(asyncio.to_thread(threading.Event().wait))
        await asyncio.sleep(0.01)

    def test_it():
        loop = asyncio.new_event_loop()
        loop.run_until_complete(wait())
        loop.close()
    """,
}
# Ends by itself, and later than the last line would let it.
SLOW = """
    def test_it():
        threading.Thread(target=threading.Event().wait, args=(2,)).start()
"""


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


@pytest.mark.parametrize("source", LEAVES.values(), ids=LEAVES)
def test_the_run_ends_and_says_what_held_it(suite: Suite, source: str) -> None:
    suite.conftest(CONFTEST).files(test_it=HEAD + RULES + source)
    result = suite.run(subprocess=True)
    result.assert_outcomes(passed=1)
    assert result.ret == 21
    result.stderr.fnmatch_lines(
        [
            (
                "netra: the run has ended, and a thread begun in it kept its process from ending "
                "for 0.2 s"
            ),
            "Thread *:",
            "*signaled = self._cond.wait(timeout)",
        ]
    )


def test_a_run_that_failed_keeps_its_exit_code(suite: Suite) -> None:
    suite.conftest(CONFTEST).files(
        test_it=HEAD + RULES + LEAVES["thread"] + "    assert not threading.active_count()"
    )
    result = suite.run(subprocess=True)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines("netra: the run has ended, and a thread *")


def test_a_thread_that_ends_in_time_is_waited_for(suite: Suite) -> None:
    suite.files(test_it=HEAD + RULES + SLOW.replace("(2,)", "(0.5,)"))
    result = suite.run(subprocess=True)
    assert result.ret == pytest.ExitCode.OK
    assert "netra:" not in result.stderr.str()


def test_the_threads_of_a_stranger_are_waited_for(suite: Suite) -> None:
    # The conftest.py loads the plugin's rooms; no rule holds for any test.
    suite.conftest(CONFTEST).environ(NETRA_ENVIRONMENT="test").files(test_it=HEAD + SLOW)
    result = suite.run(subprocess=True)
    assert result.ret == pytest.ExitCode.OK
    assert "netra:" not in result.stderr.str()


def test_a_program_that_goes_on_after_the_run_goes_on(suite: Suite) -> None:
    suite.conftest(CONFTEST).files(
        test_it=HEAD + RULES + LEAVES["thread"],
        program="""
        import sys, threading, pytest

        code = pytest.main(["-q"])
        # Longer than threads have once a process is ending.
        [line] = [each for each in threading.enumerate() if each.name == "netra last line"]
        line.join(1)
        print("goes on", int(code), line.is_alive(), flush=True)
        """,
    )
    result = suite.pytester.runpython("program.py")
    result.stdout.fnmatch_lines("goes on 0 True")
    assert result.ret == 21


def test_the_run_of_a_worker_ends_too(suite: Suite) -> None:
    suite.conftest(CONFTEST).files(test_it=HEAD + RULES + LEAVES["thread"])
    result = suite.run(workers=1)
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
    monkeypatch.setattr(last_line, "is_ending", lambda: True)
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
        test_it=HEAD + RULES + LEAVES["thread"].replace("threading.Event()", "BEGUN"),
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
