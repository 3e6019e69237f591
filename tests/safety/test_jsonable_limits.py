from __future__ import annotations

import dataclasses
import enum
import json
import sys
import traceback
from typing import Any

import pydantic
import pytest

from netra_testkit.safety.jsonable import JsonValue, to_jsonable


class Colour(enum.Enum):
    DARK_RED = 1


@dataclasses.dataclass
class Order:
    number: object
    colour: Colour


@dataclasses.dataclass(eq=False)
class Node:
    children: set[Node]


class Model(pydantic.BaseModel):
    inner: Any


def test_what_stands_within_itself_is_marked() -> None:
    many: list[object] = [1]
    many.append(many)
    table: dict[str, object] = {"many": many}
    table["self"] = table
    order = Order(1, Colour.DARK_RED)
    order.number = order
    model = Model(inner=1)
    model.__dict__["inner"] = model
    error = ExceptionGroup("outer", [ValueError("inner")])
    assert to_jsonable(many) == [1, "<cycle>"]
    assert to_jsonable(table) == {"many": [1, "<cycle>"], "self": "<cycle>"}
    assert to_jsonable(order) == {"number": "<cycle>", "colour": "dark_red"}
    assert to_jsonable(model) == {"inner": "<cycle>"}
    assert to_jsonable([error, error]) == [to_jsonable(error), to_jsonable(error)]


def test_what_is_shared_is_no_cycle() -> None:
    shared = [1]
    assert to_jsonable([shared, {"again": shared}, {(1,), (2,)}]) == [
        [1],
        {"again": [1]},
        [[1], [2]],
    ]


@pytest.mark.parametrize(
    ("depth", "form"),
    [(0, "<too deep>"), (1, ["<too deep>"]), (2, [["<too deep>"]]), (4, [[[["end"]]]])],
)
def test_depth_is_limited(depth: int, form: JsonValue) -> None:
    assert to_jsonable([[[["end"]]]], max_depth=depth) == form


def test_a_leaf_is_never_too_deep() -> None:
    assert to_jsonable(Colour.DARK_RED, max_depth=0) == "dark_red"


def test_no_depth_goes_beyond_what_json_can_write() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    text = json.dumps(to_jsonable(value, max_depth=100_000))
    assert text.count("[") == 128
    assert json.dumps(to_jsonable(value)).count("[") == 64


LIMITED: dict[str, tuple[object, int, JsonValue]] = {
    "a list": ([1, 2, 3], 2, [1, 2, "<+1 more>"]),
    "a list that fits": ([1, 2, 3], 3, [1, 2, 3]),
    "a tuple": ((1, 2, 3), 1, [1, "<+2 more>"]),
    "a range without end": (range(10**12), 1, [0, "<+999999999999 more>"]),
    "a dict": ({"a": 1, "b": 2, "c": 3}, 1, {"a": 1, "<cut>": "<+2 more>"}),
    "a dict that fits": ({"a": 1}, 1, {"a": 1}),
    "all together": ([[1, 2], [3, 4], 5], 4, [[1, 2], ["<+2 more>"], "<+1 more>"]),
    "a dict in a dict": ({"a": {"b": 1}, "c": 2}, 2, {"a": {"b": 1}, "<cut>": "<+1 more>"}),
    "a key that is long": (
        {(1, 2, 3): 4, "b": 5},
        3,
        {'[1,2,"<+1 more>"]': 4} | {"<cut>": "<+1 more>"},
    ),
    "a set": ({1, 2, 3}, 2, ["<+3 more>"]),
    "a set that fits": ({1, 2, 3}, 3, [1, 2, 3]),
    "sets of tuples": ({(1, 2), (3, 4)}, 5, [[1, "<+1 more>"], [3, "<+1 more>"]]),
    "what a set leaves": ([{(1,), (2,)}, 3, 4], 6, [[[1], [2]], 3, "<+1 more>"]),
    "nothing": ([1], 0, ["<+1 more>"]),
    "less than nothing": ({"a": 1}, -1, {"<cut>": "<+1 more>"}),
    "a leaf": ("a", 0, "a"),
    "a dataclass": (Order(1, Colour.DARK_RED), 1, {"number": 1, "<cut>": "<+1 more>"}),
}


@pytest.mark.parametrize(("value", "items", "form"), LIMITED.values(), ids=list(LIMITED))
def test_the_number_of_values_is_limited(value: object, items: int, form: JsonValue) -> None:
    assert to_jsonable(value, max_items=items) == form


def test_a_small_object_that_would_unfold_without_end_is_cut() -> None:
    value: list[object] = ["end"]
    for _ in range(60):
        value = [value, value]
    assert len(json.dumps(to_jsonable(value))) < 500_000


def test_a_caller_at_the_end_of_the_stack_gets_an_answer() -> None:
    errors: list[RecursionError] = []

    def fall() -> None:
        try:
            to_jsonable([[1]])
        except RecursionError as error:
            errors.append(error)
            raise
        fall()

    # Who traces calls, as coverage does, uses up a part of the stack by itself.
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        with pytest.raises(RecursionError):
            fall()
    finally:
        sys.settrace(tracer)
    innermost = [traceback.extract_tb(error.__traceback__)[-1].filename for error in errors]
    assert not [each for each in innermost if "netra_testkit" in each]


def test_what_is_shared_by_way_of_a_set_is_a_cycle_too() -> None:
    node = Node(set())
    node.children.add(node)
    assert to_jsonable(node) == {"children": ["<cycle>"]}


def test_the_exceptions_of_a_group_stand_deeper() -> None:
    found = to_jsonable(ExceptionGroup("group", [ValueError()]), max_depth=1)
    assert found == {
        "type": "ExceptionGroup",
        "text": "group (1 sub-exception)",
        "exceptions": "<too deep>",
    }
