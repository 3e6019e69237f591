"""What a connection hears: each frame is answered, claimed by a call, or kept for the next."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from netra_testkit.clients.handshake import CHATTER, Handshake
from netra_testkit.clients.mailbox import Bell, Mailbox
from netra_testkit.errors import WireError
from netra_testkit.safety.redaction import mask
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.types import MessageType, with_aliases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netra_testkit.clients.isolation import Witness
    from netra_testkit.safety.trace import Trace

__all__ = ["EXCERPT", "Hearing"]

EXCERPT = 300
KEPT_FOR_ERRORS = 10


class Hearing:
    """Sorts what comes. It never waits, so that it also hears while no call does.

    Args:
        thread_id: The thread to speak in; by default the one that the server names.
        extra_aliases: The product's own names of known types.
        trace: Where to record frames.
        witness: Sees every frame that is no chatter.
        answer: Sends a frame without waiting.
        pause: Stops reading; called when too much is kept.
        resume: Reads again; called when half of it is taken.

    Attributes:
        handshake: What the frames since the upgrade have said.
        inbox: What nobody has asked for yet.
        progress: Woken by every step of the handshake.
        aliases: The names that are known.
    """

    __slots__ = (
        "_claims",
        "_last",
        "_pause",
        "_reply",
        "_resume",
        "_trace",
        "_witness",
        "aliases",
        "handshake",
        "inbox",
        "progress",
    )

    def __init__(
        self,
        *,
        thread_id: str | None,
        extra_aliases: Mapping[str, str],
        trace: Trace | None,
        witness: Witness | None,
        answer: Callable[[MessageType, Mapping[str, object]], None],
        pause: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        self.handshake: Handshake = Handshake(thread_id)
        self.inbox: Mailbox = Mailbox()
        self.progress: Bell = Bell()
        self.aliases: Mapping[str, MessageType] = with_aliases(extra_aliases)
        self._trace = trace
        self._witness = witness
        self._reply = answer
        self._pause = pause
        self._resume = resume
        self._claims: list[tuple[Callable[[Frame], bool], Mailbox]] = []
        self._last: list[str] = []

    @property
    def excerpts(self) -> tuple[str, ...]:
        """The last frames that came, bounded and masked."""
        return tuple(mask(raw)[:EXCERPT] for raw in self._last)

    @contextlib.contextmanager
    def claim(
        self, wanted: Callable[[Frame], bool], *, after_others: bool = False
    ) -> Iterator[Mailbox]:
        """A mailbox for the frames that a call is answered with; what is left is kept."""
        box = Mailbox()
        claim = (wanted, box)
        self._claims.insert(len(self._claims) if after_others else 0, claim)
        try:
            yield box
        finally:
            self._claims.remove(claim)
            for left in box.drain():
                self.inbox.put(left)

    def wake_everybody(self) -> None:
        """Make every wait look again: the connection has ended."""
        for box in (self.progress, self.inbox, *(box for _, box in self._claims)):
            box.wake()

    def take(self, data: str | bytes) -> None:
        """Sort one message."""
        now = time.monotonic()
        if self._trace is not None:
            self._trace.record("received", data if isinstance(data, str) else repr(data), at=now)
        try:
            frame = Frame.decode(data, aliases=self.aliases, received_at=now)
        except WireError as unreadable:
            self._take_unreadable(unreadable)
            return
        last = self._last
        last.append(frame.raw)
        if len(last) > KEPT_FOR_ERRORS:
            del last[0]
        if (not self.handshake.ready or frame.type in CHATTER) and self._is_chatter(frame):
            return
        if self._witness is not None:
            self._witness.heard(frame)
        for wanted, box in self._claims:
            if wanted(frame):
                box.put(frame)
                return
        if self.inbox.put(frame):
            self._wait_for_room()

    def _take_unreadable(self, unreadable: WireError) -> None:
        self._last = [*self._last, str(unreadable)][-KEPT_FOR_ERRORS:]
        for _, box in self._claims:
            box.put(unreadable)
        if not self._claims and self.inbox.put(unreadable):
            self._wait_for_room()

    def _wait_for_room(self) -> None:
        inbox = self.inbox
        if not inbox.waits_for_room:
            inbox.when_half_empty(self._resume)
            self._pause()
            if self._trace is not None:
                self._trace.record("wait", f"reading stops with {len(inbox)} frames kept")

    def _is_chatter(self, frame: Frame) -> bool:
        noted = self.handshake.take(frame)
        self._answer(frame)
        self.progress.wake()
        return noted

    def _answer(self, frame: Frame) -> None:
        now = time.time()
        if frame.type is MessageType.PING:
            self._reply(MessageType.PONG, {"timestamp": now})
        elif frame.type is MessageType.HEARTBEAT:
            self._reply(MessageType.HEARTBEAT_ACK, {"timestamp": now})
        elif frame.type is MessageType.HANDSHAKE_RESPONSE:
            payload = {"thread_id": frame.thread_id, "timestamp": now}
            self._reply(MessageType.HANDSHAKE_ACKNOWLEDGED, payload)
