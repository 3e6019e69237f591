"""The second line: one thread that ends a test which its deadline alone did not end."""

from __future__ import annotations

import contextlib
import gc
import math
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.masked_text import without_secrets
from netra_testkit.pytest_plugin.stacks import loops_in, stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from netra_testkit.errors import DeadlineExceeded
    from netra_testkit.pytest_plugin.bounding import Bounded

__all__ = ["HUNG", "LATE", "Interruption", "SecondLine", "Watch"]

HUNG = 21
"""The exit code of a process that a test hung and that had to be ended."""

LATE = 2.0
"""How many seconds after a deadline the second line steps in, and once more until it gives up."""

# A loop that has not answered by then is blocked.
_ANSWERED_WITHIN = 0.25


class Interruption(BaseException):
    """Raised by the second line in the thread of a test that is blocked in Python code.

    No Exception, so that a loop which catches those is ended too.
    """


class InterruptedTeardown(Interruption, pytest.fail.Exception):  # type: ignore[name-defined,misc]  # mypy sees no class in it
    """The same while a test is torn down: pytest goes on with what else there is to tear down."""


@dataclass(eq=False)
class Watch:
    """The deadline of one test, and what it is doing.

    Attributes:
        nodeid: Which test.
        limit: Its bound in seconds.
        clock: The seconds that it counts.
        started_at: When the test began.
        phase: setup, call or teardown.
        until: When this phase must have ended.
        missed: Whether it had to be cancelled.
        failure: The error that said so last, when it was not in time.
        thread: The ident of the thread that runs it.
        running: What of it is being awaited.
    """

    nodeid: str
    limit: float
    clock: Callable[[], float] = time.monotonic
    started_at: float = field(init=False)
    phase: str = "setup"
    until: float = field(init=False)
    missed: bool = False
    failure: DeadlineExceeded | None = None
    thread: int = field(default_factory=threading.get_ident)
    running: Bounded | None = None

    def __post_init__(self) -> None:
        self.started_at = self.clock()
        self.until = self.started_at + self.limit

    @property
    def remaining(self) -> float:
        """Seconds left, never less than zero."""
        return max(0.0, self.until - self.clock())

    @property
    def expired(self) -> bool:
        """Whether the phase should have ended."""
        return self.missed or self.clock() > self.until

    @property
    def suspended(self) -> bool:
        """Whether it may take as long as it likes."""
        return self.until == math.inf

    def enter(self, phase: str, *, at_least: float = 0.0) -> None:
        """Go on to the next phase.

        Args:
            phase: Its name.
            at_least: The seconds that it has even when the phases before took all.
        """
        self.phase = phase
        self.missed = False
        self.failure = None
        self.until = max(self.until, self.clock() + at_least)

    def suspend(self) -> None:
        """Let the test take as long as it likes: somebody looks at it with a debugger."""
        self.until = math.inf

    def exceeded(self) -> DeadlineExceeded:
        """The error that says the deadline has passed."""
        from netra_testkit.errors import DeadlineExceeded

        self.failure = DeadlineExceeded(
            phase=self.phase,
            limit=self.limit,
            elapsed=self.clock() - self.started_at,
            waiting_for="end of the test",
            has_peer=False,
            hint="Look at where it waited; raise its deadline only when that itself is wrong.",
        )
        return self.failure


class SecondLine:
    """One daemon thread for a whole run, which looks after one test at a time.

    So many seconds after the deadline it writes every stack, ends what awaits, and raises an
    Interruption in the thread of a test that is blocked. So many seconds later again the test is
    hung, and the process has to end.

    Args:
        write: Takes what is to be shown.
        end: Ends the process; called with what is to be said of the test.
        late: How many seconds after the deadline it steps in.
        hung: How many seconds after that a test is hung.
        clock: The seconds that it counts; those of the watches.
    """

    def __init__(
        self,
        *,
        write: Callable[[str], None],
        end: Callable[[str], None],
        late: float = LATE,
        hung: float = LATE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._end = end
        self._late = late
        self._hung = hung
        self._clock = clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._watch: Watch | None = None
        self._steps: list[tuple[float, Callable[[Watch], None]]] = []
        self._raised = False
        self._closed = False

    def look_after(self, watch: Watch) -> None:
        """Look after one phase of a test, until it is released."""
        late = self._late
        with self._changed:
            self._watch = watch
            self._steps = [
                (watch.until + late, self._show),
                (watch.until + late + min(_ANSWERED_WITHIN, self._hung / 4), self._interrupt),
                (watch.until + late + self._hung, self._give_up),
            ]
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="netra second line", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def release(self) -> None:
        """The phase has ended: no Interruption comes after this. For the thread that is watched.

        One that comes while it is being done leaves it undone, and perhaps the lock with this
        thread. As there is no second one, doing it again mends both.
        """
        self._let_go()
        with self._changed:
            self._watch = None
            self._raised = False
        # One that waits to be raised is raised here at the latest: a loop looks for it. Taking it
        # back would leave Python 3.11 looking for it ever after.
        for _ in range(2):
            pass

    def close(self) -> None:
        """End the thread."""
        self._let_go()
        with self._changed:
            self._closed = True
            self._watch = None
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _let_go(self) -> None:
        with contextlib.suppress(RuntimeError):
            while True:
                self._changed.release()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                if self._watch is None or not self._steps:
                    self._changed.wait()
                    continue
                at, step = self._steps[0]
                missing = at - self._clock()
                if missing > 0:
                    self._changed.wait(min(missing, threading.TIMEOUT_MAX))
                else:
                    del self._steps[0]
                    with _without_garbage():
                        step(self._watch)

    def _show(self, watch: Watch) -> None:
        head = f"\n{watch.nodeid}: {self._late:g} s past its deadline ({_where(watch)})\n"
        self._write(without_secrets(head + stacks()))
        running = watch.running
        if running is None:
            self._interrupt(watch)
        else:
            running.give_up()

    def _interrupt(self, watch: Watch) -> None:
        if self._raised:
            return
        self._raised = True
        loops = loops_in(_frame_of(watch.thread))
        kind = InterruptedTeardown if watch.phase == "teardown" else Interruption
        if _raise_in(watch.thread, kind):
            # Until it is raised, Python 3.11 lets no thread that is traced enter a function.
            sys.settrace(None)
            # One that waits for the network has no bytecode to raise it in before it is woken.
            for loop in loops:  # pragma: no cover - what is not traced cannot be covered
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(lambda: None)

    def _give_up(self, watch: Watch) -> None:
        said = f"\n{watch.nodeid}: hung ({_where(watch)}), blocked where nothing can end it\n"
        self._end(without_secrets(said))


@contextlib.contextmanager
def _without_garbage() -> Iterator[None]:
    """A block in which no garbage of a test ends, as that may run code of the test here."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _where(watch: Watch) -> str:
    return f"{watch.phase}, limit {watch.limit:g} s"


def _frame_of(thread: int) -> FrameType | None:
    return sys._current_frames().get(thread)  # noqa: SLF001 - the documented way to it


def _raise_in(thread: int, error: type[BaseException]) -> bool:
    """Raise an error in a thread at its next bytecode; whether there is such a thread."""
    import ctypes

    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    # Nothing that is written in Python may be called between this and its return.
    threads: int = raise_in(ctypes.c_ulong(thread), ctypes.py_object(error))
    return threads == 1
