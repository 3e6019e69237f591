"""Runs of agents: who started which, how far it is, and how it is stopped."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Run", "RunStatus", "Runs"]

# Of each owner's runs that have ended, the latest are remembered.
_REMEMBERED: Final = 100


class RunStatus(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """One run of one agent.

    Attributes:
        agent_id: Its name to the routes under /api/agents.
        run_id: Its name in frames and events.
        owner: The user_id that started it, None for nobody known.
        agent: Which agent it is.
        thread_id: The thread it belongs to.
        status: How far it is.
        started: When it began, in seconds since the epoch.
        last_activity: When it last did something.
        message_count: How many events it has sent.
        task: What performs it, for `stop` to cancel; whoever starts a task puts it here.
        is_stopped: Whether `stop` ended it, and its task is cancelled or about to be.
    """

    agent_id: str
    run_id: str
    owner: str | None
    agent: str
    thread_id: str | None
    status: RunStatus
    started: float
    last_activity: float
    message_count: int = 0
    task: asyncio.Task[Any] | None = None
    is_stopped: bool = False
    clock: Callable[[], float] = field(repr=False)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status is RunStatus.RUNNING

    def touch(self) -> None:
        """Count one event that was sent."""
        self.message_count += 1
        self.last_activity = self.clock()

    def end(self, status: RunStatus) -> bool:
        """Say how it ended; false, and nothing changed, when it had ended before."""
        if not self.is_running:
            return False
        self.status = status
        self.last_activity = self.clock()
        return True

    def stop(self, status: RunStatus = RunStatus.STOPPED) -> bool:
        """End it now, its task cancelled; false when it had ended before.

        The status is set before the task sees the cancellation, so it can tell who asked.
        """
        ended = self.end(status)
        self.is_stopped |= ended
        if ended and self.task is not None:
            # A server's state may be reset from another thread than the server's.
            loop = self.task.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self.task.cancel)
        return ended


class Runs:
    """Every run, by its owner; those that ended long ago are forgotten."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._runs: dict[str | None, deque[Run]] = {}

    def start(
        self,
        owner: str | None,
        agent: str,
        *,
        thread_id: str | None = None,
        run_id: str | None = None,
    ) -> Run:
        """Begin a run; its task, when it has one, is the caller's to set."""
        now = self._clock()
        run = Run(
            agent_id=f"agent_{uuid.uuid4()}",
            run_id=run_id or str(uuid.uuid4()),
            owner=owner,
            agent=agent,
            thread_id=thread_id,
            status=RunStatus.RUNNING,
            started=now,
            last_activity=now,
            clock=self._clock,
        )
        runs = self._runs.setdefault(owner, deque())
        runs.append(run)
        ended = [each for each in runs if not each.is_running]
        for each in islice(ended, max(0, len(ended) - _REMEMBERED)):
            runs.remove(each)
        return run

    def of(self, owner: str | None) -> tuple[Run, ...]:
        """The owner's runs, oldest first; none of nobody known, who may be anybody."""
        return () if owner is None else tuple(self._runs.get(owner, ()))

    def get(self, name: str, owner: str | None) -> Run | None:
        """The owner's latest run with this agent_id or run_id; nobody known has theirs by name."""
        runs = reversed(self._runs.get(owner, deque()))
        return next((each for each in runs if name in {each.agent_id, each.run_id}), None)

    def everybodys(self) -> tuple[Run, ...]:
        """All runs: what only a broken deployment lists."""
        return tuple(each for runs in tuple(self._runs.values()) for each in tuple(runs))

    def anybodys(self, name: str) -> Run | None:
        """A run whoever owns it: what only a broken deployment looks up."""
        return next((each for each in self.everybodys() if each.agent_id == name), None)

    @property
    def running(self) -> tuple[Run, ...]:
        """Every run that has not ended, whoever owns it."""
        return tuple(each for each in self.everybodys() if each.is_running)

    def stop_all(self, status: RunStatus = RunStatus.STOPPED) -> None:
        """Stop every run."""
        for run in self.running:
            run.stop(status)

    def clear(self) -> None:
        """Stop every run, and forget them."""
        self.stop_all()
        self._runs.clear()
