"""Where everything stands: the stack of every thread, and of every task of their loops."""

from __future__ import annotations

import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping
    from types import FrameType

__all__ = ["loops_in", "stacks"]

# How an object that can be suspended names its frame and what it awaits.
_SUSPENDED = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def stacks(frames: Mapping[int, FrameType] | None = None) -> str:
    """The stack of every thread but the one that asks, and of every task of their loops.

    Args:
        frames: The frame of each thread by its ident; what they stand at by default.
    """
    if frames is None:
        frames = sys._current_frames()  # noqa: SLF001 - the documented way to them
    asking = threading.get_ident()
    others = {ident: frame for ident, frame in frames.items() if ident != asking}
    names = {each.ident: each.name for each in threading.enumerate()}
    written: list[str] = []
    for ident, frame in others.items():
        written.append(f"Thread {names.get(ident, ident)}:\n")
        written += traceback.format_stack(frame)
        for loop in loops_in(frame):
            for task in _tasks(loop):
                written.append(f"Task {task.get_name()} of thread {names.get(ident, ident)}:\n")
                written += traceback.StackSummary.extract(
                    (each, each.f_lineno) for each in _awaiting(task.get_coro())
                ).format()
    return "".join(written)


def loops_in(frame: FrameType | None) -> list[asyncio.AbstractEventLoop]:
    """The event loops that a stack runs, the innermost first."""
    # Without asyncio there are none, and it costs too much to be loaded in vain.
    loaded = sys.modules.get("asyncio")
    found: list[asyncio.AbstractEventLoop] = []
    while frame is not None and loaded is not None:
        running = frame.f_locals.get("self")
        # A loop that is not written in Python has no frame, but what runs it has one.
        if isinstance(running, loaded.Runner):
            running = running.get_loop()
        if isinstance(running, loaded.AbstractEventLoop) and running not in found:
            found.append(running)
        frame = frame.f_back
    return found


def _tasks(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    import asyncio

    return sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())


def _awaiting(awaited: object) -> Iterator[FrameType]:
    """The frames of a suspended coroutine, from the outermost to where it waits."""
    while awaited is not None:
        for frame_name, awaited_name in _SUSPENDED:
            frame = getattr(awaited, frame_name, None)
            if frame is not None:
                yield frame
                # What drives a coroutine by hand says which one in a local of this name.
                awaited = frame.f_locals.get("driven", getattr(awaited, awaited_name, None))
                break
        else:
            return
