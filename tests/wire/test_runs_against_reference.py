"""Any sequence of frames gives the verdict of the slow and obvious judge."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.reference_checker import QUIET, Request, Step, Verdict, judge

from netra_testkit.errors import ContractBroken, IsolationBreach
from netra_testkit.wire.contract import Rule, RunContract
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.runs import AgentRun

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = max(500, settings.default.max_examples)
COMPLETION = 6.0

OWN = {"run_id": "run-1", "thread_id": "thread-1", "user_id": "alice"}


def step(kind: str, **data: object) -> Step:
    return {"type": kind, "data": data, **OWN}


# The outer agent works, one tool may fail, and an agent nested in it may do a part.
THINKING = step("agent_thinking", thought="Let me see.")
A_TOOL = [
    step("tool_executing", tool="cost_lookup", execution_id="e-1"),
    step("tool_completed", tool="cost_lookup", execution_id="e-1", result="12"),
]
A_TOOL_WITHOUT_ID = [
    step("tool_executing", tool="weather"),
    step("tool_completed", tool="weather", result={"sky": "blue"}),
]
A_FAILING_TOOL = [
    step("tool_executing", tool="billing"),
    step("tool_completed", tool="billing", success=False, error="upstream 500"),
]
A_NESTED_AGENT = [
    step("agent_started", agent="data"),
    step("agent_thinking", thought="Counting.", agent="data"),
    step("agent_completed", agent="data", result="counted"),
]
A_NESTED_START = [step("agent_started", agent="reporting")]
PARTS = [[THINKING], A_TOOL, A_TOOL_WITHOUT_ID, A_FAILING_TOOL, A_NESTED_AGENT, A_NESTED_START]
ANSWERS = ["Done.", "No errors at all.", "The lookup failed.", "It said upstream 500."]
AGENTS = ["triage", "TriageSubAgent", "data", "supervisor"]

kinds = st.sampled_from(
    [
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "tool_completed",
        "agent_completed",
        "agent_error",
        "agent_death",
        "agent_timeout_failure",
        "agent_cancelled",
        "agent_stopped",
        "error_message",
        "user_typing",
        "never_heard_of",
    ]
)
ids = st.fixed_dictionaries(
    {},
    optional={
        "run_id": st.sampled_from(["run-1", "run-1", "run-2"]),
        "thread_id": st.sampled_from(["thread-1", "thread-1", "thread-2"]),
        "user_id": st.sampled_from(["alice", "alice", "alice", "bob"]),
        "message_id": st.sampled_from(["message-1", "message-2"]),
        "request_id": st.sampled_from(["message-1", "message-2"]),
    },
)
data = st.fixed_dictionaries(
    {},
    optional={
        "agent": st.sampled_from([*AGENTS, ""]),
        "agent_id": st.just("agent-77"),
        "tool": st.sampled_from(["cost_lookup", "weather", ""]),
        "execution_id": st.sampled_from(["e-1", "e-2"]),
        "thought": st.sampled_from(["Let me see.", ""]),
        "result": st.sampled_from([*ANSWERS, "", {}]),
        "success": st.booleans(),
        "error": st.sampled_from(["upstream 500", ""]),
        "status": st.sampled_from(["ok", "failed"]),
    },
)
any_step = st.builds(
    lambda kind, said, whose: {"type": kind, "data": said, **whose}, kinds, data, ids
)


@st.composite
def plausible_runs(draw: st.DrawFn) -> list[Step]:
    """A run as an agent gives it, which is then disturbed a few times or not at all."""
    outer = draw(st.sampled_from(AGENTS[:2]))
    parts = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4))
    answer = step("agent_completed", agent=outer, result=draw(st.sampled_from(ANSWERS)))
    steps = [
        step("agent_started", agent=outer),
        THINKING,
        *A_TOOL,
        *chain.from_iterable(parts),
        answer,
    ]
    disturb = st.sampled_from([lose, repeat, swap, insert, blur, wait, abandon])
    for disturbance in draw(st.lists(disturb, max_size=3)):
        steps = disturbance(draw, steps)
    return steps


def place(draw: st.DrawFn, steps: list[Step]) -> int:
    return draw(st.integers(0, max(0, len(steps) - 1)))


def lose(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    lost = place(draw, steps)
    return [each for number, each in enumerate(steps) if number != lost]


def repeat(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    again = place(draw, steps)
    return [*steps[: again + 1], *steps[again : again + 1], *steps[again + 1 :]]


def swap(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    first = place(draw, steps)
    return [*steps[:first], *reversed(steps[first : first + 2]), *steps[first + 2 :]]


def insert(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    before = place(draw, steps)
    return [*steps[:before], draw(any_step), *steps[before:]]


def blur(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    """Take the ids from every frame, or some of them from one."""
    gone = draw(st.sets(st.sampled_from(sorted(OWN)), min_size=1))
    only = draw(st.none() | st.integers(0, len(steps)))
    return [
        each
        if only not in (None, number) or each is QUIET
        else {name: value for name, value in each.items() if name not in gone}
        for number, each in enumerate(steps)
    ]


def wait(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    before = draw(st.integers(0, len(steps)))
    return [*steps[:before], QUIET, *steps[before:]]


def abandon(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    """Stop where a nested agent has ended, now and then with something that comes later."""
    until = place(draw, steps)
    return [*steps[:until], *A_NESTED_AGENT, QUIET, *draw(st.lists(any_step, max_size=1))]


any_run = plausible_runs() | st.lists(any_step | st.just(QUIET), max_size=12)
requests = st.builds(
    Request,
    agent=st.sampled_from(["triage", "triage", "triage", "supervisor"]),
    run_id=st.sampled_from(["run-1", "run-1", None]),
    thread_id=st.sampled_from(["thread-1", None]),
    user_id=st.sampled_from(["alice", None]),
    message_id=st.sampled_from(["message-1", None]),
    alone=st.sampled_from([True, True, False]),
)


def accumulated(request: Request, steps: list[Step]) -> AgentRun:
    run = AgentRun(
        request.agent,
        run_id=request.run_id,
        thread_id=request.thread_id,
        user_id=request.user_id,
        message_id=request.message_id,
    )
    run.alone = request.alone
    now = 1_000.0
    for each in steps:
        now += 1.0
        if each is QUIET:
            now += COMPLETION
            run.settle(now, completion=COMPLETION)
        else:
            run.feed(Frame.decode(json.dumps(each), received_at=now))
    return run


def verdict_of(run: AgentRun, contract: RunContract) -> Verdict:
    return Verdict(
        broken=frozenset(each.rule.value for each in run.check(contract)),
        missing=frozenset(kind.value for kind in run.missing),
        outcome=run.outcome.value,
        breach=bool(run.breaches),
    )


def raised(deliver: Callable[[RunContract], None], contract: RunContract) -> type | None:
    try:
        deliver(contract)
    except ContractBroken as error:
        return type(error)
    return None


def expected_error(verdict: Verdict) -> type | None:
    if verdict.breach:
        return IsolationBreach
    return ContractBroken if verdict.broken else None


# What drives it is a function within, where nobody looks for it.
@pytest.mark.broad
@pytest.mark.hypothesis
@pytest.mark.timeout(600)
def test_any_sequence_of_frames_gives_the_verdict_of_the_reference() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES)
    @given(requests, any_run, st.sampled_from(RunContract))
    def agree(request: Request, steps: list[Step], contract: RunContract) -> None:
        expected = judge(
            request, [each if each is QUIET else dict(each) for each in steps], contract
        )
        run = accumulated(request, steps)
        assert verdict_of(run, contract) == expected
        assert raised(run.assert_delivered, contract) is expected_error(expected)
        seen.update(expected.broken or ["nothing"])
        seen["examples"] += 1

    agree()

    assert seen["examples"] >= EXAMPLES
    assert seen["nothing"] >= seen["examples"] // 20, seen
    in_scope = {rule.value for rule in Rule} - {Rule.IN_TIME.value}
    assert in_scope - set(seen) == set(), "every rule has been broken by some example"
