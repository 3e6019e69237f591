"""A run at a glance: the verdict, a line for each event, and what is wrong with it."""

from __future__ import annotations

import json
import textwrap
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from netra_testkit.wire.contract import Ending, Rule
from netra_testkit.wire.excerpts import bounded
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from netra_testkit.safety.jsonable import JsonValue
    from netra_testkit.wire.contract import RunContract, Violation
    from netra_testkit.wire.events import AgentEvent
    from netra_testkit.wire.runs import AgentRun

__all__ = ["WIDTH", "timeline_of"]

WIDTH = 96
"""The most columns that a line has."""

_EDGE = 12
_MOST_MARKED = 10
_MOST_VIOLATIONS = 12
_MOST_OBSERVATIONS = 6
_LONGEST_NAME = 24
_TOOL_EVENTS = frozenset({MessageType.TOOL_EXECUTING, MessageType.TOOL_COMPLETED})
_VERDICTS = {
    None: "has not ended",
    Ending.COMPLETED: "completed, but not as promised",
    Ending.FAILED: "failed",
    Ending.CANCELLED: "was cancelled",
    Ending.NEVER_COMPLETED: "never completed",
}


class _Row(NamedTuple):
    mark: str
    time: str
    kind: str
    who: str = ""
    said: str = ""


def timeline_of(run: AgentRun, contract: RunContract, violations: Sequence[Violation]) -> str:
    """A table of the run that a person reads at a glance.

    What was received is masked piece by piece, no line is longer than `WIDTH` columns, and the
    middle of a long run is counted instead of shown. The numbers lead from a line to its sentence.
    """
    lines = [
        f"{_cut(run.agent, _LONGEST_NAME)} {_verdict(run, violations)} (contract: {contract})",
        *_wrapped(_identity(run)),
        "",
        *_table(run, contract, violations),
        "",
        *_sentences(run, violations),
    ]
    return "\n".join(lines).rstrip()


def _verdict(run: AgentRun, violations: Iterable[Violation]) -> str:
    rules = {each.rule for each in violations}
    if Rule.SAME_USER in rules:
        return "BREACHED ISOLATION"
    return _VERDICTS[run.ending] if rules else "delivered"


def _identity(run: AgentRun) -> str:
    known = {"run": run.run_id, "thread": run.thread_id, "user": run.user_id}
    named = [f"{label} {bounded(value)}" for label, value in known.items() if value is not None]
    count, total = len(run.events), run.timing.total
    events = {0: "no event", 1: "1 event"}.get(count, f"{count} events")
    return ", ".join([*named, events if total is None else f"{events} in {total:.3f} s"])


def _table(run: AgentRun, contract: RunContract, violations: Sequence[Violation]) -> Iterator[str]:
    rows = list(_rows(run, contract, violations))
    shown = [row for row in rows if isinstance(row, _Row)]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*shown, strict=True)]
    for row in rows:
        if isinstance(row, _Row):
            mark, time, kind, who, said = row
            cells = (
                mark.rjust(widths[0]),
                time.rjust(widths[1]),
                kind.ljust(widths[2]),
                who.ljust(widths[3]),
                said,
            )
            yield _clip("  ".join(cells), WIDTH).rstrip()
        else:
            yield from _wrapped(row, indent=" " * (widths[0] + 2))


def _rows(
    run: AgentRun, contract: RunContract, violations: Sequence[Violation]
) -> Iterator[_Row | str]:
    numbers: defaultdict[int | None, list[int]] = defaultdict(list)
    for number, violation in enumerate(violations, 1):
        numbers[violation.position].append(number)
    events = run.events
    breaches = deque(enumerate(run.breaches[:_MOST_MARKED], 1))
    origin = _origin(run)
    expected = 0
    for place in _shown(len(events), numbers):
        event = events[place]
        while breaches and breaches[0][1].at < event.at:
            yield _breach_row(*breaches.popleft(), origin)
        if place > expected:
            kinds = Counter(each.kind for each in events[expected:place])
            counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
            yield f"... {place - expected} more: {counted}"
        expected = place + 1
        who = event.tool if event.kind in _TOOL_EVENTS else event.agent
        yield _row(event, _mark(numbers[place]), origin, who or "")
    for number, event in breaches:
        yield _breach_row(number, event, origin)
    for number, violation in enumerate(violations, 1):
        if violation.rule is Rule.ALL_KINDS:
            for kind in contract.required:
                if kind in run.missing:
                    yield _Row(_mark([number]), "", kind, "never came")


def _origin(run: AgentRun) -> float:
    if run.started_at is not None:
        return run.started_at
    return next((event.at for event in (*run.events, *run.breaches)), 0.0)


def _row(event: AgentEvent, mark: str, origin: float, who: str) -> _Row:
    time = f"{event.at - origin:+.3f} s"
    return _Row(mark, time, event.kind, _cut(who, _LONGEST_NAME), _said(event))


def _breach_row(number: int, event: AgentEvent, origin: float) -> _Row:
    # Breaches are the first violations, in the order in which they came.
    return _row(event, _mark([number]), origin, f"for {event.user_id}")


def _shown(count: int, marked: Container[int | None]) -> list[int]:
    head, tail = range(min(_EDGE, count)), range(max(_EDGE, count - _EDGE), count)
    middle = [place for place in range(len(head), tail.start) if place in marked]
    return [*head, *middle[:_MOST_MARKED], *tail]


def _mark(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers[:2])) + ">" if numbers else ""


def _said(event: AgentEvent) -> str:
    failure = " ".join(each for each in (event.error_code, event.error) if each is not None)
    match event.kind:
        case MessageType.AGENT_STARTED:
            return ""
        case MessageType.AGENT_THINKING:
            return _text(event.thought)
        case MessageType.TOOL_EXECUTING:
            return _text(event.arguments)
        case MessageType.TOOL_COMPLETED | MessageType.AGENT_COMPLETED:
            if event.success is False:
                return _text(f"FAILED {failure or _text(event.result)}")
            return _text(event.result)
    return _text(failure)


def _sentences(run: AgentRun, violations: Sequence[Violation]) -> Iterator[str]:
    for number, violation in enumerate(violations[:_MOST_VIOLATIONS], 1):
        yield from _wrapped(f"{number}. {violation}", indent="   ")
    yield from _and_more(len(violations) - _MOST_VIOLATIONS)
    observations = run.observations
    for observation in observations[:_MOST_OBSERVATIONS]:
        yield from _wrapped(f"also {observation}", indent="   ")
    yield from _and_more(len(observations) - _MOST_OBSERVATIONS)


def _and_more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"   ... and {count} more"


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _cut(" ".join(text.split()), WIDTH)


def _cut(text: str, width: int) -> str:
    return _clip(bounded(text), width)


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent)
