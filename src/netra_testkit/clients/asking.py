"""What may be said on a connection, and the frame that answers it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from netra_testkit.clients.hearing import EXCERPT
from netra_testkit.errors import Misuse, RequestRefused
from netra_testkit.safety.redaction import mask
from netra_testkit.wire.events import ERROR_FRAMES
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netra_testkit.clients.connection import Connection
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.reading import Reading
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.wire.frames import Frame

__all__ = ["Asking", "Send"]

# What production, which is read-only, may be told.
HARMLESS = frozenset({MessageType.PING, MessageType.HEARTBEAT, MessageType.HEARTBEAT_ACK})


class Send(Protocol):
    """Sends a frame and gives its message_id."""

    async def __call__(
        self,
        type: MessageType | str,  # noqa: A002 - the name on the wire
        payload: Mapping[str, object] | None = None,
        *,
        within: Deadline,
    ) -> str:
        """Send it."""


class Asking:
    """Questions on one connection, each with the frame that answers it.

    Args:
        connection: What they go over.
        config: Whether production is protected, and how long a send may take.
        reading: Waits for the answers.
    """

    __slots__ = ("_config", "_connection", "_reading")

    def __init__(self, connection: Connection, config: StagingConfig, reading: Reading) -> None:
        self._connection = connection
        self._config = config
        self._reading = reading

    def refuse_if_read_only(self, kind: MessageType | None) -> None:
        """Refuse what production, where it is read-only, may not be told.

        Args:
            kind: What is to be said; None for what nobody has looked into.
        """
        if self._config.read_only and kind not in HARMLESS:
            raise Misuse(
                what="production is read-only and would be told something",
                hint="Send it to staging; on production only pings and heartbeats are sent.",
            )

    async def request(
        self,
        send: Send,
        type: MessageType | str,  # noqa: A002 - the name on the wire
        payload: Mapping[str, object] | None,
        deadline: Deadline,
    ) -> Frame:
        """Send a frame and wait for the answer that names its message_id. Safe to cancel.

        Raises:
            RequestRefused: The answer is an error frame.
            ServerClosed: The connection has ended.
            DeadlineExceeded: No answer came in time.
        """
        sent: list[str] = []

        def answers(frame: Frame) -> bool:
            ids = (frame.message_id, frame.request_id, frame.correlation_id)
            return bool(sent) and sent[0] in ids

        with self._connection.hearing.claim(answers) as box:
            sent.append(await send(type, payload, within=self.sending(deadline)))
            frame = await self._reading.next(box, None, deadline, "request", f"answer to {type}")
        if frame.type in ERROR_FRAMES:
            raise RequestRefused(
                type=str(type),
                error_code=frame.error_code,
                text=mask(frame.error_text or ""),
                excerpt=mask(frame.raw)[:EXCERPT],
                **self._connection.ids,
            )
        return frame

    async def ping(self, send: Send, deadline: Deadline) -> float:
        """Send a ping frame and give the seconds until its pong. Safe to cancel."""
        started = time.monotonic()
        with self._connection.hearing.claim(lambda frame: frame.type is MessageType.PONG) as box:
            await send(MessageType.PING, within=self.sending(deadline))
            frame = await self._reading.next(box, None, deadline, "request", "pong")
        return frame.received_at - started

    def sending(self, deadline: Deadline) -> Deadline:
        """How long the send at the beginning of a longer call may take."""
        return deadline.child(self._config.timeouts.send)
