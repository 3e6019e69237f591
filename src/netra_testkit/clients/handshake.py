"""What follows the upgrade: welcomes in every form, the thread handshake, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.wire.closing import AUTH_ERROR_CODES
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame

__all__ = ["CHATTER", "Handshake"]

# What the reader answers or notes by itself and nobody has to take.
CHATTER = frozenset(
    {
        MessageType.PING,
        MessageType.HEARTBEAT,
        MessageType.HANDSHAKE_VALIDATION,
        MessageType.HANDSHAKE_RESPONSE,
        MessageType.HANDSHAKE_COMPLETE,
    }
)
WELCOMES = frozenset({MessageType.CONNECTION_ESTABLISHED, MessageType.CONNECT})
ERRORS = frozenset(
    {
        MessageType.ERROR_MESSAGE,
        MessageType.AUTHENTICATION_ERROR,
        MessageType.CONNECTION_ERROR,
        MessageType.SYSTEM_ERROR,
    }
)


class Handshake:
    """What the frames since the upgrade have said; feed it every one.

    Attributes:
        ready: Whether a welcome has come, or the thread handshake was completed without one.
        unready: Whether a welcome came that said that the connection is not ready.
        thread_id: The thread to speak in: the one asked for, else the one the server named.
        connection_id: The connection's id, where the server gave one.
        user_id: The user whom the server welcomed, where it said so.
        error_code: The code of the last error frame before the welcome.
    """

    __slots__ = (
        "_asked_for",
        "connection_id",
        "error_code",
        "ready",
        "thread_id",
        "unready",
        "user_id",
    )

    ready: bool
    unready: bool
    thread_id: str | None
    connection_id: str | None
    user_id: str | None
    error_code: str | None

    def __init__(self, thread_id: str | None) -> None:
        self.ready = False
        self.unready = False
        self._asked_for = thread_id is not None
        self.thread_id = thread_id
        self.connection_id = None
        self.user_id = None
        self.error_code = None

    @property
    def refused(self) -> bool:
        """Whether an error frame said that the credentials are refused."""
        return self.error_code is not None and self.error_code.strip().upper() in AUTH_ERROR_CODES

    def take(self, frame: Frame) -> bool:
        """Note what a frame says; whether it was part of the handshake."""
        kind = frame.type
        if self._welcomes(frame):
            self.connection_id = frame.connection_id or self.connection_id
            self.user_id = frame.user_id or self.user_id
            self.unready = frame.body.get("connection_ready") is False
            self.ready = self.ready or not self.unready
            return True
        if kind is MessageType.HANDSHAKE_RESPONSE:
            if not self._asked_for:
                self.thread_id = frame.thread_id or self.thread_id
            return True
        if kind is MessageType.HANDSHAKE_COMPLETE:
            self.ready = self.ready or not self.unready
            return True
        if kind in ERRORS and not self.ready:
            self.error_code = frame.error_code
            return True
        return kind in CHATTER

    def _welcomes(self, frame: Frame) -> bool:
        if frame.type in WELCOMES:
            return True
        named = frame.body.get("event") or frame.body.get("event_type")
        return (
            frame.type is MessageType.SYSTEM_MESSAGE
            and isinstance(named, str)
            and MessageType.find(named) is MessageType.CONNECTION_ESTABLISHED
        )
