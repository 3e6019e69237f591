"""One agent run, accumulated from its frames: what came, how it ended, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netra_testkit.errors import ContractBroken, IsolationBreach
from netra_testkit.wire.checks import violations_of
from netra_testkit.wire.contract import (
    CRITICAL_EVENTS,
    Ending,
    Outcome,
    RunContract,
    RunLimits,
)
from netra_testkit.wire.events import CANCELLATIONS, ERROR_FRAMES, RUN_EVENTS, AgentEvent
from netra_testkit.wire.nesting import Nesting
from netra_testkit.wire.pace import hand_offs_of, timing_of
from netra_testkit.wire.sightings import Asides, observations_of
from netra_testkit.wire.timeline import timeline_of
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from netra_testkit.wire.contract import Observation, Violation
    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.pace import HandOff, RunTiming

__all__ = ["AgentRun"]

_NO_LIMITS = RunLimits()
_TAKEN = RUN_EVENTS | ERROR_FRAMES
_STEPS = frozenset(
    {MessageType.AGENT_THINKING, MessageType.TOOL_EXECUTING, MessageType.TOOL_COMPLETED}
)
# An outer agent that streams its answer goes on, although none of these is one of its events.
_SIGNS_OF_LIFE = frozenset(
    {
        MessageType.AGENT_PROGRESS,
        MessageType.AGENT_RESPONSE,
        MessageType.AGENT_RESPONSE_CHUNK,
        MessageType.AGENT_RESPONSE_COMPLETE,
        MessageType.RESPONSE_CHUNK,
        MessageType.STREAM_CHUNK,
        MessageType.PARTIAL_RESULT,
        MessageType.FINAL_REPORT,
        MessageType.PROGRESS_UPDATE,
    }
)


class AgentRun:
    """One run of an agent, as its frames tell it: feed them, and ask for the state at any time.

    Args:
        agent: The agent that is asked.
        run_id: The run's id; without it the first event that carries one tells it.
        thread_id: The thread it runs in; told by the first event in the same way.
        user_id: The user it runs for; told by the first event in the same way.
        message_id: The id of the message that asks for it.
        started_at: When it is asked for, on the clock of the frames' `received_at`.
        limits: How long its parts may take; a longer one breaks every contract.

    Attributes:
        agent: The agent that is asked.
        run_id: The run's id, None until it is known.
        thread_id: The thread it runs in, None until it is known.
        user_id: The user it runs for, None until it is known.
        message_id: The id of the message that asks for it.
        started_at: When it is asked for.
        limits: How long its parts may take.
        alone: Whether it is the only open run in its thread. Frames that name no run are its own
            only then; whoever feeds several runs keeps it right.
    """

    def __init__(
        self,
        agent: str,
        *,
        run_id: str | None = None,
        thread_id: str | None = None,
        user_id: str | None = None,
        message_id: str | None = None,
        started_at: float | None = None,
        limits: RunLimits = _NO_LIMITS,
    ) -> None:
        self.agent: str = agent
        self.run_id: str | None = run_id
        self.thread_id: str | None = thread_id
        self.user_id: str | None = user_id
        self.message_id: str | None = message_id
        self.started_at: float | None = started_at
        self.limits: RunLimits = limits
        self.alone: bool = True
        self._events: list[AgentEvent] = []
        self._breaches: list[AgentEvent] = []
        self._asides: Asides = Asides()
        self._nesting: Nesting = Nesting(agent)
        self._ending: Ending | None = None
        self._end_place: int = 0
        self._quiet_since: float | None = None

    def __repr__(self) -> str:
        return (
            f"<AgentRun {self.agent!r} {self.run_id}: {self.outcome}, {len(self._events)} events>"
        )

    def owns(self, frame: Frame) -> bool:
        """Whether a frame is this run's: by run_id, else by the id of the request, else by thread.

        A frame that names another run never is. One that names neither a run nor this request is
        only while this run is `alone` in its thread, and not when it names another thread.
        """
        run_id = frame.run_id
        if run_id is not None and self.run_id is not None:
            return run_id == self.run_id
        if self._answers_request(frame):
            return True
        thread_id = frame.thread_id
        return self.alone and (
            thread_id is None or self.thread_id is None or thread_id == self.thread_id
        )

    def feed(self, frame: Frame) -> None:
        """Take in one frame; frames of others are told apart here and change no verdict.

        One that is addressed to another user is the exception: it is a breach of isolation.
        """
        kind = frame.type
        if kind is None or kind not in _TAKEN:
            self._overhear(frame)
        elif kind in ERROR_FRAMES and not self._is_error_of_this_run(frame):
            if self.owns(frame):
                self._asides.note_error(frame)
        elif self._is_addressed_elsewhere(frame):
            self._breaches.append(AgentEvent(kind, frame))
        elif kind in ERROR_FRAMES or self.owns(frame):
            self._take(AgentEvent(kind, frame))
        else:
            self._asides.note_foreign(frame)

    def settle(self, now: float, *, completion: float) -> bool:
        """End the run when an agent ended inside it and nothing followed for `completion` seconds.

        Args:
            now: The time, on the clock of the frames' `received_at`.
            completion: How long the outer agent has to go on.

        Returns:
            Whether the run is finished now.
        """
        since = self.quiet_since
        if since is not None and now - since >= completion:
            self._ending = Ending.NEVER_COMPLETED
        return self.finished

    @property
    def quiet_since(self) -> float | None:
        """Since when nothing has followed the end of a nested agent; None while that is not so."""
        return None if self.finished else self._quiet_since

    @property
    def events(self) -> tuple[AgentEvent, ...]:
        """Every event of the run in the order of arrival, those after its end included."""
        return tuple(self._events)

    @property
    def counted(self) -> tuple[AgentEvent, ...]:
        """The events that count: those up to the end of the run."""
        return tuple(self._events[: self._end_place])

    @property
    def breaches(self) -> tuple[AgentEvent, ...]:
        """The events that came here although they are addressed to another user."""
        return tuple(self._breaches)

    @property
    def ending(self) -> Ending | None:
        """How the run ended, None while it is open."""
        return self._ending

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self._ending is not None

    @property
    def terminal(self) -> AgentEvent | None:
        """The event that ended the run; None while it is open or when it was left unended."""
        if self._ending is None or self._ending is Ending.NEVER_COMPLETED:
            return None
        return self._events[self._end_place - 1]

    @property
    def missing(self) -> tuple[MessageType, ...]:
        """The kinds of the five critical events that have not come."""
        seen = {event.kind for event in self.counted}
        return tuple(kind for kind in CRITICAL_EVENTS if kind not in seen)

    @property
    def outcome(self) -> Outcome:
        """Delivered, failed or open."""
        if self._ending is None:
            return Outcome.OPEN
        delivered = self._ending is Ending.COMPLETED and not self.missing
        return Outcome.DELIVERED if delivered else Outcome.FAILED

    @property
    def error_code(self) -> str | None:
        """The code that a failed run ended with, where it gave one."""
        return None if self.terminal is None else self.terminal.error_code

    @property
    def tool_failures(self) -> tuple[AgentEvent, ...]:
        """The completions of tools that say that the tool failed."""
        return tuple(event for event in self.counted if event.is_tool_failure)

    @property
    def nesting(self) -> Nesting:
        """Which starts and ends are the outer agent's, and which a nested agent's."""
        return self._nesting

    @property
    def hand_offs(self) -> tuple[HandOff, ...]:
        """Each start of a nested agent after an event of another agent."""
        return hand_offs_of(self.counted, self._nesting.nested, asked=self.agent)

    @property
    def timing(self) -> RunTiming:
        """When the events came, and how long the parts of the run took."""
        return timing_of(self.counted, started_at=self.started_at, ended=self.finished)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What the run breaks of the strict contract as it stands now."""
        return self.check()

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What is worth knowing about the run although it breaks no rule."""
        return observations_of(self, self._asides)

    def check(self, contract: RunContract = RunContract.STRICT) -> tuple[Violation, ...]:
        """What the run breaks of a contract as it stands now."""
        return violations_of(self, contract)

    def timeline(self, contract: RunContract = RunContract.STRICT) -> str:
        """The run at a glance: the verdict, a line for each event, and what is wrong with it."""
        return timeline_of(self, contract, self.check(contract))

    def assert_delivered(self, contract: RunContract = RunContract.STRICT) -> None:
        """Raise unless the run delivered what a contract promises.

        Raises:
            IsolationBreach: An event addressed to another user came here.
            ContractBroken: The contract is broken in any other way.
        """
        __tracebackhide__ = True
        violations = self.check(contract)
        if not violations:
            return
        kind = IsolationBreach if self._breaches else ContractBroken
        timeline = timeline_of(self, contract, violations)
        raise kind(run=self, violations=violations, timeline=timeline)

    def _answers_request(self, frame: Frame) -> bool:
        asked = self.message_id
        return asked is not None and asked in (frame.message_id, frame.request_id)

    def _is_addressed_elsewhere(self, frame: Frame) -> bool:
        user_id = frame.user_id
        return user_id is not None and self.user_id is not None and user_id != self.user_id

    def _is_error_of_this_run(self, frame: Frame) -> bool:
        if self.run_id is not None and frame.run_id == self.run_id:
            return True
        return self._answers_request(frame) or (not self._events and self.owns(frame))

    def _overhear(self, frame: Frame) -> None:
        if not self.owns(frame):
            return
        self._asides.note(frame)
        if self._quiet_since is not None and frame.type in _SIGNS_OF_LIFE:
            self._quiet_since = frame.received_at

    def _take(self, event: AgentEvent) -> None:
        place = len(self._events)
        self._events.append(event)
        self._learn(event)
        if self._ending is not None:
            return
        if place == 0 and event.kind is MessageType.AGENT_STARTED:
            self._nesting = Nesting(event.agent or self.agent)
        self._end_place = place + 1
        self._quiet_since = None
        if event.kind not in _STEPS:
            self._follow(place, event)

    def _learn(self, event: AgentEvent) -> None:
        if self.run_id is None:
            self.run_id = event.run_id
        if self.thread_id is None:
            self.thread_id = event.thread_id
        if self.user_id is None:
            self.user_id = event.user_id

    def _follow(self, place: int, event: AgentEvent) -> None:
        kind = event.kind
        if kind is MessageType.AGENT_STARTED:
            self._nesting.start(place, event.agent)
        elif kind is MessageType.AGENT_COMPLETED or kind is MessageType.AGENT_ERROR:
            if not self._nesting.end(place, event.agent):
                self._quiet_since = event.at
            elif kind is MessageType.AGENT_COMPLETED and event.success is not False:
                self._ending = Ending.COMPLETED
            else:
                self._ending = Ending.FAILED
        else:
            self._ending = Ending.CANCELLED if kind in CANCELLATIONS else Ending.FAILED
