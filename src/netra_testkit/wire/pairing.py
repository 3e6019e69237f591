"""Which completion of a tool answers which execution."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netra_testkit.wire.events import AgentEvent

__all__ = ["ToolUse", "tool_uses"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One use of a tool, by the places of its events in the run.

    Attributes:
        executing: The place of its tool_executing, None for a completion that answers none.
        completed: The place of its tool_completed, None while it is open.
    """

    executing: int | None
    completed: int | None


def tool_uses(events: Iterable[AgentEvent]) -> tuple[ToolUse, ...]:
    """Pair the tool events of a run.

    A completion with an execution id answers the oldest open execution with that id, else the
    oldest open one of the same tool that carries no id; a completion without an id answers the
    oldest open one of the same tool.
    """
    answers: dict[int, int | None] = {}
    orphans: list[int] = []
    waiting = _Waiting()
    for place, event in enumerate(events):
        if event.kind is MessageType.TOOL_EXECUTING:
            answers[place] = None
            waiting.add(place, event.tool, event.execution_id)
        elif event.kind is MessageType.TOOL_COMPLETED:
            executing = waiting.take(event.tool, event.execution_id)
            if executing is None:
                orphans.append(place)
            else:
                answers[executing] = place
    return (
        *(ToolUse(executing, completed) for executing, completed in answers.items()),
        *(ToolUse(None, completed) for completed in orphans),
    )


class _Waiting:
    """The executions that wait for their completion, findable in constant time."""

    def __init__(self) -> None:
        self._by_id: defaultdict[str, deque[int]] = defaultdict(deque)
        self._by_tool: defaultdict[str, deque[int]] = defaultdict(deque)
        self._without_id: defaultdict[str, deque[int]] = defaultdict(deque)
        self._taken: set[int] = set()

    def add(self, place: int, tool: str | None, execution_id: str | None) -> None:
        if execution_id is not None:
            self._by_id[execution_id].append(place)
        if tool is not None:
            self._by_tool[tool].append(place)
            if execution_id is None:
                self._without_id[tool].append(place)

    def take(self, tool: str | None, execution_id: str | None) -> int | None:
        queues = []
        if execution_id is not None:
            queues.append(self._by_id[execution_id])
        if tool is not None:
            queues.append((self._by_tool if execution_id is None else self._without_id)[tool])
        for queue in queues:
            while queue:
                place = queue.popleft()
                if place not in self._taken:
                    self._taken.add(place)
                    return place
        return None
