"""What a received frame asks for, in either form, and what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netra_testkit.local.agents import AgentRequest
from netra_testkit.local.specialists import SPECIALISTS, specialist_named
from netra_testkit.local.state.runs import RunStatus
from netra_testkit.wire.synonyms import AGENT, REQUEST_TEXT

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame

__all__ = [
    "LONGEST_TEXT",
    "BadRequest",
    "RunAsked",
    "Said",
    "StopAsked",
    "identifier",
    "run_asked",
    "said",
    "stop_asked",
]

LONGEST_TEXT = 8000
"""How many characters a message may have."""

_LONGEST_ID = 128
# What the platform's storage does not take.
_UNKEPT = re.compile(r"[\0\ud800-\udfff]")
_DEFAULT_AGENT = "supervisor"


class BadRequest(Exception):
    """A frame asks for nothing that can be done.

    Attributes:
        error_code: The platform's name of it, in capitals.
        message: What is wrong, for a reader.
    """

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(message)
        self.error_code: str = error_code
        self.message: str = message


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAsked:
    """A run of an agent is asked for; an id is None where the client leaves it to the server."""

    request: AgentRequest
    run_id: str | None
    thread_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A user says something; an id is None where the client leaves it to the server."""

    content: str
    run_id: str | None
    thread_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """Runs are to end: the one that is named, by run or agent id, else all of the connection."""

    name: str | None
    status: RunStatus


def run_asked(frame: Frame) -> RunAsked:
    """The run that a frame asks for; the supervisor's when it names no agent.

    Raises:
        BadRequest: Its agent is unknown, it says nothing, or an id is no id.
    """
    named = frame.first(AGENT)
    agent = _DEFAULT_AGENT if named is None else named
    specialist = specialist_named(agent) if isinstance(agent, str) else None
    if specialist is None:
        known = ", ".join(SPECIALISTS)
        raise BadRequest("AGENT_NOT_FOUND", f"There is no such agent; the agents are {known}.")
    context = frame.first(("context",))
    return RunAsked(
        request=AgentRequest(
            agent=specialist.name,
            text=_text(frame),
            context=context if isinstance(context, dict) else {},
        ),
        run_id=identifier(frame.run_id, "run_id"),
        thread_id=identifier(frame.thread_id, "thread_id"),
    )


def said(frame: Frame) -> Said:
    """What a frame says in a chat.

    Raises:
        BadRequest: It says nothing, or an id is no id.
    """
    return Said(
        content=_text(frame),
        run_id=identifier(frame.run_id, "run_id"),
        thread_id=identifier(frame.thread_id, "thread_id"),
    )


def stop_asked(frame: Frame) -> StopAsked:
    """Which runs a frame wants ended, and whether as stopped or, with action cancel, cancelled.

    Raises:
        BadRequest: An id is no id.
    """
    agent_id = frame.first(("agent_id",))
    name = frame.run_id or (agent_id if isinstance(agent_id, str) else None)
    cancels = frame.first(("action",)) == "cancel"
    return StopAsked(
        name=identifier(name, "run_id"),
        status=RunStatus.CANCELLED if cancels else RunStatus.STOPPED,
    )


def identifier(value: str | None, name: str) -> str | None:
    """An id as a client gave it.

    Args:
        value: The id, None when it was left out.
        name: What the frame calls it.

    Raises:
        BadRequest: It is too long, or no text that can be written.
    """
    if value is not None and (len(value) > _LONGEST_ID or not value.isprintable()):
        raise BadRequest("VALIDATION_ERROR", f"{name} is no id: 1 to {_LONGEST_ID} characters.")
    return value


def _text(frame: Frame) -> str:
    text = frame.first(REQUEST_TEXT)
    if not isinstance(text, str):
        raise BadRequest("VALIDATION_ERROR", "The message says nothing: give its text.")
    if len(text) > LONGEST_TEXT:
        raise BadRequest("VALIDATION_ERROR", f"A text has at most {LONGEST_TEXT} characters.")
    if _UNKEPT.search(text):
        raise BadRequest("VALIDATION_ERROR", "A text has no NUL and no half of a surrogate pair.")
    return text
