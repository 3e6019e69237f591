from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import ipaddress
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import types
from collections import ChainMap, OrderedDict, UserDict, UserList, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from unittest.mock import MagicMock
from uuid import UUID

import pydantic
import pytest

from netra_testkit.safety.jsonable import JsonValue, to_jsonable
from netra_testkit.safety.redaction import register


class Colour(enum.Enum):
    DARK_RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Word(enum.StrEnum):
    START_AGENT = "start_agent"


class OldWord(str, enum.Enum):  # noqa: UP042 - the older spelling, still met
    START_AGENT = "start_agent"


class Place(NamedTuple):
    x: int
    colour: Colour


@dataclasses.dataclass
class Order:
    number: int
    colour: Colour
    password: str = dataclasses.field(default="hidden", repr=False)


@dataclasses.dataclass(slots=True)
class Slotted:
    number: int


class Inner(pydantic.BaseModel):
    colour: Colour


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    inner: Inner
    password: str = pydantic.Field(default="hidden", exclude=True)
    pin: str = pydantic.Field(default="hidden", repr=False)
    key: pydantic.SecretStr = pydantic.SecretStr("hidden")


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Plain:
    pass


UTC_NOON = dt.datetime(2025, 10, 1, 12, tzinfo=dt.UTC)

FORMS: dict[str, tuple[object, JsonValue]] = {
    "none": (None, None),
    "true": (True, True),
    "an integer": (7, 7),
    "an integer too long to print": (1 << 2048, hex(1 << 2048)),
    "the longest integer": ((1 << 2048) - 1, (1 << 2048) - 1),
    "a float": (1.5, 1.5),
    "not a number": (float("nan"), "NaN"),
    "infinity": (float("inf"), "Infinity"),
    "minus infinity": (float("-inf"), "-Infinity"),
    "text": ("é", "é"),
    "a lone surrogate": ("a\udc80é", "a\\udc80é"),
    "two surrogates that look like a pair": ("\ud83d\ude00", "\\ud83d\\ude00"),
    "an enum": (Colour.DARK_RED, "dark_red"),
    "an integer enum": (Level.HIGH, "high"),
    "a flag": (Rights.READ | Rights.WRITE, "read|write"),
    "no flag": (Rights(0), "0"),
    "a text enum": (Word.START_AGENT, "start_agent"),
    "a text enum of the older spelling": (OldWord.START_AGENT, "start_agent"),
    "bytes": (b"caf\xc3\xa9 \xff", "café \\xff"),
    "a bytearray": (bytearray(b"ab"), "ab"),
    "a memoryview": (memoryview(b"ab"), "ab"),
    "an aware datetime": (UTC_NOON, "2025-10-01T12:00:00+00:00"),
    "a naive datetime": (UTC_NOON.replace(tzinfo=None), "2025-10-01T12:00:00"),
    "a date": (dt.date(2025, 10, 1), "2025-10-01"),
    "a time": (dt.time(12, 30), "12:30:00"),
    "a timedelta": (dt.timedelta(minutes=1, milliseconds=500), 60.5),
    "a decimal": (Decimal("1.10"), "1.10"),
    "a decimal that is no number": (Decimal("sNaN"), "sNaN"),
    "a fraction": (Fraction(1, 3), "1/3"),
    "a complex number": (1 + 2j, "(1+2j)"),
    "a uuid": (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "a path": (PurePosixPath("/a/b"), "/a/b"),
    "an IPv4 address": (ipaddress.ip_address("127.0.0.1"), "127.0.0.1"),
    "an IPv6 address": (ipaddress.ip_address("::1"), "::1"),
    "a list": ([1, [Colour.DARK_RED]], [1, ["dark_red"]]),
    "a tuple": ((1, "a"), [1, "a"]),
    "a deque": (deque([1, 2]), [1, 2]),
    "a range": (range(3), [0, 1, 2]),
    "a list of a subclass": (UserList([1]), [1]),
    "a set": ({3, 20, 1, "b", "a", Colour.DARK_RED}, [1, 3, 20, "a", "b", "dark_red"]),
    "a frozenset of tuples": (frozenset({(2, 1), (1, 2)}), [[1, 2], [2, 1]]),
    "no set": (set(), []),
    "the keys of a dict": ({"b": 1, "a": 2}.keys(), ["a", "b"]),
    "a dict": ({"a": Colour.DARK_RED}, {"a": "dark_red"}),
    "an ordered dict": (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "a mapping": (UserDict(a=1), {"a": 1}),
    "a read-only mapping": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "a chain of mappings": (ChainMap({"a": 1}), {"a": 1}),
    "a named tuple": (Place(1, Colour.DARK_RED), {"x": 1, "colour": "dark_red"}),
    "a dataclass": (Order(1, Colour.DARK_RED), {"number": 1, "colour": "dark_red"}),
    "a dataclass with slots": (Slotted(1), {"number": 1}),
    "a dataclass itself": (Order, f"{__name__}.Order"),
    "a pydantic model": (
        Model.model_validate({"inner": {"colour": 1}, "more": Level.HIGH}),
        {"inner": {"colour": "dark_red"}, "key": "pydantic.types.SecretStr", "more": "high"},
    ),
    "a pydantic model around a list": (Numbers([1, 2]), [1, 2]),
    "a pydantic model unvalidated": (Inner.model_construct(), {"colour": "<unreadable>"}),
    "an exception": (ValueError("no"), {"type": "ValueError", "text": "no"}),
    "an exception group": (
        ExceptionGroup("both", [KeyError("a"), OSError(2, "gone")]),
        {
            "type": "ExceptionGroup",
            "text": "both (2 sub-exceptions)",
            "exceptions": [
                {"type": "KeyError", "text": "'a'"},
                {"type": "FileNotFoundError", "text": "[Errno 2] gone"},
            ],
        },
    ),
    "an exception that says an address": (
        ValueError("<object object at 0x7f00deadbeef> is wrong"),
        {"type": "ValueError", "text": "<object object> is wrong"},
    ),
    "a type": (Plain, f"{__name__}.Plain"),
    "a builtin type": (int, "int"),
    "an object": (Plain(), f"{__name__}.Plain"),
    "a bare object": (object(), "object"),
    "a lambda": (lambda: 1, "function"),
    "a partial": (functools.partial(int, "1"), "functools.partial"),
    "a module": (json, "module"),
    "a lock": (threading.Lock(), "_thread.lock"),
    "a mock": (MagicMock(), "unittest.mock.MagicMock"),
}

KEYS: dict[str, tuple[object, str]] = {
    "an enum": (Colour.DARK_RED, "dark_red"),
    "an integer enum": (Level.HIGH, "high"),
    "a text enum": (Word.START_AGENT, "start_agent"),
    "none": (None, "null"),
    "true": (True, "true"),
    "an integer": (1, "1"),
    "a float": (1.5, "1.5"),
    "not a number": (float("nan"), "NaN"),
    "a tuple": ((1, Colour.DARK_RED), '[1,"dark_red"]'),
    "a frozenset": (frozenset({2, 1}), "[1,2]"),
    "bytes": (b"a", "a"),
    "an object": (Plain(), f"{__name__}.Plain"),
    "a type": (Plain, f"{__name__}.Plain"),
    "a lone surrogate": ("\udc80", "\\udc80"),
    "a named tuple": (Place(1, Colour.DARK_RED), '{"colour":"dark_red","x":1}'),
}


@pytest.fixture
def registered_secret() -> str:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a secret of this test")
    return secret


@pytest.mark.parametrize(("value", "form"), FORMS.values(), ids=list(FORMS))
def test_every_kind_has_its_form(value: object, form: JsonValue) -> None:
    found = to_jsonable(value)
    assert found == form
    assert type(found) is type(form)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert json.loads(json.dumps(found, ensure_ascii=False).encode()) == found


@pytest.mark.parametrize(("key", "text"), KEYS.values(), ids=list(KEYS))
def test_every_kind_of_key_has_its_text(key: object, text: str) -> None:
    assert to_jsonable({key: 1}) == {text: 1}


def test_keys_that_become_the_same_are_numbered_in_their_order() -> None:
    assert to_jsonable({1: "a", "1#2": "b", "1": "c"}) == {"1": "a", "1#2": "b", "1#3": "c"}
    assert to_jsonable({"1": "c", 1: "a"}) == {"1": "c", "1#2": "a"}
    assert to_jsonable({"<cut>": 1, "b": 2}, max_items=1) == {"<cut>": 1, "<cut>#2": "<+1 more>"}


def test_ten_thousand_keys_of_the_same_text_take_no_time() -> None:
    found = to_jsonable({Plain(): number for number in range(10_000)})
    assert isinstance(found, dict)
    assert found[f"{__name__}.Plain#10000"] == 9_999


def test_a_subclass_of_a_builtin_is_read_past_what_it_overrides() -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    hostile = dict.fromkeys(
        ("__str__", "__repr__", "__len__", "__iter__", "__getitem__", "items", "__int__"), refuse
    )
    text, number, many, table = (
        type("Hostile", (kind,), hostile) for kind in (str, int, list, dict)
    )
    value = [text("a"), number(1), many([2]), table({"b": 3})]
    found = to_jsonable(value)
    assert found == ["a", 1, [2], {"b": 3}]
    assert isinstance(found, list)
    assert [type(each) for each in found] == [str, int, list, dict]


def test_an_iterator_is_not_consumed() -> None:
    numbers = iter([1, 2])
    generator = (each for each in [1, 2])
    assert to_jsonable([numbers, generator]) == ["list_iterator", "generator"]
    assert [*numbers, *generator] == [1, 2, 1, 2]


def test_the_form_is_the_same_in_every_process() -> None:
    script = (
        "import json; from netra_testkit.safety.jsonable import to_jsonable\n"
        "words = {f'word {number}' for number in range(50)}\n"
        "value = {'words': words, 'pairs': {(each, frozenset(words)) for each in words}}\n"
        "print([json.dumps(to_jsonable(value, max_items=limit)) for limit in (20, 300, 9000)])"
    )
    found = {
        subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_no_form_holds_an_address() -> None:
    error = ValueError(f"{object()!r} and {Plain()!r}")
    things = [
        object(),
        Plain(),
        Plain().__init__,
        (lambda: 1),
        error,
        threading.Lock(),
        [].__iter__,
    ]  # type: ignore[misc]
    text = json.dumps(to_jsonable([things, {each: 1 for each in things if each is not error}]))
    assert not re.search(r"0x[0-9a-f]{4,}", text)


def test_an_exception_is_masked(registered_secret: str) -> None:
    found = to_jsonable({"error": ValueError(f"the key {registered_secret} is wrong")})
    assert registered_secret not in json.dumps(found)
    assert "is wrong" in json.dumps(found)


def test_other_values_are_left_to_whoever_writes_them(registered_secret: str) -> None:
    assert to_jsonable({"key": registered_secret}) == {"key": registered_secret}


@pytest.mark.parametrize("kind", [dict, set, list, deque])
def test_what_grows_while_it_is_read_is_given_as_it_was(kind: type) -> None:
    class Growing(Exception):
        def __str__(self) -> str:
            # As another thread may do at any moment.
            held.update({len(held): 1}) if kind is dict else add(len(held))
            return "grown"

    held: Any = {0: Growing(), 1: 2} if kind is dict else kind([Growing(), Growing()])
    add = held.add if kind is set else getattr(held, "append", None)
    found = to_jsonable(held)
    assert isinstance(found, list | dict)
    assert len(found) == 2
    assert len(held) > 2


def test_a_named_tuple_made_at_run_time_is_one_too() -> None:
    point = namedtuple("point", "x y")  # noqa: PYI024 - the other spelling
    assert to_jsonable(point(1, 2)) == {"x": 1, "y": 2}
