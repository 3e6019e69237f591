"""The three streams of server-sent events: an agent's run, a chat's answer, what happens."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import AliasChoices, Field
from starlette.responses import StreamingResponse

from netra_testkit.local.access import ANONYMOUS, optional, required
from netra_testkit.local.agents import AgentRequest, perform, terminal_of
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.bodies import Body, Content, Metadata, Name, read
from netra_testkit.local.routes.table import route
from netra_testkit.local.sending import event_document, reply_document, text_of
from netra_testkit.local.specialists import SPECIALISTS, specialist_named
from netra_testkit.local.state.runs import RunStatus
from netra_testkit.local.tampering import is_outer_terminal
from netra_testkit.local.world import world_of
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.agents import Event
    from netra_testkit.local.faults import Fault
    from netra_testkit.local.state.runs import Run
    from netra_testkit.local.world import World
    from netra_testkit.safety.jsonable import JsonValue

    _Documents: TypeAlias = AsyncGenerator[dict[str, JsonValue], None]

__all__ = ["ROUTES"]

_DEFAULT_AGENT: Final = "triage"
_CUT_AFTER: Final = 3
_SAMPLES: Final = 3
_HEARTBEATS: Final = 10
_CHUNK: Final = 40


class _Work(Body):
    type: Name | None = None
    agent: Name | None = None
    message: Content
    context: Metadata = Field(default_factory=dict)
    thread_id: Name | None = None


class _Chat(Body):
    content: Content = Field(validation_alias=AliasChoices("content", "message"))
    thread_id: Name | None = None


async def _agent_stream(request: Request) -> Response:
    claims = await optional(request)
    said = await read(request, _Work)
    specialist = specialist_named(said.type or said.agent or _DEFAULT_AGENT)
    if specialist is None:
        known: list[JsonValue] = [*SPECIALISTS]
        raise PlatformError(422, "UNKNOWN_AGENT", "There is no such agent.", {"agents": known})
    world = world_of(request)
    owner = claims.subject if claims else None
    run = world.state.runs.start(owner, specialist.name, thread_id=said.thread_id)
    wanted = AgentRequest(agent=specialist.name, text=said.message, context=said.context)
    return _streamed(request, owner, _run_told(world, run, wanted))


async def _run_told(world: World, run: Run, request: AgentRequest) -> _Documents:
    about: dict[str, JsonValue] = {"agent_id": run.agent_id}
    last: dict[str, JsonValue] = {}
    async with aclosing(_events(world, run, request)) as events:
        async for event in events:
            last = event.body
            yield {"event": event.type.value, **about, "timestamp": world.clock(), **event.body}
    kind, said = _end(run, last)
    said = {"run_id": run.run_id, **said}
    yield {"event": kind.value, **about, "timestamp": world.clock(), **said}


async def _chat_stream(request: Request) -> Response:
    owner = (await required(request)).subject
    said = await read(request, _Chat)
    world = world_of(request)
    threads = world.state.threads
    if said.thread_id is not None and threads.get(owner, said.thread_id) is None:
        raise PlatformError(404, "NOT_FOUND", "There is no such thread.")
    thread_id = said.thread_id or threads.create(owner).thread_id
    run = world.state.runs.start(owner, _DEFAULT_AGENT, thread_id=thread_id)
    threads.add(owner, thread_id, "user", said.content)
    return _streamed(request, owner, _chat_told(world, run, owner, thread_id, said.content))


async def _chat_told(
    world: World, run: Run, owner: str, thread_id: str, content: str
) -> _Documents:
    ids: dict[str, JsonValue] = {"run_id": run.run_id, "thread_id": thread_id, "user_id": owner}

    def told(kind: MessageType, **data: JsonValue) -> dict[str, JsonValue]:
        return reply_document(kind, {**data, **ids}, at=world.clock())

    yield told(MessageType.STREAM_START)
    yield told(MessageType.USER_MESSAGE, content=content)
    wanted = AgentRequest(agent=_DEFAULT_AGENT, text=content)
    answer = ""
    last: dict[str, JsonValue] = {}
    async with aclosing(_events(world, run, wanted)) as events:
        async for event in events:
            yield event_document(event, form=world.options.event_form, at=world.clock())
            last = event.body
            if is_outer_terminal(event) and "result" in event.body:
                answer = str(event.body["result"])
                world.state.threads.add(owner, thread_id, "assistant", answer)
    for start in range(0, len(answer), _CHUNK):
        yield told(MessageType.RESPONSE_CHUNK, content=answer[start : start + _CHUNK])
    kind, said = _end(run, last)
    yield told(kind, **said)


def _end(run: Run, last: dict[str, JsonValue]) -> tuple[MessageType, dict[str, JsonValue]]:
    """How a stream ends: as its run did, with the reason that the last event gave."""
    said: dict[str, JsonValue] = {"status": run.status.value}
    if run.status is not RunStatus.FAILED:
        return MessageType.STREAM_END, said
    return MessageType.STREAM_ERROR, said | {name: last[name] for name in ("error_code", "error")}


async def _event_stream(request: Request) -> Response:
    claims = await optional(request)
    owner = claims.subject if claims else None
    return _streamed(request, owner, _happenings(world_of(request), owner or ANONYMOUS))


async def _happenings(world: World, user: str) -> _Documents:
    def told(kind: MessageType, **data: JsonValue) -> dict[str, JsonValue]:
        return reply_document(kind, data, at=world.clock())

    ids: dict[str, JsonValue] = {"connection_id": uuid.uuid4().hex, "user_id": user}
    yield told(MessageType.STREAM_CONNECTED, **ids)
    for number in range(1, _SAMPLES + 1):
        await asyncio.sleep(world.options.pace)
        yield told(MessageType.QUALITY_METRICS, sample=number, **ids)
    for _ in range(_HEARTBEATS):
        yield told(MessageType.HEARTBEAT, **ids)
        await asyncio.sleep(world.options.limits.heartbeat_interval)
    yield told(MessageType.STREAM_TIMEOUT, **ids)


async def _events(world: World, run: Run, request: AgentRequest) -> AsyncGenerator[Event, None]:
    """The events of a run that is performed beside, so that others can stop it."""
    told: asyncio.Queue[Event | None] = asyncio.Queue()

    async def play() -> None:
        try:
            async with aclosing(perform(world, run, request)) as events:
                async for event in events:
                    told.put_nowait(event)
        finally:
            told.put_nowait(None)

    task = run.task = asyncio.create_task(play())
    try:
        while (event := await told.get()) is not None:
            yield _noted(world, run, event)
        await asyncio.wait({task})
        if task.cancelled():
            yield _noted(world, run, terminal_of(run))
        else:
            task.result()
    finally:
        task.cancel()


def _noted(world: World, run: Run, event: Event) -> Event:
    world.truth.add_event(
        run_id=run.run_id, user=run.owner, type_name=event.type.value, connection_id=None
    )
    return event


def _streamed(request: Request, user: str | None, documents: _Documents) -> Response:
    def strike(kind: str) -> Fault | None:
        board = world_of(request).board
        return board.strike(kind, route=request.url.path, phase="stream", user=user)

    cut, held = strike("stream-cut"), strike("buffered-stream")

    async def pieces() -> AsyncIterator[str]:
        yield ": ping\n\n"
        number = 0
        async with aclosing(documents):
            async for document in documents:
                number += 1
                yield f"id: {number}\ndata: {text_of(document)}\n\n"
                if cut is not None and number == _CUT_AFTER:
                    return

    async def whole() -> AsyncIterator[str]:
        yield "".join([piece async for piece in pieces()])

    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    told = pieces() if held is None else whole()
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


ROUTES: Sequence[Route] = (
    route("/api/agents/stream", POST=_agent_stream),
    route("/api/chat/stream", POST=_chat_stream),
    route("/api/events/stream", GET=_event_stream),
)
"""The streams."""
