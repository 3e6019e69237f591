from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from netra_testkit.errors import ConfigurationError, MalformedFrame
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.synonyms import (
    AGENT,
    ARGUMENTS,
    MESSAGE_ID,
    REQUEST_TEXT,
    RESULT,
    THOUGHT,
    TOOL,
    first_of,
)
from netra_testkit.wire.types import MESSAGE_TYPES, Direction, MessageType, with_aliases

VARIANTS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("data").joinpath("frames.json").read_text("utf-8")
)

# The order in which the names of one thing count.
SYNONYMS = {
    "agent": (AGENT, "agent agent_name agent_type agent_id"),
    "tool": (TOOL, "tool tool_name"),
    "thought": (THOUGHT, "thought reasoning thinking content"),
    "arguments": (ARGUMENTS, "tool_input tool_args input parameters"),
    "result": (
        RESULT,
        "result results tool_output output result_summary final_response response",
    ),
    "text": (REQUEST_TEXT, "content message text user_request query request input"),
    "id": (MESSAGE_ID, "message_id id"),
}


def frame_of(**said: object) -> Frame:
    return Frame.decode(json.dumps(said))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant["form"])
def test_every_form_that_was_observed_is_read(variant: dict[str, Any]) -> None:
    frame = Frame.decode(json.dumps(variant["frame"]))
    assert {fact: getattr(frame, fact) for fact in variant["is"]} == variant["is"]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant["form"])
def test_what_is_asked_first_makes_no_difference(variant: dict[str, Any]) -> None:
    text = json.dumps(variant["frame"])
    facts = list(variant["is"])
    for first in facts:
        frame = Frame.decode(text)
        asked = [first, *facts, first]
        assert [getattr(frame, fact) for fact in asked] == [variant["is"][fact] for fact in asked]


def test_what_was_worked_out_is_kept() -> None:
    frame = frame_of(type="system_message", run_id=123456, tool="x", timestamp="1758800000.5")
    for fact in ("body", "run_id", "timestamp", "type_name"):
        assert getattr(frame, fact) is getattr(frame, fact)


@pytest.mark.parametrize("kind", MessageType)
def test_every_type_is_read(kind: MessageType) -> None:
    frame = frame_of(type=kind.value, data={"a": 1})
    assert (frame.type, frame.type_name, frame.body) == (kind, kind.value, {"a": 1})


@pytest.mark.parametrize("carrier", ["system_message", "agent_progress", "agent_response_complete"])
def test_every_event_is_taken_out_of_every_carrier(carrier: str) -> None:
    events = [kind for kind in MessageType if kind.direction is Direction.EVENT]
    frames = [frame_of(type=carrier, data={"event": kind, "payload": {"a": 1}}) for kind in events]
    assert [frame.type for frame in frames] == events
    assert [frame.body for frame in frames] == [{"a": 1}] * len(events)


@pytest.mark.parametrize("carrier", ["system_message", "agent_progress", "agent_response_complete"])
def test_nothing_but_an_event_is_taken_out_of_a_carrier(carrier: str) -> None:
    others = [kind for kind in MessageType if kind.direction is not Direction.EVENT]
    frames = [frame_of(type=carrier, data={"event": kind, "payload": {"a": 1}}) for kind in others]
    assert {frame.type_name for frame in frames} == {carrier}


@pytest.mark.parametrize(("names", "expected"), SYNONYMS.values(), ids=SYNONYMS)
def test_of_several_names_the_first_that_is_not_empty_counts(
    names: tuple[str, ...], expected: str
) -> None:
    assert list(names) == expected.split()
    said = {name: f"under {name}" for name in reversed(names)}
    for name in names:
        assert first_of(said, names) == f"under {name}"
        said[name] = " "
    assert first_of(said, names) is None


@pytest.mark.parametrize("value", [None, "", " \n", [], {}], ids=repr)
def test_an_empty_value_does_not_count(value: object) -> None:
    assert (
        frame_of(type="chat", payload={"content": value, "text": "Hi"}).first(REQUEST_TEXT) == "Hi"
    )


@pytest.mark.parametrize("value", [0, False, 0.0, [None], {"": None}, "0"], ids=repr)
def test_a_value_that_says_something_counts(value: object) -> None:
    assert frame_of(type="chat", payload={"result": value, "output": 1}).first(RESULT) == value


def test_what_the_body_does_not_say_is_looked_for_around_it() -> None:
    frame = frame_of(
        type="system_message",
        agent="outermost",
        tool="outermost",
        data={"event": "tool_executing", "tool": "around", "data": {"input": "inside"}},
    )
    found = [frame.first(names) for names in (ARGUMENTS, TOOL, AGENT, RESULT)]
    assert found == ["inside", "around", "outermost", None]


def test_names_may_come_from_an_iterator() -> None:
    frame = frame_of(type="agent_started", agent="triage", data={"x": 1})
    assert frame.first(iter(AGENT)) == "triage"


def test_the_text_is_kept_as_it_came() -> None:
    text = ' {"type" :"ping"}\n'
    assert Frame.decode(text).raw == text
    assert Frame.decode(text.encode()).raw == text


def test_bytes_are_read_as_utf_8() -> None:
    frame = Frame.decode('{"type": "chat", "payload": {"content": "Größe 😀"}}'.encode())
    assert frame.body == {"content": "Größe 😀"}


@pytest.mark.parametrize("data", [None, 1, {"type": "ping"}, bytearray(b"{}")], ids=repr)
def test_what_is_neither_text_nor_bytes_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError, match="a frame is str or bytes"):
        Frame.decode(data)


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert Frame.decode('{"type": "ping", "type": "pong"}').type is MessageType.PONG


def test_it_knows_when_it_came() -> None:
    assert Frame.decode('{"type": "ping"}', received_at=12.5).received_at == 12.5
    assert Frame.decode('{"type": "ping"}').received_at > 1_700_000_000


ALIASES: dict[str, Any] = {
    "a table": with_aliases({"go": "agent_started"}),
    "as they are": {"go": "agent_started"},
}


@pytest.mark.parametrize("aliases", ALIASES.values(), ids=ALIASES)
@pytest.mark.parametrize(
    "text",
    ['{"type": "GO", "data": {"x": 1}}', '{"type": "system", "data": {"event": "go", "x": 1}}'],
    ids=["plain", "wrapped"],
)
def test_a_products_own_aliases_are_known(text: str, aliases: dict[str, str]) -> None:
    frame = Frame.decode(text, aliases=aliases)
    assert (frame.type, frame.body) == (MessageType.AGENT_STARTED, {"x": 1})


def test_an_alias_that_contradicts_the_table_is_a_configuration_error() -> None:
    frame = Frame.decode('{"type": "ping"}', aliases={"ping": "pong"})
    with pytest.raises(ConfigurationError):
        _ = frame.type


def test_frames_of_the_same_text_are_equal_whenever_they_came() -> None:
    text = '{"type": "ping"}'
    first, second = Frame.decode(text, received_at=1), Frame.decode(text, received_at=2)
    assert first == second
    assert hash(first) == hash(second)


def test_frames_that_say_something_else_are_not_equal() -> None:
    text = '{"type": "go"}'
    assert Frame.decode(text) != Frame.decode('{"type": "gone"}')
    assert Frame.decode(text) != Frame.decode(text, aliases={"go": "chat"})
    assert Frame.decode(text) != text


@pytest.mark.parametrize("aliases", [MESSAGE_TYPES, *ALIASES.values()], ids=["none", *ALIASES])
def test_a_frame_survives_pickling_and_copying(aliases: Any) -> None:
    frame = Frame.decode('{"type": "go", "run_id": "r-1"}', aliases=aliases, received_at=5)
    _ = frame.run_id
    for again in (pickle.loads(pickle.dumps(frame)), copy.deepcopy(frame)):  # noqa: S301 - ours
        assert again == frame
        assert (again.received_at, again.run_id, again.body) == (5, "r-1", {})


def test_a_frame_read_with_wider_limits_survives_pickling() -> None:
    text = json.dumps({"type": "chat", "payload": {"a": json.loads("[" * 80 + "]" * 80)}})
    frame = Frame.decode(text + " " * 2**20, max_size=2**21, max_depth=100)
    assert pickle.loads(pickle.dumps(frame)) == frame  # noqa: S301 - our own


@pytest.mark.parametrize("name", ["type", "body", "raw", "run_id", "timestamp", "new"])
def test_a_frame_is_read_only(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(frame_of(type="ping"), name, None)


def test_a_frame_is_made_by_decoding_only() -> None:
    with pytest.raises(TypeError, match=r"Frame\.decode"):
        Frame()


def test_its_repr_is_short_and_names_the_type() -> None:
    assert repr(frame_of(type="ping")) == "<Frame ping, 16 characters>"
    assert len(repr(frame_of(type="x" * 10_000))) < 300


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"timestamp": "soon"}, "timestamp is not a time"),
        ({"data": {"timestamp": True}}, "timestamp in the body is not a time"),
    ],
    ids=["beside the type", "in the body"],
)
def test_a_timestamp_that_is_none_is_an_error_when_it_is_asked_for(
    said: dict[str, object], field: str
) -> None:
    frame = frame_of(type="ping", run_id="r-1", **said)
    assert (frame.type, frame.run_id) == (MessageType.PING, "r-1")
    for _ in range(2):
        with pytest.raises(MalformedFrame, match=field):
            _ = frame.timestamp


def test_an_infinite_timestamp_is_an_error() -> None:
    with pytest.raises(MalformedFrame, match="timestamp is not a time"):
        _ = Frame.decode('{"type": "ping", "timestamp": 1e999}').timestamp
