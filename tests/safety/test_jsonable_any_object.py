"""Whatever Python can hold goes through and comes back from JSON as it went."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections import deque
from typing import Any, NamedTuple

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.safety.jsonable import JsonValue, safe_state, to_jsonable


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    RED = 1


class Word(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass
class Record:
    a: object
    b: object


class Pair(NamedTuple):
    a: object
    b: object


class Model(pydantic.BaseModel):
    a: Any
    b: Any


class Hostile:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError

    def __hash__(self) -> int:
        return 7

    def __eq__(self, other: object) -> bool:
        return self is other


texts = st.text(st.characters(exclude_categories=()), max_size=8)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.binary(max_size=8),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.complex_numbers(),
    st.uuids(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.timedeltas(),
    st.ip_addresses(),
    st.sampled_from([*Colour, *Number, *Word, int, Hostile, len, ...]),
    st.builds(Hostile),
    st.builds(object),
    st.builds(ValueError, texts),
)
keys = st.one_of(
    leaves,
    st.tuples(leaves, leaves),
    st.frozensets(leaves, max_size=3),
    st.builds(Pair, leaves, st.tuples(leaves)),
)


def knotted(values: list[object]) -> list[object]:
    """A list that holds itself, also by way of a dict and a dataclass."""
    values.append({"up": values, "record": Record(values, Pair(values, 1))})
    return values


objects = st.recursive(
    keys | st.sets(keys, max_size=3),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(deque),
        st.lists(inner, max_size=3).map(knotted),
        st.lists(inner, max_size=3).map(iter),
        st.dictionaries(keys, inner, max_size=3),
        st.builds(Record, inner, inner),
        st.builds(Model, a=inner, b=inner),
        st.builds(lambda error: ExceptionGroup("group", [error]), st.builds(KeyError, inner)),
    ),
    max_leaves=8,
)


@given(objects)
def test_any_object_goes_through_json_and_back(value: object) -> None:
    found = to_jsonable(value)
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    assert json.loads(json.dumps(found, ensure_ascii=False).encode()) == found
    assert json.dumps(to_jsonable(value)) == text, "another form the second time"
    assert to_jsonable(found) == found, "a form is not its own form"


@given(objects, st.integers(-1, 12), st.integers(-1, 5))
def test_limits_hold_for_any_object(value: object, items: int, depth: int) -> None:
    found = to_jsonable(value, max_items=items, max_depth=depth)
    values, deepest = measured(found)
    # Each open container may end with the mark of what it left out; an exception has two texts.
    assert values <= 3 * (max(items, 0) + 1) + 3
    assert deepest <= max(depth, 0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def measured(value: JsonValue) -> tuple[int, int]:
    """How many values a form holds and how deep."""
    if not isinstance(value, list | dict):
        return 0, 0
    inner = [measured(each) for each in (value.values() if isinstance(value, dict) else value)]
    return (
        len(inner) + sum(count for count, _ in inner),
        1 + max((depth for _, depth in inner), default=0),
    )


@given(keys | st.lists(keys, max_size=3) | st.dictionaries(keys, keys, max_size=3))
def test_any_object_has_a_state_on_one_short_line(value: object) -> None:
    text = safe_state(value)
    assert len(text) <= 100
    assert len(text.splitlines()) <= 1
    text.encode()


@pytest.mark.parametrize("kind", [list, tuple, set, dict, str, bytes, int])
def test_an_empty_value_of_a_kind_is_empty(kind: type) -> None:
    assert not to_jsonable(kind())
