from __future__ import annotations

import json

import pytest

from netra_testkit.clients.handshake import Handshake
from netra_testkit.wire.frames import Frame

ESTABLISHED = {"type": "connection_established", "data": {"connection_id": "c-1"}}
SYSTEM = {
    "type": "system_message",
    "data": {"event": "connection_established", "connection_ready": True, "connection_id": "c-1"},
}
NOT_READY = {
    "type": "system_message",
    "data": {"event": "connection_established", "connection_ready": False},
}
RESPONSE = {"type": "handshake_response", "thread_id": "t-1", "session_token": None}
COMPLETE = {"type": "handshake_complete"}
CHATTER = [{"type": "handshake_validation"}, {"type": "ping"}, {"type": "heartbeat"}]
OTHER = {"type": "system_message", "data": {"content": "maintenance at noon"}}

# What comes, and whether the connection is ready then.
SEQUENCES = {
    "nothing": ([], False),
    "connection_established": ([ESTABLISHED], True),
    "flat": ([{"type": "connection_established", "connection_id": "c-1"}], True),
    "alias": ([{"type": "factory_connection_established", "connection_id": "c-1"}], True),
    "connected": ([{"type": "connected", "connection_id": "c-1"}], True),
    "system_message": ([SYSTEM], True),
    "system_message by event_type": (
        [{"type": "system_message", "data": {"event_type": "connection_established"}}],
        True,
    ),
    "chatter alone": (CHATTER, False),
    "chatter first": ([*CHATTER, ESTABLISHED], True),
    "thread handshake alone": ([RESPONSE, COMPLETE], True),
    "thread handshake not complete": ([RESPONSE], False),
    "welcome between": ([RESPONSE, ESTABLISHED, COMPLETE], True),
    "welcome after": ([RESPONSE, COMPLETE, SYSTEM], True),
    "not ready": ([NOT_READY], False),
    "not ready, flat": ([{"type": "connection_established", "connection_ready": False}], False),
    "not ready, then ready": ([NOT_READY, ESTABLISHED], True),
    "not ready, then complete": ([NOT_READY, RESPONSE, COMPLETE], False),
    "ready stays ready": ([ESTABLISHED, NOT_READY], True),
    "another system message": ([OTHER], False),
}


def after(frames: list[dict[str, object]], thread_id: str | None = None) -> Handshake:
    handshake = Handshake(thread_id)
    for each in frames:
        handshake.take(Frame.decode(json.dumps(each)))
    return handshake


@pytest.mark.parametrize(("frames", "ready"), SEQUENCES.values(), ids=SEQUENCES)
def test_it_is_ready_at_the_first_welcome_or_when_completed_without_one(
    frames: list[dict[str, object]],
    ready: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert after(frames).ready is ready


def test_the_server_names_the_thread_and_the_connection() -> None:
    handshake = after([ESTABLISHED, RESPONSE])
    assert (handshake.thread_id, handshake.connection_id) == ("t-1", "c-1")


@pytest.mark.parametrize("frames", [[ESTABLISHED], [ESTABLISHED, RESPONSE]], ids=len)
def test_the_thread_asked_for_stays(frames: list[dict[str, object]]) -> None:
    assert after(frames, thread_id="asked for").thread_id == "asked for"


def test_the_welcome_says_who_is_welcome() -> None:
    assert after([ESTABLISHED]).user_id is None
    welcomed = {"type": "connection_established", "data": {"user_id": "ann"}}
    assert after([welcomed, ESTABLISHED]).user_id == "ann"


def test_a_welcome_that_says_not_ready_is_remembered_until_one_that_is() -> None:
    assert after([NOT_READY]).unready
    assert not after([NOT_READY, ESTABLISHED]).unready


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("NO_TOKEN", True),
        ("TOKEN_EXPIRED", True),
        (" auth_failed ", True),
        ("RATE_LIMITED", False),
        (None, False),
    ],
)
def test_an_error_frame_before_the_welcome_refuses_when_its_code_is_about_credentials(
    code: str | None,
    refused: bool,  # noqa: FBT001 - a column of the table
) -> None:
    handshake = after([{"type": "error_message", "error_code": code, "error_message": "no"}])
    assert handshake.refused is refused


def test_an_error_frame_after_the_welcome_is_no_part_of_the_handshake() -> None:
    handshake = after([ESTABLISHED])
    error = Frame.decode(json.dumps({"type": "error", "message": "later"}))
    assert not handshake.take(error)
    assert handshake.error_code is None


@pytest.mark.parametrize("each", [*CHATTER, RESPONSE, COMPLETE, ESTABLISHED, SYSTEM])
def test_what_belongs_to_the_handshake_is_not_for_the_test(each: dict[str, object]) -> None:
    assert Handshake(None).take(Frame.decode(json.dumps(each)))


def test_what_does_not_is() -> None:
    assert not Handshake(None).take(Frame.decode(json.dumps(OTHER)))
