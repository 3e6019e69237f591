"""Threads and messages of one user; nobody else's can be told from none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field
from starlette.responses import JSONResponse

from netra_testkit.local.access import required
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.bodies import (
    Body,
    Content,
    Metadata,
    Name,
    Text,
    page_of,
    query_text,
    read,
)
from netra_testkit.local.routes.table import route
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from netra_testkit.local.routes.bodies import Page
    from netra_testkit.local.state.threads import Message, Thread

__all__ = ["ROUTES"]

_Entry = TypeVar("_Entry")


class _NewThread(Body):
    title: Text = ""
    metadata: Metadata = Field(default_factory=dict)


class _Change(Body):
    title: Text | None = None
    metadata: Metadata | None = None


class _NewMessage(Body):
    content: Content
    metadata: Metadata = Field(default_factory=dict)


class _NewChatMessage(_NewMessage):
    thread_id: Name | None = None


async def _list(request: Request) -> Response:
    owner = await _owner(request)
    threads = world_of(request).state.threads
    found = threads.everybodys() if _is_shared(request, owner) else threads.list(owner)
    return _paged("threads", found, _thread_body, page_of(request))


async def _create(request: Request) -> Response:
    owner = await _owner(request)
    said = await read(request, _NewThread, empty=True)
    threads = world_of(request).state.threads
    thread = threads.create(owner, title=said.title, metadata=said.metadata)
    return JSONResponse(_thread_body(thread))


async def _get(request: Request) -> Response:
    owner = await _owner(request)
    return JSONResponse(_thread_body(_found(request, owner, request.path_params["thread_id"])))


async def _update(request: Request) -> Response:
    owner = await _owner(request)
    said = await read(request, _Change)
    thread = _found(request, owner, request.path_params["thread_id"])
    world_of(request).state.threads.update(
        thread.owner, thread.thread_id, title=said.title, metadata=said.metadata
    )
    return JSONResponse(_thread_body(thread))


async def _delete(request: Request) -> Response:
    owner = await _owner(request)
    thread = _found(request, owner, request.path_params["thread_id"])
    world = world_of(request)
    if not world.board.strike("not-deleted", route=request.url.path, phase="http", user=owner):
        world.state.threads.delete(thread.owner, thread.thread_id)
    return JSONResponse({"id": thread.thread_id, "object": "thread.deleted", "deleted": True})


async def _history(request: Request) -> Response:
    owner = await _owner(request)
    return _messages(request, owner, (_found(request, owner, request.path_params["thread_id"]),))


async def _post(request: Request) -> Response:
    owner = await _owner(request)
    said = await read(request, _NewMessage)
    thread = _found(request, owner, request.path_params["thread_id"])
    return _posted(request, owner, thread, said)


async def _chat_history(request: Request) -> Response:
    owner = await _owner(request)
    thread_id = query_text(request, "thread_id")
    if thread_id is not None:
        return _messages(request, owner, (_found(request, owner, thread_id),))
    return _messages(request, owner, world_of(request).state.threads.list(owner))


async def _chat_post(request: Request) -> Response:
    owner = await _owner(request)
    said = await read(request, _NewChatMessage)
    if said.thread_id is None:
        thread = world_of(request).state.threads.create(owner)
    else:
        thread = _found(request, owner, said.thread_id)
    return _posted(request, owner, thread, said)


async def _owner(request: Request) -> str:
    return (await required(request)).subject


def _is_shared(request: Request, user: str) -> bool:
    """Whether this is a deployment that does not keep its users apart."""
    strike = world_of(request).board.strike(
        "foreign-thread", route=request.url.path, phase="http", user=user
    )
    return strike is not None


def _found(request: Request, user: str, thread_id: str) -> Thread:
    threads = world_of(request).state.threads
    thread = threads.get(user, thread_id)
    if thread is None and _is_shared(request, user):
        thread = threads.anybodys(thread_id)
    if thread is None:
        raise PlatformError(404, "THREAD_NOT_FOUND", "There is no such thread.")
    return thread


def _posted(request: Request, user: str, thread: Thread, said: _NewMessage) -> Response:
    world = world_of(request)
    message = world.state.threads.add(
        thread.owner, thread.thread_id, "user", said.content, said.metadata
    )
    if world.board.strike("not-persisted", route=request.url.path, phase="http", user=user):
        thread.messages.remove(message)
    return JSONResponse({"message": _message_body(message), "status": "created"})


def _messages(request: Request, user: str, threads: Sequence[Thread]) -> Response:
    found = [message for thread in threads for message in thread.messages]
    if len(threads) > 1:
        found.sort(key=lambda message: message.created_at)
    world = world_of(request)
    if world.board.strike("unordered-history", route=request.url.path, phase="http", user=user):
        found.reverse()
    return _paged("messages", found, _message_body, page_of(request))


def _paged(
    name: str, entries: Sequence[_Entry], body: Callable[[_Entry], dict[str, Any]], page: Page
) -> Response:
    shown = entries[page.start : page.start + page.size]
    return JSONResponse(
        {
            name: [body(each) for each in shown],
            "total_count": len(entries),
            "page": page.number,
            "page_size": page.size,
            "has_more": page.start + page.size < len(entries),
        }
    )


def _thread_body(thread: Thread) -> dict[str, Any]:
    return {
        "id": thread.thread_id,
        "object": "thread",
        "title": thread.title,
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
        "metadata": dict(thread.metadata),
        "message_count": len(thread.messages),
    }


def _message_body(message: Message) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "object": "thread.message",
        "thread_id": message.thread_id,
        "role": message.role,
        "content": message.content,
        "metadata": dict(message.metadata),
        "created_at": message.created_at,
    }


ROUTES: Sequence[Route] = (
    route("/api/threads", GET=_list, POST=_create),
    route("/api/threads/{thread_id}", GET=_get, PUT=_update, DELETE=_delete),
    route("/api/threads/{thread_id}/messages", GET=_history, POST=_post),
    route("/api/chat/messages", GET=_chat_history, POST=_chat_post),
)
"""Everything about threads and messages."""
