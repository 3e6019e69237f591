"""A run as a broken deployment would tell it: events lost, doubled, out of order, or a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netra_testkit.local.agents import Event
    from netra_testkit.local.board import FaultBoard

__all__ = ["Tampering", "is_outer_terminal"]

_FAILED = "AGENT_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """What is done to the events of one run.

    Attributes:
        lost: The type of event that is not sent.
        duplicated: The type of event that is sent twice.
        reorders: Whether the first two events change places.
        unpairs: Whether the first tool never ends.
        endless: Whether the run never ends.
        fails: Whether the agent of the run fails at its end.
    """

    lost: MessageType | None = None
    duplicated: MessageType | None = None
    reorders: bool = False
    unpairs: bool = False
    endless: bool = False
    fails: bool = False

    @classmethod
    def struck(cls, board: FaultBoard, user: str | None) -> Tampering:
        """What the faults that are set do to a run that begins now.

        Args:
            board: The faults.
            user: Whose run it is.
        """
        at_its_end = cls.struck_at_its_end(board, user)
        lost = board.strike("lost-event", user=user)
        duplicated = board.strike("duplicated-event", user=user)
        return cls(
            lost=None if lost is None else MessageType(str(lost.options["type"])),
            duplicated=None if duplicated is None else MessageType(str(duplicated.options["type"])),
            reorders=board.strike("reordered-events", user=user) is not None,
            unpairs=board.strike("unpaired-tool", user=user) is not None,
            endless=at_its_end.endless,
            fails=at_its_end.fails,
        )

    @classmethod
    def struck_at_its_end(cls, board: FaultBoard, user: str | None) -> Tampering:
        """The same of a run whose events nobody is told, only its answer.

        Args:
            board: The faults.
            user: Whose run it is.
        """
        return cls(
            endless=board.strike("never-completes", user=user) is not None,
            fails=board.strike("failed-run", user=user) is not None,
        )

    def apply(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events as they are sent."""
        told = self._in_order(events) if self.reorders else iter(events)
        unpaired = not self.unpairs
        for each in told:
            event = _failed(each) if self.fails and is_outer_terminal(each) else each
            if event.type is self.lost or (self.endless and is_outer_terminal(event)):
                continue
            if not unpaired and event.type is MessageType.TOOL_COMPLETED:
                unpaired = True
                continue
            yield event
            if event.type is self.duplicated:
                yield event

    def _in_order(self, events: Iterable[Event]) -> Iterator[Event]:
        told = iter(events)
        first, second = next(told), next(told)
        yield from (second, first)
        yield from told


def is_outer_terminal(event: Event) -> bool:
    """Whether an event ends its run, and not only an agent nested in it."""
    ends = event.type in {MessageType.AGENT_COMPLETED, MessageType.AGENT_ERROR}
    return ends and "parent_agent" not in event.body


def _failed(completed: Event) -> Event:
    """What is told instead of a completion."""
    named = {name: completed.body[name] for name in ("agent", "agent_name")}
    why = f"{named['agent']} could not do what was asked"
    body = {**named, "status": "failed", "error_code": _FAILED, "error": why}
    return replace(completed, type=MessageType.AGENT_ERROR, body=body)
