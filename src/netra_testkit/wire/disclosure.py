"""Whether the answer of a run tells its user that a tool failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.wire.events import AgentEvent

__all__ = ["tells_of"]

_DENIAL = r"(?<!\bno )(?<!\bnot )(?<!\bany )(?<!\bnever )(?<!\bwithout )(?<!\b0 )(?<!\bzero )"
_FAILURE = re.compile(
    rf"{_DENIAL}\b(?:errors?|fail(?:s|ed|ing|ures?)?|unable|unavailable|unsuccessful(?:ly)?|cannot"
    r"|can['\u2019]?t|could\s?n['\u2019]t|could not|not available|timed out|time-?out|went wrong"
    r"|incomplete|partial(?:ly)?|degraded)\b",
    re.IGNORECASE,
)


def tells_of(answer: AgentEvent, failure: AgentEvent) -> bool:
    """Whether any text of `answer` repeats the error of `failure` or speaks of a failure.

    A word of failure that is denied ("no errors") does not count, and neither does the tool's
    name alone: it stands in the list of tools used as well.
    """
    error = _plain(failure.error or "")
    for text in _texts(answer.frame.body):
        if _FAILURE.search(text) or (error and error in _plain(text)):
            return True
    return False


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _texts(value: object) -> Iterator[str]:
    waiting: list[object] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
