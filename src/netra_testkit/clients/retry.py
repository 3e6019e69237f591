"""RetryPolicy: which failures are worth another attempt, and how long to wait for it."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from netra_testkit.clients.ledger import note_retry
from netra_testkit.errors import (
    ConfigurationError,
    ConnectionFailed,
    Problem,
    RateLimited,
    ServerClosed,
    ServiceUnavailable,
)
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from collections.abc import Set as AbstractSet

    from tenacity import RetryCallState

    from netra_testkit.clients.deadline import Deadline

__all__ = ["Attempt", "RetryPolicy"]

T = TypeVar("T")

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
RETRIED_CLOSE_CODES = frozenset({1012, 1013, 1014})
MOST_DOUBLINGS = 64
LONGEST_CAUSE = 200


class Attempt(NamedTuple):
    """An attempt that failed and was followed by another one.

    Attributes:
        number: Which attempt it was, from 1.
        cause: Why it failed, one masked line.
        waited: Seconds waited before the next one.
    """

    number: int
    cause: str
    waited: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Another attempt after a failure that may be gone by then; off unless named.

    Retried are a failed connection, the named statuses and the named close codes. Over a connection
    that never came about nothing was executed. After any other failure the server may have executed
    the call, so it is repeated only when it is idempotent. Nothing else is ever retried: no 500,
    no assertion, no expired deadline.

    The waits have full jitter: any length is as likely up to `base`, which doubles each time until
    it is `longest`. What a server asks for with Retry-After comes before that, never shortened.

    Attributes:
        attempts: How many there are at most, the first included.
        base: The longest wait before the second attempt, in seconds.
        longest: The longest wait of all, in seconds.
        statuses: The statuses retried, out of 429, 502, 503 and 504.
        close_codes: The close codes retried, out of 1012, 1013 and 1014.
        waits: Whether it waits at all.
        random: Gives a number from 0 to 1 for the jitter.
        sleep: Waits so many seconds.
    """

    attempts: int = 3
    base: float = 0.25
    longest: float = 5.0
    statuses: AbstractSet[int] = RETRIED_STATUSES
    close_codes: AbstractSet[int] = RETRIED_CLOSE_CODES
    waits: bool = True
    random: Callable[[], float] = field(default=random.random, repr=False)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "statuses", frozenset(self.statuses))
        object.__setattr__(self, "close_codes", frozenset(self.close_codes))
        problems = tuple(
            Problem(name, "RetryPolicy", remedy) for name, remedy in self._remedies().items()
        )
        if problems:
            raise ConfigurationError(problems=problems)

    def _remedies(self) -> dict[str, str]:
        remedies: dict[str, str] = {}
        if not _is_count(self.attempts):
            remedies["attempts"] = "give a whole number from 1 on; 1 is the call without a retry"
        if not _is_wait(self.base):
            remedies["base"] = "give a positive number of seconds"
        if not _is_wait(self.longest):
            remedies["longest"] = "give a positive number of seconds"
        elif "base" not in remedies and self.longest < self.base:
            remedies["longest"] = "give no less than base"
        if not self.statuses <= RETRIED_STATUSES:
            remedies["statuses"] = f"choose among {_listed(RETRIED_STATUSES)}; no other is retried"
        if not self.close_codes <= RETRIED_CLOSE_CODES:
            remedies["close_codes"] = (
                f"choose among {_listed(RETRIED_CLOSE_CODES)}; no other is retried"
            )
        return remedies

    def without_waits(self) -> RetryPolicy:
        """The same policy for a test of what is retried: it never waits, whoever asks for it."""
        return dataclasses.replace(self, waits=False)

    def _retries(self, error: BaseException, *, idempotent: bool) -> bool:
        match error:
            case ConnectionFailed():
                return idempotent or error.phase != "answer"
            case RateLimited() | ServiceUnavailable():
                return idempotent and error.status in self.statuses
            case ServerClosed():
                return idempotent and error.code in self.close_codes
            case _:
                return False

    async def run(
        self,
        call: Callable[[Deadline], Awaitable[T]],
        *,
        deadline: Deadline,
        idempotent: bool,
        on_retry: Callable[[Attempt], None] | None = None,
    ) -> T:
        """Call until an attempt succeeds, is not worth repeating, or is the last.

        Each attempt gets the deadline and with it what is left. Waits leave something of it for
        the attempt after them; where a server asks for a longer wait than is left, the failure is
        raised at once.

        Bounded by `deadline` as long as `call` keeps the one it is given. Safe to cancel.

        Args:
            call: Makes one attempt.
            deadline: The bound of all attempts and waits together.
            idempotent: Whether executing the call twice does no harm.
            on_retry: Is told of each failed attempt before the wait for the next one.

        Raises:
            NetraError: The failure of the last attempt, as it was raised.
        """
        from tenacity import AsyncRetrying, retry_if_exception

        async def attempt() -> T:
            return await call(deadline)

        def stop(state: RetryCallState) -> bool:
            out_of_time = self._asked(state) >= deadline.remaining
            return out_of_time or state.attempt_number >= self.attempts

        def wait(state: RetryCallState) -> float:
            return self._wait(state, deadline.remaining)

        def tell(state: RetryCallState) -> None:
            note_retry(_failure(state), _said(state))
            if on_retry is not None:
                on_retry(Attempt(state.attempt_number, _said(state), state.upcoming_sleep))

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: self._retries(error, idempotent=idempotent)),
            stop=stop,
            wait=wait,
            before_sleep=tell,
            sleep=self.sleep,
            reraise=True,
        )
        return await retrying(attempt)

    def _asked(self, state: RetryCallState) -> float:
        asked = getattr(_failure(state), "retry_after", None)
        # Negative, absent and not a number all mean that nothing was asked for.
        return asked if self.waits and asked is not None and asked > 0.0 else 0.0

    def _wait(self, state: RetryCallState, remaining: float) -> float:
        if not self.waits:
            return 0.0
        asked = self._asked(state)
        doubled = math.ldexp(self.base, min(state.attempt_number - 1, MOST_DOUBLINGS))
        # At most half of what is left, so that the attempt after the wait has the other half.
        room = max(0.0, remaining - asked) / 2
        return asked + self.random() * min(doubled, self.longest, room)


def _failure(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _said(state: RetryCallState) -> str:
    failure = _failure(state)
    sentence = str(failure).partition("\n")[0]
    return mask(f"{type(failure).__name__}: {sentence}")[:LONGEST_CAUSE]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_wait(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < math.inf


def _listed(numbers: frozenset[int]) -> str:
    return ", ".join(str(each) for each in sorted(numbers))
