"""One frame, whatever form its sender gave it: JSON read once, the rest on first use and kept."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from netra_testkit.wire.documents import (
    DEFAULT_MAX_DEPTH,
    DEFAULT_MAX_SIZE,
    malformed,
    read_document,
)
from netra_testkit.wire.encoding import encode
from netra_testkit.wire.envelopes import CARRIERS, body_of, name_of, unwrap
from netra_testkit.wire.excerpts import bounded
from netra_testkit.wire.synonyms import (
    ERROR_CODE,
    ERROR_TEXT,
    MESSAGE_ID,
    first_of,
    identity_of,
    is_empty,
)
from netra_testkit.wire.timestamps import parse_timestamp
from netra_testkit.wire.types import MESSAGE_TYPES, MessageType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["DEFAULT_MAX_DEPTH", "DEFAULT_MAX_SIZE", "Frame", "encode"]

_ERRORS = frozenset(
    {
        MessageType.ERROR_MESSAGE,
        MessageType.AGENT_ERROR,
        MessageType.STREAM_ERROR,
        MessageType.AUTHENTICATION_ERROR,
        MessageType.CONNECTION_ERROR,
        MessageType.SYSTEM_ERROR,
    }
)

_UNREAD: Any = object()
_find = MessageType.find
# What nearly every frame is called, and no carrier: such a name says all about the type.
_PLAIN_NAMES = {name: kind for name, kind in MESSAGE_TYPES.items() if kind not in CARRIERS}
_plain_type = _PLAIN_NAMES.get


class Frame:
    """What one frame says, whatever its form: made by `decode`, read-only.

    An unknown type is no error: `type` is None then and `type_name` is the name as sent. Frames
    are equal when they are the same text read with aliases that give them the same type.
    """

    __slots__ = (
        "_aliases",
        "_body",
        "_carrier",
        "_document",
        "_ids",
        "_name",
        "_name_key",
        "_raw",
        "_received_at",
        "_timestamp",
        "_type",
    )

    _aliases: Mapping[str, MessageType | str]
    _body: dict[str, JsonValue] | None
    _carrier: dict[str, JsonValue] | None
    _document: dict[str, JsonValue]
    _ids: dict[str, str | None] | None
    _name: str
    _name_key: str
    _raw: str
    _received_at: float
    _timestamp: float | None
    _type: MessageType | None

    def __init__(self) -> None:
        raise TypeError("a frame is made by Frame.decode(data)")

    @classmethod
    def decode(
        cls,
        data: str | bytes,
        *,
        aliases: Mapping[str, MessageType | str] = MESSAGE_TYPES,
        max_size: int = DEFAULT_MAX_SIZE,
        max_depth: int = DEFAULT_MAX_DEPTH,
        received_at: float | None = None,
    ) -> Frame:
        """Read a frame as it came over the wire.

        Args:
            data: Its text, or bytes that are UTF-8.
            aliases: A table from `with_aliases`, or a product's extra aliases as they are.
            max_size: The most bytes it may have.
            max_depth: The most objects and lists within one another it may have.
            received_at: When it came, by the receiver's clock; `time.time()` when not given.

        Raises:
            MalformedFrame: It is not UTF-8, not one JSON object, beyond a limit, or has neither
                a type nor an event's name.
        """
        raw, document = read_document(data, max_size, max_depth)
        name = document.get("type")
        key = "type"
        if type(name) is not str or not name or name.isspace():
            naming = name_of(document)
            if naming is None:
                raise malformed("it has no type and no event", raw)
            name, key = naming
        frame = object.__new__(cls)
        frame._raw = raw
        frame._document = document
        frame._name = name
        frame._name_key = key
        frame._aliases = aliases
        frame._received_at = time.time() if received_at is None else received_at
        frame._type = _plain_type(name, _UNREAD) if aliases is MESSAGE_TYPES else _UNREAD
        frame._timestamp = _UNREAD
        frame._body = frame._carrier = frame._ids = None
        return frame

    @staticmethod
    def encode(
        type: MessageType | str,  # noqa: A002 - the established name
        payload: Mapping[str, object] | None = None,
        *,
        message_id: str | None,
        timestamp: float,
        thread_id: str | None = None,
        run_id: str | None = None,
        user_id: str | None = None,
        as_server: bool = False,
        aliases: Mapping[str, MessageType | str] = MESSAGE_TYPES,
        max_size: int = DEFAULT_MAX_SIZE,
        max_depth: int = DEFAULT_MAX_DEPTH,
    ) -> str:
        """The text of a frame: the function `encode`, where `decode` is."""
        return encode(
            type,
            payload,
            message_id=message_id,
            timestamp=timestamp,
            thread_id=thread_id,
            run_id=run_id,
            user_id=user_id,
            as_server=as_server,
            aliases=aliases,
            max_size=max_size,
            max_depth=max_depth,
        )

    @property
    def raw(self) -> str:
        """The text as it came; it is masked by whoever writes it down."""
        return self._raw

    @property
    def received_at(self) -> float:
        """When it came, in seconds by its decoder's clock; ChatClient's is monotonic."""
        return self._received_at

    @property
    def type(self) -> MessageType | None:
        """Its type, that of the event inside where it is a carrier; None when it is unknown."""
        if self._type is _UNREAD:
            self._classify()
        return self._type

    @property
    def type_name(self) -> str:
        """The name of its type as sent; a JSON-RPC frame's is that of its form."""
        if self._type is _UNREAD:
            self._classify()
        return self._name

    @property
    def body(self) -> Mapping[str, JsonValue]:
        """What it says: the payload or data, or what stands beside the type where it is flat."""
        if self._type is _UNREAD:
            self._classify()
        if self._body is None:
            self._body = body_of(self._document, self._name_key)
        return self._body

    @property
    def message_id(self) -> str | None:
        """Its own id, or the id of the message that it answers."""
        return self._id(MESSAGE_ID)

    @property
    def run_id(self) -> str | None:
        """The agent run it belongs to."""
        return self._id(("run_id",))

    @property
    def thread_id(self) -> str | None:
        """The thread it belongs to."""
        return self._id(("thread_id",))

    @property
    def user_id(self) -> str | None:
        """The user it is about."""
        return self._id(("user_id",))

    @property
    def connection_id(self) -> str | None:
        """The server's name for the connection."""
        return self._id(("connection_id",))

    @property
    def request_id(self) -> str | None:
        """The request that it answers."""
        return self._id(("request_id",))

    @property
    def correlation_id(self) -> str | None:
        """What ties it to other frames and to the server's log."""
        return self._id(("correlation_id",))

    @property
    def timestamp(self) -> float | None:
        """When its sender says that it was said, in seconds since the epoch.

        Raises:
            MalformedFrame: What stands there is no time.
        """
        if self._timestamp is _UNREAD:
            self._timestamp = self._read_timestamp()
        return self._timestamp

    @property
    def error_code(self) -> str | None:
        """The code of the error that it reports; None when it reports none or gives no code."""
        error = self.first(("error",))
        said = self.first(ERROR_CODE[:1])
        if said is None and isinstance(error, dict):
            said = first_of(error, ERROR_CODE)
        if said is None and self.type in _ERRORS:
            said = self.first(ERROR_CODE)
        return identity_of(said)

    @property
    def error_text(self) -> str | None:
        """The text of the error that it reports; None when it reports none or gives no text."""
        error = self.first(("error",))
        said = self.first(ERROR_TEXT[:1])
        if said is None and error is not None:
            said = first_of(error, ERROR_TEXT) if isinstance(error, dict) else error
        if not isinstance(said, str) and self.type in _ERRORS:
            said = self.first(ERROR_TEXT)
        return said if isinstance(said, str) else None

    def first(self, names: Iterable[str]) -> JsonValue:
        """The value under the first of `names` that is not empty: in the body, else around it.

        Args:
            names: One thing's names in the order in which they count, as in `wire.synonyms`.
        """
        keys = tuple(names)
        for place in reversed(self._places()):
            value = first_of(place, keys)
            if value is not None:
                return value
        return None

    def _classify(self) -> None:
        kind = _find(self._name, aliases=self._aliases)
        if kind in CARRIERS:
            body = body_of(self._document, self._name_key)
            carried = unwrap(self._document, body, self._aliases)
            if carried is not None:
                self._name, kind, self._body = carried
                self._carrier = body
        self._type = kind

    def _places(self) -> tuple[Mapping[str, JsonValue], ...]:
        """Where a value may stand, outermost first."""
        body = self.body
        if self._carrier is None:
            return self._document, body
        return self._document, self._carrier, body

    def _id(self, names: tuple[str, ...]) -> str | None:
        key = names[0]
        kept = self._ids
        if kept is None:
            kept = self._ids = {}
        elif key in kept:
            return kept[key]
        found = None
        for place in self._places():
            for name in names:
                value = place.get(name)
                if found is None and value is not None:
                    found = identity_of(value)
        kept[key] = found
        return found

    def _read_timestamp(self) -> float | None:
        for depth, place in enumerate(self._places()):
            value = place.get("timestamp")
            if not is_empty(value):
                field = "timestamp" if depth == 0 else "timestamp in the body"
                return parse_timestamp(value, field=field)
        return None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frame):
            return NotImplemented
        return self._raw == other._raw and self.type is other.type

    def __hash__(self) -> int:
        return hash(self._raw)

    def __repr__(self) -> str:
        return f"<Frame {bounded(self.type_name)}, {len(self._raw)} characters>"

    def __reduce__(self) -> tuple[Any, ...]:
        aliases = None if self._aliases is MESSAGE_TYPES else dict(self._aliases)
        return _again, (self._raw, self._received_at, aliases)


def _again(raw: str, received_at: float, aliases: Mapping[str, MessageType | str] | None) -> Frame:
    # It was within the limits of its first reader, which need not be the usual ones.
    return Frame.decode(
        raw,
        aliases=MESSAGE_TYPES if aliases is None else aliases,
        max_size=sys.maxsize,
        max_depth=sys.maxsize,
        received_at=received_at,
    )
