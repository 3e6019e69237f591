"""The rules of a run, each a function from the run to what broke it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.wire.contract import Ending, Rule, RunContract, Violation
from netra_testkit.wire.disclosure import tells_of
from netra_testkit.wire.events import ERROR_FRAMES, agent_key
from netra_testkit.wire.excerpts import bounded
from netra_testkit.wire.pace import overruns_of
from netra_testkit.wire.pairing import tool_uses
from netra_testkit.wire.synonyms import AGENT
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from netra_testkit.wire.events import AgentEvent
    from netra_testkit.wire.runs import AgentRun

__all__ = ["is_asked_agent", "violations_of"]

# An id says which agent it was, not what it is called.
_AGENT_NAMES = tuple(name for name in AGENT if name != "agent_id")


def violations_of(run: AgentRun, contract: RunContract) -> tuple[Violation, ...]:
    """What a run broke of a contract: breaches of isolation first, then in the order of events."""
    nowhere = len(run.events)

    def order(each: Violation) -> tuple[bool, int]:
        place = nowhere if each.position is None else each.position
        return each.rule is not Rule.SAME_USER, place

    broken = (each for rule in _RULES for each in rule(run, contract))
    return tuple(sorted(broken, key=order))


def is_asked_agent(run: AgentRun, event: AgentEvent) -> bool:
    """Whether an event can be the asked agent's: it names it, or nobody, or gives an id only.

    Deployments decorate the names of their agents, so either name may contain the other.
    """
    named, asked = agent_key(event.agent or ""), agent_key(run.agent)
    return named in asked or asked in named or event.frame.first(_AGENT_NAMES) is None


def _seen(rule: Rule, sentence: str, event: AgentEvent, position: int | None) -> Violation:
    return Violation(rule, bounded(sentence), evidence=bounded(event.frame.raw), position=position)


def _same_user(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    for event in run.breaches:
        sentence = f"{event.kind} for user {event.user_id} reached user {run.user_id}"
        yield _seen(Rule.SAME_USER, sentence, event, None)


def _started_first(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    events = run.counted
    if not events or events[0].kind in ERROR_FRAMES:
        return
    first = events[0]
    if first.kind is not MessageType.AGENT_STARTED:
        sentence = f"the first event is {first.kind}, not agent_started"
        yield _seen(Rule.STARTED_FIRST, sentence, first, 0)
        return
    starts = (each for each in events if each.kind is MessageType.AGENT_STARTED)
    if not any(is_asked_agent(run, each) for each in starts):
        sentence = f"{first.agent} started; {run.agent}, which was asked, never did"
        yield _seen(Rule.STARTED_FIRST, sentence, first, 0)


def _ended(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    if run.ending is None:
        yield Violation(Rule.ENDED, "no terminal event has come")
    elif run.ending is Ending.NEVER_COMPLETED:
        place, event = len(run.counted) - 1, run.counted[-1]
        sentence = (
            f"{event.agent} ended inside the run, and then nothing came of {run.nesting.outer}"
        )
        yield _seen(Rule.OUTER_COMPLETED, sentence, event, place)


def _succeeded(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    event = run.terminal
    if event is None or run.ending is Ending.COMPLETED:
        return
    said = " ".join(each for each in (event.error_code, event.error) if each is not None)
    verb = "was cancelled by" if run.ending is Ending.CANCELLED else "failed with"
    sentence = f"the run {verb} {event.kind}" + (f": {said}" if said else "")
    yield _seen(Rule.SUCCEEDED, sentence, event, len(run.counted) - 1)


def _nothing_after_the_end(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    for place, event in enumerate(run.events[len(run.counted) :], len(run.counted)):
        sentence = f"{event.kind} came after the run had ended"
        yield _seen(Rule.NOTHING_AFTER_THE_END, sentence, event, place)


def _all_kinds(run: AgentRun, contract: RunContract) -> Iterator[Violation]:
    missing = [kind for kind in contract.required if kind in run.missing]
    if missing:
        yield Violation(Rule.ALL_KINDS, f"{_listed(missing)} never came")


def _tools_paired(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    events = run.counted
    for use in tool_uses(events):
        if use.executing is None and use.completed is not None:
            event = events[use.completed]
            sentence = f"{_tool(event)} completed without an execution before it"
            yield _seen(Rule.TOOL_ANNOUNCED, sentence, event, use.completed)
        elif use.executing is not None and use.completed is None:
            event = events[use.executing]
            sentence = f"{_tool(event)} was executed and never completed"
            yield _seen(Rule.TOOL_ANSWERED, sentence, event, use.executing)


def _essential_fields(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    for place, event in enumerate(run.counted):
        empty = [name for name, value in _essentials(event) if value is None]
        if empty:
            sentence = f"{event.kind} has no {_listed(empty)}"
            yield _seen(Rule.ESSENTIAL_FIELD, sentence, event, place)


def _essentials(event: AgentEvent) -> tuple[tuple[str, object], ...]:
    match event.kind:
        case MessageType.AGENT_STARTED:
            return (("agent", event.agent),)
        case MessageType.AGENT_THINKING:
            return (("thought", event.thought),)
        case MessageType.TOOL_EXECUTING:
            return (("tool", event.tool),)
        case MessageType.TOOL_COMPLETED:
            # What a failed tool gives back is its error.
            return (("tool", event.tool), ("result", event.error or event.result))
        case MessageType.AGENT_COMPLETED:
            return (("agent", event.agent), ("result", event.result))
    return ()


def _same_thread(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    for place, event in enumerate(run.counted):
        if event.thread_id is not None and event.thread_id != run.thread_id:
            sentence = (
                f"{event.kind} carries thread {event.thread_id}, the run is in {run.thread_id}"
            )
            yield _seen(Rule.SAME_THREAD, sentence, event, place)


def _failures_told(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    answer = run.terminal
    if answer is None or run.ending is not Ending.COMPLETED:
        return
    for place, event in enumerate(run.counted):
        if event.is_tool_failure and not tells_of(answer, event):
            why = "" if event.error is None else f" ({event.error})"
            sentence = f"{_tool(event)} failed{why}, and the answer says nothing of a failure"
            yield _seen(Rule.FAILURE_TOLD, sentence, event, place)


def _nested_ended(run: AgentRun, contract: RunContract) -> Iterator[Violation]:
    if contract is not RunContract.BALANCED:
        return
    for place in run.nesting.unended:
        event = run.events[place]
        sentence = f"{event.agent} started inside the run and has no end of its own"
        yield _seen(Rule.NESTED_ENDED, sentence, event, place)


def _in_time(run: AgentRun, _: RunContract) -> Iterator[Violation]:
    for late in overruns_of(
        run.counted, run.hand_offs, run.limits, started_at=run.started_at, ended=run.finished
    ):
        what = late.name.replace("_", " ")
        sentence = f"{what} took {late.seconds:.3f} s, the limit is {late.limit:g} s"
        yield _seen(Rule.IN_TIME, sentence, run.events[late.position], late.position)


def _tool(event: AgentEvent) -> str:
    return event.tool or "a tool without a name"


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


_RULES: tuple[Callable[[AgentRun, RunContract], Iterable[Violation]], ...] = (
    _same_user,
    _started_first,
    _essential_fields,
    _same_thread,
    _tools_paired,
    _failures_told,
    _nested_ended,
    _in_time,
    _ended,
    _succeeded,
    _nothing_after_the_end,
    _all_kinds,
)
