"""Runs of one socket: begun, told to it event by event, and stopped."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from netra_testkit.local.agents import perform, terminal_of
from netra_testkit.local.requests import BadRequest
from netra_testkit.local.sending import event_document
from netra_testkit.local.tampering import is_outer_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netra_testkit.local.agents import AgentRequest, Event
    from netra_testkit.local.connections import Connection, Connections
    from netra_testkit.local.state.runs import Run, RunStatus
    from netra_testkit.local.world import World
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["RunDelivery"]


class RunDelivery:
    """Tells the runs that a socket asked for to that socket, and to no other.

    Args:
        world: The server.
        connection: The socket.
        connections: Every socket, for the one fault that confuses them.
        tasks: What ends with the socket.
    """

    def __init__(
        self,
        world: World,
        connection: Connection,
        connections: Connections,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._world = world
        self._connection = connection
        self._connections = connections
        self._tasks = tasks
        self._user = connection.user_id
        self._own: set[Run] = set()

    def prepare(self, request: AgentRequest, *, run_id: str | None, thread_id: str) -> Run:
        """Start a run, without performing it yet.

        Args:
            request: What is asked.
            run_id: What the client calls it, None for a name of ours.
            thread_id: The thread it belongs to.

        Raises:
            BadRequest: A run with this id is under way.
        """
        known = None if run_id is None else self._world.state.runs.get(run_id, self._user)
        if known is not None and known.is_running:
            raise BadRequest("DUPLICATE_RUN", "A run with this id is under way.")
        return self._world.state.runs.start(
            self._user, request.agent, thread_id=thread_id, run_id=run_id
        )

    def begin(
        self,
        run: Run,
        request: AgentRequest,
        *,
        request_id: str | None,
        opening: Mapping[str, JsonValue] | None = None,
        kept_in: str | None = None,
    ) -> None:
        """Perform a run in the background, until it or the socket ends.

        Args:
            run: The run, as prepared.
            request: What is asked.
            request_id: The message that asked for it.
            opening: The frame that comes before its events, None for none.
            kept_in: The thread that its result becomes a message of, None for none.
        """
        run.task = self._tasks.create_task(self._tell(run, request, request_id, opening, kept_in))
        self._tasks.create_task(self._follow(run, run.task, request_id))
        self._own.add(run)

    def stop(self, name: str | None, status: RunStatus) -> list[str]:
        """Stop a run of this user, or every run of this socket.

        Args:
            name: The run's id or its agent's id; None for every run of the socket.
            status: Whether it counts as stopped or as cancelled.

        Returns:
            The ids of the runs that were stopped by this.
        """
        if name is None:
            asked = list(self._own)
        else:
            named = self._world.state.runs.get(name, self._user)
            asked = [] if named is None else [named]
        vain = self._world.board.strike("cancel-in-vain", user=self._user) is not None
        return [run.run_id for run in asked if (run.end(status) if vain else run.stop(status))]

    async def _tell(
        self,
        run: Run,
        request: AgentRequest,
        request_id: str | None,
        opening: Mapping[str, JsonValue] | None,
        kept_in: str | None,
    ) -> None:
        threads = self._world.state.threads
        if opening is not None:
            await self._connection.send(opening)
        told = 0
        async with aclosing(perform(self._world, run, request)) as events:
            async for event in events:
                await self._send(event, self._connection, request_id)
                told += 1
                if told == 2:  # noqa: PLR2004 - it has begun and has not ended
                    await self._break_off()
                if is_outer_terminal(event):
                    await self._cross(event)
                    # Who failed has nothing to say that is worth keeping.
                    if kept_in is not None and "result" in event.body:
                        result = str(event.body["result"])
                        threads.add(self._user, kept_in, "assistant", result)

    async def _follow(self, run: Run, task: asyncio.Task[None], request_id: str | None) -> None:
        await asyncio.wait({task})
        self._own.discard(run)
        if task.cancelled():
            await self._send(terminal_of(run), self._connection, request_id)

    async def _send(self, event: Event, to: Connection, request_id: str | None) -> None:
        # Noted first: who has received it may look for it at once.
        self._world.truth.add_event(
            run_id=str(event.body["run_id"]),
            user=to.user_id,
            type_name=event.type.value,
            connection_id=to.connection_id,
        )
        form = self._world.options.event_form
        at = self._world.clock()
        await to.send(event_document(event, form=form, at=at, request_id=request_id))

    async def _break_off(self) -> None:
        fault = self._world.board.strike("close", phase="mid-run", user=self._user)
        if fault is not None:
            await self._connection.close_as(fault)

    async def _cross(self, event: Event) -> None:
        other = self._connections.of_another(self._user)
        if other is not None and self._world.board.strike("crossed-event", user=self._user):
            await self._send(event, other, None)
