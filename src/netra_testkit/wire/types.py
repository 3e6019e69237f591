"""The one table of message types: names, aliases, directions, names towards the browser."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from netra_testkit.errors import ConfigurationError, Problem, UnknownMessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MESSAGE_TYPES", "Direction", "MessageType", "with_aliases"]

# Filled below the class, whose methods name its read-only view as their default.
_TABLE: dict[str, MessageType] = {}
_known = _TABLE.get

MESSAGE_TYPES: Mapping[str, MessageType] = MappingProxyType(_TABLE)
"""Every known name, canonical and alias, and the type it stands for; read-only."""


class Direction(StrEnum):
    """Who says a message type."""

    COMMAND = "command"
    """Client to server."""
    EVENT = "event"
    """Server to client."""
    BOTH = "both"


class MessageType(StrEnum):
    """A message type by its canonical name; legacy names are aliases, never members."""

    # lifecycle
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    CONNECTION = "connection"
    CONNECTION_ESTABLISHED = "connection_established"
    HEARTBEAT = "heartbeat"
    HEARTBEAT_ACK = "heartbeat_ack"
    PING = "ping"
    PONG = "pong"
    # handshake
    HANDSHAKE_RESPONSE = "handshake_response"
    HANDSHAKE_ACKNOWLEDGED = "handshake_acknowledged"
    HANDSHAKE_COMPLETE = "handshake_complete"
    HANDSHAKE_VALIDATION = "handshake_validation"
    # user
    USER_MESSAGE = "user_message"
    CHAT = "chat"
    SYSTEM_MESSAGE = "system_message"
    ERROR_MESSAGE = "error_message"
    ACK = "ack"
    # typing
    USER_TYPING = "user_typing"
    AGENT_TYPING = "agent_typing"
    TYPING_STARTED = "typing_started"
    TYPING_STOPPED = "typing_stopped"
    # agent requests
    START_AGENT = "start_agent"
    STOP_AGENT = "stop_agent"
    AGENT_REQUEST = "agent_request"
    AGENT_TASK = "agent_task"
    AGENT_TASK_ACK = "agent_task_ack"
    AGENT_STATUS_REQUEST = "agent_status_request"
    # agent events
    AGENT_STARTED = "agent_started"
    AGENT_THINKING = "agent_thinking"
    TOOL_EXECUTING = "tool_executing"
    TOOL_COMPLETED = "tool_completed"
    AGENT_COMPLETED = "agent_completed"
    AGENT_ERROR = "agent_error"
    AGENT_PROGRESS = "agent_progress"
    AGENT_STATUS_UPDATE = "agent_status_update"
    AGENT_RESPONSE = "agent_response"
    AGENT_RESPONSE_CHUNK = "agent_response_chunk"
    AGENT_RESPONSE_COMPLETE = "agent_response_complete"
    AGENT_START = "agent_start"
    AGENT_COMPLETE = "agent_complete"
    TOOL_EXECUTE = "tool_execute"
    TOOL_COMPLETE = "tool_complete"
    AGENT_DEATH = "agent_death"
    AGENT_CANCELLED = "agent_cancelled"
    AGENT_STOPPED = "agent_stopped"
    AGENT_TIMEOUT_WARNING = "agent_timeout_warning"
    AGENT_TIMEOUT_FAILURE = "agent_timeout_failure"
    # stream
    STREAM_START = "stream_start"
    STREAM_CHUNK = "stream_chunk"
    STREAM_END = "stream_end"
    STREAM_ERROR = "stream_error"
    RESPONSE_CHUNK = "response_chunk"
    STREAM_CONNECTED = "stream_connected"
    STREAM_TIMEOUT = "stream_timeout"
    STREAM_DISCONNECTED = "stream_disconnected"
    PARTIAL_RESULT = "partial_result"
    FINAL_REPORT = "final_report"
    PROGRESS_UPDATE = "progress_update"
    # thread
    THREAD_CREATED = "thread_created"
    THREAD_UPDATE = "thread_update"
    THREAD_MESSAGE = "thread_message"
    CREATE_THREAD = "create_thread"
    SWITCH_THREAD = "switch_thread"
    GET_THREAD_HISTORY = "get_thread_history"
    # broadcast
    BROADCAST = "broadcast"
    BROADCAST_TEST = "broadcast_test"
    DIRECT_MESSAGE = "direct_message"
    ROOM_MESSAGE = "room_message"
    BATCH = "batch"
    # JSON-RPC
    JSONRPC_REQUEST = "jsonrpc_request"
    JSONRPC_RESPONSE = "jsonrpc_response"
    JSONRPC_NOTIFICATION = "jsonrpc_notification"
    # operations
    BACKEND_LOG = "backend_log"
    CLEANUP_STARTED = "cleanup_started"
    CLEANUP_DURATION_ESTIMATE = "cleanup_duration_estimate"
    CLEANUP_COMPLETE = "cleanup_complete"
    QUALITY_METRICS = "quality_metrics"
    AUTHENTICATION_ERROR = "authentication_error"
    AUTHENTICATION_SUCCESS = "authentication_success"
    CONNECTION_ERROR = "connection_error"
    SYSTEM_ERROR = "system_error"
    # test
    RESILIENCE_TEST = "resilience_test"
    RECOVERY_TEST = "recovery_test"

    @staticmethod
    def parse(
        name: str, *, aliases: Mapping[str, MessageType | str] = MESSAGE_TYPES
    ) -> MessageType:
        """The type a name stands for, in any case, with `-` or space for `_`.

        Args:
            name: A canonical name, an alias or a member.
            aliases: A table from `with_aliases`, or a product's extra aliases as they are.

        Raises:
            UnknownMessageType: No type has this name; the nearest known ones are named.
            ConfigurationError: What `aliases` says of the name contradicts the table.
            TypeError: `name` is not a string.
        """
        if not isinstance(name, str):
            raise _not_a_name(name)
        # Most names come as the table has them, so that spelling is tried first.
        found = _known(name)
        if found is None:
            found = _known(_normal(name))
        if aliases is not MESSAGE_TYPES:
            found = _with_extra(name, found, aliases)
        if found is None:
            raise _unknown(name, aliases)
        return found

    @staticmethod
    def find(  # type: ignore[override] # the established name; no member is searched as text
        name: str, *, aliases: Mapping[str, MessageType | str] = MESSAGE_TYPES
    ) -> MessageType | None:
        """The type a name stands for as `parse` reads it, None when no type has this name.

        Raises:
            ConfigurationError: What `aliases` says of the name contradicts the table.
            TypeError: `name` is not a string.
        """
        if not isinstance(name, str):
            raise _not_a_name(name)
        found = _known(name)
        if found is None:
            found = _known(_normal(name))
        return found if aliases is MESSAGE_TYPES else _with_extra(name, found, aliases)

    @property
    def direction(self) -> Direction:
        """Who says it."""
        return _DIRECTIONS[self]

    @property
    def browser_name(self) -> str:
        """The name a browser knows it by; for reading only, nothing is renamed on the wire."""
        return _BROWSER_NAMES.get(self, self.value)


_ALIASES = {
    "execute_agent": MessageType.START_AGENT,
    "connected": MessageType.CONNECT,
    "factory_connection_established": MessageType.CONNECTION_ESTABLISHED,
    "isolated_connection_established": MessageType.CONNECTION_ESTABLISHED,
    "legacy_connection_established": MessageType.CONNECTION_ESTABLISHED,
    "user": MessageType.USER_MESSAGE,
    "user_input": MessageType.USER_MESSAGE,
    "chat_message": MessageType.USER_MESSAGE,
    "message": MessageType.USER_MESSAGE,
    "send_message": MessageType.USER_MESSAGE,
    "agent": MessageType.AGENT_REQUEST,
    "agent_status": MessageType.AGENT_STATUS_UPDATE,
    "agent_update": MessageType.AGENT_STATUS_UPDATE,
    "agent_status_changed": MessageType.AGENT_STATUS_UPDATE,
    "agent_failed": MessageType.AGENT_ERROR,
    "agent_fallback": MessageType.AGENT_ERROR,
    "tool_started": MessageType.TOOL_EXECUTING,
    "agent_finished": MessageType.AGENT_COMPLETED,
    "typing": MessageType.USER_TYPING,
    "thread": MessageType.THREAD_UPDATE,
    "thread_updated": MessageType.THREAD_UPDATE,
    "error": MessageType.ERROR_MESSAGE,
    "system": MessageType.SYSTEM_MESSAGE,
    "legacy_response": MessageType.AGENT_RESPONSE,
    "legacy_heartbeat": MessageType.HEARTBEAT,
    "factory_heartbeat": MessageType.HEARTBEAT,
    "isolated_heartbeat": MessageType.HEARTBEAT,
    "cleanup_completed": MessageType.CLEANUP_COMPLETE,
}

_BROWSER_NAMES = {
    MessageType.AGENT_RESPONSE: "agent_completed",
    MessageType.AGENT_PROGRESS: "agent_update",
    MessageType.THREAD_UPDATE: "thread_updated",
    MessageType.ERROR_MESSAGE: "error",
}

_COMMANDS = frozenset(
    {
        MessageType.HANDSHAKE_ACKNOWLEDGED,
        MessageType.CHAT,
        MessageType.START_AGENT,
        MessageType.STOP_AGENT,
        MessageType.AGENT_REQUEST,
        MessageType.AGENT_TASK,
        MessageType.AGENT_STATUS_REQUEST,
        MessageType.CREATE_THREAD,
        MessageType.SWITCH_THREAD,
        MessageType.GET_THREAD_HISTORY,
        MessageType.BROADCAST_TEST,
        MessageType.RESILIENCE_TEST,
        MessageType.RECOVERY_TEST,
    }
)

_BOTH = frozenset(
    {
        MessageType.CONNECT,
        MessageType.DISCONNECT,
        MessageType.HEARTBEAT,
        MessageType.HEARTBEAT_ACK,
        MessageType.PING,
        MessageType.PONG,
        MessageType.USER_MESSAGE,  # the chat stream repeats it to its sender
        MessageType.ACK,
        MessageType.USER_TYPING,
        MessageType.TYPING_STARTED,
        MessageType.TYPING_STOPPED,
        MessageType.THREAD_MESSAGE,
        MessageType.BROADCAST,
        MessageType.DIRECT_MESSAGE,
        MessageType.ROOM_MESSAGE,
        MessageType.BATCH,
        MessageType.JSONRPC_REQUEST,
        MessageType.JSONRPC_RESPONSE,
        MessageType.JSONRPC_NOTIFICATION,
    }
)


def _direction(kind: MessageType) -> Direction:
    if kind in _BOTH:
        return Direction.BOTH
    return Direction.COMMAND if kind in _COMMANDS else Direction.EVENT


_TABLE.update({kind.value: kind for kind in MessageType})
_TABLE.update(_ALIASES)
_DIRECTIONS = {kind: _direction(kind) for kind in MessageType}


def with_aliases(extra: Mapping[str, str]) -> Mapping[str, MessageType]:
    """The table with a product's own aliases, read-only, to hand on as `aliases`.

    Raises:
        ConfigurationError: An alias contradicts the table or another one, is blank, or leads
            to no known type; all such aliases at once.
        TypeError: A name in `extra` is not a string.
    """
    if not extra:
        return MESSAGE_TYPES
    table = dict(_TABLE)
    problems: list[Problem] = []
    for alias, target in extra.items():
        name = _normal(alias)
        kind = _known(_normal(target))
        if not name or kind is None:
            problems.append(_unusable(alias, target))
        elif table.setdefault(name, kind) is not kind:
            problems.append(_contradiction(alias, kind, table[name]))
    if problems:
        raise ConfigurationError(problems=tuple(problems))
    return MappingProxyType(table)


def _normal(name: object) -> str:
    if not isinstance(name, str):
        raise _not_a_name(name)
    return name.strip().casefold().replace("-", "_").replace(" ", "_")


def _with_extra(
    name: str, known: MessageType | None, aliases: Mapping[str, MessageType | str]
) -> MessageType | None:
    said = aliases.get(name)
    if said is None:
        said = aliases.get(_normal(name))
    if said is None or said is known:
        return known
    kind = _known(_normal(said))
    if kind is None:
        raise ConfigurationError(problems=(_unusable(name, said),))
    if known is not None and kind is not known:
        raise ConfigurationError(problems=(_contradiction(name, kind, known),))
    return kind


def _not_a_name(value: object) -> TypeError:
    return TypeError(f"a message type is a str or a MessageType, not {type(value).__name__}")


def _unknown(name: str, aliases: Mapping[str, MessageType | str]) -> UnknownMessageType:
    from difflib import get_close_matches

    from netra_testkit.wire.excerpts import bounded

    said = bounded(name)
    known = [*_TABLE, *(alias for alias in aliases if alias not in _TABLE)]
    return UnknownMessageType(
        name=said, nearest=tuple(get_close_matches(_normal(said), known, n=3, cutoff=0.7))
    )


def _unusable(alias: str, target: str) -> Problem:
    return _problem(alias, f"give a name, and a type that MESSAGE_TYPES lists, not {target!r}")


def _contradiction(alias: str, said: MessageType, known: MessageType) -> Problem:
    return _problem(alias, f"it means {known.value}, not {said.value}: take it out or rename it")


def _problem(alias: str, remedy: str) -> Problem:
    from netra_testkit.wire.excerpts import bounded

    return Problem(bounded(f"extra_aliases[{alias!r}]"), "the aliases given", bounded(remedy))
