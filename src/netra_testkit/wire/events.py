"""The events of an agent run, read the same way whatever the emitter called their fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netra_testkit.wire.contract import CRITICAL_EVENTS
from netra_testkit.wire.synonyms import AGENT, ARGUMENTS, RESULT, THOUGHT, TOOL, is_empty
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.safety.jsonable import JsonValue
    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.runs import AgentRun

__all__ = [
    "CANCELLATIONS",
    "ERROR_FRAMES",
    "FAILURES",
    "RUN_EVENTS",
    "AgentEvent",
    "AgentRun",
    "agent_key",
]

FAILURES = frozenset(
    {MessageType.AGENT_ERROR, MessageType.AGENT_DEATH, MessageType.AGENT_TIMEOUT_FAILURE}
)
CANCELLATIONS = frozenset({MessageType.AGENT_CANCELLED, MessageType.AGENT_STOPPED})
RUN_EVENTS = frozenset(CRITICAL_EVENTS) | FAILURES | CANCELLATIONS
ERROR_FRAMES = frozenset(
    {
        MessageType.ERROR_MESSAGE,
        MessageType.AUTHENTICATION_ERROR,
        MessageType.CONNECTION_ERROR,
        MessageType.SYSTEM_ERROR,
    }
)

EXECUTION_ID = ("execution_id", "tool_execution_id", "tool_call_id")
FAILING_STATUSES = frozenset(
    {
        "failed",
        "failure",
        "fail",
        "error",
        "errored",
        "timeout",
        "timed_out",
        "cancelled",
        "aborted",
    }
)


def __getattr__(name: str) -> object:
    # A run is built from these events, so it is offered here only once it is asked for.
    if name == "AgentRun":
        from netra_testkit.wire.runs import AgentRun

        return AgentRun
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def agent_key(name: str) -> str:
    """An agent's name as it is compared: `TriageSubAgent` and `triage_agent` are `triage`."""
    letters = "".join(each for each in name.casefold() if each.isalnum())
    return letters.removesuffix("agent").removesuffix("sub") or letters


def _text(value: JsonValue) -> str | None:
    if value is None:
        return None
    return value.strip() if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True, repr=False)
class AgentEvent:
    """One event of a run; its fields are read from the frame, whatever the emitter called them.

    Attributes:
        kind: One of the five critical events, a failure or cancellation that ends a run, or the
            kind of error frame that ended it.
        frame: The frame it was read from.
    """

    kind: MessageType
    frame: Frame

    @classmethod
    def of(cls, frame: Frame) -> AgentEvent | None:
        """The event of a run that a frame carries, None when it carries none."""
        kind = frame.type
        return cls(kind, frame) if kind is not None and kind in RUN_EVENTS else None

    def __repr__(self) -> str:
        about = "".join(f" {each!r}" for each in (self.agent, self.tool) if each is not None)
        return f"<AgentEvent {self.kind}{about}>"

    @property
    def agent(self) -> str | None:
        """The agent it names."""
        return _text(self.frame.first(AGENT))

    @property
    def tool(self) -> str | None:
        """The tool it names."""
        return _text(self.frame.first(TOOL))

    @property
    def execution_id(self) -> str | None:
        """The id that ties the two events of one use of a tool together."""
        return _text(self.frame.first(EXECUTION_ID))

    @property
    def thought(self) -> str | None:
        """What the agent thinks."""
        return _text(self.frame.first(THOUGHT))

    @property
    def arguments(self) -> JsonValue:
        """What a tool was given."""
        return self.frame.first(ARGUMENTS)

    @property
    def result(self) -> JsonValue:
        """What a tool or an agent gave back."""
        return self.frame.first(RESULT)

    @property
    def success(self) -> bool | None:
        """False when it reports a failure in any way, True when it says so, else None."""
        said = self.frame.first(("success",))
        if said is False or self._reported_error() is not None or self._has_failing_status():
            return False
        return True if said is True else None

    @property
    def is_tool_failure(self) -> bool:
        """Whether it says that a tool failed."""
        return self.kind is MessageType.TOOL_COMPLETED and self.success is False

    @property
    def error(self) -> str | None:
        """The text of the error that it reports."""
        if self.kind in FAILURES or self.kind in ERROR_FRAMES:
            return self.frame.error_text or _text(self.frame.first(("message", "reason")))
        return None if self._reported_error() is None else self.frame.error_text

    @property
    def error_code(self) -> str | None:
        """The code of the error that it reports."""
        return self.frame.error_code

    @property
    def run_id(self) -> str | None:
        """The run it names."""
        return self.frame.run_id

    @property
    def thread_id(self) -> str | None:
        """The thread it names."""
        return self.frame.thread_id

    @property
    def user_id(self) -> str | None:
        """The user it is addressed to."""
        return self.frame.user_id

    @property
    def at(self) -> float:
        """When it was received."""
        return self.frame.received_at

    def _reported_error(self) -> JsonValue:
        error = self.frame.first(("error", "error_message"))
        return None if error is False or is_empty(error) else error

    def _has_failing_status(self) -> bool:
        status = self.frame.first(("status",))
        return isinstance(status, str) and status.strip().casefold() in FAILING_STATUSES
