"""What comes out when several things end a call at the same moment."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from netra_testkit.clients.deadline import Deadline, Guard
from netra_testkit.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = 0.06


class Moment:
    """Makes several things happen in one iteration of the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._when = self._loop.time() + SHORT

    def guard(self, phase: str = "receive") -> Guard:
        """A guard whose deadline passes at that moment."""
        deadline = Deadline(limit=SHORT, started_at=self._when - SHORT, clock=self._loop.time)
        return deadline.guard(phase=phase, waiting_for="an answer")

    def timeout(self) -> asyncio.Timeout:
        """A timeout that passes at that moment."""
        return asyncio.timeout_at(self._when)

    def do(self, action: Callable[[], object]) -> None:
        """Do something at that moment."""
        self._loop.call_at(self._when, action)

    async def wait_for(self, future: asyncio.Future[str] | None = None) -> str:
        """Wait for what does not come, with the loop busy until the moment has passed.

        Everything that is due at that moment is then found due in one and the same iteration.
        """
        self._loop.call_soon(self._keep_busy)
        return await (future or self._loop.create_future())

    def _keep_busy(self) -> None:
        until = time.monotonic() + 2 * SHORT
        while time.monotonic() < until:
            pass


def cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


@pytest.mark.parametrize("first", ["cancellation", "deadline"])
async def test_a_cancellation_of_the_same_moment_comes_out(first: str) -> None:
    async def call() -> None:
        moment = Moment()
        if first == "cancellation":
            moment.do(lambda: task.cancel())  # noqa: PLW0108 - the task is assigned below
        async with moment.guard():
            if first == "deadline":
                moment.do(lambda: task.cancel())  # noqa: PLW0108 - the task is assigned below
            await moment.wait_for()

    task = asyncio.create_task(call())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1


async def test_of_a_timeout_around_a_guard_the_timeout_reports() -> None:
    moment = Moment()

    async def call() -> None:
        async with moment.timeout(), moment.guard():
            await moment.wait_for()

    with pytest.raises(TimeoutError) as out:
        await call()
    assert not isinstance(out.value, DeadlineExceeded)
    assert cancellations() == 0


async def test_of_a_guard_around_a_timeout_the_guard_reports() -> None:
    moment = Moment()

    async def call() -> None:
        async with moment.guard(), moment.timeout():
            await moment.wait_for()

    with pytest.raises(DeadlineExceeded):
        await call()
    assert cancellations() == 0


async def test_of_a_guard_around_a_guard_the_outer_one_reports() -> None:
    moment = Moment()

    async def call() -> None:
        async with moment.guard("outer"), moment.guard("inner"):
            await moment.wait_for()

    with pytest.raises(DeadlineExceeded) as ended:
        await call()
    assert ended.value.phase == "outer"
    assert cancellations() == 0


async def test_an_answer_of_the_same_moment_came_too_late() -> None:
    moment = Moment()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    given: list[str] = []

    async def call() -> None:
        async with moment.guard():
            moment.do(lambda: answer.done() or answer.set_result("too late"))
            given.append(await moment.wait_for(answer))

    with pytest.raises(DeadlineExceeded):
        await call()
    assert given == []
    assert cancellations() == 0


@pytest.mark.skipif(
    os.environ.get("NETRA_TEST_LOOP") == "uvloop",
    reason="timers of uvloop have no moment in common",
)
async def test_an_expiry_in_a_task_of_a_group_of_the_same_moment_is_not_lost() -> None:
    moment = Moment()

    async def child() -> None:
        async with moment.guard("inner"):
            await moment.wait_for()

    async def call() -> None:
        async with moment.guard("outer"), asyncio.TaskGroup() as group:
            group.create_task(child())

    with pytest.raises(ExceptionGroup) as out:
        await call()
    assert [type(each) for each in out.value.exceptions] == [DeadlineExceeded]
    assert cancellations() == 0
    await asyncio.sleep(0)  # a cancellation left over would come out here


async def race(delay: float, *, cancelled: bool) -> str:
    """One call whose answer, cancellation and deadline come close together."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    answer: asyncio.Future[None] = loop.create_future()
    loop.call_later(delay, lambda: answer.done() or answer.set_result(None))
    handle = loop.call_later(0.005, task.cancel) if cancelled else None
    try:
        async with Deadline.after(0.005).guard(phase="receive", waiting_for="an answer"):
            await answer
        outcome = "answer"
    except DeadlineExceeded:
        outcome = "expiry"
    finally:
        if handle is not None:
            handle.cancel()
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # a cancellation left over would come out here
    return outcome


async def test_in_a_thousand_races_each_call_ends_one_way_and_leaves_nothing_behind() -> None:
    tasks = [
        asyncio.create_task(race(0.003 + index * 4e-6, cancelled=index % 3 == 0))
        for index in range(1000)
    ]
    await asyncio.wait(tasks)
    outcomes = Counter(
        "cancellation" if task.cancelled() else task.result()  # an assertion comes out here
        for task in tasks
    )
    cancelled = [index for index, task in enumerate(tasks) if task.cancelled()]
    assert set(outcomes) <= {"answer", "expiry", "cancellation"}
    assert outcomes["expiry"] > 0
    assert all(index % 3 == 0 for index in cancelled)
