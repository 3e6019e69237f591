from __future__ import annotations

import enum
import inspect
import json
import math
from collections import UserDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import Cause, Unencodable, UnknownMessageType
from netra_testkit.wire.encoding import encode_json
from netra_testkit.wire.envelopes import CARRIERS
from netra_testkit.wire.frames import DEFAULT_MAX_DEPTH, DEFAULT_MAX_SIZE, Frame, encode
from netra_testkit.wire.synonyms import CARRIED_NAME
from netra_testkit.wire.types import Direction, MessageType

EVENTS = [kind for kind in MessageType if kind.direction is Direction.EVENT]
SENDABLE = [kind for kind in MessageType if kind.direction is not Direction.EVENT]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**1000), max_value=2**1000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
PAYLOADS = st.dictionaries(TEXTS, JSON, max_size=5)
IDS = st.none() | TEXTS.filter(lambda text: bool(text.strip()))
TIMES = st.floats(min_value=-1e10, max_value=99999999999)


class Colour(enum.StrEnum):
    RED = "red"


class MixedIn(str, enum.Enum):  # noqa: UP042 - suites have them, and they must be carried
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Share(float, enum.Enum):
    HALF = 0.5


class Plain(enum.Enum):
    ONE = 1


class Name(str):
    __slots__ = ()


def written(payload: Any, **options: Any) -> Any:
    """The payload as the other side reads it."""
    text = encode("chat", payload, message_id="m-1", timestamp=1, **options)
    return json.loads(text)["payload"]


def refusal(payload: Any, **options: Any) -> Unencodable:
    with pytest.raises(Unencodable) as caught:
        written(payload, **options)
    return caught.value


def test_a_client_writes_the_form_that_servers_read() -> None:
    text = encode(
        MessageType.START_AGENT,
        {"agent": "triage"},
        message_id="m-1",
        timestamp=1758800000,
        thread_id="t-1",
        run_id="r-1",
        user_id="u-1",
    )
    assert text == (
        '{"type":"start_agent","payload":{"agent":"triage"},"message_id":"m-1",'
        '"timestamp":1758800000.0,"thread_id":"t-1","run_id":"r-1","user_id":"u-1"}'
    )


def test_a_frame_encodes_by_the_same_function() -> None:
    options: dict[str, Any] = {
        "message_id": "m-1",
        "timestamp": 1.5,
        "thread_id": "t-1",
        "run_id": "r-1",
        "user_id": "u-1",
        "as_server": True,
        "aliases": {"go": "agent_started"},
        "max_size": 500,
        "max_depth": 3,
    }
    assert inspect.signature(Frame.encode) == inspect.signature(encode)
    assert Frame.encode("go", {"a": [1]}, **options) == encode("go", {"a": [1]}, **options)
    for limit in ({"max_size": 20}, {"max_depth": 2}):
        with pytest.raises(Unencodable):
            Frame.encode("go", {"a": [1]}, **(options | limit))


def test_ids_that_are_not_given_are_left_out() -> None:
    text = encode("ping", message_id="m-1", timestamp=1.5)
    assert text == '{"type":"ping","payload":{},"message_id":"m-1","timestamp":1.5}'


def test_a_server_writes_the_form_that_clients_read() -> None:
    text = encode("agent_started", {"a": 1}, message_id=None, timestamp=1.5, as_server=True)
    assert text == '{"type":"agent_started","data":{"a":1},"timestamp":1.5}'


@pytest.mark.parametrize("name", ["execute_agent", " Start Agent ", MessageType.START_AGENT])
def test_the_canonical_name_is_sent(name: str) -> None:
    assert Frame.decode(encode(name, message_id="m", timestamp=1)).type_name == "start_agent"


def test_a_products_own_alias_may_be_named() -> None:
    text = encode("go", message_id="m", timestamp=1, aliases={"go": "start_agent"})
    assert Frame.decode(text).type_name == "start_agent"


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(UnknownMessageType):
        encode("go", message_id="m", timestamp=1)


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_refused_unless_it_is_asked_for(kind: MessageType) -> None:
    with pytest.raises(Unencodable) as caught:
        encode(kind, message_id="m-1", timestamp=1)
    assert caught.value.path == "type"
    assert "as_server=True" in caught.value.hint
    text = encode(kind, message_id="m-1", timestamp=1, as_server=True)
    assert json.loads(text)["message_id"] == "m-1"


def stated_id(value: object) -> str | None:
    """What a value in a body says as an id: text or a number, of which blanks say nothing."""
    if isinstance(value, str):
        return value if value.strip() else None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else None


@given(
    payload=PAYLOADS,
    ids=st.fixed_dictionaries(dict.fromkeys(("thread_id", "run_id", "user_id"), IDS)),
    message_id=IDS.filter(bool),
    timestamp=TIMES,
    as_server=st.booleans(),
    data=st.data(),
)
def test_what_is_written_is_read_again(
    payload: dict[str, Any],
    ids: dict[str, str | None],
    message_id: str,
    timestamp: float,
    as_server: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    kind = data.draw(st.sampled_from(list(MessageType) if as_server else SENDABLE))
    if kind in CARRIERS:  # a name in there is that of the event it carries
        payload = {key: value for key, value in payload.items() if key not in CARRIED_NAME}
    text = encode(
        kind, payload, message_id=message_id, timestamp=timestamp, as_server=as_server, **ids
    )
    frame = Frame.decode(text)
    said = {name: value or stated_id(frame.body.get(name)) for name, value in ids.items()}
    assert (frame.type, frame.type_name, frame.body) == (kind, kind.value, payload)
    assert (frame.message_id, frame.timestamp) == (message_id, timestamp)
    assert {name: getattr(frame, name) for name in ids} == said
    assert (
        Frame.decode(
            encode(
                frame.type_name,
                frame.body,
                message_id=frame.message_id,
                timestamp=timestamp,
                as_server=as_server,
                **ids,
            )
        )
        == frame
    )


@pytest.mark.parametrize("kind", MessageType)
def test_every_type_is_read_as_it_was_written(kind: MessageType) -> None:
    text = encode(kind, {"a": [1]}, message_id="m-1", timestamp=2.5, run_id="r", as_server=True)
    frame = Frame.decode(text)
    assert (frame.type, frame.body, frame.message_id) == (kind, {"a": [1]}, "m-1")
    assert (frame.timestamp, frame.run_id) == (2.5, "r")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        (Colour.RED, "red"),
        (MixedIn.RED, "red"),
        (Level.HIGH, 3),
        (Share.HALF, 0.5),
        (Name("red"), "red"),
        (UserDict({"a": 1}), {"a": 1}),
        (MappingProxyType({"a": UserDict({})}), {"a": {}}),
        ({Colour.RED: 1, Name("b"): 2}, {"red": 1, "b": 2}),
        (2**1024 - 1, 2**1024 - 1),
        (True, True),
        ("€ 😀 \u2028", "€ 😀 \u2028"),
    ],
    ids=repr,
)
def test_what_is_json_by_another_name_is_carried(value: object, expected: object) -> None:
    carried = written({"a": value})["a"]
    assert carried == expected
    assert type(carried) is type(expected)


def test_a_member_of_an_enum_is_written_as_its_value_on_every_python() -> None:
    text = encode("chat", {MixedIn.RED: MixedIn.RED}, message_id="m", timestamp=1)
    assert '{"red":"red"}' in text


REFUSED: dict[str, tuple[object, str]] = {
    "NaN": (math.nan, "NaN"),
    "infinity": (math.inf, "infinite"),
    "minus infinity": (-math.inf, "infinite"),
    "a set": ({1}, "set"),
    "bytes": (b"x", "bytes"),
    "a bytearray": (bytearray(b"x"), "bytearray"),
    "an iterator": (iter([1]), "list_iterator"),
    "a complex number": (1j, "complex"),
    "an object": (object(), "object"),
    "a class": (int, "type"),
    "a plain enum": (Plain.ONE, "enum"),
    "half of a surrogate pair": ("\ud83d", "surrogate"),
    "2 to the power of 1024": (2**1024, "digits"),
    "a key that is a number": ({1: 2}, "key of type int"),
    "a key that is null": ({None: 2}, "key of type NoneType"),
    "a key that is true": ({True: 2}, "key of type bool"),
    "a key with half of a surrogate pair": ({"\ud83d": 2}, "surrogate"),
}


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_json_cannot_carry_is_refused_where_it_stands(value: object, reason: str) -> None:
    for payload, path in (
        ({"a": value}, "payload.a"),
        ({"ok": 1, "items": [0, {"a b": (1, value)}]}, "payload.items[1]['a b'][1]"),
    ):
        error = refusal(payload)
        assert error.path == path
        assert reason in error.reason
        assert error.cause is Cause.TEST


@pytest.mark.parametrize("payload", [[1], "text", 1, b"x", {1: 2}], ids=repr)
def test_a_payload_that_is_no_mapping_of_names_is_refused(payload: object) -> None:
    assert refusal(payload).path == "payload"


def test_a_cycle_is_refused() -> None:
    payload: dict[str, Any] = {"a": [{}]}
    payload["a"][0]["back"] = payload
    error = refusal(payload)
    assert (error.path, error.reason) == ("payload.a[0].back", "it contains itself")


def test_the_same_object_twice_is_no_cycle() -> None:
    shared = [1]
    assert written({"a": shared, "b": [shared, shared]}) == {"a": [1], "b": [[1], [1]]}


def deep(depth: int) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for _ in range(depth - 1):
        payload = {"a": payload}
    return payload


def test_the_deepest_payload_is_what_a_reader_takes() -> None:
    text = encode("chat", deep(DEFAULT_MAX_DEPTH - 1), message_id="m", timestamp=1)
    assert Frame.decode(text).type is MessageType.CHAT
    error = refusal(deep(DEFAULT_MAX_DEPTH))
    assert error.reason == "it is nested too deeply"
    assert error.path.startswith("payload.a.a.a")


def test_the_limit_of_depth_is_the_callers() -> None:
    assert written(deep(100), max_depth=101) == deep(100)
    assert refusal(deep(2), max_depth=2).path == "payload.a"


def test_a_payload_too_deep_for_the_interpreter_is_refused() -> None:
    error = refusal(deep(100_000), max_depth=10**9)
    assert (error.path, error.reason) == (
        "payload",
        "it is nested too deeply for the interpreter",
    )


@pytest.mark.parametrize("letter", ["a", "é"])
def test_the_largest_frame_is_what_a_reader_takes(letter: str) -> None:
    smallest = len(encode("chat", {"a": ""}, message_id="m", timestamp=1))
    fitting = letter * ((DEFAULT_MAX_SIZE - smallest) // len(letter.encode()))
    text = encode("chat", {"a": fitting}, message_id="m", timestamp=1)
    assert Frame.decode(text).body == {"a": fitting}
    error = refusal({"a": fitting + letter})
    assert (error.path, error.cause) == ("payload", Cause.TEST)
    assert f"{DEFAULT_MAX_SIZE} are allowed" in error.reason
    assert written({"a": fitting + letter}, max_size=2**21) == {"a": fitting + letter}


@pytest.mark.parametrize(
    "timestamp",
    [math.nan, math.inf, -math.inf, True, None, "1", 1e11, 1758800000000, 10**400],
    ids=lambda value: repr(value)[:20],
)
def test_a_time_that_is_not_in_seconds_is_refused(timestamp: Any) -> None:
    with pytest.raises(Unencodable) as caught:
        encode("ping", message_id="m", timestamp=timestamp)
    assert caught.value.path == "timestamp"


@pytest.mark.parametrize("name", ["message_id", "thread_id", "run_id", "user_id"])
@pytest.mark.parametrize("value", ["", " ", 1, b"x", "\ud83d"], ids=repr)
def test_an_id_that_says_nothing_is_refused(name: str, value: object) -> None:
    ids: dict[str, Any] = {"message_id": "m", name: value}
    with pytest.raises(Unencodable) as caught:
        encode("ping", timestamp=1, **ids)
    assert caught.value.path == name


def test_a_client_names_each_message() -> None:
    with pytest.raises(Unencodable) as caught:
        encode("ping", message_id=None, timestamp=1)
    assert caught.value.path == "message_id"


def test_a_path_in_an_error_is_bounded() -> None:
    assert len(refusal({"x" * 10_000: {1}}).path) <= 200


@pytest.mark.parametrize("value", [None, [1, (2,)], {"a": Colour.RED}, "é", 1.5], ids=repr)
def test_a_value_outside_a_frame_is_written_by_the_same_rules(value: object) -> None:
    assert json.loads(encode_json(value)) == written({"a": value})["a"]


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_value_outside_a_frame_is_refused_by_the_same_rules(value: object, reason: str) -> None:
    with pytest.raises(Unencodable) as caught:
        encode_json([value], name="body")
    assert caught.value.path == "body[0]"
    assert reason in caught.value.reason


def test_a_value_outside_a_frame_has_a_limit_of_depth() -> None:
    assert json.loads(encode_json(deep(DEFAULT_MAX_DEPTH))) == deep(DEFAULT_MAX_DEPTH)
    with pytest.raises(Unencodable):
        encode_json(deep(DEFAULT_MAX_DEPTH + 1))
