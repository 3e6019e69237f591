"""A coroutine that ends by its deadline: cancelled from inside, and given up when it resists."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator

    from netra_testkit.pytest_plugin.second_line import Watch

__all__ = ["Bounded", "bounded_function"]

# No loop knows how to wait for ever.
_LONGEST = 86_400.0


class Bounded:
    """One awaitable, driven inside the task that awaits it; await `run` once.

    At the deadline the task is cancelled, which reaches whatever the awaitable awaits. One that
    swallows it may go on until it is given up: then it is closed where it stands. That it ended
    too late, however it ended, the watch knows.

    Args:
        awaited: A coroutine, or a step of an asynchronous generator.
        watch: Whose deadline it is.

    Attributes:
        task: The task that it runs in; None when it does not.
    """

    task: asyncio.Task[Any] | None

    def __init__(self, awaited: Awaitable[Any], watch: Watch) -> None:
        self.task = None
        self._awaited = awaited
        self._watch = watch
        self._cancelled = False
        self._given_up = False
        self._to_take_back = 0

    async def run(self) -> object:
        """What the awaitable results in. Bounded by the watch; a cancellation is handed on.

        Raises:
            DeadlineExceeded: The deadline passed, and it did not swallow its cancellation.
        """
        __tracebackhide__ = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Another library's loop has tasks and timers of its own.
            return await self._awaited
        self.task = task = cast("asyncio.Task[Any]", asyncio.current_task())
        asked_before = task.cancelling()
        timer = loop.call_later(min(self._watch.remaining, _LONGEST), self._cancel)
        self._watch.running = self
        try:
            return await self
        except asyncio.CancelledError as cancelled:
            self._take_back(task)
            # Somebody else's is handed on, also one of the same moment.
            if not self._cancelled or task.cancelling() > asked_before:
                raise
            failure = self._watch.exceeded()
            # What it waited for is what has to be seen, and nothing of how it was ended.
            raise failure.with_traceback(cancelled.__traceback__) from None
        finally:
            timer.cancel()
            self._watch.running = None
            self._take_back(task)
            self.task = None

    def give_up(self) -> None:
        """End the awaitable where it stands, whatever it does with a cancellation.

        For any thread; without effect once it has ended.
        """
        task = self.task
        if task is not None:
            # A loop that is closed meanwhile has nothing left to end.
            with contextlib.suppress(RuntimeError):
                task.get_loop().call_soon_threadsafe(self._close)

    def __await__(self) -> Generator[Any, Any, object]:
        __tracebackhide__ = True
        # Read by whoever writes stacks, which a coroutine that is driven by hand ends.
        driven = self._awaited
        awaited: Any = driven.__await__()
        step: Callable[[], Any] = functools.partial(next, awaited)
        while True:
            try:
                waits_for = step()
            except StopIteration as end:
                return end.value
            try:
                sent = yield waits_for
            except GeneratorExit:
                _close(awaited)
                raise
            except BaseException as thrown:
                if self._given_up:
                    _close(awaited)
                    raise
                step = functools.partial(awaited.throw, thrown)
            else:
                step = functools.partial(awaited.send, sent)

    def _cancel(self) -> None:
        if self.task is not None and not self._watch.suspended:
            self._cancelled = self._watch.missed = True
            self._to_take_back += 1
            self.task.cancel()

    def _close(self) -> None:
        self._given_up = True
        self._cancel()

    def _take_back(self, task: asyncio.Task[Any]) -> None:
        while self._to_take_back:
            self._to_take_back -= 1
            task.uncancel()


def _close(awaited: Any) -> None:  # noqa: ANN401 - what an awaitable gives is of no type
    try:
        awaited.close()
    except RuntimeError:
        # It resists that too. Collected as garbage it would be closed once more, in whichever
        # thread that happens, and without a loop it may go on there without end: it is kept.
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(awaited))
        raise


def bounded_function(
    function: Callable[..., Any], current: Callable[[], Watch | None]
) -> Callable[..., Any]:
    """The same coroutine or asynchronous generator function, ending by whoever's deadline it is.

    Args:
        function: A function or a bound method.
        current: Gives whose deadline it is when a step begins; None for nobody's.
    """
    if inspect.ismethod(function):
        return MethodType(bounded_function(function.__func__, current), function.__self__)
    if inspect.isasyncgenfunction(function):
        return _bounded_generator(function, current)

    @functools.wraps(function)
    async def bounded(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - handed on
        __tracebackhide__ = True
        return await _bounded(function(*args, **kwargs), current())

    return bounded


def _bounded_generator(
    function: Callable[..., Any], current: Callable[[], Watch | None]
) -> Callable[..., AsyncIterator[object]]:
    @functools.wraps(function)
    async def bounded(*args: Any, **kwargs: Any) -> AsyncIterator[object]:  # noqa: ANN401 - handed on
        generator = function(*args, **kwargs)
        try:
            # Each step for itself: nothing is held across a yield.
            while True:
                try:
                    value = await _bounded(anext(generator), current())
                except StopAsyncIteration:
                    return
                yield value
        finally:
            await generator.aclose()

    return bounded


async def _bounded(awaited: Awaitable[Any], watch: Watch | None) -> object:
    __tracebackhide__ = True
    return await (awaited if watch is None else Bounded(awaited, watch).run())
