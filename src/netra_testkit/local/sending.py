"""What the server says, in the form that its generation of the platform gives it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netra_testkit.local.options import EventForm
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netra_testkit.local.agents import Event
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["SERVER_ID", "error_document", "event_document", "reply_document", "text_of"]

SERVER_ID = "netra-embedded"
"""What the server calls itself in its frames."""

_IDS = ("run_id", "thread_id", "user_id")


def event_document(
    event: Event, *, form: EventForm, at: float, request_id: str | None = None
) -> dict[str, JsonValue]:
    """An event of a run as a frame.

    Args:
        event: The event.
        form: Where its body stands.
        at: The time, in seconds since the epoch.
        request_id: The message that asked for the run.
    """
    name = event.type.value
    envelope: dict[str, JsonValue] = {
        **{key: event.body[key] for key in _IDS},
        **({} if request_id is None else {"request_id": request_id}),
        "timestamp": at,
        "server_id": SERVER_ID,
    }
    if form is EventForm.WRAPPED:
        carried: JsonValue = {"event": name, "payload": dict(event.body)}
        return {"type": MessageType.SYSTEM_MESSAGE.value, "data": carried, **envelope}
    if form is EventForm.FLAT:
        return {"type": name, **event.body, **envelope}
    return {"type": name, form.value: dict(event.body), **envelope}


def reply_document(
    kind: MessageType,
    data: Mapping[str, JsonValue],
    *,
    at: float,
    request_id: str | None = None,
) -> dict[str, JsonValue]:
    """A frame that is no event of a run.

    Args:
        kind: Its type.
        data: Its body.
        at: The time, in seconds since the epoch.
        request_id: The message that it answers.
    """
    answered: dict[str, JsonValue] = (
        {} if request_id is None else {"message_id": request_id, "request_id": request_id}
    )
    return {
        "type": kind.value,
        "data": dict(data),
        **answered,
        "timestamp": at,
        "server_id": SERVER_ID,
    }


def error_document(
    error_code: str,
    message: str,
    *,
    at: float,
    details: Mapping[str, JsonValue] | None = None,
    request_id: str | None = None,
    run_id: str | None = None,
) -> dict[str, JsonValue]:
    """An error frame.

    Args:
        error_code: The platform's name of it, in capitals.
        message: What is wrong, for a reader.
        at: The time, in seconds since the epoch.
        details: Facts beside it.
        request_id: The message that is refused.
        run_id: The run that was asked for.
    """
    answered: dict[str, JsonValue] = (
        {} if request_id is None else {"message_id": request_id, "request_id": request_id}
    )
    return {
        "type": MessageType.ERROR_MESSAGE.value,
        "error_code": error_code,
        "error_message": message,
        **({} if details is None else {"details": dict(details)}),
        **answered,
        **({} if run_id is None else {"run_id": run_id}),
        "timestamp": at,
        "server_id": SERVER_ID,
    }


def text_of(document: Mapping[str, JsonValue]) -> str:
    """A document as it goes over the wire; half of a surrogate pair becomes a question mark."""
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
