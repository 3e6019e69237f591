"""Who started which run, and whether anybody heard of another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from netra_testkit.errors import IsolationBreach
from netra_testkit.safety.redaction import mask
from netra_testkit.wire.events import RUN_EVENTS

if TYPE_CHECKING:
    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.runs import AgentRun

__all__ = ["Isolation", "Witness"]

EXCERPT = 200
MOST_SHOWN = 10
MOST_KEPT = 100


class Witness(Protocol):
    """Sees what one user starts and hears."""

    def started(self, run: AgentRun) -> None:
        """A run of this user's was started."""

    def heard(self, frame: Frame) -> None:
        """A frame came to this user."""


class Isolation:
    """Holds the runs of several users against what each of them hears.

    A frame of whatever type that names another user's run is a breach, and so is an event of a
    run that is addressed to another user. Other frames may name whoever wrote them.

    Attributes:
        count: How many frames came to the wrong user.
        heard_at: When the last frame came, by the clock of the frames; None before any.
    """

    count: int
    heard_at: float | None

    def __init__(self) -> None:
        self.count = 0
        self.heard_at = None
        self._owners: dict[str, str] = {}
        self._breaches: list[str] = []
        self._told = 0

    def witness(self, user_id: str) -> Witness:
        """The witness of one user."""
        return _Witness(self, user_id)

    def started(self, run_id: str, user_id: str) -> None:
        """Note whose a run is."""
        self._owners[run_id] = user_id

    def heard(self, frame: Frame, user_id: str) -> None:
        """Note a frame that is another user's."""
        self.heard_at = frame.received_at
        owner = self._owners.get(frame.run_id or "", user_id)
        if owner == user_id and frame.type in RUN_EVENTS:
            owner = frame.user_id or user_id
        if owner == user_id:
            return
        self.count += 1
        if self.count <= MOST_KEPT:
            said = mask(frame.raw)[:EXCERPT]
            self._breaches.append(f"{user_id} was sent what is {owner}'s: {said}")

    @property
    def breaches(self) -> tuple[str, ...]:
        """A sentence for each frame that came to the wrong user; of very many the first."""
        return tuple(self._breaches)

    def found(self) -> IsolationBreach | None:
        """The error for what came to the wrong user since it was last asked for, if anything."""
        if self.count == self._told:
            return None
        self._told = self.count
        shown = [f"  - {each}" for each in self._breaches[:MOST_SHOWN]]
        frames = "1 frame" if self.count == 1 else f"{self.count} frames"
        said = [f"{frames} came to the wrong user:", *shown]
        if self.count > len(shown):
            said.append(f"  and {self.count - len(shown)} more")
        return IsolationBreach(run=None, violations=self.breaches, timeline="\n".join(said))


class _Witness:
    def __init__(self, isolation: Isolation, user_id: str) -> None:
        self._isolation = isolation
        self._user_id = user_id

    def started(self, run: AgentRun) -> None:
        if run.run_id is not None:
            self._isolation.started(run.run_id, self._user_id)

    def heard(self, frame: Frame) -> None:
        self._isolation.heard(frame, self._user_id)
