"""The names under which emitters of different generations say the same thing, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netra_testkit.safety.jsonable import JsonValue

__all__ = [
    "AGENT",
    "ARGUMENTS",
    "CARRIED_NAME",
    "ERROR_CODE",
    "ERROR_TEXT",
    "EVENT_NAME",
    "MESSAGE_ID",
    "REQUEST_TEXT",
    "RESULT",
    "THOUGHT",
    "TOOL",
    "first_of",
    "identity_of",
    "is_empty",
]

AGENT = ("agent", "agent_name", "agent_type", "agent_id")
TOOL = ("tool", "tool_name")
THOUGHT = ("thought", "reasoning", "thinking", "content")
ARGUMENTS = ("tool_input", "tool_args", "input", "parameters")
RESULT = (
    "result",
    "results",
    "tool_output",
    "output",
    "result_summary",
    "final_response",
    "response",
)
REQUEST_TEXT = ("content", "message", "text", "user_request", "query", "request", "input")
MESSAGE_ID = ("message_id", "id")
EVENT_NAME = ("event", "event_type")
CARRIED_NAME = (*EVENT_NAME, "original_agent_event_type", "type")
ERROR_CODE = ("error_code", "code")
ERROR_TEXT = ("error_message", "message")


def first_of(body: Mapping[str, JsonValue], names: Iterable[str]) -> JsonValue:
    """The value under the first of `names` that is present and not empty, else None."""
    for name in names:
        value = body.get(name)
        if not is_empty(value):
            return value
    return None


def is_empty(value: JsonValue) -> bool:
    """Whether a value says nothing: null, blank text, an empty list or object; never 0 or false."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, list | dict) and not value)


def identity_of(value: JsonValue) -> str | None:
    """An id or a code as text, whether it was sent as text or as a number; None when neither."""
    if isinstance(value, str):
        return None if is_empty(value) else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value)
