"""Deadline: one budget for a call, handed down to everything that the call awaits."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from netra_testkit.errors import Cause, DeadlineExceeded, InvalidBound

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Deadline", "Guard"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Deadline:
    """A point in time by which a call has ended, and the bound it was made from.

    Made by `after` or `of`. It holds a clock and two numbers, so it belongs to no event loop, needs
    no closing and may be handed to any number of calls.

    Attributes:
        limit: The bound in seconds.
        started_at: When it began, by its clock.
        clock: The seconds that it counts; of any origin, as long as it only goes forward.
    """

    limit: float
    started_at: float
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", _seconds(self.limit))

    @classmethod
    def after(cls, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The deadline so many seconds from now.

        Raises:
            InvalidBound: The seconds are not a positive, finite number.
        """
        if seconds.__class__ is float and 0.0 < seconds < math.inf:
            return _made(seconds, clock)
        return cls(limit=seconds, started_at=clock(), clock=clock)

    @classmethod
    def of(cls, within: float | Deadline | None, default: float) -> Deadline:
        """The deadline that a caller's `within=` means; the default's when it is None.

        Raises:
            InvalidBound: It is neither a Deadline nor a positive, finite number of seconds.
        """
        if within is None:
            return cls.after(default)
        return within if isinstance(within, Deadline) else cls.after(within)

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self.clock() - self.started_at

    @property
    def remaining(self) -> float:
        """Seconds left, never less than zero."""
        return max(0.0, self.limit - (self.clock() - self.started_at))

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.remaining <= 0.0

    def child(self, seconds: float) -> Deadline:
        """The deadline of a step of the call: so many seconds from now, never later than this one.

        Where this one comes first it is the answer itself, so that a failure names the bound
        that was really met.

        Raises:
            InvalidBound: The seconds are not a positive, finite number.
        """
        step = Deadline.after(seconds, clock=self.clock)
        return self if step.limit >= self.remaining else step

    def guard(
        self,
        *,
        phase: str,
        waiting_for: str,
        heard: Callable[[], float | None] | None = None,
        cause: Cause = Cause.UNDECIDED,
        request_id: str | None = None,
        trace_id: str | None = None,
    ) -> Guard:
        """A block that ends by this deadline, for `async with`.

        Args:
            phase: What the call is doing: connect, welcome, send, receive, agent, close …
            waiting_for: What has not come yet.
            heard: Gives when the peer was last heard, by this deadline's clock; None for never.
            cause: Whose fault an expiry is, as far as is known.
            request_id: The id sent with the call.
            trace_id: The trace id sent with the call.
        """
        return Guard(
            self,
            phase=phase,
            waiting_for=waiting_for,
            heard=heard,
            cause=cause,
            request_id=request_id,
            trace_id=trace_id,
        )

    def exceeded(
        self,
        *,
        phase: str,
        waiting_for: str,
        heard: float | None = None,
        cause: Cause = Cause.UNDECIDED,
        request_id: str | None = None,
        trace_id: str | None = None,
    ) -> DeadlineExceeded:
        """The error that says this deadline has passed, for a caller with a timer of its own."""
        now = self.clock()
        return DeadlineExceeded(
            phase=phase,
            limit=self.limit,
            elapsed=now - self.started_at,
            waiting_for=waiting_for,
            last_activity=None if heard is None else max(0.0, now - heard),
            cause=cause,
            request_id=request_id,
            trace_id=trace_id,
        )

    def __repr__(self) -> str:
        return f"<Deadline: {self.remaining:.3f} s of {self.limit:g} s left>"


# Every call makes a deadline, and what a frozen dataclass does to be made costs more than the rest.
_set_limit = Deadline.__dict__["limit"].__set__
_set_start = Deadline.__dict__["started_at"].__set__
_set_clock = Deadline.__dict__["clock"].__set__


def _made(limit: float, clock: Callable[[], float]) -> Deadline:
    deadline = object.__new__(Deadline)
    _set_limit(deadline, limit)
    _set_start(deadline, clock())
    _set_clock(deadline, clock)
    return deadline


class Guard:
    """The block that `Deadline.guard` makes; enter it once.

    A deadline that has already passed raises without entering the block. An expiry inside it
    cancels what the block awaits and comes out as DeadlineExceeded, also when the block swallowed
    that cancellation. Everything else comes out as it is: a cancellation or timeout from
    outside (also one of the same moment) and what the block itself raises. A block that ends
    without having been interrupted is in time.

    The attributes may be assigned inside the block, as the call goes from one phase to the next;
    what they say at the expiry is what the error says.

    Attributes:
        phase: What the call is doing.
        waiting_for: What has not come yet.
        cause: Whose fault an expiry is, as far as is known.
        request_id: The id sent with the call.
        trace_id: The trace id sent with the call.
    """

    __slots__ = (
        "_deadline",
        "_heard",
        "_timeout",
        "cause",
        "phase",
        "request_id",
        "trace_id",
        "waiting_for",
    )

    _timeout: asyncio.Timeout

    def __init__(
        self,
        deadline: Deadline,
        *,
        phase: str,
        waiting_for: str,
        heard: Callable[[], float | None] | None,
        cause: Cause,
        request_id: str | None,
        trace_id: str | None,
    ) -> None:
        self._deadline = deadline
        self._heard = heard
        self.phase: str = phase
        self.waiting_for: str = waiting_for
        self.cause: Cause = cause
        self.request_id: str | None = request_id
        self.trace_id: str | None = trace_id

    async def __aenter__(self) -> Self:
        remaining = self._deadline.remaining
        if remaining <= 0.0:
            raise self._exceeded()
        # The loop's clock may have another origin than the deadline's, so only the rest is shared.
        self._timeout = asyncio.timeout_at(asyncio.get_running_loop().time() + remaining)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, raised, traceback)
        except TimeoutError:
            # Only the timeout itself raises here: what the block raised is passed in, not raised.
            failure = self._exceeded()
        else:
            if raised is not None or not self._timeout.expired():
                return
            failure = self._exceeded()
        try:
            raise failure
        finally:
            # The chain and this frame would keep what was cancelled alive, and its sockets with it.
            failure.__context__ = None
            del failure, raised, traceback

    def _exceeded(self) -> DeadlineExceeded:
        return self._deadline.exceeded(
            phase=self.phase,
            waiting_for=self.waiting_for,
            heard=None if self._heard is None else self._heard(),
            cause=self.cause,
            request_id=self.request_id,
            trace_id=self.trace_id,
        )


def _seconds(value: object) -> float:
    # A bool is an int to Python and a mistake to us.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidBound(value=f"a {type(value).__name__}")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not 0.0 < seconds < math.inf:
        raise InvalidBound(value=f"{seconds:g}")
    return seconds
