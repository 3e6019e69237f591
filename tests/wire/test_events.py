from __future__ import annotations

import dataclasses
import json
import pickle
from itertools import pairwise

import pytest
from tests.wire.run_frames import START, executing, frame, started, thinking, used

from netra_testkit.wire import events, runs
from netra_testkit.wire.contract import CRITICAL_EVENTS
from netra_testkit.wire.events import RUN_EVENTS, AgentEvent, agent_key
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.types import MESSAGE_TYPES, MessageType


def event(kind: str, **body: object) -> AgentEvent:
    found = AgentEvent.of(frame(kind, **body))
    assert found is not None
    return found


@pytest.mark.parametrize("kind", sorted(RUN_EVENTS))
def test_every_kind_of_run_event_is_read(kind: MessageType) -> None:
    assert event(kind).kind is kind


def test_the_five_are_in_their_order() -> None:
    assert [str(kind) for kind in CRITICAL_EVENTS] == [
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "tool_completed",
        "agent_completed",
    ]


@pytest.mark.parametrize("name", ["agent_progress", "error_message", "user_typing", "no_such_type"])
def test_other_frames_carry_no_run_event(name: str) -> None:
    assert AgentEvent.of(frame(name)) is None


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("agent", ["agent", "agent_name", "agent_type", "agent_id"]),
        ("tool", ["tool", "tool_name"]),
        ("thought", ["thought", "reasoning", "thinking", "content"]),
        ("arguments", ["tool_input", "tool_args", "input", "parameters"]),
        (
            "result",
            [
                "result",
                "results",
                "tool_output",
                "output",
                "result_summary",
                "final_response",
                "response",
            ],
        ),
        ("execution_id", ["execution_id", "tool_execution_id", "tool_call_id"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_is_read_under_every_name_that_emitters_use(field: str, names: list[str]) -> None:
    for name in names:
        assert getattr(event("tool_executing", **{name: "this"}), field) == "this"
    for earlier, later in pairwise(names):
        both = event("tool_executing", **{later: "second", earlier: "first"})
        assert getattr(both, field) == "first"
        empty = event("tool_executing", **{later: "second", earlier: "  "})
        assert getattr(empty, field) == "second"


@pytest.mark.parametrize(
    "document",
    [
        {"type": "agent_started", "data": {"agent": "triage"}},
        {"type": "agent_started", "payload": {"agent": "triage"}},
        {"type": "agent_started", "agent": "triage"},
        {"event": "agent_started", "agent": "triage"},
        {"type": "system_message", "data": {"event": "agent_started", "data": {"agent": "triage"}}},
        {"type": "agent_progress", "data": {"event_type": "agent_started", "agent": "triage"}},
    ],
    ids=["data", "payload", "flat", "untyped", "wrapped", "wrapped beside its name"],
)
def test_an_event_is_the_same_in_every_form(document: dict[str, object]) -> None:
    found = AgentEvent.of(Frame.decode(json.dumps(document)))
    assert found is not None
    assert (found.kind, found.agent) == (MessageType.AGENT_STARTED, "triage")


def test_what_is_absent_is_none() -> None:
    bare = event("tool_executing")
    fields = (bare.agent, bare.tool, bare.execution_id, bare.thought, bare.arguments, bare.result)
    assert fields == (None,) * 6
    assert (bare.success, bare.error, bare.error_code) == (None, None, None)


def test_names_that_are_no_text_are_given_as_text() -> None:
    assert event("agent_started", agent_id=7).agent == "7"
    assert event("agent_thinking", thinking={"step": 1}).thought == '{"step": 1}'
    assert event("agent_started", agent=" triage ").agent == "triage"


def test_arguments_and_result_keep_their_shape() -> None:
    assert event("tool_executing", parameters={"month": 9}).arguments == {"month": 9}
    assert event("tool_completed", result=0).result == 0
    assert event("tool_completed", output=[1, None]).result == [1, None]


def test_the_ids_and_the_time_come_from_the_frame() -> None:
    read = AgentEvent.of(started(0.25))
    assert read is not None
    assert (read.run_id, read.thread_id, read.user_id) == ("run-1", "thread-1", "alice")
    assert read.at == START + 0.25


@pytest.mark.parametrize(
    ("body", "success", "error"),
    [
        ({}, None, None),
        ({"success": True}, True, None),
        ({"success": False}, False, None),
        ({"success": None, "error": None}, None, None),
        ({"success": True, "error": ""}, True, None),
        ({"success": True, "error": False}, True, None),
        ({"success": True, "error": {}}, True, None),
        ({"success": True, "error": True}, False, None),
        ({"error": "upstream 500"}, False, "upstream 500"),
        ({"success": True, "error": "upstream 500"}, False, "upstream 500"),
        ({"error_message": "upstream 500"}, False, "upstream 500"),
        ({"error": {"code": "E1", "message": "upstream 500"}}, False, "upstream 500"),
        ({"message": "all is well"}, None, None),
        ({"status": "success"}, None, None),
        ({"status": 500}, None, None),
        ({"status": " Failed "}, False, None),
        ({"status": "error", "success": True}, False, None),
        ({"status": "timeout"}, False, None),
    ],
)
def test_a_failed_tool_is_told_by_success_error_or_status(
    body: dict[str, object], *, success: bool | None, error: str | None
) -> None:
    read = event("tool_completed", tool="cost_lookup", **body)
    assert (read.success, read.error, read.is_tool_failure) == (success, error, success is False)


def test_only_a_completed_tool_is_a_tool_failure() -> None:
    assert not event("agent_completed", success=False).is_tool_failure


@pytest.mark.parametrize(
    ("kind", "body", "code", "text"),
    [
        ("agent_error", {"error": "boom"}, None, "boom"),
        ("agent_error", {"error_code": "E1", "message": "boom"}, "E1", "boom"),
        ("agent_error", {"error": {"code": "E1", "message": "boom"}}, "E1", "boom"),
        ("agent_death", {"reason": "no heartbeat"}, None, "no heartbeat"),
        ("agent_timeout_failure", {"message": "too slow"}, None, "too slow"),
        ("agent_error", {}, None, None),
    ],
)
def test_a_failure_of_the_agent_gives_its_code_and_text(
    kind: str, body: dict[str, object], code: str | None, text: str | None
) -> None:
    read = event(kind, **body)
    assert (read.error_code, read.error) == (code, text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("triage", "Triage", True),
        ("triage", "triage_agent", True),
        ("triage", "TriageSubAgent", True),
        ("cost-analysis", "CostAnalysis Agent", True),
        ("triage", "data", False),
        ("agent", "agent", True),
        ("agent", "triage", False),
        ("sub_agent", "agent", False),
    ],
)
def test_names_of_agents_are_compared_without_their_decoration(
    one: str, other: str, *, same: bool
) -> None:
    assert (agent_key(one) == agent_key(other)) is same


def test_an_event_is_a_frozen_value() -> None:
    read = AgentEvent.of(executing())
    assert read == AgentEvent.of(executing())
    assert read != AgentEvent.of(used())
    assert read is not None
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.kind = MessageType.AGENT_ERROR  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(read)) == read  # noqa: S301 - our own bytes


def test_an_event_says_briefly_what_it_is() -> None:
    assert repr(event("tool_executing", agent="triage", tool="cost_lookup")) == (
        "<AgentEvent tool_executing 'triage' 'cost_lookup'>"
    )
    assert repr(AgentEvent.of(thinking())) == "<AgentEvent agent_thinking>"


def test_the_names_of_run_events_are_in_the_table() -> None:
    assert {MESSAGE_TYPES[kind] for kind in RUN_EVENTS} == RUN_EVENTS


def test_the_run_is_offered_beside_its_events() -> None:
    assert events.AgentRun is runs.AgentRun
    with pytest.raises(AttributeError, match="no attribute 'AgentWalk'"):
        events.AgentWalk  # type: ignore[attr-defined]  # noqa: B018 - looked up on purpose
