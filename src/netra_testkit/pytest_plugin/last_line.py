"""The last line: one thread that ends a process which threads of its tests keep from ending."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from netra_testkit.pytest_plugin.masked_text import without_secrets
from netra_testkit.pytest_plugin.stacks import stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["LastLine", "is_ending", "others"]

# How often it is looked whether the interpreter has begun to end; nothing calls back then.
_EVERY = 0.1


def others() -> frozenset[threading.Thread]:
    """The threads, but for the one that asks, that the end of the process waits for."""
    asking = threading.current_thread()
    return frozenset(
        each for each in threading.enumerate() if each is not asking and not each.daemon
    )


def is_ending() -> bool:
    """Whether the main thread has come to its end, and waits for others if for anything."""
    main = threading.main_thread()
    frame = sys._current_frames().get(main.ident or 0)  # noqa: SLF001 - the documented way to it
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    waits = frame is not None and (
        (frame.f_code.co_name, frame.f_globals.get("__name__")) == ("_shutdown", "threading")
    )
    return waits or not main.is_alive()


class LastLine:
    """A daemon thread that outlives a run, as long as threads that its tests began do.

    Where the process goes on after the run, it does nothing: what those threads do is the
    business of whoever started the run then.

    Args:
        left: The threads.
        within: How many seconds they have once the process is ending.
        write: Takes what is to be shown.
        end: Ends the process.
        gone: Called when there is nothing to end.
    """

    def __init__(
        self,
        left: Collection[threading.Thread],
        *,
        within: float,
        write: Callable[[str], None],
        end: Callable[[], None],
        gone: Callable[[], None],
    ) -> None:
        self._left = left
        self._within = within
        self._write = write
        self._end = end
        self._gone = gone
        self._thread = threading.Thread(target=self._run, name="netra last line", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def _run(self) -> None:
        while (alive := self._alive()) and not is_ending():
            alive[0].join(_EVERY)
        for each in alive:
            each.join(self._within / len(alive))
        if alive := self._alive():
            self._write(without_secrets(_told(alive, self._within)))
            self._end()
        else:
            self._gone()

    def _alive(self) -> list[threading.Thread]:
        return [each for each in self._left if each.is_alive()]


def _told(threads: Collection[threading.Thread], within: float) -> str:
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to them
    theirs = {each.ident: frames[each.ident] for each in threads if each.ident in frames}
    many = "a thread" if len(threads) == 1 else f"{len(threads)} threads"
    return (
        f"\nnetra: the run has ended, and {many} begun in it kept its process from ending "
        f"for {within:g} s\n{stacks(theirs)}"
    )
