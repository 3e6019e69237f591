"""Server-sent events out of bytes, however these are cut."""

from __future__ import annotations

import codecs
import json
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from netra_testkit.errors import MalformedFrame
from netra_testkit.wire.excerpts import bounded
from netra_testkit.wire.frames import DEFAULT_MAX_SIZE, Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["SseEvent", "SseParser"]

LONGEST_NUMBER = 15


def _refused(constant: str) -> JsonValue:
    raise ValueError(f"{constant} is not JSON")


# What nearly every event looks like; and what follows the last of them, whatever it is.
PLAIN_EVENTS = re.compile(r"(id: [^\n]*\n)?(event: [^\n]+\n)?data: ([^\n]*)\n\n|([\s\S]+)")
# Each look at the rest of a piece copies it: where other events are many, it is read line by line.
MOST_LOOKS = 20
DECODER = json.JSONDecoder(parse_constant=_refused)


class SseEvent(NamedTuple):
    """One event of a stream.

    Attributes:
        event: Its name; ``message`` when the server gave none.
        data: Its data lines, joined by line feeds.
        id: The last id seen so far; None before the first.
        retry: The reconnection time in milliseconds that came with it.
    """

    event: str
    data: str
    id: str | None = None
    retry: int | None = None

    def json(self) -> JsonValue:
        """The data's JSON value.

        Raises:
            MalformedFrame: The data is not JSON.
        """
        data = self.data
        try:
            if data.startswith("{"):  # as nearly every one does
                value, end = DECODER.raw_decode(data)
                if end == len(data):
                    return value  # type: ignore[no-any-return] # JSON is JSON
            return DECODER.decode(data)  # type: ignore[no-any-return] # JSON is JSON
        except (ValueError, RecursionError):
            raise MalformedFrame(reason="not JSON", excerpt=bounded(data)) from None

    def frame(self) -> Frame:
        """The data as a frame of the platform.

        Raises:
            MalformedFrame: The data is none.
        """
        return Frame.decode(self.data)


# What the class does by itself to make one, less the names.
_event: Callable[[tuple[str, str, str | None, int | None]], SseEvent] = partial(
    tuple.__new__, SseEvent
)


class SseParser:
    """Takes the bytes of a stream in pieces of any size and gives its events.

    Lines end with LF, CR or CRLF; a byte order mark at the start and comments are passed over;
    an event that the stream's end cuts off is dropped, as the format asks.

    Args:
        max_size: The most characters that one line, and the data of one event, may have.
    """

    def __init__(self, *, max_size: int = DEFAULT_MAX_SIZE) -> None:
        self._max_size = max_size
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._begun = False
        self._after_carriage_return = False
        self._rest: list[str] = []
        self._rest_size = 0
        self._event = ""
        self._data: list[str] = []
        self._data_size = 0
        self._id: str | None = None
        self._retry: int | None = None
        self._failure: MalformedFrame | None = None

    @property
    def last_id(self) -> str | None:
        """The last id seen, None before the first."""
        return self._id

    def feed(self, piece: bytes) -> list[SseEvent]:
        """The events that this piece completes.

        What is too large ends the stream. Events before it are given first: then it is raised by
        the next call, for which an empty piece is enough.

        Raises:
            MalformedFrame: A line or an event is larger than allowed.
        """
        if self._failure is not None:
            raise self._failure
        text = self._decode(piece)
        if not text:
            return []
        events: list[SseEvent] = []
        failure: MalformedFrame | None = None
        plain = len(text) <= self._max_size and "\r" not in text and "\0" not in text
        looks = MOST_LOOKS if plain else 0
        position = 0
        while position < len(text) and failure is None:
            if looks and self._between_events:
                looks -= 1
                position = self._take_plain(text, position, events)
            end = text.find("\n\n", position) + 2
            some = text[position:end] if end > 1 else text[position:]
            failure = self._take_lines(some, events)
            position += len(some)
        if failure is None and self._rest_size > self._max_size:
            failure = self._too_large("a line", "".join(self._rest))
        self._failure = failure
        if failure is not None and not events:
            raise failure
        return events

    @property
    def _between_events(self) -> bool:
        begun = self._rest or self._data or self._event or self._retry is not None
        return self._begun and not begun and not self._after_carriage_return

    def _take_plain(self, text: str, position: int, events: list[SseEvent]) -> int:
        """Take the events from here on that need no second look; where they end."""
        last_id = self._id
        end = len(text)
        for new_id, name, data, rest in PLAIN_EVENTS.findall(text, position):
            if rest:
                end -= len(rest)
                break
            if new_id:
                last_id = new_id[4:-1]
            events.append(_event((name[7:-1] or "message", data, last_id, None)))
        self._id = last_id
        return end

    def _take_lines(self, text: str, events: list[SseEvent]) -> MalformedFrame | None:
        """Take text that may begin and end anywhere; what is wrong with it."""
        for line in self._lines(text):
            if line:
                failure = self._field(line)
                if failure is not None:
                    return failure
            else:
                if self._data:
                    events.append(self._dispatched())
                self._event = ""
        return None

    def _lines(self, text: str) -> list[str]:
        """The lines that this text completes; what follows them waits for more."""
        if not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        if self._after_carriage_return:
            text = text.removeprefix("\n")
        self._after_carriage_return = text.endswith("\r")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        last = lines.pop()
        if lines:
            if self._rest:
                lines[0] = "".join((*self._rest, lines[0]))
            self._rest, self._rest_size = [], 0
        if last:
            self._rest.append(last)
            self._rest_size += len(last)
        return lines

    def _field(self, line: str) -> MalformedFrame | None:
        """Take a line that is not empty; what is wrong with its size."""
        if len(line) > self._max_size:
            return self._too_large("a line", line)
        name, _, value = line.partition(":")
        if value[:1] == " ":
            value = value[1:]
        if name == "data":
            self._data.append(value)
            self._data_size += len(value) + 1
            if self._data_size > self._max_size + 1:
                return self._too_large("an event", "\n".join(self._data))
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self._retry = int(value[:LONGEST_NUMBER])
        return None

    def _dispatched(self) -> SseEvent:
        data = self._data[0] if len(self._data) == 1 else "\n".join(self._data)
        event = SseEvent(self._event or "message", data, self._id, self._retry)
        self._data, self._data_size, self._retry = [], 0, None
        return event

    def _too_large(self, what: str, text: str) -> MalformedFrame:
        reason = f"{what} of more than {self._max_size} characters"
        return MalformedFrame(reason=reason, excerpt=bounded(text))
