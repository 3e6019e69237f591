"""What a run is held to: the contracts, and the values in which a verdict is given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netra_testkit.wire.types import MessageType

__all__ = [
    "CRITICAL_EVENTS",
    "Ending",
    "Noteworthy",
    "Observation",
    "Outcome",
    "Rule",
    "RunContract",
    "RunLimits",
    "Violation",
]

CRITICAL_EVENTS: tuple[MessageType, ...] = (
    MessageType.AGENT_STARTED,
    MessageType.AGENT_THINKING,
    MessageType.TOOL_EXECUTING,
    MessageType.TOOL_COMPLETED,
    MessageType.AGENT_COMPLETED,
)
"""The five events that a delivered run consists of, in their order."""


class RunContract(StrEnum):
    """What `assert_delivered` holds a run to; the one used is always printed."""

    STRICT = "strict"
    """All five events, in order, tools paired, nothing hidden."""

    WITHOUT_TOOLS = "without_tools"
    """For an agent that needs no tools: started, thinking, completed; tools are still paired."""

    BALANCED = "balanced"
    """Strict, and each nested start has an end of its own."""

    @property
    def required(self) -> tuple[MessageType, ...]:
        """The kinds of event that must have been seen."""
        if self is RunContract.WITHOUT_TOOLS:
            tools = (MessageType.TOOL_EXECUTING, MessageType.TOOL_COMPLETED)
            return tuple(kind for kind in CRITICAL_EVENTS if kind not in tools)
        return CRITICAL_EVENTS


class Rule(StrEnum):
    """The rules of a run, by the name under which a violation is reported."""

    SAME_USER = "same_user"
    """No event is addressed to another user; breaking it is an isolation breach."""

    STARTED_FIRST = "started_first"
    """The first event is the outer agent's agent_started."""

    ENDED = "ended"
    """The run has a terminal event."""

    OUTER_COMPLETED = "outer_completed"
    """The outer agent ends, not only an agent nested in it."""

    SUCCEEDED = "succeeded"
    """The terminal event is a completion that reports no failure."""

    NOTHING_AFTER_THE_END = "nothing_after_the_end"
    """The terminal event is the last, and there is exactly one."""

    ALL_KINDS = "all_kinds"
    """Every kind of event that the contract requires was seen."""

    TOOL_ANNOUNCED = "tool_announced"
    """Every tool_completed answers an earlier tool_executing."""

    TOOL_ANSWERED = "tool_answered"
    """No tool_executing is left open at the end."""

    ESSENTIAL_FIELD = "essential_field"
    """Each event's essential field is present and not empty."""

    SAME_THREAD = "same_thread"
    """All events carry the run's thread_id where they carry one."""

    FAILURE_TOLD = "failure_told"
    """A completion that claims success mentions the tools that failed."""

    NESTED_ENDED = "nested_ended"
    """Each nested start has its own end; held under the balanced contract only."""

    IN_TIME = "in_time"
    """No limit given to the run was passed."""


class Noteworthy(StrEnum):
    """What is worth knowing about a run although it breaks no rule."""

    NESTED_START = "nested_start"
    REPEATED_START = "repeated_start"
    OTHER_AGENT = "other_agent"
    END_WITHOUT_START = "end_without_start"
    OUTER_NEVER_COMPLETED = "outer_never_completed"
    FOREIGN_EVENT = "foreign_event"
    UNKNOWN_TYPE = "unknown_type"
    LOOKS_LIKE = "looks_like"
    ERROR_FRAME = "error_frame"


class Outcome(StrEnum):
    """What became of a run."""

    DELIVERED = "delivered"
    """Ended by the outer agent's completion, and all five kinds of event seen."""

    FAILED = "failed"
    """Ended in any other way."""

    OPEN = "open"
    """Not ended yet."""


class Ending(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    """The outer agent completed and reports no failure."""

    FAILED = "failed"
    """An agent error, death or timeout, an error frame, or a completion that reports a failure."""

    CANCELLED = "cancelled"
    """The run was cancelled or stopped."""

    NEVER_COMPLETED = "never_completed"
    """An agent ended inside the run, and then nothing came of the outer one for too long."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a run broke.

    Attributes:
        rule: Which rule.
        sentence: What happened.
        evidence: A bounded, masked excerpt of the frame, empty when something did not come.
        position: The event's place in `AgentRun.events`, None when it is not among them.
    """

    rule: Rule
    sentence: str
    evidence: str = ""
    position: int | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Observation:
    """Something worth knowing about a run that breaks no rule.

    Attributes:
        what: Which kind of thing.
        sentence: What was seen.
        evidence: A bounded, masked excerpt of the first frame that shows it.
        position: The event's place in `AgentRun.events`, None when it is not among them.
    """

    what: Noteworthy
    sentence: str
    evidence: str = ""
    position: int | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How long the parts of a run may take, in seconds; None is not judged.

    The names are those of `RunTiming`.

    Attributes:
        first_event: From the request to the first event.
        thinking: From the request to the first event after agent_started.
        largest_gap: Between two events.
        slowest_tool: From a tool_executing to its tool_completed.
        hand_off: From the event before to the start of the agent that takes over.
        completion: From the last event before the terminal one to the terminal one.
        total: From the request to the terminal event.
    """

    first_event: float | None = None
    thinking: float | None = None
    largest_gap: float | None = None
    slowest_tool: float | None = None
    hand_off: float | None = None
    completion: float | None = None
    total: float | None = None
