"""Threads and their messages, each its owner's alone."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["Message", "Thread", "Threads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a thread.

    Attributes:
        message_id: Its name.
        thread_id: Its thread.
        role: Who said it: user or assistant.
        content: What was said.
        metadata: What its sender noted.
        created_at: When, in seconds since the epoch.
    """

    message_id: str
    thread_id: str
    role: str
    content: str
    metadata: Mapping[str, JsonValue]
    created_at: float


@dataclass(slots=True, kw_only=True)
class Thread:
    """A conversation of one user.

    Attributes:
        thread_id: Its name, among its owner's.
        owner: The user_id it belongs to.
        title: Its title.
        metadata: What its owner noted.
        created_at: When it was made, in seconds since the epoch.
        updated_at: When it or its messages last changed.
        messages: What was said, oldest first.
    """

    thread_id: str
    owner: str
    title: str
    metadata: Mapping[str, JsonValue]
    created_at: float
    updated_at: float
    messages: list[Message] = field(default_factory=list)


class Threads:
    """Every user's threads.

    A thread is kept under its owner and its name, so nobody meets another's by guessing it, and
    two users may give one name to a thread each.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._threads: dict[tuple[str, str], Thread] = {}

    def create(
        self,
        owner: str,
        *,
        title: str = "",
        metadata: Mapping[str, JsonValue] | None = None,
        thread_id: str | None = None,
    ) -> Thread:
        """Make a thread; the owner's thread with that name when there is one."""
        thread_id = thread_id or f"thread_{uuid.uuid4()}"
        known = self._threads.get((owner, thread_id))
        if known:
            return known
        now = self._clock()
        thread = Thread(
            thread_id=thread_id,
            owner=owner,
            title=title,
            metadata=dict(metadata or {}),
            created_at=now,
            updated_at=now,
        )
        self._threads[owner, thread_id] = thread
        return thread

    def get(self, owner: str, thread_id: str) -> Thread | None:
        """A thread of this owner, None when it is not theirs."""
        return self._threads.get((owner, thread_id))

    def anybodys(self, thread_id: str) -> Thread | None:
        """A thread whoever owns it: what only a broken deployment looks up."""
        return next((each for each in self.everybodys() if each.thread_id == thread_id), None)

    def list(self, owner: str) -> tuple[Thread, ...]:
        """The owner's threads, the latest first."""
        return tuple(each for each in self.everybodys() if each.owner == owner)

    def everybodys(self) -> tuple[Thread, ...]:
        """All threads, the latest first: what only a broken deployment lists."""
        return tuple(reversed(tuple(self._threads.values())))

    def update(
        self,
        owner: str,
        thread_id: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> Thread | None:
        """Change what is given of a thread; None when it is not this owner's."""
        thread = self.get(owner, thread_id)
        if thread:
            thread.title = thread.title if title is None else title
            thread.metadata = thread.metadata if metadata is None else dict(metadata)
            thread.updated_at = self._clock()
        return thread

    def delete(self, owner: str, thread_id: str) -> bool:
        """Remove a thread with its messages; false when it is not this owner's."""
        return self._threads.pop((owner, thread_id), None) is not None

    def add(
        self,
        owner: str,
        thread_id: str,
        role: str,
        content: str,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> Message:
        """Add a message to a thread of this owner, which is made when there is none."""
        thread = self.create(owner, thread_id=thread_id)
        message = Message(
            message_id=f"msg_{uuid.uuid4()}",
            thread_id=thread.thread_id,
            role=role,
            content=content,
            metadata=dict(metadata or {}),
            created_at=self._clock(),
        )
        thread.messages.append(message)
        thread.updated_at = message.created_at
        return message

    def messages(self, owner: str, thread_id: str) -> tuple[Message, ...]:
        """What was said in a thread of this owner, oldest first; nothing when it is not theirs."""
        thread = self.get(owner, thread_id)
        return tuple(thread.messages) if thread else ()

    def clear(self) -> None:
        """Forget every thread."""
        self._threads.clear()
