from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.wire.run_frames import completed, executing, frame, run_of, started, thinking, used

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame


def rules(frames: list[Frame]) -> list[str]:
    return [each.rule.value for each in run_of(frames).violations]


TWO = [executing(execution_id="1"), executing(execution_id="2")]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param(
            [*TWO, used(execution_id="1"), used(execution_id="2")],
            [],
            id="by id, in order",
        ),
        pytest.param(
            [*TWO, used(execution_id="2"), used(execution_id="1")],
            [],
            id="by id, crossed",
        ),
        pytest.param(
            [executing(execution_id="1"), used(execution_id="2")],
            ["tool_answered", "tool_announced"],
            id="another id",
        ),
        pytest.param(
            [executing(execution_id="1"), used(tool="renamed", execution_id="1")],
            [],
            id="the id counts, not the name",
        ),
        pytest.param([executing(), used(execution_id="1")], [], id="an id at the end only"),
        pytest.param([executing(execution_id="1"), used()], [], id="an id at the start only"),
        pytest.param(
            [executing(execution_id="1"), used(), used(execution_id="1")],
            ["tool_announced"],
            id="answered twice",
        ),
        pytest.param(
            [executing(), executing(execution_id="1"), used(execution_id="1"), used()],
            [],
            id="with and without an id",
        ),
        pytest.param(
            [executing(), used(tool="weather")],
            ["tool_answered", "tool_announced"],
            id="another tool",
        ),
        pytest.param(
            [executing(), executing(tool="weather"), used(), used(tool="weather")],
            [],
            id="side by side",
        ),
        pytest.param(
            [executing(), executing(), used(), used()], [], id="the same tool within itself"
        ),
        pytest.param(
            [executing(tool=""), used(tool="")],
            ["essential_field", "tool_answered", "essential_field", "tool_announced"],
            id="no name",
        ),
        pytest.param(
            [executing(tool="", execution_id="1"), used(execution_id="1")],
            ["essential_field"],
            id="no name but an id",
        ),
    ],
)
def test_tools_are_paired_by_execution_id_or_by_name(
    frames: list[Frame], expected: list[str]
) -> None:
    assert rules([started(), thinking(), *frames, completed()]) == expected


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("Your budget goes to storage.", False),
        ("", False),
        ("Everything went well, no errors.", False),
        ("It ran without any failures and did not fail.", False),
        ("Used cost_lookup.", False),
        ("cost_lookup failed, so this is an estimate.", True),
        ("I could not look up your costs.", True),
        ("I couldn't look up your costs.", True),
        ("I couldn\u2019t look up your costs.", True),
        ("The costs are unavailable.", True),
        ("The lookup timed out.", True),
        ("An ERROR occurred.", True),
        ("The backend said: Upstream  500", True),
        ({"summary": "Done.", "notes": ["partial data"]}, True),
        ({"summary": "Done.", "tools_used": ["error_rate"], "count": 3}, False),
    ],
)
def test_a_failed_tool_is_mentioned_by_an_answer_that_claims_success(
    answer: object, *, told: bool
) -> None:
    frames = [started(), thinking(), executing(), used(error="upstream 500")]
    hidden = "failure_told" in rules([*frames, completed(result=answer)])
    assert hidden is not told


def test_a_run_that_says_it_failed_hides_nothing() -> None:
    frames = [started(), thinking(), executing(), used(error="upstream 500")]
    assert "failure_told" not in rules([*frames, completed(success=False)])
    assert "failure_told" not in rules([*frames, frame("agent_error", agent="triage")])
    assert "failure_told" not in rules(frames)


def test_a_hidden_failure_is_said_with_its_reason() -> None:
    frames = [started(), thinking(), executing(), used(error="upstream 500"), completed()]
    [hidden] = run_of(frames).violations
    assert hidden.position == 3
    assert hidden.sentence == (
        "cost_lookup failed (upstream 500), and the answer says nothing of a failure"
    )
    [hidden] = run_of([*frames[:3], used(status="failed"), completed()]).violations
    assert hidden.sentence == "cost_lookup failed, and the answer says nothing of a failure"
