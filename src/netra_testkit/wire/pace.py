"""How fast a run went: its timing, the hand-offs between its agents, and what took too long."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from netra_testkit.wire.events import agent_key
from netra_testkit.wire.pairing import tool_uses
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netra_testkit.wire.contract import RunLimits
    from netra_testkit.wire.events import AgentEvent

__all__ = ["HandOff", "Overrun", "RunTiming", "hand_offs_of", "overruns_of", "timing_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTiming:
    """When the events of a run came, in seconds; None where there is nothing to measure.

    Attributes:
        events: When each event came, counted from the request, or from the first event when
            nobody said when the request was sent.
        first_event: From the request to the first event.
        thinking: From the request to the first event after agent_started.
        largest_gap: The longest time between two events.
        slowest_tool: The longest time from a tool_executing to its tool_completed.
        completion: From the last event before the terminal one to the terminal one.
        total: From the request, or the first event, to the terminal event, or to the last one so
            far.
    """

    events: tuple[float, ...] = ()
    first_event: float | None = None
    thinking: float | None = None
    largest_gap: float | None = None
    slowest_tool: float | None = None
    completion: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """One agent hands over to another, which starts inside the run.

    Attributes:
        from_agent: The agent named last before.
        to_agent: The agent that starts.
        seconds: From the event before to the start.
        position: The place of the start in `AgentRun.events`.
    """

    from_agent: str
    to_agent: str
    seconds: float
    position: int


@dataclass(frozen=True, slots=True)
class Overrun:
    """A part of a run that took longer than its limit.

    Attributes:
        name: The part, by its name in `RunLimits`.
        seconds: How long it took.
        limit: How long it may take.
        position: The place of the event that came too late.
    """

    name: str
    seconds: float
    limit: float
    position: int


class _Measured(NamedTuple):
    seconds: float
    position: int


def timing_of(events: Sequence[AgentEvent], *, started_at: float | None, ended: bool) -> RunTiming:
    """The timing of the events that count, the terminal one last when the run has `ended`."""
    if not events:
        return RunTiming()
    origin = events[0].at if started_at is None else started_at
    parts = _measure(events, started_at=started_at, ended=ended)
    return RunTiming(
        events=tuple(event.at - origin for event in events),
        **{name: measured.seconds for name, measured in parts.items()},
    )


def hand_offs_of(
    events: Sequence[AgentEvent], starts: Iterable[int], *, asked: str
) -> tuple[HandOff, ...]:
    """The hand-offs at those of the nested `starts` that name another agent than came before."""
    nested = set(starts)
    found = []
    last = asked
    for place, event in enumerate(events):
        name = event.agent
        if name is None:
            continue
        if place in nested and agent_key(name) != agent_key(last):
            seconds = event.at - events[place - 1].at
            found.append(HandOff(from_agent=last, to_agent=name, seconds=seconds, position=place))
        last = name
    return tuple(found)


def overruns_of(
    events: Sequence[AgentEvent],
    hand_offs: Iterable[HandOff],
    limits: RunLimits,
    *,
    started_at: float | None,
    ended: bool,
) -> Iterator[Overrun]:
    """The parts of a run that took longer than `limits` allow."""
    parts = list(_measure(events, started_at=started_at, ended=ended).items())
    parts += [("hand_off", _Measured(each.seconds, each.position)) for each in hand_offs]
    for name, measured in parts:
        limit: float | None = getattr(limits, name)
        if limit is not None and measured.seconds > limit:
            yield Overrun(name, measured.seconds, limit, measured.position)


def _measure(
    events: Sequence[AgentEvent], *, started_at: float | None, ended: bool
) -> dict[str, _Measured]:
    if not events:
        return {}
    times = [event.at for event in events]
    last = len(times) - 1
    origin = times[0] if started_at is None else started_at
    gaps = [_Measured(b - a, n) for n, (a, b) in enumerate(pairwise(times), 1)]
    tools = [
        _Measured(times[use.completed] - times[use.executing], use.completed)
        for use in tool_uses(events)
        if use.executing is not None and use.completed is not None
    ]
    parts = {"total": _Measured(times[last] - origin, last)}
    if gaps:
        parts["largest_gap"] = max(gaps)
        if ended:
            parts["completion"] = gaps[-1]
    if tools:
        parts["slowest_tool"] = max(tools)
    if started_at is not None:
        parts["first_event"] = _Measured(times[0] - origin, 0)
        started = [n for n, each in enumerate(events) if each.kind is MessageType.AGENT_STARTED]
        if started and started[0] < last:
            parts["thinking"] = _Measured(times[started[0] + 1] - origin, started[0] + 1)
    return parts
