"""What a client is told once it is in: the welcome, and the handshake about its thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.local.options import Welcome
from netra_testkit.local.sending import reply_document
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.local.options import Limits
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["handshake_complete", "handshake_response", "welcome"]


def welcome(
    form: Welcome,
    *,
    connection_id: str,
    user_id: str,
    limits: Limits,
    at: float,
    ready: bool = True,
) -> dict[str, JsonValue]:
    """The frame that says who one is and that one is welcome.

    Args:
        form: Which of the platform's two welcomes.
        connection_id: What the server calls the connection.
        user_id: Whose it is.
        limits: What the client has to keep to.
        at: The time, in seconds since the epoch.
        ready: Whether it says that the connection is ready.
    """
    data: dict[str, JsonValue] = {
        "connection_id": connection_id,
        "user_id": user_id,
        "server_time": at,
        "connection_ready": ready,
        "config": {
            "heartbeat_interval": limits.heartbeat_interval,
            "max_message_size": limits.message_bytes,
        },
    }
    if form is Welcome.SYSTEM_MESSAGE:
        event = MessageType.CONNECTION_ESTABLISHED.value
        return reply_document(MessageType.SYSTEM_MESSAGE, {"event": event, **data}, at=at)
    document = reply_document(MessageType.CONNECTION_ESTABLISHED, data, at=at)
    return {**document, "connection_id": connection_id, "user_id": user_id}


def handshake_response(*, thread_id: str, connection_id: str, at: float) -> dict[str, JsonValue]:
    """The frame that gives a connection its thread, unasked.

    Args:
        thread_id: The thread.
        connection_id: What the server calls the connection.
        at: The time, in seconds since the epoch.
    """
    return _about_thread(MessageType.HANDSHAKE_RESPONSE, thread_id, connection_id, at)


def handshake_complete(*, thread_id: str, connection_id: str, at: float) -> dict[str, JsonValue]:
    """The frame that closes the handshake about the thread; arguments as for its beginning."""
    return _about_thread(MessageType.HANDSHAKE_COMPLETE, thread_id, connection_id, at)


def _about_thread(
    kind: MessageType, thread_id: str, connection_id: str, at: float
) -> dict[str, JsonValue]:
    data: dict[str, JsonValue] = {
        "thread_id": thread_id,
        "run_id": None,
        "connection_id": connection_id,
    }
    return {**reply_document(kind, data, at=at), "thread_id": thread_id}
