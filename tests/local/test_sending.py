from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.local.agents import Event
from netra_testkit.local.options import EventForm, Limits, Welcome
from netra_testkit.local.sending import error_document, event_document, reply_document, text_of
from netra_testkit.local.welcome import handshake_complete, handshake_response, welcome
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.types import MessageType

IDS = {"run_id": "r", "thread_id": "t", "user_id": "u"}
EVENT = Event(MessageType.AGENT_STARTED, {"agent": "triage", **IDS})


@pytest.mark.parametrize(
    ("form", "place"),
    [
        (EventForm.DATA, ("data",)),
        (EventForm.PAYLOAD, ("payload",)),
        (EventForm.FLAT, ()),
        (EventForm.WRAPPED, ("data", "payload")),
    ],
)
def test_where_the_body_of_an_event_stands(form: EventForm, place: tuple[str, ...]) -> None:
    document = event_document(EVENT, form=form, at=2.0)
    body: Any = document
    for key in place:
        body = body[key]
    assert body["agent"] == "triage"
    assert {key: document[key] for key in IDS} == IDS
    assert "request_id" not in document
    frame = Frame.decode(text_of(document))
    assert (frame.type, frame.timestamp) == (MessageType.AGENT_STARTED, 2.0)


def test_a_wrapped_event_names_itself_within_a_system_message() -> None:
    document = event_document(EVENT, form=EventForm.WRAPPED, at=2.0, request_id="m")
    assert document["type"] == "system_message"
    assert isinstance(document["data"], dict)
    assert document["data"]["event"] == "agent_started"
    assert document["request_id"] == "m"


def test_an_answer_names_what_it_answers() -> None:
    document = reply_document(MessageType.PONG, {"a": 1}, at=3.0, request_id="m")
    frame = Frame.decode(text_of(document))
    assert (frame.message_id, frame.request_id, dict(frame.body)) == ("m", "m", {"a": 1})
    assert "message_id" not in reply_document(MessageType.PONG, {}, at=3.0)


def test_an_error_frame() -> None:
    document = error_document("NO", "why", at=1.0, details={"a": 1}, request_id="m", run_id="r")
    frame = Frame.decode(text_of(document))
    assert (frame.error_code, frame.error_text) == ("NO", "why")
    assert (frame.message_id, frame.run_id) == ("m", "r")
    assert document["details"] == {"a": 1}
    bare = error_document("NO", "why", at=1.0)
    assert {"details", "message_id", "run_id"}.isdisjoint(bare)


@given(text=st.text(st.characters(exclude_categories=[])))
def test_any_text_can_be_sent(text: str) -> None:
    sent = text_of({"type": "ack", "data": text})
    assert json.loads(sent.encode())["data"] == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("form", Welcome)
@pytest.mark.parametrize("ready", [True, False])
def test_the_welcome_says_who_one_is_and_what_to_keep_to(form: Welcome, ready: bool) -> None:  # noqa: FBT001 - a parameter
    limits = Limits(heartbeat_interval=7.0, message_bytes=99)
    document = welcome(form, connection_id="c", user_id="u", limits=limits, at=5.0, ready=ready)
    assert document["type"] == form
    data = document["data"]
    assert isinstance(data, dict)
    assert (data.get("event") == "connection_established") is (form is Welcome.SYSTEM_MESSAGE)
    assert (data["connection_id"], data["user_id"], data["server_time"]) == ("c", "u", 5.0)
    assert data["connection_ready"] is ready
    assert data["config"] == {"heartbeat_interval": 7.0, "max_message_size": 99}


@pytest.mark.parametrize("make", [handshake_response, handshake_complete])
def test_the_handshake_names_the_thread(make: Any) -> None:
    document = make(thread_id="t", connection_id="c", at=1.0)
    assert document["type"] == make.__name__
    assert document["thread_id"] == document["data"]["thread_id"] == "t"
