from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra_testkit.local.tools import TOOLS, ToolFailed, category_of

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
ARGUMENTS = st.dictionaries(
    st.text(max_size=3), LEAVES | st.lists(LEAVES | st.fixed_dictionaries({"a": LEAVES}))
)


def test_there_are_eleven_of_which_each_says_what_it_does() -> None:
    assert len(TOOLS) == 11
    assert all(tool.name == name and tool.description for name, tool in TOOLS.items())
    assert {tool.server for tool in TOOLS.values()} == {"text", "data", "cost"}


@given(name=st.sampled_from([*TOOLS]), arguments=ARGUMENTS)
@settings(max_examples=50)
def test_the_same_arguments_give_the_same_result_which_json_can_carry(
    name: str, arguments: dict[str, Any]
) -> None:
    result = TOOLS[name].call(arguments)
    assert result
    assert json.dumps(result, allow_nan=False) == json.dumps(TOOLS[name].call(arguments))


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("shape", ["fail:{}", "please fail:{} now"], ids=["alone", "within"])
def test_a_tool_fails_when_an_argument_asks_for_it(name: str, shape: str) -> None:
    said = shape.format(name)
    with pytest.raises(ToolFailed, match=name) as failed:
        TOOLS[name].call({"deep": [{"er": said}]})
    assert failed.value.tool == name
    assert name in failed.value.reason


def test_a_tool_does_not_fail_for_another() -> None:
    assert TOOLS["calculator"].call({"text": "fail:ranking", "terms": [1, 2.5]}) == {
        "sum": 3.5,
        "terms": 2,
    }


@pytest.mark.parametrize("passed_over", [True, None, 10**15, {"deep": [False, -(10**16)]}])
def test_what_is_no_number_that_json_carries_exactly_is_passed_over(passed_over: Any) -> None:
    assert TOOLS["calculator"].call({"one": 1, "other": passed_over}) == {"sum": 1.0, "terms": 1}


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("ranking", {"numbers": [2, 9, 4]}, {"ranking": [9.0, 4.0, 2.0]}),
        ("calculator", {"text": "1 and 2"}, {"sum": 3.0, "terms": 2}),
        ("unit_converter", {"amount": 1.5}, {"cents": [150.0]}),
        ("cost_optimizer", {"n": 100}, {"spent": 100, "possible": 80, "saving_percent": 20}),
        ("usage_statistics", {}, {"count": 1, "mean": 0.0, "least": 0.0, "most": 0.0}),
        ("text_statistics", {"t": "a bc?"}, {"characters": 5, "words": 2, "questions": 1}),
        ("request_classifier", {"t": "Go!"}, {"category": "data", "priority": "high"}),
        ("keyword_extractor", {"t": "cost cost usage"}, {"keywords": ["cost", "usage"]}),
        ("planner", {}, {"steps": ["understand the request"]}),
        ("report_formatter", {"t": "Costs"}, {"title": "Costs"}),
        ("cost_estimator", {"n": 2_000_000}, {"tokens": 2_000_000}),
    ],
)
def test_what_each_tool_does(name: str, arguments: dict[str, Any], result: dict[str, Any]) -> None:
    answer = TOOLS[name].call(arguments)
    assert isinstance(answer, dict)
    for key, value in result.items():
        said = answer[key]
        assert (said[: len(value)] if isinstance(value, list) else said) == value  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "category"),
    [("cut the budget", "optimization"), ("a report", "reporting"), ("hello", "data")],
)
def test_requests_are_sorted(text: str, category: str) -> None:
    assert category_of(text) == category
