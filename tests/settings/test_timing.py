from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.timing import Budget, Budgets, Statistic, Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = (
    "connect",
    "welcome",
    "send",
    "receive",
    "agent",
    "thinking",
    "tool",
    "completion",
    "close",
)
PRESETS = {
    "local": (2, 3, 2, 6, 5, 2, 1.5, 1, 0.25),
    "development": (5, 5, 5, 15, 10, 8, 5, 3, 0.25),
    "test": (5, 5, 5, 15, 10, 8, 5, 3, 0.25),
    "staging": (10, 15, 12, 35, 30, 10, 8, 6, 0.25),
    "production": (10, 15, 12, 45, 40, 20, 18, 15, 0.25),
}
HIERARCHY = ("receive", "agent", "thinking", "tool", "completion")
TARGETS = {
    "api_median": (0.1, "median", 30),
    "api_p95": (2.0, "p95", 30),
    "ping": (0.05, "median", 30),
    "agent_start": (0.5, "largest", 1),
    "message_processing": (0.2, "largest", 1),
    "message_flow": (1.0, "largest", 1),
    "oauth": (2.0, "p95", 30),
    "hand_off": (3.0, "largest", 1),
    "streaming_gap": (0.1, "largest", 1),
}
SOUND: dict[str, float] = dict(zip(NAMES, PRESETS["staging"], strict=True))
WRONG = {
    "zero": 0.0,
    "negative": -1.0,
    "infinite": math.inf,
    "not a number": math.nan,
    "a boolean": True,
    "nothing": None,
    "no number": "soon",
    "a list": [1.0],
    "too large for a float": 10**400,
}


def named_source(name: str) -> str:
    return f"the source of {name}"


def problems_of(values: Mapping[str, object]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        Timeouts.read(values, source=named_source)
    return caught.value.problems


@pytest.mark.parametrize("environment", Environment)
def test_each_environment_has_its_preset(environment: Environment) -> None:
    preset = Timeouts.for_environment(environment)
    assert dataclasses.astuple(preset) == PRESETS[environment.value]


def test_the_fields_are_the_phases_in_order() -> None:
    assert tuple(each.name for each in dataclasses.fields(Timeouts)) == NAMES


def test_an_alias_names_its_environment() -> None:
    assert Timeouts.for_environment(" STG ") == Timeouts.for_environment(Environment.STAGING)


def test_an_unknown_environment_has_no_preset() -> None:
    with pytest.raises(ConfigurationError, match="argument"):
        Timeouts.for_environment("moon")


def test_timeouts_are_values() -> None:
    preset = Timeouts.for_environment("staging")
    assert pickle.loads(pickle.dumps(preset)) == preset  # noqa: S301 - our own bytes
    assert hash(preset) == hash(Timeouts.for_environment("staging"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset.receive = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_bound_is_a_positive_finite_number(name: str, wrong: object) -> None:
    expected = Problem(
        f"timeouts.{name}", named_source(name), "Give a positive, finite number of seconds."
    )
    assert problems_of({**SOUND, name: wrong}) == (expected,)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf, math.nan, True, "20"], ids=repr)
def test_the_constructor_checks_the_same(name: str, wrong: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Timeouts(**{**SOUND, name: wrong})
    [problem] = caught.value.problems
    assert problem.field == f"timeouts.{name}"
    assert problem.source == "argument"


@pytest.mark.parametrize(("longer", "shorter"), list(itertools.pairwise(HIERARCHY)), ids="-".join)
def test_a_broken_pair_is_named_with_both_sources(longer: str, shorter: str) -> None:
    for value in (SOUND[longer], SOUND[longer] + 0.5):
        raised = {**SOUND, shorter: value}
        # Whatever is above the raised one has to stay above it, so that one pair is broken.
        [problem] = [
            each for each in problems_of(raised) if each.field.endswith(f"> timeouts.{shorter}")
        ]
        assert problem.field == f"timeouts.{longer} > timeouts.{shorter}"
        assert problem.source == f"{named_source(longer)} and {named_source(shorter)}"
        assert f"{longer} ({SOUND[longer]:g} s)" in problem.remedy
        assert f"{shorter} ({value:g} s)" in problem.remedy


def test_a_pair_from_one_source_names_it_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Timeouts(**{**SOUND, "receive": 25.0})
    [problem] = caught.value.problems
    assert problem == Problem(
        "timeouts.receive > timeouts.agent",
        "argument",
        "receive (25 s) must be longer than agent (30 s): raise receive or lower agent.",
    )


@pytest.mark.parametrize("close", [0.5, 0.6, 10.0])
def test_closing_stays_inside_the_half_second(close: float) -> None:
    [problem] = problems_of({**SOUND, "close": close})
    assert problem.field == "timeouts.close"
    assert problem.source == named_source("close")
    assert f"{close:g} s is too long" in problem.remedy


def test_every_problem_is_said_at_once() -> None:
    wrong = {**SOUND, "recieve": 1, "connect": -1, "close": 2, "tool": 9.9, "thinking": 9.8}
    assert [each.field for each in problems_of(wrong)] == [
        "timeouts.recieve",
        "timeouts.connect",
        "timeouts.close",
        "timeouts.thinking > timeouts.tool",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("recieve", "receive"), ("Agents", "agent"), ("xyz", f"one of {', '.join(NAMES)}")],
)
def test_an_unknown_bound_is_refused_with_the_nearest(name: str, meant: str) -> None:
    [problem] = problems_of({**SOUND, name: 1.0})
    assert problem.field == f"timeouts.{name}"
    assert problem.source == named_source(name)
    assert problem.remedy.startswith("There is no such name; use ")
    assert meant in problem.remedy


def test_text_that_spells_a_number_is_read() -> None:
    read = Timeouts.read({name: str(bound) for name, bound in SOUND.items()}, source=named_source)
    assert read == Timeouts(**SOUND)


bounds = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.sampled_from([0, 1, 2, 3, 5, True, None, "7", "x"]),
)


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, bounds)))
def test_what_is_accepted_is_a_hierarchy_of_usable_bounds(values: dict[str, object]) -> None:
    with contextlib.suppress(ConfigurationError):
        accepted = Timeouts.read(values, source=named_source)
        given_bounds = dataclasses.astuple(accepted)
        assert all(math.isfinite(bound) and bound > 0 for bound in given_bounds)
        assert accepted.close < 0.5
        steps = [getattr(accepted, name) for name in HIERARCHY]
        assert all(longer > shorter for longer, shorter in itertools.pairwise(steps))


@given(
    st.lists(
        st.floats(min_value=0.01, max_value=1000, allow_nan=False), min_size=5, max_size=5
    ).filter(lambda steps: len(set(steps)) == 5),
    st.floats(min_value=0.01, max_value=0.49),
)
def test_every_hierarchy_of_usable_bounds_is_accepted(steps: list[float], close: float) -> None:
    ordered = dict(zip(HIERARCHY, sorted(steps, reverse=True), strict=True))
    Timeouts(connect=1.0, welcome=1.0, send=1.0, close=close, **ordered)


@pytest.mark.parametrize("name", TARGETS)
def test_each_budget_has_limit_statistic_scope_and_sample(name: str) -> None:
    budget: Budget = getattr(Budgets(), name)
    assert (budget.limit, budget.statistic, budget.smallest_sample) == TARGETS[name]
    assert budget.scope


def test_there_are_no_other_budgets() -> None:
    assert {each.name for each in dataclasses.fields(Budgets)} == set(TARGETS)


def test_a_budget_says_what_it_limits() -> None:
    assert str(Budgets().api_p95) == "p95 of HTTP calls to the API <= 2 s (n >= 30)"


@pytest.mark.parametrize("limit", [0.2, "0.2"], ids=["a number", "text"])
def test_a_limit_can_be_overridden_and_keeps_the_rest(limit: object) -> None:
    budgets = Budgets.read({"api_median": limit}, source=named_source)
    assert budgets == Budgets(api_median=dataclasses.replace(Budgets().api_median, limit=0.2))


def test_a_whole_budget_can_be_overridden() -> None:
    mine = Budget(limit=0.3, statistic=Statistic.LARGEST, scope="pings", smallest_sample=5)
    assert Budgets.read({"ping": mine}, source=named_source).ping is mine


def test_every_problem_of_the_budgets_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Budgets.read({"pings": 1, "oauth": "x", "hand_off": -1}, source=named_source)
    problems = {each.field: each for each in caught.value.problems}
    assert set(problems) == {"budgets.pings", "budgets.oauth", "budgets.hand_off"}
    assert problems["budgets.pings"].remedy == "There is no such name; use ping."
    assert problems["budgets.oauth"].source == named_source("oauth")


@pytest.mark.parametrize("limit", [0.0, -1.0, math.inf, math.nan])
def test_a_limit_is_a_positive_finite_number(limit: float) -> None:
    with pytest.raises(ConfigurationError, match=r"budget\.limit"):
        Budget(limit=limit, statistic=Statistic.MEDIAN, scope="calls", smallest_sample=1)


def test_a_sample_has_at_least_one_measurement() -> None:
    with pytest.raises(ConfigurationError, match=r"budget\.smallest_sample"):
        Budget(limit=1.0, scope="calls", smallest_sample=0)
