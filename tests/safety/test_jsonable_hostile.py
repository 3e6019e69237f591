from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import pytest

from netra_testkit.safety.jsonable import (
    safe_state,
    safe_websocket_state_for_logging,
    to_jsonable,
)


def refuse(*_: object, **__: object) -> None:
    raise RuntimeError("no")


class Silent:
    """Refuses everything that may be asked of an object."""

    __slots__ = ()
    __str__ = __repr__ = __format__ = __bytes__ = refuse  # type: ignore[assignment]
    __getattr__ = __getattribute__ = __dir__ = refuse  # type: ignore[assignment]
    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __iter__ = refuse  # type: ignore[assignment]
    __reduce__ = __reduce_ex__ = __fspath__ = __int__ = __float__ = refuse  # type: ignore[assignment]

    def __hash__(self) -> int:
        return 1


class Liar:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return str


class LiarInVain:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("no")


class SilentKind(type):
    def __getattribute__(cls, name: str) -> object:
        raise RuntimeError(name)

    def __hash__(cls) -> int:
        raise RuntimeError("no")

    def __eq__(cls, other: object) -> bool:
        raise RuntimeError("no")

    def __subclasscheck__(cls, other: type) -> bool:
        raise RuntimeError("no")


class OfSilentKind(metaclass=SilentKind):
    pass


class Nameless:
    __module__ = object()  # type: ignore[assignment]


class Mute(Exception):
    __str__ = __repr__ = refuse  # type: ignore[assignment]


class Endless(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        return 1

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"key {number}"


class EndlessSet(AbstractSet[int]):
    def __contains__(self, item: object) -> bool:
        return True

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1


class Short(Sequence[int]):
    """Says that it is longer than it is."""

    def __getitem__(self, index: object) -> int:  # type: ignore[override]
        if index != 0:
            raise IndexError
        return 1

    def __len__(self) -> int:
        return 5


class Broken(Mapping[str, int]):
    __getitem__ = __iter__ = __len__ = refuse  # type: ignore[assignment]


class Odd(dict[str, int]):
    def items(self) -> object:  # type: ignore[override]
        return [1, 2]


@dataclasses.dataclass
class Fields:
    good: int = 1
    bad: int = 2

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


class BadZone(dt.tzinfo):
    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
        raise RuntimeError("no")


class State(enum.Enum):
    OPEN = 1

    __str__ = __repr__ = __format__ = refuse  # type: ignore[assignment]


# Only now: making the members reads them.
State.__getattribute__ = refuse  # type: ignore[method-assign, assignment]

half = Fields()
object.__getattribute__(half, "__dict__").pop("bad")

HERE = __name__
CASES: dict[str, tuple[object, object]] = {
    "an object that refuses everything": (Silent(), f"{HERE}.Silent"),
    "one as a key": ({Silent(): Silent()}, {f"{HERE}.Silent": f"{HERE}.Silent"}),
    "one in a set": ({Silent()}, [f"{HERE}.Silent"]),
    "a false class": (Liar(), f"{HERE}.Liar"),
    "a class that is refused": (LiarInVain(), f"{HERE}.LiarInVain"),
    "a type that refuses everything": (OfSilentKind, "object"),
    "an object of that type": (OfSilentKind(), "object"),
    "a type whose module is no text": (Nameless(), "object"),
    "an exception that says nothing": (Mute(), {"type": f"{HERE}.Mute", "text": "<unreadable>"}),
    "a mapping without end": (Endless(), {"key 1": 1, "key 2": 1, "key 3": 1}),
    "a set without end": (EndlessSet(), [1, 1]),
    "a sequence that is shorter than it says": (Short(), [1, "<+4 more>"]),
    "a mapping that cannot be read": (Broken(), f"{HERE}.Broken"),
    "a dict with other items": (Odd(a=1), {"a": 1}),
    "a dataclass that refuses its fields": (Fields(), {"good": 1, "bad": 2}),
    "a dataclass without one of its fields": (half, {"good": 1, "bad": 2}),
    "a time whose zone refuses": (dt.datetime(2025, 1, 1, tzinfo=BadZone()), "datetime.datetime"),
    "an enum that refuses everything": (State.OPEN, "open"),
    "a released memoryview": (memoryview(b"a"), "memoryview"),
}
CASES["a released memoryview"][0].release()  # type: ignore[attr-defined]


# By name: pytest would ask the objects themselves what they are.
@pytest.mark.parametrize("name", CASES)
def test_no_object_makes_a_conversion_raise(name: str) -> None:
    value, form = CASES[name]
    assert to_jsonable(value) == form
    json.dumps(to_jsonable([value]), allow_nan=False)


@pytest.mark.parametrize("name", CASES)
def test_no_object_makes_a_state_raise(name: str) -> None:
    assert 0 < len(safe_state(CASES[name][0])) <= 100


def test_a_field_whose_descriptor_refuses_costs_only_itself() -> None:
    kind = dataclasses.make_dataclass("Kind", ["good", "bad"])
    value = kind(1, 2)
    kind.bad = property(refuse)
    assert to_jsonable(value) == {"good": 1, "bad": "<unreadable>"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_request_to_stop_is_not_swallowed(stop: type[BaseException]) -> None:
    class Stopping(Exception):
        def __str__(self) -> str:
            raise stop

    with pytest.raises(stop):
        to_jsonable(Stopping())


class Plain(enum.Enum):
    DARK_RED = "crimson"


class Number(enum.IntEnum):
    CLOSED = 3


class Word(enum.StrEnum):
    HALF_OPEN = "half-open"


class Bits(enum.Flag):
    A = 1
    B = 2


STATES: dict[str, tuple[object, str]] = {
    "an enum": (Plain.DARK_RED, "dark_red"),
    "an integer enum": (Number.CLOSED, "closed"),
    "a text enum": (Word.HALF_OPEN, "half_open"),
    "flags": (Bits.A | Bits.B, "a|b"),
    "no flag": (Bits(0), "0"),
    "an enum itself": (Plain, f"{HERE}.Plain"),
    "text": ("OPEN", "OPEN"),
    "text over several lines": (" a\n b\t", "a b"),
    "no text": ("", ""),
    "long text": ("x" * 101, "x" * 99 + "…"),
    "text that just fits": ("x" * 100, "x" * 100),
    "very long text": ("x" * 10**7, "x" * 99 + "…"),
    "a lone surrogate": ("\udc80", "\\udc80"),
    "none": (None, "null"),
    "a boolean": (True, "true"),
    "a number": (3, "3"),
    "not a number": (float("nan"), "NaN"),
    "a list": ([Plain.DARK_RED, 1], '["dark_red",1]'),
    "a dict": ({Number.CLOSED: "é"}, '{"closed":"é"}'),
    "an exception": (ValueError("no"), '{"text":"no","type":"ValueError"}'),
    "an object": (object(), "object"),
}


@pytest.mark.parametrize(("value", "text"), STATES.values(), ids=list(STATES))
def test_a_state_is_short_text(value: object, text: str) -> None:
    assert safe_state(value) == text


def test_the_established_name_is_the_same_function() -> None:
    assert safe_websocket_state_for_logging is safe_state


def test_a_caller_at_the_end_of_the_stack_gets_a_state() -> None:
    answers: set[str] = set()

    def fall() -> None:
        answers.add(safe_state([1]))
        fall()

    with pytest.raises(RecursionError):
        fall()
    assert "[1]" in answers
