"""Agents over HTTP: asking one and waiting, and starting one that goes on by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import Field
from starlette.responses import JSONResponse

from netra_testkit.local.access import optional
from netra_testkit.local.agents import AgentRequest, conclude
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.bodies import Body, Content, Metadata, Name, read
from netra_testkit.local.routes.table import route
from netra_testkit.local.specialists import SPECIALISTS, specialist_named
from netra_testkit.local.state.runs import RunStatus
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.agents import Answer
    from netra_testkit.local.routes.table import Handler
    from netra_testkit.local.state.runs import Run
    from netra_testkit.local.world import World

__all__ = ["ROUTES"]

_DEFAULT = "triage"


class _Work(Body):
    type: Name | None = None
    agent: Name | None = None
    agent_type: Name | None = None
    context: Metadata = Field(default_factory=dict)
    thread_id: Name | None = None


class _Task(_Work):
    message: Content


class _Start(_Work):
    message: Content | None = None


class _Named(Body):
    agent_id: Name


def _asking(agent: str | None) -> Handler:
    """What asks an agent, the one that the body names when None, and waits for its answer."""

    async def execute(request: Request) -> Response:
        owner = await _owner(request)
        said = await read(request, _Task)
        world = world_of(request)
        name = agent or _specialist(said)
        run = world.state.runs.start(owner, name, thread_id=said.thread_id)
        wanted = AgentRequest(agent=name, text=said.message, context=said.context)
        task = asyncio.create_task(conclude(world, run, wanted))
        run.task = task
        # Unlike awaiting the task itself, this tells its being stopped from ours.
        await asyncio.wait({task})
        return JSONResponse(_answer(run, task))

    return execute


def _answer(run: Run, task: asyncio.Task[Answer]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "status": run.status.value,
        "agent": run.agent,
        "run_id": run.run_id,
        "response": None,
        "execution_time": max(0.0, run.last_activity - run.started),
        "circuit_breaker_state": "closed",
        "error": f"The run was {run.status.value}.",
    }
    if not task.cancelled():
        answer = task.result()
        said |= {
            "status": "success" if answer.error is None else "error",
            "response": answer.text,
            "execution_time": answer.elapsed,
            "error": answer.error,
        }
    return said


async def _start(request: Request) -> Response:
    """Start an agent; without a message it waits for nothing but to be stopped."""
    owner = await _owner(request)
    said = await read(request, _Start)
    world = world_of(request)
    name = _specialist(said)
    run = world.state.runs.start(owner, name, thread_id=said.thread_id)
    if said.message is not None:
        wanted = AgentRequest(agent=name, text=said.message, context=said.context)
        run.task = asyncio.create_task(conclude(world, run, wanted))
    return JSONResponse(_done(world, run, "start", success=True))


def _ending(action: str, status: RunStatus) -> Handler:
    """What ends one of the caller's agents."""

    async def end(request: Request) -> Response:
        owner = await _owner(request)
        said = await read(request, _Named)
        world = world_of(request)
        run = world.state.runs.get(said.agent_id, owner)
        if run is None and _is_shared(request, owner):
            run = world.state.runs.anybodys(said.agent_id)
        if run is None:
            raise PlatformError(404, "AGENT_NOT_FOUND", "There is no such agent.")
        vain = world.board.strike("cancel-in-vain", user=owner)
        success = run.stop(status) if vain is None else run.end(status)
        return JSONResponse(_done(world, run, action, success=success))

    return end


def _done(world: World, run: Run, action: str, *, success: bool) -> dict[str, Any]:
    return {
        "success": success,
        "agent_id": run.agent_id,
        "run_id": run.run_id,
        "action": action,
        "message": f"The agent {run.agent} is {run.status.value}.",
        "timestamp": world.clock(),
    }


async def _status(request: Request) -> Response:
    owner = await _owner(request)
    runs = world_of(request).state.runs
    found = runs.everybodys() if _is_shared(request, owner) else runs.of(owner)
    return JSONResponse(
        [
            {
                "agent_id": run.agent_id,
                "run_id": run.run_id,
                "status": run.status.value,
                "agent_type": run.agent,
                "start_time": run.started,
                "last_activity": run.last_activity,
                "message_count": run.message_count,
            }
            for run in found
        ]
    )


async def _owner(request: Request) -> str | None:
    claims = await optional(request)
    return claims.subject if claims else None


def _is_shared(request: Request, user: str | None) -> bool:
    """Whether this is a deployment that does not keep its users' agents apart."""
    strike = world_of(request).board.strike(
        "foreign-run", route=request.url.path, phase="http", user=user
    )
    return strike is not None


def _specialist(said: _Work) -> str:
    asked = said.type or said.agent or said.agent_type or _DEFAULT
    found = specialist_named(asked)
    if found is None:
        raise PlatformError(
            422, "UNKNOWN_AGENT", "There is no such agent.", {"agents": [*SPECIALISTS]}
        )
    return found.name


ROUTES: Sequence[Route] = (
    route("/api/agents/execute", POST=_asking(None)),
    route("/api/agents/triage", POST=_asking("triage")),
    route("/api/agents/data", POST=_asking("data")),
    route("/api/agents/optimization", POST=_asking("optimization")),
    route("/api/agents/start", POST=_start),
    route("/api/agents/stop", POST=_ending("stop", RunStatus.STOPPED)),
    route("/api/agents/cancel", POST=_ending("cancel", RunStatus.CANCELLED)),
    route("/api/agents/status", GET=_status),
)
"""Everything about agents, but for their streams."""
