"""What happens to a test that its deadline alone did not end."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import PACKAGE

from netra_testkit.errors import DeadlineExceeded
from netra_testkit.pytest_plugin import ROOMS
from netra_testkit.pytest_plugin.bounding import Bounded
from netra_testkit.pytest_plugin.second_line import HUNG, Interruption, SecondLine, Watch
from netra_testkit.pytest_plugin.stacks import loops_in, stacks
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.pytest_plugin.suites import Suite

LOADED = () if "deadlines" in ROOMS else ("-p", f"{PACKAGE}.deadlines")
CONFTEST = """
    from netra_testkit.pytest_plugin.deadlines import LATENESS, PATIENCE

    def pytest_configure(config):
        config.stash[LATENESS] = config.stash[PATIENCE] = 0.2
"""
BLOCKED_IN_C = """
    import time
    import pytest

    @pytest.mark.deadline(0.1)
    def test_hangs():
        print("what was said")
        time.sleep(60)

    def test_another():
        pass

    def test_a_third():
        pass
"""
HANGS_FOR_A_WHILE = """
    import pytest

    @pytest.mark.deadline(0.1)
    def test_it():
        print("what was said")
        TOLD.wait(30)
"""


class Heard:
    """What a second line said and did."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.ended: list[str] = []
        self.end = threading.Event()

    def ends(self, said: str) -> None:
        self.ended.append(said)
        self.end.set()


class Worker:
    """A thread that runs something, and what was raised in it."""

    def __init__(self, run: Callable[[], object]) -> None:
        self.raised: BaseException | None = None
        self._run = run
        self.thread = threading.Thread(target=self._body, name="the one that is late")
        self.thread.start()

    def _body(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - it is what is looked at
            self.raised = error

    def ended(self) -> bool:
        self.thread.join(5)
        return not self.thread.is_alive()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def line(heard: Heard) -> Iterator[SecondLine]:
    line = SecondLine(write=heard.written.append, end=heard.ends, late=0.05, hung=0.1)
    yield line
    line.close()


def spin() -> None:
    while True:
        pass


def watched(line: SecondLine, run: Callable[[], object], *, limit: float = 0.01) -> Worker:
    """Run something in a thread, looked after."""

    def body() -> None:
        line.look_after(Watch("test_it.py::test_it", limit))
        run()

    return Worker(body)


def test_a_thread_blocked_in_python_gets_an_error(line: SecondLine) -> None:
    worker = watched(line, spin)
    assert worker.ended()
    assert isinstance(worker.raised, Interruption)


def test_every_stack_is_written_before_that(line: SecondLine, heard: Heard) -> None:
    assert watched(line, spin).ended()
    (said,) = heard.written
    assert "test_it.py::test_it: 0.05 s past its deadline (setup, limit 0.01 s)" in said
    assert "Thread the one that is late:" in said
    assert "in spin" in said
    assert "Thread MainThread:" in said
    assert "Thread netra second line:" not in said


def test_one_thread_looks_after_all_that_follow(line: SecondLine, heard: Heard) -> None:
    for _ in range(2):
        assert watched(line, spin).ended()
        line.release()
    assert len(heard.written) == 2
    names = [each.name for each in threading.enumerate()]
    assert names.count("netra second line") == 1
    line.close()
    assert "netra second line" not in [each.name for each in threading.enumerate()]


def test_a_thread_that_nothing_can_end_is_hung(line: SecondLine, heard: Heard) -> None:
    worker = watched(line, lambda: heard.end.wait(5))
    assert worker.ended()
    assert heard.ended == [
        "\ntest_it.py::test_it: hung (setup, limit 0.01 s), blocked where nothing can end it\n"
    ]
    assert isinstance(worker.raised, Interruption)


def test_what_is_released_in_time_is_left_alone(line: SecondLine, heard: Heard) -> None:
    line.look_after(Watch("first", 0.2, thread=0))
    line.release()
    line.look_after(Watch("second", 0.01, thread=0))
    assert wait_for(lambda: heard.written)
    line.release()
    assert ["second" in said for said in heard.written] == [True]
    assert heard.ended == []


def test_one_that_looked_after_nothing_has_no_thread_to_end(heard: Heard) -> None:
    before = threading.active_count()
    SecondLine(write=heard.written.append, end=heard.ends).close()
    assert threading.active_count() == before


def test_where_nothing_runs_there_are_no_stacks() -> None:
    assert stacks({}) == ""


def test_a_suspended_test_is_never_late(line: SecondLine, heard: Heard) -> None:
    watch = Watch("test_it", 0.01)
    watch.suspend()
    line.look_after(watch)
    watch.enter("teardown", at_least=0.01)
    assert watch.until == math.inf
    assert not watch.expired
    line.release()
    assert heard.written == []


def test_the_error_says_the_phase_and_the_limit() -> None:
    now = [10.0]
    watch = Watch("test_it", 2.0, clock=lambda: now[0])
    now[0] = 11.0
    assert (watch.remaining, watch.expired) == (1.0, False)
    watch.enter("call")
    now[0] = 12.5
    failure = watch.exceeded()
    assert isinstance(failure, DeadlineExceeded)
    assert (failure.phase, failure.limit, failure.elapsed) == ("call", 2.0, 2.5)
    assert (watch.remaining, watch.expired, watch.failure) == (0.0, True, failure)


def test_a_phase_has_what_it_is_given_at_least() -> None:
    watch = Watch("test_it", 2.0, clock=lambda: 10.0)
    watch.enter("call", at_least=1.0)
    assert watch.remaining == 2.0
    watch.enter("teardown", at_least=3.0)
    assert watch.remaining == 3.0


def test_a_waiting_loop_is_woken_for_its_error(line: SecondLine) -> None:
    worker = watched(line, lambda: asyncio.run(asyncio.Event().wait()))  # type: ignore[arg-type]
    assert worker.ended()
    assert isinstance(worker.raised, Interruption)


def test_the_stacks_show_every_task_of_a_loop_and_where_each_waits() -> None:
    async def inner() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> str:
        watch = Watch("test_it", 30)
        names = {
            "plain": inner(),
            "bounded": Bounded(inner(), watch).run(),
        }
        tasks = [asyncio.create_task(each, name=name) for name, each in names.items()]
        await asyncio.sleep(0)
        written = await asyncio.to_thread(stacks)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return written

    written = asyncio.run(main())
    for name in ("plain", "bounded"):
        _, _, task = written.partition(f"Task {name} of thread MainThread:")
        assert "in inner" in task.partition("\nTask ")[0]


def test_without_asyncio_there_are_no_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "asyncio")
    assert loops_in(sys._getframe()) == []  # noqa: SLF001 - the way to the frame


def test_a_loop_that_is_not_written_in_python_is_found_by_what_runs_it() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> bool:
        running = asyncio.get_running_loop()
        return running in await asyncio.to_thread(of_the_main_thread)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main())


def test_what_is_given_up_after_its_end_is_left_alone() -> None:
    async def main() -> object:
        bounded = Bounded(asyncio.sleep(0, "result"), Watch("test_it", 30))
        result = await bounded.run()
        bounded.give_up()
        return result

    assert asyncio.run(main()) == "result"


def test_a_cancellation_of_the_deadline_is_taken_back() -> None:
    async def main() -> int:
        bounded = Bounded(asyncio.sleep(30), Watch("test_it", 0.01))
        with pytest.raises(DeadlineExceeded):
            await bounded.run()
        task = asyncio.current_task()
        return -1 if task is None else task.cancelling()

    assert asyncio.run(main()) == 0


def test_a_cancellation_from_outside_of_the_same_moment_is_handed_on() -> None:
    async def main() -> None:
        bounded = Bounded(asyncio.sleep(30), Watch("test_it", 30))
        task = asyncio.create_task(bounded.run())
        await asyncio.sleep(0)
        bounded._cancel()  # noqa: SLF001 - what the timer does
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_under_the_loop_of_another_library_it_is_only_awaited() -> None:
    async def body() -> str:
        return "result"

    with pytest.raises(StopIteration, match="result"):
        Bounded(body(), Watch("test_it", 30)).run().send(None)


def test_closing_what_is_bounded_closes_what_it_awaits() -> None:
    ended: list[str] = []

    async def body() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("body")

    async def main() -> None:
        running = Bounded(body(), Watch("test_it", 30)).run()
        running.send(None)
        running.close()

    asyncio.run(main())
    assert ended == ["body"]


def test_what_is_written_shows_no_secret() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a secret of a stack")
    heard = Heard()
    line = SecondLine(write=heard.written.append, end=heard.ends, late=0.05, hung=0.1)
    line.look_after(Watch(f"test_it[{secret}]", 0.01, thread=0))
    assert heard.end.wait(5)
    line.close()
    for said in (*heard.written, *heard.ended):
        assert secret not in said
        assert "test_it[[masked a secret of a stack]]" in said


@pytest.mark.broad
def test_a_process_that_hangs_ends_with_an_exit_code_of_its_own(suite: Suite) -> None:
    suite.conftest(CONFTEST).files(test_it=BLOCKED_IN_C)
    result = suite.run(*LOADED, subprocess=True)
    assert result.ret == HUNG == 21
    assert result.duration < 20
    result.stderr.fnmatch_lines(
        ["*test_hangs: hung (call, limit 0.1 s), blocked where nothing*", "what was said"]
    )
    result.stderr.fnmatch_lines("*in test_hangs")


@pytest.mark.broad
def test_under_xdist_the_worker_is_replaced_and_the_run_goes_on(suite: Suite) -> None:
    suite.conftest(CONFTEST).files(test_it=BLOCKED_IN_C)
    result = suite.run(*LOADED, workers=1)
    assert result.parseoutcomes()["passed"] == 2
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines("*crashed while running 'test_it.py::test_hangs'*")


def test_a_test_that_goes_on_after_all_is_late(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    told = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda code: (ended.append(code), told.set()))
    monkeypatch.setattr("builtins.TOLD", told, raising=False)
    suite.conftest(CONFTEST).files(test_it=HANGS_FOR_A_WHILE)
    suite.run(*LOADED, "-s").assert_outcomes(failed=1)
    assert ended == [HUNG]


@pytest.mark.parametrize("capture", ["--capture=fd", "-s", "-pno:capture"])
def test_the_end_of_the_process_tells_what_was_captured(
    suite: Suite,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    capture: str,
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    suite.files(
        test_it="""
    from netra_testkit.pytest_plugin import deadlines

    def test_it(pytestconfig):
        print("what was said")
        deadlines._end(pytestconfig, "it hung\\n")
    """
    )
    result = suite.run(*LOADED, capture)
    told = capfd.readouterr().err
    assert ended == [HUNG]
    assert "it hung" in told
    assert "what was said" in told + result.stdout.str()


def test_a_run_that_met_no_secret_tells_it_as_it_is(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "_exit", [].append)
    monkeypatch.delitem(sys.modules, "netra_testkit.safety.redaction")
    suite.environ(NETRA_STRICT="1").files(
        test_it="""
    from netra_testkit.pytest_plugin import deadlines

    def test_it(pytestconfig):
        deadlines._end(pytestconfig, "it hung")
    """
    )
    suite.run(*LOADED)
    assert "it hung" in capfd.readouterr().err


def wait_for(true: Callable[[], object]) -> bool:
    """Whether something comes true within five seconds."""
    until = time.monotonic() + 5
    while not true() and time.monotonic() < until:
        time.sleep(0.005)
    return bool(true())


def of_the_main_thread() -> list[asyncio.AbstractEventLoop]:
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to them
    return loops_in(frames[threading.main_thread().ident or 0])
