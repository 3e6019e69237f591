"""What a meeting may leave behind: tasks, threads, descriptors, sockets, complaints of the loop."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import stat
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

DESCRIPTORS = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"  # noqa: PTH112 - nothing may be opened to look
# Elsewhere what is open cannot be listed, and only tasks and threads are counted.
LISTABLE = os.path.isdir(DESCRIPTORS)  # noqa: PTH112 - see above
SETTLED_WITHIN = 1.0
A_TURN = 0.005


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir(DESCRIPTORS)) if LISTABLE else 0  # noqa: PTH208 - see above


def connections_to(ports: Collection[int]) -> Counter[int]:
    """How many sockets of this process are connected to each of the ports."""
    found: Counter[int] = Counter()
    for name in os.listdir(DESCRIPTORS) if LISTABLE else ():  # noqa: PTH208 - see above
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as each:
                    found[each.getpeername()[1]] += 1
        except (OSError, IndexError):
            # It is not connected to a port, or gone since it was listed.
            continue
    return Counter({port: found[port] for port in ports})


@dataclass
class Leaks:
    """What there was before, to be held against what there is after; for one event loop.

    Attributes:
        complaints: What the loop said of failures that nobody looked at.
    """

    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.complaints.append(_said(context)))
        self._tasks = asyncio.all_tasks()
        self._threads = set(threading.enumerate())
        self._descriptors = descriptors()

    async def while_served(self, before: Counter[int]) -> tuple[list[str], Counter[int]]:
        """What is left while the servers still hold their side: tasks, and sockets by port.

        A server that ends would end the sockets that a client forgot.

        Args:
            before: The sockets that the servers themselves hold to their ports.
        """
        tasks, sockets = self._new_tasks(), connections_to(before) - before
        for _ in range(int(SETTLED_WITHIN / A_TURN)):
            if not tasks and not sockets:
                break
            await asyncio.sleep(A_TURN)
            tasks, sockets = self._new_tasks(), connections_to(before) - before
        return [f"a task was left: {each.get_coro()}" for each in tasks], sockets

    async def afterwards(self) -> list[str]:
        """What is left when the servers are gone too."""
        gc.collect()
        for _ in range(int(SETTLED_WITHIN / A_TURN)):
            if not self._new_threads() and descriptors() <= self._descriptors:
                break
            await asyncio.sleep(A_TURN)
        left = [f"a thread was left: {each.name}" for each in self._new_threads()]
        if descriptors() > self._descriptors:
            left.append(f"descriptors were left: {descriptors() - self._descriptors}")
        left += [f"the loop complained: {each}" for each in self.complaints]
        return left

    def _new_tasks(self) -> set[asyncio.Task[Any]]:
        return {each for each in asyncio.all_tasks() - self._tasks if not each.done()}

    def _new_threads(self) -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each not in self._threads]


def _said(context: dict[str, Any]) -> str:
    return f"{context.get('message')} {context.get('exception')!r}"
