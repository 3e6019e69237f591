"""What every error has: a cause, a hint, a text built from its facts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["Cause", "NetraError", "Problem"]


class Cause(StrEnum):
    """Whose fault a failure is, as far as the evidence goes."""

    PRODUCT = "product"
    DEPLOYMENT = "deployment"
    INFRASTRUCTURE = "infrastructure"
    AUTHENTICATION = "authentication"
    CONFIGURATION = "configuration"
    TEST = "test"
    UNDECIDED = "undecided"


class Problem(NamedTuple):
    """One thing that is wrong with a configuration; its text never holds a secret."""

    field: str
    source: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} (from {self.source}): {self.remedy}"


def _rebuild(kind: type[NetraError], facts: dict[str, Any]) -> NetraError:
    return kind(**facts)


@dataclass(kw_only=True, eq=False)
class NetraError(Exception):
    """The root of everything the kit raises.

    Every fact is an attribute and a keyword of the constructor; the text is built from them.

    Attributes:
        cause: Whose fault it is, on the evidence at hand.
        hint: What to do next, one sentence.
    """

    cause: Cause = Cause.UNDECIDED
    hint: str = ""

    def _sentence(self) -> str:
        return type(self).__name__

    def _references(self) -> list[str]:
        return []

    def __str__(self) -> str:
        lines = [self._sentence(), *self._references(), f"cause: {self.cause}"]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        facts = {
            each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.init
        }
        notes = {"__notes__": self.__notes__} if hasattr(self, "__notes__") else None
        return _rebuild, (type(self), facts), notes
