"""Which starts and ends of a run are the outer agent's, and which a nested agent's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.wire.events import agent_key

if TYPE_CHECKING:
    from typing import TypeGuard

__all__ = ["Nesting"]


class Nesting:
    """The agents of a run, followed from start to end; each step costs the same.

    Args:
        outer: The outer agent's name, by which its later events are known.

    Attributes:
        outer: The outer agent's name.
        outer_started: Whether a start of the outer agent was seen.
        repeated: The places of further starts of the outer agent.
        nested: The places of the starts of other agents.
        unmatched: The places of ends of other agents that had not started.
    """

    def __init__(self, outer: str) -> None:
        self.outer: str = outer
        self.outer_started: bool = False
        self.repeated: list[int] = []
        self.nested: list[int] = []
        self.unmatched: list[int] = []
        self._key = agent_key(outer)
        self._open: dict[str, list[int]] = {}
        self._open_count = 0

    @property
    def unended(self) -> tuple[int, ...]:
        """The places of the nested starts that have no end of their own."""
        return tuple(sorted(place for places in self._open.values() for place in places))

    def start(self, place: int, agent: str | None) -> None:
        """Take in an agent_started; one that names nobody is the outer agent's."""
        if self._is_nested(agent):
            self.nested.append(place)
            self._open.setdefault(agent_key(agent), []).append(place)
            self._open_count += 1
        elif self.outer_started:
            self.repeated.append(place)
        else:
            self.outer_started = True

    def end(self, place: int, agent: str | None) -> bool:
        """Take in a completion or error, and say whether it ends the run."""
        if not self._open_count or not self._is_nested(agent):
            return True
        places = self._open.get(agent_key(agent))
        if places:
            places.pop()
            self._open_count -= 1
        else:
            self.unmatched.append(place)
        return False

    def _is_nested(self, agent: str | None) -> TypeGuard[str]:
        return agent is not None and agent_key(agent) != self._key
