"""The agent runs that are open on one connection, each with the frames that are its own."""

from __future__ import annotations

import contextlib
import time
import uuid
from typing import TYPE_CHECKING

from netra_testkit.wire.contract import RunLimits
from netra_testkit.wire.events import ERROR_FRAMES, RUN_EVENTS
from netra_testkit.wire.lifecycle import ConnectionState, step
from netra_testkit.wire.runs import AgentRun

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from netra_testkit.clients.connection import Connection
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.isolation import Witness
    from netra_testkit.clients.mailbox import Mailbox
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.wire.frames import Frame

__all__ = ["Runs"]

SHORTEST_WAIT = 0.001


class Runs:
    """Starts runs and follows each to its end.

    Args:
        connection: What they go over.
        config: How long their parts may take.
        witness: Sees every run that is started.
    """

    __slots__ = (
        "_config",
        "_connection",
        "_open",
        "_witness",
    )

    def __init__(
        self, connection: Connection, config: StagingConfig, witness: Witness | None
    ) -> None:
        self._connection = connection
        self._config = config
        self._witness = witness
        self._open: list[AgentRun] = []

    def new(self, agent: str, *, thread_id: str | None, user_id: str | None) -> AgentRun:
        """A run with an id of its own, not started yet."""
        timeouts = self._config.timeouts
        return AgentRun(
            agent,
            run_id=str(uuid.uuid4()),
            thread_id=thread_id,
            user_id=user_id,
            started_at=time.monotonic(),
            limits=RunLimits(
                thinking=timeouts.thinking,
                slowest_tool=timeouts.tool,
                hand_off=self._config.budgets.hand_off.limit,
                completion=timeouts.completion,
                total=timeouts.agent,
            ),
        )

    async def follow(
        self,
        run: AgentRun,
        text: str,
        context: Mapping[str, object],
        start: Callable[[Mapping[str, object]], Awaitable[str]],
        deadline: Deadline,
    ) -> None:
        """Start a run and feed it until it is finished. Bounded; safe to cancel.

        Args:
            run: The run.
            text: The user's request.
            context: What else the agent should know.
            start: Sends what asks for the run, and gives its message_id.
            deadline: When it has to be finished.

        Raises:
            ServerClosed: The connection ended before the run did.
            DeadlineExceeded: The run did not end in time.
        """
        with self._opened(run) as box:
            run.message_id = await start(
                {
                    "agent": run.agent,
                    "agent_type": run.agent,
                    "user_request": text,
                    "message": text,
                    "context": dict(context),
                    "thread_id": run.thread_id,
                    "run_id": run.run_id,
                }
            )
            while not run.finished:
                patience = self._patience(run, deadline)
                frame = await self._connection.until(box, None, patience, "agent")
                if frame is not None:
                    run.feed(frame)
                elif deadline.expired:
                    waiting_for = " and ".join(run.missing) or "end of the run"
                    raise self._connection.exceeded(
                        deadline, "agent", f"{waiting_for} of agent {run.agent!r}"
                    )
                else:
                    completion = self._config.timeouts.completion
                    run.settle(time.monotonic(), completion=completion)

    @contextlib.contextmanager
    def _opened(self, run: AgentRun) -> Iterator[Mailbox]:
        connection = self._connection
        self._open.append(run)
        if self._witness is not None:
            self._witness.started(run)
        self._say_who_is_alone()
        if connection.state in {ConnectionState.PROCESSING_READY, ConnectionState.IDLE}:
            connection.state = step(connection.state, ConnectionState.PROCESSING)
        try:
            with connection.hearing.claim(
                lambda frame: _concerns(run, frame), after_others=True
            ) as box:
                yield box
        finally:
            self._open.remove(run)
            self._say_who_is_alone()
            if not self._open and connection.state is ConnectionState.PROCESSING:
                connection.state = step(connection.state, ConnectionState.IDLE)

    def _patience(self, run: AgentRun, deadline: Deadline) -> Deadline:
        """Until when the next event may come: after a nested end the outer agent has less time."""
        if run.quiet_since is None:
            return deadline
        since = time.monotonic() - run.quiet_since
        return deadline.child(max(self._config.timeouts.completion - since, SHORTEST_WAIT))

    def _say_who_is_alone(self) -> None:
        for run in self._open:
            run.alone = len(self._open) == 1


def _concerns(run: AgentRun, frame: Frame) -> bool:
    """Whether a frame is this run's to take in; anything else stays for `receive`."""
    if frame.type in RUN_EVENTS:
        strayed = None not in (run.user_id, frame.user_id) and run.user_id != frame.user_id
        return strayed or run.owns(frame)
    if frame.type in ERROR_FRAMES:
        return run.owns(frame)
    return frame.run_id is not None and frame.run_id == run.run_id
