from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.local.requests import BadRequest, identifier, run_asked, said, stop_asked
from netra_testkit.local.state.runs import RunStatus
from netra_testkit.wire.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

FORMS = ("payload", "data", "flat")
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
JSON = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=3), LEAVES)


def frame(form: str, type_name: str = "start_agent", **body: Any) -> Frame:
    document = {"type": type_name, **body} if form == "flat" else {"type": type_name, form: body}
    return Frame.decode(json.dumps(document))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("agent_key", ["agent", "agent_name", "agent_type"])
@pytest.mark.parametrize("text_key", ["message", "user_request", "content", "text", "query"])
def test_a_run_is_asked_for_in_every_form(form: str, agent_key: str, text_key: str) -> None:
    asked = run_asked(frame(form, **{agent_key: "DataAgent", text_key: "Why?", "run_id": "r"}))
    assert (asked.request.agent, asked.request.text) == ("data", "Why?")
    assert (asked.run_id, asked.thread_id) == ("r", None)


@pytest.mark.parametrize("body", [{}, {"run_id": None, "thread_id": None}], ids=["none", "null"])
def test_ids_may_be_missing_or_null(body: dict[str, Any]) -> None:
    asked = run_asked(frame("payload", message="hi", **body))
    assert (asked.run_id, asked.thread_id) == (None, None)
    assert (said(frame("payload", content="hi", **body)).run_id) is None


def test_ids_around_the_body_count() -> None:
    document = {"type": "chat", "payload": {"content": "hi"}, "thread_id": "t", "run_id": "r"}
    message = said(Frame.decode(json.dumps(document)))
    assert (message.content, message.thread_id, message.run_id) == ("hi", "t", "r")


def test_without_an_agent_the_supervisor_is_asked() -> None:
    assert run_asked(frame("flat", message="hi")).request.agent == "supervisor"


@pytest.mark.parametrize(
    ("context", "taken"), [({"a": 1}, {"a": 1}), ("no object", {}), (None, {})]
)
def test_the_context_is_taken_along(context: object, taken: dict[str, Any]) -> None:
    assert run_asked(frame("payload", message="hi", context=context)).request.context == taken


@pytest.mark.parametrize(
    ("body", "error_code"),
    [
        ({"agent": "nobody", "message": "hi"}, "AGENT_NOT_FOUND"),
        ({"agent": 7, "message": "hi"}, "AGENT_NOT_FOUND"),
        ({"agent": "data"}, "VALIDATION_ERROR"),
        ({"agent": "data", "message": " "}, "VALIDATION_ERROR"),
        ({"agent": "data", "message": {"content": "hi"}}, "VALIDATION_ERROR"),
        ({"agent": "data", "message": "x" * 8001}, "VALIDATION_ERROR"),
        ({"agent": "data", "message": "\ud800"}, "VALIDATION_ERROR"),
        ({"agent": "data", "message": "nul\0"}, "VALIDATION_ERROR"),
        ({"agent": "data", "message": "hi", "run_id": "r" * 129}, "VALIDATION_ERROR"),
        ({"agent": "data", "message": "hi", "thread_id": "a\nb"}, "VALIDATION_ERROR"),
    ],
)
def test_what_cannot_be_done_is_refused(body: dict[str, Any], error_code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        run_asked(frame("payload", **body))
    assert refused.value.error_code == error_code
    assert refused.value.message


@pytest.mark.parametrize(
    ("body", "name", "status"),
    [
        ({}, None, RunStatus.STOPPED),
        ({"run_id": "r"}, "r", RunStatus.STOPPED),
        ({"agent_id": "a"}, "a", RunStatus.STOPPED),
        ({"agent_id": ["a"]}, None, RunStatus.STOPPED),
        ({"run_id": "r", "action": "cancel"}, "r", RunStatus.CANCELLED),
    ],
)
def test_what_is_to_stop(body: dict[str, Any], name: str | None, status: RunStatus) -> None:
    asked = stop_asked(frame("payload", "stop_agent", **body))
    assert (asked.name, asked.status) == (name, status)


def told(read: Callable[..., object], *arguments: object) -> object:
    """What is read, or the code with which it is refused."""
    try:
        return read(*arguments)
    except BadRequest as refused:
        return refused.error_code


@given(value=st.text())
def test_an_id_is_taken_as_it_is_or_refused(value: str) -> None:
    fine = len(value) <= 128 and value.isprintable()
    assert told(identifier, value, "run_id") == (value if fine else "VALIDATION_ERROR")


@given(
    read=st.sampled_from([run_asked, said, stop_asked]),
    body=st.dictionaries(st.sampled_from(["agent", "message", "run_id", "context"]), JSON),
)
def test_whatever_a_frame_says_is_read_or_refused(read: Any, body: dict[str, Any]) -> None:
    assert told(read, frame("payload", **body))
