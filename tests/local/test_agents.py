from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.local.worlds import until, world_with

from netra_testkit.local.agents import AgentRequest, conclude, perform, play, terminal_of
from netra_testkit.local.faults import Fault
from netra_testkit.local.options import EventForm, Options
from netra_testkit.local.sending import event_document, text_of
from netra_testkit.local.specialists import SPECIALISTS, specialist_named
from netra_testkit.local.state.runs import RunStatus
from netra_testkit.local.tools import TOOLS
from netra_testkit.wire.contract import Rule, RunContract
from netra_testkit.wire.events import AgentRun
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.local.agents import Event

AGENTS = st.sampled_from([*SPECIALISTS])
IDS = {"run_id": "r", "thread_id": "t", "user_id": "u"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80).filter(
    lambda text: bool(text.strip())
)


def judged(agent: str, events: list[Event], form: EventForm = EventForm.DATA) -> AgentRun:
    run = AgentRun(agent, run_id="r", thread_id="t", user_id="u")
    for event in events:
        event.body.update(IDS)
        run.feed(Frame.decode(text_of(event_document(event, form=form, at=1.0))))
    return run


def asked(agent: str, text: str = "What does it cost?") -> AgentRequest:
    return AgentRequest(agent=agent, text=text)


@given(agent=AGENTS, text=TEXTS, seed=st.integers())
@settings(max_examples=50)
def test_every_run_keeps_the_strictest_contract(agent: str, text: str, seed: int) -> None:
    run = judged(agent, list(play(asked(agent, text), seed=seed)))
    assert [*run.check(RunContract.STRICT), *run.check(RunContract.BALANCED)] == []
    assert run.finished


@pytest.mark.parametrize("form", EventForm)
@pytest.mark.parametrize("agent", SPECIALISTS)
def test_a_run_is_delivered_in_every_form(agent: str, form: EventForm) -> None:
    run = judged(agent, list(play(asked(agent), seed=0)), form)
    run.assert_delivered(RunContract.STRICT)
    assert {(each.run_id, each.thread_id, each.user_id) for each in run.events} == {("r", "t", "u")}


@given(agent=AGENTS, text=TEXTS, seed=st.integers())
@settings(max_examples=50)
def test_the_same_request_and_seed_give_the_same_events(agent: str, text: str, seed: int) -> None:
    request = asked(agent, text)
    assert list(play(request, seed=seed)) == list(play(request, seed=seed))


def test_another_seed_or_text_gives_another_answer() -> None:
    answers = {
        str(list(play(asked("triage", text), seed=seed))[-1].body["result"])
        for text, seed in (("a", 0), ("a", 1), ("b", 0))
    }
    assert len(answers) == 3


@pytest.mark.parametrize(
    ("text", "specialist"),
    [("cut the budget", "optimization"), ("usage data", "data"), ("a report", "optimization")],
)
def test_the_supervisor_hands_over_to_whom_the_request_is_for(text: str, specialist: str) -> None:
    run = judged("supervisor", list(play(asked("supervisor", text), seed=0)))
    nested = [
        each.agent for each in run.events if each.frame.body.get("parent_agent") == "supervisor"
    ]
    assert list(dict.fromkeys(nested)) == ["triage", specialist, "reporting"]
    assert [each.to_agent for each in run.hand_offs] == ["triage", specialist, "reporting"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_fails_is_told_of_in_the_answer(tool: str) -> None:
    users = [
        name
        for name in SPECIALISTS
        if any(each.body.get("tool") == tool for each in play(asked(name, "usage data"), seed=0))
        or tool in str(SPECIALISTS[name].steps)
    ]
    for agent in users:
        run = judged(agent, list(play(asked(agent, f"costs fail:{tool}"), seed=0)))
        assert [each.tool for each in run.tool_failures] in ([tool], [])
        if run.tool_failures:
            assert str(run.tool_failures[0].error) in str(run.events[-1].result)
        run.assert_delivered()
    assert users


def test_a_context_can_make_a_tool_fail_too() -> None:
    request = AgentRequest(agent="triage", text="hi", context={"a": ["fail:request_classifier"]})
    run = judged("triage", list(play(request, seed=0)))
    assert [each.tool for each in run.tool_failures] == ["request_classifier"]


@pytest.mark.parametrize("agent", SPECIALISTS)
def test_a_silent_failure_is_not_told_of(agent: str) -> None:
    run = judged(agent, list(play(asked(agent), seed=0, silent=True)))
    assert len(run.tool_failures) == 1
    assert [each.rule for each in run.violations] == [Rule.FAILURE_TOLD]


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("triage", "triage"),
        ("TriageSubAgent", "triage"),
        ("triage_agent", "triage"),
        ("unified_data_agent", "data"),
        ("Cost-Optimization", "optimization"),
        ("SUPERVISOR", "supervisor"),
        ("nobody", None),
        ("", None),
    ],
)
def test_an_agent_is_known_by_decorated_names(name: str, agent: str | None) -> None:
    found = specialist_named(name)
    assert (found and found.name) == agent


async def test_a_performed_run_has_ended_with_its_last_event() -> None:
    world = world_with(options=Options(pace=0.0001))
    run = world.state.runs.start("u", "data", thread_id="t")
    async with aclosing(perform(world, run, asked("data"))) as events:
        statuses = [run.status async for _ in events]
    assert {*statuses[:-1]} == {RunStatus.RUNNING}
    assert statuses[-1] is RunStatus.COMPLETED
    assert run.message_count == len(statuses)
    assert [(each.run_id, each.user) for each in world.truth.runs] == [(run.run_id, "u")]


async def test_a_run_of_nobody_names_nobody() -> None:
    world = world_with()
    run = world.state.runs.start(None, "data")
    async with aclosing(perform(world, run, asked("data"))) as events:
        async for event in events:
            assert event.body["user_id"] == "anonymous"
            assert event.body["run_id"] == run.run_id
            assert event.body["thread_id"] is None
    assert terminal_of(run).body["user_id"] == "anonymous"


async def test_who_stops_listening_ends_the_run() -> None:
    world = world_with()
    run = world.state.runs.start("u", "data")
    async with aclosing(perform(world, run, asked("data"))) as events:
        await anext(events)
    assert run.status is RunStatus.CANCELLED


async def test_a_run_that_was_stopped_tells_nothing_more() -> None:
    world = world_with()
    run = world.state.runs.start("u", "data")
    async with aclosing(perform(world, run, asked("data"))) as events:
        await anext(events)
        waiting = asyncio.ensure_future(anext(events))
        assert run.stop()
        for _ in range(10):
            await asyncio.sleep(0)
        assert (waiting.done(), run.message_count) == (False, 1)
        waiting.cancel()
        await asyncio.wait({waiting})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (RunStatus.STOPPED, MessageType.AGENT_STOPPED),
        (RunStatus.CANCELLED, MessageType.AGENT_CANCELLED),
    ],
)
def test_how_a_run_was_ended_is_its_last_event(status: RunStatus, kind: MessageType) -> None:
    run = world_with().state.runs.start("u", "data", thread_id="t", run_id="r")
    run.stop(status)
    event = terminal_of(run)
    assert event.type is kind
    assert event.body["agent"] == "data"
    assert {name: event.body[name] for name in IDS} == IDS


async def test_an_answer_is_what_the_last_event_says() -> None:
    world = world_with()
    run = world.state.runs.start("u", "triage")
    answer = await conclude(world, run, asked("triage"))
    assert answer.text == list(play(asked("triage"), seed=0))[-1].body["result"]
    assert answer.error is None
    assert 0 <= answer.elapsed < 5
    assert [each.type_name for each in world.truth.events][-1] == "agent_completed"
    assert {each.connection_id for each in world.truth.events} == {None}


async def test_an_answer_says_what_went_wrong() -> None:
    world = world_with()
    run = world.state.runs.start("u", "triage")
    answer = await conclude(world, run, asked("triage", "fail:keyword_extractor"))
    assert answer.error == "keyword_extractor failed, as the request asked"
    assert answer.error in str(answer.text)


@pytest.mark.parametrize("agent", SPECIALISTS)
async def test_an_agent_that_fails_has_no_answer(agent: str) -> None:
    world = world_with(Fault("failed-run"))
    run = world.state.runs.start("u", agent)
    answer = await conclude(world, run, asked(agent))
    assert (answer.text, answer.error) == (None, f"{agent} could not do what was asked")
    assert run.status is RunStatus.FAILED
    assert [each.type_name for each in world.truth.events][-1] == "agent_error"


async def test_a_lost_completion_does_not_lose_the_answer() -> None:
    world = world_with(Fault("lost-event", type="agent_completed"))
    run = world.state.runs.start("u", "triage")
    assert (await conclude(world, run, asked("triage"))).text


async def test_of_two_runs_one_strike_ends_none_but_the_first() -> None:
    world = world_with(Fault("never-completes", count=1))
    first, second = (world.state.runs.start("u", "triage") for _ in range(2))
    first.task = asyncio.create_task(conclude(world, first, asked("triage")))
    await until(lambda: first.message_count == 7)
    assert (await conclude(world, second, asked("triage"))).text
    assert first.is_running
    assert first.stop()
    await asyncio.wait({first.task})


async def test_an_endless_run_can_be_stopped() -> None:
    world = world_with(Fault("never-completes"))
    run = world.state.runs.start("u", "triage")
    run.task = asyncio.create_task(conclude(world, run, asked("triage")))
    await until(lambda: run.message_count == 7)
    assert run.is_running
    assert run.stop()
    with pytest.raises(asyncio.CancelledError):
        await run.task
    assert run.status is RunStatus.STOPPED
