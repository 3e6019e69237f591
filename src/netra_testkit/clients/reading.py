"""Whose turn it is to read what nobody has claimed, and what a wait for a frame ends with."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from netra_testkit.clients.hearing import EXCERPT
from netra_testkit.clients.ledger import entered
from netra_testkit.errors import AlreadyReading, NetraError, UnexpectedFrame
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from netra_testkit.clients.connection import Connection
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.mailbox import Mailbox
    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.types import MessageType

__all__ = ["Reading"]


class Reading:
    """The calls that read from one connection: one at a time has the inbox.

    Args:
        connection: What they read from.

    Attributes:
        by: The call whose turn it is; None while nobody reads.
    """

    __slots__ = ("_connection", "by")

    by: str | None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.by = None

    def begin(self, who: str) -> None:
        """Take the turn; whoever does sets `by` to None in the end.

        Raises:
            AlreadyReading: It is somebody else's.
        """
        if self.by is not None:
            raise AlreadyReading(what=f"{who} while {self.by} is reading")
        self.by = who

    @contextlib.contextmanager
    def alone(self, who: str) -> Iterator[None]:
        """A block whose turn it is."""
        self.begin(who)
        try:
            yield
        finally:
            self.by = None

    async def next(
        self,
        box: Mailbox,
        wanted: Callable[[Frame], bool] | None,
        deadline: Deadline,
        phase: str,
        waiting_for: str,
    ) -> Frame:
        """The next wanted frame of a mailbox. Bounded; safe to cancel, no frame is lost.

        Raises:
            ServerClosed: The connection has ended and no such frame is kept.
            DeadlineExceeded: None came in time.
        """
        # What ends a wait ends the call: nobody in here catches it, and every message comes by.
        try:
            frame = await self._connection.until(box, wanted, deadline, phase)
            if frame is None:
                raise self._connection.exceeded(deadline, phase, waiting_for)
        except NetraError as error:
            entered(error)
            raise
        return frame

    async def thread_id(self, deadline: Deadline) -> str:
        """The id of the thread, once the server has named it. Bounded; safe to cancel.

        Raises:
            ServerClosed: The connection has ended.
            DeadlineExceeded: The server named none in time.
        """
        connection = self._connection
        while (thread_id := connection.handshake.thread_id) is None:
            if connection.ended:
                raise connection.closed_error("welcome")
            if deadline.expired:
                raise connection.exceeded(deadline, "welcome", "handshake_response")
            await connection.woken(connection.hearing.progress, deadline)
        return thread_id

    async def see_nothing(self, unwanted: AbstractSet[MessageType], deadline: Deadline) -> None:
        """See that no frame of these types, or none at all, comes until the deadline.

        Raises:
            UnexpectedFrame: One came, or was kept already.
            ServerClosed: The connection ended meanwhile.
        """

        def matches(frame: Frame) -> bool:
            return not unwanted or frame.type in unwanted

        connection = self._connection
        with self.alone("expect_nothing"):
            frame = await connection.until(
                connection.hearing.inbox, matches, deadline, "expect_nothing"
            )
        if frame is not None:
            raise UnexpectedFrame(
                type=frame.type_name,
                excerpt=mask(frame.raw)[:EXCERPT],
                waited=deadline.elapsed,
                **connection.ids,
            )
