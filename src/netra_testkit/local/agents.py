"""Deterministic runs: what an agent says is decided by the request and the seed alone."""

from __future__ import annotations

import asyncio
import hashlib
import textwrap
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from netra_testkit.local.access import ANONYMOUS
from netra_testkit.local.specialists import SPECIALISTS, Think, Use
from netra_testkit.local.state.runs import RunStatus
from netra_testkit.local.tampering import Tampering, is_outer_terminal
from netra_testkit.local.tools import TOOLS, ToolFailed, category_of
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from netra_testkit.local.specialists import Specialist, Step
    from netra_testkit.local.state.runs import Run
    from netra_testkit.local.world import World
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["AgentRequest", "Answer", "Body", "Event", "conclude", "perform", "play", "terminal_of"]

Body: TypeAlias = dict[str, "JsonValue"]

_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRequest:
    """What an agent is asked.

    Attributes:
        agent: The agent's name, one of SPECIALISTS.
        text: What the user wants.
        context: What else the user gives along.
    """

    agent: str
    text: str
    context: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a run, as it is before it takes a form on the wire."""

    type: MessageType
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a run ended.

    Attributes:
        text: The final text for the user, None when the agent failed.
        elapsed: How long the run took, in seconds.
        error: What went wrong on the way, None when nothing did.
    """

    text: str | None
    elapsed: float
    error: str | None


async def conclude(world: World, run: Run, request: AgentRequest) -> Answer:
    """Perform a run and give its answer only; bounded by the script of its agent.

    A cancellation ends the run where it stands.

    Args:
        world: The server it runs on.
        run: The run, which has begun and is ended here.
        request: What is asked.
    """
    began = time.monotonic()
    tampering = Tampering.struck_at_its_end(world.board, run.owner)
    body: Body = {}
    async with aclosing(_paced(world, run, request, tampering)) as events:
        async for event in events:
            body = event.body
            world.truth.add_event(
                run_id=run.run_id,
                user=run.owner,
                type_name=event.type.value,
                connection_id=None,
            )
    elapsed = time.monotonic() - began
    if run.status is RunStatus.FAILED:
        return Answer(text=None, elapsed=elapsed, error=str(body["error"]))
    errors = body["tool_errors"]
    said = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
    return Answer(text=str(body["result"]), elapsed=elapsed, error=said or None)


def perform(world: World, run: Run, request: AgentRequest) -> AsyncGenerator[Event, None]:
    """The events of a run, one at a time at the pace of the server.

    The run has ended when its last event is given. A cancellation ends it where it stands. The
    faults that bend the events of a run have been at work on them.

    Args:
        world: The server it runs on.
        run: The run, which has begun and is ended here.
        request: What is asked.
    """
    return _paced(world, run, request, Tampering.struck(world.board, run.owner))


async def _paced(
    world: World, run: Run, request: AgentRequest, tampering: Tampering
) -> AsyncGenerator[Event, None]:
    user = run.owner or ANONYMOUS
    world.truth.add_run(run_id=run.run_id, user=user, agent=request.agent)
    silent = world.board.strike("silent-tool-failure", user=run.owner) is not None
    ids: Body = {"run_id": run.run_id, "thread_id": run.thread_id, "user_id": user}
    played = play(request, seed=world.options.seed, silent=silent)
    try:
        for event in tampering.apply(played):
            await asyncio.sleep(world.options.pace)
            if run.is_stopped:
                # The cancellation is on its way, and nothing is told after it was promised.
                await asyncio.Event().wait()
            run.touch()
            if is_outer_terminal(event):
                failed = event.type is MessageType.AGENT_ERROR
                run.end(RunStatus.FAILED if failed else RunStatus.COMPLETED)
            yield Event(event.type, {**event.body, **ids})
        if tampering.endless:
            await asyncio.Event().wait()
        run.end(RunStatus.COMPLETED)
    finally:
        # Nobody listens to the rest: a run that has not ended by now ends with its listener.
        run.end(RunStatus.CANCELLED)


def terminal_of(run: Run) -> Event:
    """The event that ends a run which was stopped or cancelled."""
    kind = (
        MessageType.AGENT_STOPPED
        if run.status is RunStatus.STOPPED
        else MessageType.AGENT_CANCELLED
    )
    return Event(
        kind,
        {
            **_named(run.agent),
            "status": run.status.value,
            "reason": f"the run was {run.status.value}",
            "run_id": run.run_id,
            "thread_id": run.thread_id,
            "user_id": run.owner or ANONYMOUS,
        },
    )


def play(request: AgentRequest, *, seed: int, silent: bool = False) -> Iterator[Event]:
    """The events of a run without ids: the same for the same request and seed.

    Args:
        request: What is asked.
        seed: From which the figures are made.
        silent: Let the first tool fail, and say nothing of failures in the answers.
    """
    return _Stage(request, seed, silent).perform(SPECIALISTS[request.agent], None)


class _Stage:
    """One play: what was used so far, by whom, and what failed."""

    def __init__(self, request: AgentRequest, seed: int, silent: bool) -> None:  # noqa: FBT001 - private
        digest = hashlib.sha256(f"{seed}/{request.text}".encode("utf-8", "replace")).digest()
        self._figure = int.from_bytes(digest[:4]) % 90_000 + 10_000
        self._request = request
        self._shown = textwrap.shorten(request.text, _SHOWN, placeholder=" …")
        self._silent = silent
        self._used = 0

    def perform(self, specialist: Specialist, parent: str | None) -> Iterator[Event]:
        about = _named(specialist.name)
        if parent is not None:
            about["parent_agent"] = parent
        yield Event(MessageType.AGENT_STARTED, {**about, "status": "started"})
        tools: list[str] = []
        errors: list[str] = []
        for step in specialist.steps:
            for event in self._step(step, about):
                yield event
                if event.type is MessageType.TOOL_COMPLETED:
                    tools.append(str(event.body["tool"]))
                    errors.extend([str(event.body["error"])] if "error" in event.body else [])
        told = [] if self._silent else list(dict.fromkeys(errors))
        yield Event(
            MessageType.AGENT_COMPLETED,
            {
                **about,
                **_answer(f"{specialist.conclusion}: {self._figure} units in view.", told),
                "tools_used": [*dict.fromkeys(tools)],
                "tool_errors": [*told],
                "status": "completed",
            },
        )

    def _step(self, step: Step, about: Body) -> Iterator[Event]:
        if isinstance(step, Think):
            thought = step.thought.format(text=self._shown)
            yield Event(
                MessageType.AGENT_THINKING, {**about, "thought": thought, "reasoning": thought}
            )
        elif isinstance(step, Use):
            yield from self._use(step.tool, about)
        else:
            yield from self.perform(SPECIALISTS[step.agent or self._fitting()], str(about["agent"]))

    def _use(self, tool: str, about: Body) -> Iterator[Event]:
        self._used += 1
        given: Body = {"text": self._shown, "amount": self._figure}
        about = {**about, "tool": tool, "tool_name": tool, "execution_id": f"use-{self._used}"}
        yield Event(MessageType.TOOL_EXECUTING, {**about, "tool_input": given})
        whole: Body = {**given, "text": self._request.text, "context": dict(self._request.context)}
        if self._silent and self._used == 1:
            whole["text"] = f"fail:{tool}"
        try:
            result = TOOLS[tool].call(whole)
        except ToolFailed as failed:
            outcome: Body = {"success": False, "status": "failed", "error": failed.reason}
        else:
            outcome = {"success": True, "status": "completed", "result": result}
        yield Event(MessageType.TOOL_COMPLETED, {**about, **outcome})

    def _fitting(self) -> str:
        fitting = category_of(self._request.text)
        return "optimization" if fitting == "reporting" else fitting


def _named(agent: str) -> Body:
    return {"agent": agent, "agent_name": agent}


def _answer(conclusion: str, errors: list[str]) -> Body:
    text = " ".join([conclusion, *(f"Mind that {each}." for each in errors)])
    return {"result": text, "final_response": text}
