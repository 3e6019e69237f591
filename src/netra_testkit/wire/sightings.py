"""What is worth knowing about a run although it breaks no rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netra_testkit.wire.checks import is_asked_agent
from netra_testkit.wire.contract import Ending, Noteworthy, Observation
from netra_testkit.wire.excerpts import bounded
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.runs import AgentRun

__all__ = ["Asides", "observations_of"]

_LOOK_ALIKES = {
    MessageType.AGENT_START: MessageType.AGENT_STARTED,
    MessageType.AGENT_COMPLETE: MessageType.AGENT_COMPLETED,
    MessageType.TOOL_EXECUTE: MessageType.TOOL_EXECUTING,
    MessageType.TOOL_COMPLETE: MessageType.TOOL_COMPLETED,
}


class Asides:
    """Frames that came during a run without counting for it, counted by what they show."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Noteworthy, str], _Aside] = {}

    def note_foreign(self, frame: Frame) -> None:
        """An event of another run."""
        whose = "no run of its own" if frame.run_id is None else f"run {frame.run_id}"
        self._note(Noteworthy.FOREIGN_EVENT, f"events of {whose} came and were not counted", frame)

    def note_error(self, frame: Frame) -> None:
        """An error frame that does not say which run it is about."""
        said = " ".join(each for each in (frame.error_code, frame.error_text) if each is not None)
        self._note(Noteworthy.ERROR_FRAME, f"{frame.type_name} came: {said or 'no text'}", frame)

    def note(self, frame: Frame) -> None:
        """Any other frame, kept when its type is unknown or looks like one of the five."""
        kind = frame.type
        if kind is None:
            self._note(Noteworthy.UNKNOWN_TYPE, f"{frame.type_name} is no known type", frame)
        elif kind in _LOOK_ALIKES:
            sentence = f"{kind} came, which is not {_LOOK_ALIKES[kind]}"
            self._note(Noteworthy.LOOKS_LIKE, sentence, frame)

    def __iter__(self) -> Iterator[Observation]:
        for (what, sentence), aside in self._seen.items():
            often = "" if aside.count == 1 else f" ({aside.count} times)"
            yield Observation(what, bounded(sentence) + often, evidence=bounded(aside.frame.raw))

    def _note(self, what: Noteworthy, sentence: str, frame: Frame) -> None:
        aside = self._seen.get((what, sentence))
        if aside is None:
            self._seen[what, sentence] = _Aside(frame)
        else:
            aside.count += 1


@dataclass(slots=True)
class _Aside:
    frame: Frame
    count: int = 1


def observations_of(run: AgentRun, asides: Asides) -> tuple[Observation, ...]:
    """What is noteworthy about the events of a run, and then about what came beside them."""
    return (*_starts_and_ends(run), *_outer_agent(run), *asides)


def _about(run: AgentRun, what: Noteworthy, place: int, sentence: str) -> Observation:
    evidence = bounded(run.events[place].frame.raw)
    return Observation(what, bounded(sentence), evidence=evidence, position=place)


def _starts_and_ends(run: AgentRun) -> Iterator[Observation]:
    events, nesting = run.events, run.nesting
    for place in nesting.nested:
        sentence = f"{events[place].agent} started inside the run of {nesting.outer}"
        yield _about(run, Noteworthy.NESTED_START, place, sentence)
    for place in nesting.repeated:
        sentence = f"{nesting.outer} started again"
        yield _about(run, Noteworthy.REPEATED_START, place, sentence)
    for place in nesting.unmatched:
        sentence = f"{events[place].agent} ended inside the run and had not started"
        yield _about(run, Noteworthy.END_WITHOUT_START, place, sentence)


def _outer_agent(run: AgentRun) -> Iterator[Observation]:
    outer = run.nesting.outer
    if run.counted and outer != run.agent and not is_asked_agent(run, run.counted[0]):
        sentence = f"{run.agent} was asked, and {outer} leads the run"
        yield _about(run, Noteworthy.OTHER_AGENT, 0, sentence)
    if run.ending is Ending.NEVER_COMPLETED:
        sentence = f"outer agent never completed: {outer} was left after a nested end"
        yield _about(run, Noteworthy.OUTER_NEVER_COMPLETED, len(run.counted) - 1, sentence)
