from __future__ import annotations

import dataclasses
import pickle
import secrets
from typing import TYPE_CHECKING

import pytest
from tests.wire.run_frames import (
    OWN,
    START,
    completed,
    delivered,
    executing,
    frame,
    run_of,
    started,
    thinking,
    used,
)

from netra_testkit.errors import ContractBroken, IsolationBreach
from netra_testkit.safety.redaction import register
from netra_testkit.wire.contract import (
    Noteworthy,
    Observation,
    Rule,
    RunContract,
    Violation,
)
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame

STRICT, WITHOUT_TOOLS, BALANCED = RunContract

ELSEWHERE = frame("agent_thinking", ids={**OWN, "thread_id": "thread-2"}, thought="Hm.")
FIVE = [str(each.type) for each in delivered()]


def without(kind: str) -> list[Frame]:
    return [each for each in delivered() if each.type != kind]


def rules(frames: list[Frame], contract: RunContract = STRICT) -> list[str]:
    return [each.rule.value for each in run_of(frames).check(contract)]


# The contracts


@pytest.mark.parametrize("contract", RunContract)
def test_a_healthy_run_keeps_every_contract(contract: RunContract) -> None:
    run = run_of(delivered())
    assert run.check(contract) == ()
    run.assert_delivered(contract)


def test_only_one_contract_asks_for_less_than_all_five() -> None:
    assert [str(kind) for kind in STRICT.required] == FIVE
    assert BALANCED.required == STRICT.required
    assert [str(kind) for kind in WITHOUT_TOOLS.required] == [
        "agent_started",
        "agent_thinking",
        "agent_completed",
    ]


def test_strict_is_what_is_meant_when_nothing_is_said() -> None:
    run = run_of([started(), thinking(), completed()])
    run.assert_delivered(WITHOUT_TOOLS)
    assert run.check() == run.check(STRICT) == run.violations
    with pytest.raises(ContractBroken, match=r"\(contract: strict\)"):
        run.assert_delivered()


def test_four_starts_and_one_completion_without_a_tool_can_be_healthy() -> None:
    frames = [
        started(agent="supervisor"),
        started(),
        started(agent="data"),
        started(agent="data"),
        thinking(),
        completed(agent="supervisor"),
    ]
    assert rules(frames, WITHOUT_TOOLS) == []
    assert rules(frames, STRICT) == ["all_kinds"]
    assert rules(frames, BALANCED) == ["nested_ended"] * 3 + ["all_kinds"]


def test_under_the_balanced_contract_each_nested_start_has_its_own_end() -> None:
    ended = [*delivered()[:-1], started(agent="data"), completed(agent="data"), completed()]
    failed = [
        *delivered()[:-1],
        started(agent="data"),
        frame("agent_error", agent="data", error="boom"),
        completed(),
    ]
    assert rules(ended, BALANCED) == rules(failed, BALANCED) == []


# The rules, one at a time


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param(without("agent_started"), ["started_first", "all_kinds"], id="no start"),
        pytest.param(without("agent_thinking"), ["all_kinds"], id="no thought"),
        pytest.param(without("tool_executing"), ["tool_announced", "all_kinds"], id="no execution"),
        pytest.param(without("tool_completed"), ["tool_answered", "all_kinds"], id="no completion"),
        pytest.param(without("agent_completed"), ["ended", "all_kinds"], id="no end"),
        pytest.param([], ["ended", "all_kinds"], id="nothing"),
        pytest.param([thinking(), *delivered()], ["started_first"], id="a thought first"),
        pytest.param([*delivered(), completed()], ["nothing_after_the_end"], id="two ends"),
        pytest.param(
            [*delivered(), thinking(), frame("error")],
            ["nothing_after_the_end", "nothing_after_the_end"],
            id="more after the end",
        ),
        pytest.param([started(), *delivered()], [], id="the start repeated"),
        pytest.param([*delivered()[:2], *delivered()[1:]], [], id="a thought repeated"),
        pytest.param([started(), executing(), *delivered()[1:]], ["tool_answered"], id="repeated"),
        pytest.param([*delivered()[:4], used(), completed()], ["tool_announced"], id="again"),
        pytest.param(
            [started(), thinking(), used(), executing(), completed()],
            ["tool_announced", "tool_answered"],
            id="reordered tool events",
        ),
        pytest.param(
            [started(), thinking(), executing(), completed(), used()],
            ["tool_answered", "nothing_after_the_end", "all_kinds"],
            id="a tool after the end",
        ),
        pytest.param(
            [*delivered()[:-1], frame("agent_error", agent="triage", error="boom")],
            ["succeeded", "all_kinds"],
            id="an error at the end",
        ),
        pytest.param(
            [*delivered()[:-1], frame("agent_cancelled")],
            ["succeeded", "all_kinds"],
            id="cancelled",
        ),
        pytest.param(
            [*delivered()[:-1], completed(success=False)], ["succeeded"], id="says it failed"
        ),
        pytest.param(
            [frame("error", code="NO_SUCH_AGENT")], ["succeeded", "all_kinds"], id="error"
        ),
        pytest.param(
            [started(), ELSEWHERE, *delivered()[1:]],
            ["same_thread"],
            id="another thread",
        ),
        pytest.param(
            [*delivered(), frame("agent_thinking", ids={**OWN, "user_id": "bob"})],
            ["same_user"],
            id="another user",
        ),
    ],
)
def test_a_broken_run_breaks_exactly_these_rules(frames: list[Frame], expected: list[str]) -> None:
    assert rules(frames) == expected


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (0, "agent"),
        (1, "thought"),
        (2, "tool"),
        (3, "result"),
        (4, "agent"),
        (4, "result"),
    ],
)
@pytest.mark.parametrize("nothing", [None, "", "  ", [], {}])
def test_an_essential_field_is_present_and_not_empty(
    place: int, field: str, nothing: object
) -> None:
    frames = delivered()
    frames[place] = frame(FIVE[place], **{**frames[place].body, field: nothing})
    broken = [each for each in run_of(frames).violations if each.rule is Rule.ESSENTIAL_FIELD]
    assert [(each.position, each.sentence) for each in broken] == [
        (place, f"{FIVE[place]} has no {field}")
    ]


def test_all_fields_that_an_event_lacks_are_said_at_once() -> None:
    broken = run_of([started(), frame("agent_completed")]).violations
    assert "essential_field: agent_completed has no agent and result" in map(str, broken)


@pytest.mark.parametrize("value", [0, False, 0.0])
def test_zero_and_false_are_results(value: object) -> None:
    frames = [started(), thinking(), executing(), used(result=value), completed()]
    assert rules(frames) == []


def test_the_error_of_a_failed_tool_stands_for_its_result() -> None:
    frames = [started(), thinking(), executing(), completed(result="The lookup failed.")]
    failed = frame("tool_completed", tool="cost_lookup", success=False, error="upstream 500")
    silent = frame("tool_completed", tool="cost_lookup", success=False)
    assert rules([*frames[:3], failed, frames[3]]) == []
    assert rules([*frames[:3], silent, frames[3]]) == ["essential_field"]


# Which agent


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"agent": "triage"}, []),
        ({"agent": "TRIAGE_AGENT"}, []),
        ({"agent_name": "TriageSubAgent"}, []),
        ({"agent_type": "unified_triage_agent"}, []),
        ({"agent_id": "7f3a"}, []),
        ({"agent": "data"}, ["started_first"]),
    ],
)
def test_the_first_start_is_the_asked_agents(first: dict[str, object], expected: list[str]) -> None:
    name = next(iter(first.values()))
    frames = [frame("agent_started", **first), *delivered()[1:-1], completed(agent=str(name))]
    assert rules(frames) == expected


def test_another_agent_may_lead_when_the_asked_one_starts_inside() -> None:
    leader = [started(agent="supervisor"), *delivered(), completed(agent="supervisor")]
    assert rules(leader) == []


def test_the_run_that_was_left_breaks_every_contract() -> None:
    frames = [*delivered()[:-1], started(agent="data"), completed(0.6, agent="data")]
    run = run_of(frames)
    run.settle(START + 60.0, completion=6.0)
    for contract in RunContract:
        assert [(each.rule, each.position, each.sentence) for each in run.check(contract)] == [
            (
                Rule.OUTER_COMPLETED,
                5,
                "data ended inside the run, and then nothing came of triage",
            )
        ]
    assert run.observations[-1].what is Noteworthy.OUTER_NEVER_COMPLETED


# What is raised


def test_a_broken_contract_is_an_assertion_error_with_the_run_and_what_it_broke() -> None:
    run = run_of(without("tool_completed"))
    with pytest.raises(ContractBroken) as caught:
        run.assert_delivered()
    error = caught.value
    assert isinstance(error, AssertionError)
    assert not isinstance(error, IsolationBreach)
    assert error.run is run
    assert error.violations == run.violations
    assert error.timeline == run.timeline()
    assert str(error).splitlines()[-2:] == [
        "cause: product",
        "hint: Read the timeline from the first marked line.",
    ]


@pytest.mark.parametrize("contract", RunContract)
def test_a_breach_of_isolation_is_reported_as_such_under_every_contract(
    contract: RunContract,
) -> None:
    run = run_of([*delivered(), frame("agent_thinking", ids={**OWN, "user_id": "bob"})])
    with pytest.raises(IsolationBreach) as caught:
        run.assert_delivered(contract)
    [breach] = caught.value.violations
    assert (breach.rule, breach.position) == (Rule.SAME_USER, None)
    assert breach.sentence == "agent_thinking for user bob reached user alice"
    assert '"bob"' in breach.evidence


def test_breaches_come_first_and_the_rest_in_the_order_of_events() -> None:
    frames = [*without("agent_thinking"), thinking(), frame("agent_thinking", ids={"user_id": "b"})]
    frames[1] = executing(tool="weather")
    assert rules(frames) == [
        "same_user",
        "tool_answered",
        "tool_announced",
        "nothing_after_the_end",
        "all_kinds",
    ]


def test_the_error_survives_pickling_with_its_run() -> None:
    run = run_of(without("tool_completed"))
    with pytest.raises(ContractBroken) as caught:
        run.assert_delivered(BALANCED)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert str(copy) == str(caught.value)
    assert copy.violations == caught.value.violations
    assert copy.run.check(BALANCED) == copy.violations
    assert copy.run.events == run.events


def test_evidence_is_bounded_and_masked() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a test")
    text = f"Bearer {secret} " + "x" * 1_000
    broken = run_of(
        [frame("agent_thinking", thought=text), frame("error", message=text)]
    ).violations
    assert len(broken) > 1
    for each in broken:
        assert secret not in f"{each}{each.evidence}"
        assert len(each.evidence) <= 200
        assert len(each.sentence) <= 200


# The values


@pytest.mark.parametrize(
    "value",
    [
        Violation(Rule.ENDED, "no terminal event has come"),
        Observation(Noteworthy.NESTED_START, "data started", "{}", 3),
    ],
    ids=["violation", "observation"],
)
def test_violations_and_observations_are_frozen_values(value: Violation | Observation) -> None:
    assert value == dataclasses.replace(value)
    assert hash(value) == hash(dataclasses.replace(value))
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.sentence = "another"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - our own bytes


def test_they_say_their_name_and_sentence() -> None:
    assert str(Violation(Rule.ENDED, "no end")) == "ended: no end"
    assert str(Observation(Noteworthy.NESTED_START, "data")) == "nested_start: data"


def test_the_required_kinds_are_message_types() -> None:
    assert all(isinstance(kind, MessageType) for each in RunContract for kind in each.required)
