from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
import weakref
from typing import TYPE_CHECKING

import pytest

from netra_testkit.clients.deadline import Deadline, Guard
from netra_testkit.errors import Cause, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SHORT = 0.02
LONG = 60.0


async def never() -> None:
    """Wait for what does not come."""
    await asyncio.get_running_loop().create_future()


def guard(seconds: float, phase: str = "receive") -> Guard:
    return Deadline.after(seconds).guard(phase=phase, waiting_for="an answer")


async def guarded(seconds: float, body: Callable[[], Awaitable[object]] = never) -> None:
    async with guard(seconds):
        await body()


async def expiry_of(call: Awaitable[object]) -> DeadlineExceeded:
    """The error that a call ends in, its task being as good as before."""
    with pytest.raises(DeadlineExceeded) as ended:
        await call
    assert cancellations() == 0
    await asyncio.sleep(0)  # a cancellation left over would come out here
    return ended.value


def cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_a_block_that_ends_in_time_is_left_alone() -> None:
    ended = False
    async with guard(LONG):
        await asyncio.sleep(0)
        ended = True
    assert ended
    assert cancellations() == 0


async def test_a_block_that_does_not_end_is_ended() -> None:
    started = time.monotonic()
    error = await expiry_of(guarded(SHORT))
    assert (error.phase, error.waiting_for, error.limit) == ("receive", "an answer", SHORT)
    assert error.elapsed == pytest.approx(time.monotonic() - started, abs=0.25)
    assert error.last_activity is None
    assert error.cause is Cause.UNDECIDED


async def test_a_passed_deadline_raises_without_entering_the_block() -> None:
    entered = False
    clock = iter([0.0, 9.0, 9.0])
    deadline = Deadline.after(5, clock=lambda: next(clock))

    async def call() -> None:
        nonlocal entered
        async with deadline.guard(phase="send", waiting_for="room"):
            entered = True

    error = await expiry_of(call())
    assert not entered
    assert (error.phase, error.elapsed) == ("send", 9.0)


async def test_a_deadline_that_passes_this_very_moment_has_passed() -> None:
    clock = iter([0.0, 5.0, 5.0])
    deadline = Deadline.after(5, clock=lambda: next(clock))

    async def call() -> None:
        async with deadline.guard(phase="send", waiting_for="room"):
            pytest.fail("entered")

    assert (await expiry_of(call())).elapsed == 5.0


async def test_the_loop_may_count_from_another_origin_than_the_deadline() -> None:
    deadline = Deadline.after(SHORT, clock=lambda: time.monotonic() - 1e6)

    async def call() -> None:
        async with deadline.guard(phase="receive", waiting_for="an answer"):
            await never()

    assert (await expiry_of(call())).elapsed < 1.0


async def test_the_error_says_when_the_peer_was_last_heard() -> None:
    deadline = Deadline.after(SHORT)

    async def call() -> None:
        async with deadline.guard(phase="a", waiting_for="b", heard=lambda: deadline.started_at):
            await never()

    error = await expiry_of(call())
    assert error.last_activity == error.elapsed


async def test_a_peer_that_was_never_heard_has_no_last_activity() -> None:
    async def call() -> None:
        async with Deadline.after(SHORT).guard(phase="a", waiting_for="b", heard=lambda: None):
            await never()

    assert (await expiry_of(call())).last_activity is None


async def test_the_error_says_what_was_true_at_the_end() -> None:
    async def call() -> None:
        async with Deadline.after(SHORT).guard(
            phase="connect",
            waiting_for="a connection",
            cause=Cause.INFRASTRUCTURE,
            request_id="r-1",
            trace_id="t-1",
        ) as guard:
            guard.phase = "body"
            guard.waiting_for = "the rest of the body"
            guard.cause = Cause.PRODUCT
            guard.request_id = "r-2"
            guard.trace_id = "t-2"
            await never()

    error = await expiry_of(call())
    assert (error.phase, error.waiting_for) == ("body", "the rest of the body")
    assert (error.cause, error.request_id, error.trace_id) == (Cause.PRODUCT, "r-2", "t-2")


async def test_what_the_call_began_with_is_said_when_nothing_changed() -> None:
    async def call() -> None:
        async with Deadline.after(SHORT).guard(
            phase="connect",
            waiting_for="a connection",
            cause=Cause.INFRASTRUCTURE,
            request_id="r-1",
            trace_id="t-1",
        ):
            await never()

    error = await expiry_of(call())
    assert (error.phase, error.waiting_for) == ("connect", "a connection")
    assert (error.cause, error.request_id, error.trace_id) == (Cause.INFRASTRUCTURE, "r-1", "t-1")


async def test_the_error_keeps_nothing_of_the_block_alive() -> None:
    class Socket:
        """Stands for anything a frame of the block may hold."""

    seen: list[weakref.ref[Socket]] = []

    async def body() -> None:
        held = Socket()
        seen.append(weakref.ref(held))
        await never()

    error = await expiry_of(guarded(SHORT, body))
    gc.collect()
    assert seen[0]() is None
    assert (error.__context__, error.__cause__) == (None, None)


async def test_a_late_end_that_nobody_interrupted_is_an_answer() -> None:
    deadline = Deadline.after(SHORT)
    async with deadline.guard(phase="receive", waiting_for="an answer"):
        while not deadline.expired:  # the loop has no chance to interrupt
            pass
    assert deadline.expired
    assert cancellations() == 0


@pytest.mark.parametrize("kind", [TimeoutError, ValueError, KeyError, KeyboardInterrupt])
async def test_what_the_block_raises_comes_out_as_it_is(kind: type[BaseException]) -> None:
    raised = kind("its own")

    async def body() -> None:
        raise raised

    with pytest.raises(kind) as out:
        await guarded(LONG, body)
    assert out.value is raised


async def test_an_answer_to_the_expiry_that_the_block_raises_comes_out_as_it_is() -> None:
    raised = TimeoutError("its own")

    async def body() -> None:
        try:
            await never()
        except asyncio.CancelledError:
            raise raised from None

    with pytest.raises(TimeoutError) as out:
        await guarded(SHORT, body)
    assert out.value is raised
    assert cancellations() == 0


async def test_a_block_that_swallows_the_expiry_has_not_ended_in_time() -> None:
    async def body() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await never()

    assert (await expiry_of(guarded(SHORT, body))).phase == "receive"


async def test_the_block_may_tidy_up_after_the_expiry() -> None:
    tidied = False

    async def body() -> None:
        nonlocal tidied
        try:
            await never()
        finally:
            await asyncio.sleep(0)
            tidied = True

    await expiry_of(guarded(SHORT, body))
    assert tidied


async def test_a_timeout_inside_the_block_is_the_blocks() -> None:
    async def body() -> None:
        async with asyncio.timeout(SHORT):
            await never()

    with pytest.raises(TimeoutError) as out:
        await guarded(LONG, body)
    assert not isinstance(out.value, DeadlineExceeded)


async def test_a_timeout_around_the_block_stays_the_outer_ones() -> None:
    async def call() -> None:
        async with asyncio.timeout(SHORT), guard(LONG):
            await never()

    with pytest.raises(TimeoutError) as out:
        await call()
    assert not isinstance(out.value, DeadlineExceeded)
    assert cancellations() == 0


async def test_an_expiry_passes_through_a_timeout_around_it() -> None:
    async def call() -> None:
        async with asyncio.timeout(LONG), guard(SHORT):
            await never()

    assert (await expiry_of(call())).limit == SHORT


@pytest.mark.parametrize(
    ("outer", "inner", "reporting"), [(LONG, SHORT, "inner"), (SHORT, LONG, "outer")]
)
async def test_of_a_block_and_a_block_inside_it_the_earlier_deadline_reports(
    outer: float, inner: float, reporting: str
) -> None:
    async def call() -> None:
        async with guard(outer, "outer"), guard(inner, "inner"):
            await never()

    assert (await expiry_of(call())).phase == reporting


async def test_a_child_reports_the_bound_that_was_met() -> None:
    deadline = Deadline.after(SHORT)

    async def call() -> None:
        async with deadline.child(LONG).guard(phase="connect", waiting_for="a connection"):
            await never()

    assert (await expiry_of(call())).limit == SHORT


async def test_a_cancellation_from_outside_comes_out() -> None:
    entered = asyncio.Event()

    async def body() -> None:
        entered.set()
        await never()

    task = asyncio.create_task(guarded(LONG, body))
    await entered.wait()
    task.cancel("from outside")
    with pytest.raises(asyncio.CancelledError, match="from outside"):
        await task
    assert task.cancelled()


async def test_a_cancellation_before_the_first_step_comes_out() -> None:
    task = asyncio.create_task(guarded(LONG))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_while_the_block_tidies_up_after_the_expiry_comes_out() -> None:
    tidying = asyncio.Event()

    async def body() -> None:
        try:
            await never()
        finally:
            tidying.set()
            await never()

    task = asyncio.create_task(guarded(SHORT, body))
    await tidying.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1


async def test_tidying_up_after_a_cancellation_is_bounded_and_the_cancellation_comes_out() -> None:
    entered = asyncio.Event()
    ended: list[float] = []

    async def call() -> None:
        entered.set()
        try:
            await never()
        finally:
            try:
                await guarded(SHORT)
            except DeadlineExceeded as error:
                ended.append(error.limit)

    task = asyncio.create_task(call())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [SHORT]


async def test_a_task_group_in_the_block_is_ended_as_a_whole() -> None:
    ended: list[str] = []

    async def child(name: str) -> None:
        try:
            await never()
        finally:
            ended.append(name)

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a"))
            group.create_task(child("b"))

    await expiry_of(guarded(SHORT, body))
    assert sorted(ended) == ["a", "b"]


async def test_an_expiry_in_a_task_of_a_group_ends_its_siblings() -> None:
    async def call() -> None:
        async with asyncio.TaskGroup() as group:
            siblings.append(group.create_task(guarded(LONG)))
            group.create_task(guarded(SHORT))

    siblings: list[asyncio.Task[None]] = []
    with pytest.raises(ExceptionGroup) as out:
        await call()
    assert [type(each) for each in out.value.exceptions] == [DeadlineExceeded]
    assert siblings[0].cancelled()


async def test_a_cancellation_of_a_task_with_a_group_in_its_block_comes_out() -> None:
    entered = asyncio.Event()

    async def child() -> None:
        entered.set()
        await never()

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    task = asyncio.create_task(guarded(LONG, body))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_idle_loop_ends_a_call_soon_after_its_deadline() -> None:
    late = [(await expiry_of(guarded(SHORT))).elapsed - SHORT for _ in range(20)]
    assert sorted(late)[10] < 0.015


def phase_of_an_expiry(runner: asyncio.Runner) -> str:
    async def call() -> str:
        return (await expiry_of(guarded(SHORT))).phase

    with runner:
        return runner.run(call())


def test_the_guard_works_in_debug_mode() -> None:
    assert phase_of_an_expiry(asyncio.Runner(debug=True)) == "receive"


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop has no Windows")
def test_the_guard_works_on_another_event_loop() -> None:
    uvloop = pytest.importorskip("uvloop")
    assert phase_of_an_expiry(asyncio.Runner(loop_factory=uvloop.new_event_loop)) == "receive"
