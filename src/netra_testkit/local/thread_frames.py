"""Threads over the socket: made, switched to, and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netra_testkit.local.requests import BadRequest, identifier
from netra_testkit.local.sending import reply_document
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.local.connections import Connection
    from netra_testkit.local.world import World
    from netra_testkit.safety.jsonable import JsonValue
    from netra_testkit.wire.frames import Frame

__all__ = ["ThreadFrames"]

# That many of the longest messages fit into one frame.
_PAGE: Final = 30
_LONGEST_TITLE: Final = 200
_UNTITLED: Final = "New conversation"


class ThreadFrames:
    """Answers the frames that are about threads.

    Args:
        world: The server.
        connection: The socket that they come on.
    """

    def __init__(self, world: World, connection: Connection) -> None:
        self._world = world
        self._connection = connection
        self._user = connection.user_id

    async def create(self, frame: Frame) -> None:
        """Make a new thread; bounded as a send is, and cancelled with its socket."""
        title = frame.first(("title", "name"))
        named = title if isinstance(title, str) and title.isprintable() else _UNTITLED
        thread = self._world.state.threads.create(self._user, title=named[:_LONGEST_TITLE])
        data: dict[str, JsonValue] = {
            "thread_id": thread.thread_id,
            "title": thread.title,
            "created_at": thread.created_at,
        }
        await self._reply(MessageType.THREAD_CREATED, data, frame)

    async def switch(self, frame: Frame) -> None:
        """Make another thread that of the connection; bounded as a send is.

        Raises:
            BadRequest: There is no such thread of this user.
        """
        thread_id = self._named(frame)
        if thread_id is None:
            raise BadRequest("VALIDATION_ERROR", "Give the thread_id to switch to.")
        self._connection.thread_id = self._own(thread_id)
        data: dict[str, JsonValue] = {"thread_id": thread_id, "action": "switched"}
        await self._reply(MessageType.THREAD_UPDATE, data, frame)

    async def history(self, frame: Frame) -> None:
        """Tell the latest messages of a thread, oldest first; bounded as a send is.

        Raises:
            BadRequest: There is no such thread of this user.
        """
        thread_id = self._own(self._named(frame) or self._connection.thread_id)
        messages = self._world.state.threads.messages(self.owner_of(thread_id), thread_id)
        page: list[JsonValue] = [
            {
                "message_id": each.message_id,
                "role": each.role,
                "content": each.content,
                "created_at": each.created_at,
            }
            for each in messages[-_PAGE:]
        ]
        data: dict[str, JsonValue] = {
            "thread_id": thread_id,
            "action": "history",
            "messages": page,
            "total_count": len(messages),
            "has_more": len(messages) > len(page),
        }
        await self._reply(MessageType.THREAD_UPDATE, data, frame)

    def owner_of(self, thread_id: str) -> str:
        """Whose thread a client means by a name: its user's, unless everybody's are open to it.

        Args:
            thread_id: What the client calls it.
        """
        threads, user = self._world.state.threads, self._user
        if threads.get(user, thread_id) is None and self._world.board.strike(
            "foreign-conversation", user=user
        ):
            found = threads.anybodys(thread_id)
            return found.owner if found else user
        return user

    def _named(self, frame: Frame) -> str | None:
        # Around the body stands the thread that the client is in, not the one it asks for.
        said = frame.body.get("thread_id")
        return identifier(said if isinstance(said, str) and said else frame.thread_id, "thread_id")

    def _own(self, thread_id: str) -> str:
        known = self._world.state.threads.get(self.owner_of(thread_id), thread_id)
        if known is None and thread_id != self._connection.thread_id:
            raise BadRequest("THREAD_NOT_FOUND", "You have no such thread.")
        return thread_id

    async def _reply(self, kind: MessageType, data: dict[str, JsonValue], frame: Frame) -> None:
        at = self._world.clock()
        await self._connection.send(reply_document(kind, data, at=at, request_id=frame.message_id))
