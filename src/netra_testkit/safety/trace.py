"""The flight recorder: what was asked, said and waited for, bounded, masked when written."""

from __future__ import annotations

import json
import math
import os
import string
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from netra_testkit.safety.redaction import mask, mask_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["Trace"]

Fact: TypeAlias = str | int | float | bool | None

LONGEST_TEXT = 65_536
# What Python takes for each character of a text that is not ASCII, at most.
WIDEST_CHARACTER = 4
PART_THAT_GOES = 100
TOKEN_CHARACTERS = string.ascii_letters + string.digits + "-._~+/=%"


class Trace:
    """A bounded ring of records: requests, frames, waits and retries, with their times.

    Recording keeps the text as it is and costs about as much as appending to a list; masking and
    JSON come when somebody reads. When the ring is full the oldest records go, and the first
    line that is written says how many went. Belongs to one event loop; threads do not share it.

    Attributes:
        lost: How many records had to go.
        lost_bytes: How much memory their texts had taken.
    """

    def __init__(
        self,
        *,
        max_records: int = 10_000,
        max_bytes: int = 8 * 2**20,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.lost: int = 0
        self.lost_bytes: int = 0
        self._records: deque[tuple[float, str, str, dict[str, Fact] | None, int]] = deque()
        self._bytes = 0
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._clock = clock
        self._began = clock()
        self._began_at = wall_clock()

    def record(self, kind: str, text: str = "", *, at: float | None = None, **facts: Fact) -> None:
        """Keep one thing that happened.

        Args:
            kind: What it is: request, response, frame, wait, retry …
            text: What was said, word for word; of a very long one the beginning is kept.
            at: When, by the recorder's clock; now when not given.
            facts: Whatever deserves a column of its own, such as a status or a duration; short.
        """
        if len(text) > LONGEST_TEXT:
            text, facts["cut"] = _cut(text)
        size = len(text) if text.isascii() else WIDEST_CHARACTER * len(text)
        if at is None:
            at = self._clock()
        self._records.append((at, kind, text, facts or None, size))
        self._bytes += size
        if self._bytes > self._max_bytes or len(self._records) > self._max_records:
            self._make_room()

    def _make_room(self) -> None:
        # Some more than has to go, so that a full ring does not make room at each record.
        records, spare = self._records, self._max_records // PART_THAT_GOES
        before = len(records)
        while self._bytes > self._max_bytes or len(records) > self._max_records - spare:
            size = records.popleft()[-1]
            self._bytes -= size
            self.lost_bytes += size
        self.lost += before - len(records)

    def lines(self) -> tuple[str, ...]:
        """What is kept as NDJSON, oldest first and masked, after a line about the trace itself."""
        about = {
            "kind": "trace",
            "began_at": self._began_at,
            "records": len(self._records),
            "lost": self.lost,
            "lost_bytes": self.lost_bytes,
        }
        return (json.dumps(about), *self.tail(len(self._records)))

    def tail(self, count: int) -> tuple[str, ...]:
        """The last records as NDJSON, oldest first and masked."""
        kept = list(self._records)[-count:] if count > 0 else []
        return tuple(self._line(*each) for each in kept)

    def write(self, target: str | os.PathLike[str] | TextIO) -> None:
        """Write every line to a file, which is made or emptied, or to an open text stream."""
        text = "".join(f"{line}\n" for line in self.lines())
        if isinstance(target, str | os.PathLike):
            Path(target).write_text(text, encoding="utf-8", newline="\n")
        else:
            target.write(text)

    def __repr__(self) -> str:
        return f"<Trace: {len(self._records)} records, {self.lost} lost>"

    def _line(
        self, at: float, kind: str, text: str, facts: dict[str, Fact] | None, _size: int
    ) -> str:
        own: dict[str, JsonValue] = {"at": round(at - self._began, 6), "kind": kind, "text": text}
        if facts is not None:
            own |= {name: _plain(value) for name, value in facts.items()}
        return json.dumps(mask_json(own))


def _plain(value: Fact) -> Fact:
    # JSON has no word for these.
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _cut(text: str) -> tuple[str, int]:
    """The beginning of a long text and how much was cut off.

    A secret on the border would be cut in two and no longer be known as one: so it is masked
    first, and a token that is not known yet is left out as a whole.
    """
    kept = mask(text[: 2 * LONGEST_TEXT])[:LONGEST_TEXT].rstrip(TOKEN_CHARACTERS)
    return kept, len(text) - len(kept)
