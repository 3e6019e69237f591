"""Where a frame keeps its name and its body, in every form that servers have given it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netra_testkit.wire.synonyms import CARRIED_NAME, EVENT_NAME, is_empty
from netra_testkit.wire.types import Direction, MessageType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["CARRIERS", "Carried", "Naming", "body_of", "name_of", "unwrap"]

CARRIERS = frozenset(
    {
        MessageType.SYSTEM_MESSAGE,
        MessageType.AGENT_PROGRESS,
        MessageType.AGENT_RESPONSE_COMPLETE,
    }
)
"""The types whose frames may carry an event of another type."""

_BODIES = ("payload", "data")
_ENVELOPE = frozenset(
    {
        "type",
        "message_id",
        "timestamp",
        "run_id",
        "thread_id",
        "user_id",
        "connection_id",
        "request_id",
        "correlation_id",
        "server_id",
    }
)
_JSONRPC = "jsonrpc"
_JSONRPC_ENVELOPE = frozenset({_JSONRPC, "id"})


class Naming(NamedTuple):
    """A name, and the key that it stands under or that shows its form."""

    name: str
    key: str


class Carried(NamedTuple):
    """The event that a carrier brings."""

    name: str
    type: MessageType
    body: dict[str, JsonValue]


def name_of(document: Mapping[str, JsonValue]) -> Naming | None:
    """What a frame without a usable `type` is called; None when nothing in it says so."""
    if _JSONRPC in document:
        if isinstance(document.get("method"), str):
            asks = "id" in document
            kind = MessageType.JSONRPC_REQUEST if asks else MessageType.JSONRPC_NOTIFICATION
            return Naming(kind.value, _JSONRPC)
        if "result" in document or "error" in document:
            return Naming(MessageType.JSONRPC_RESPONSE.value, _JSONRPC)
    return _first_name(document, EVENT_NAME)


def body_of(document: Mapping[str, JsonValue], name_key: str) -> dict[str, JsonValue]:
    """The body of a frame that is named under `name_key`: payload, else data, else the rest."""
    nested = _nested(document)
    if nested is not None:
        return nested
    envelope = _ENVELOPE | _JSONRPC_ENVELOPE if _JSONRPC in document else _ENVELOPE
    return {
        key: value
        for key, value in document.items()
        if key not in envelope and key != name_key and not (key in _BODIES and is_empty(value))
    }


def unwrap(
    document: Mapping[str, JsonValue],
    body: Mapping[str, JsonValue],
    aliases: Mapping[str, MessageType | str],
) -> Carried | None:
    """The known event that a carrier names in its body or beside it; None when it names none."""
    named = _known_event(body, CARRIED_NAME, aliases)
    if named is not None:
        naming, kind = named
        nested = _nested(body)
        beside = {key: value for key, value in body.items() if key != naming.key}
        return Carried(naming.name, kind, beside if nested is None else nested)
    named = _known_event(document, CARRIED_NAME[:-1], aliases)  # its own `type` is the carrier
    return None if named is None else Carried(named[0].name, named[1], dict(body))


def _known_event(
    place: Mapping[str, JsonValue],
    keys: Iterable[str],
    aliases: Mapping[str, MessageType | str],
) -> tuple[Naming, MessageType] | None:
    naming = _first_name(place, keys)
    kind = None if naming is None else MessageType.find(naming.name, aliases=aliases)
    if naming is None or kind is None or kind.direction is not Direction.EVENT:
        return None
    return naming, kind


def _first_name(place: Mapping[str, JsonValue], keys: Iterable[str]) -> Naming | None:
    for key in keys:
        name = place.get(key)
        if isinstance(name, str) and not is_empty(name):
            return Naming(name, key)
    return None


def _nested(place: Mapping[str, JsonValue]) -> dict[str, JsonValue] | None:
    for key in _BODIES:
        value = place.get(key)
        if isinstance(value, dict) and value:
            return value
    return None
