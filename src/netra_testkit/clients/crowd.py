"""Many users at once: each with an identity of its own, bounded as a whole, isolation checked."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Self, TypeVar

from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.latency import LatencySummary
from netra_testkit.clients.ledger import public_call, taken_back
from netra_testkit.clients.virtual_user import LEAVING
from netra_testkit.errors import Cause, ClientClosed, Misuse, NetraError, UsersBusy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from netra_testkit.clients.isolation import Isolation
    from netra_testkit.clients.virtual_user import VirtualUser
    from netra_testkit.settings.leases import UserPool
    from netra_testkit.settings.users import StagingUser

__all__ = ["Crowd", "leased_together"]

T = TypeVar("T")

CROWD_WITHIN = 120.0
# Of the half second that a call may last beyond its bound: what ends it, then what cleans up.
STRAGGLING = 0.3
GRACE = 0.4
SHORTEST_LEAVING = 0.1
AT_ONCE = 0.001
LONGEST_PAUSE = 0.1
MARGIN = 0.05
# How much later the net below calls that have the crowd's own bound is drawn.
NET = 0.2
MOST_NAMED = 5


@asynccontextmanager
async def leased_together(
    pool: UserPool, count: int, deadline: Deadline
) -> AsyncIterator[tuple[StagingUser, ...]]:
    """So many identities at once, or none: nobody holds some while waiting for the rest.

    Two who each held what the other waits for would wait for ever.

    Raises:
        NotEnoughUsers: There are fewer, and none is made up.
        UsersBusy: So many were never free at the same time.
    """
    pool.need(count)
    while True:
        holders: tuple[str, ...] = ()
        async with AsyncExitStack() as leases:
            users: list[StagingUser] = []
            try:
                while len(users) < count:
                    users.append(await leases.enter_async_context(pool.lease(within=AT_ONCE)))
            except UsersBusy as busy:
                ours = {user.user_id for user in users}
                holders = tuple(each for each in busy.holders if each.split()[0] not in ours)
            else:
                yield tuple(users)
                return
        pause = random.uniform(LONGEST_PAUSE / 10, LONGEST_PAUSE)  # noqa: S311 - no secret
        if deadline.remaining <= pause + MARGIN:
            raise UsersBusy(holders=holders, limit=deadline.limit)
        await asyncio.sleep(pause)


class Crowd:
    """Virtual users who act at the same time, for an `async with` block.

    Args:
        users: Makes the users and, afterwards, gives back what they needed; is told the deadline
            and what gives the seconds that a user may take for leaving.
        within: The bound of everything in the block; 120 seconds by default.
        isolation: What holds the users' runs against what each hears.
        floor: Measures the network floor by a deadline.
    """

    def __init__(
        self,
        users: Callable[
            [Deadline, Callable[[], float]], AbstractAsyncContextManager[Sequence[VirtualUser]]
        ],
        *,
        within: float | Deadline | None,
        isolation: Isolation,
        floor: Callable[[Deadline], Awaitable[float | None]],
    ) -> None:
        self._within = within
        self._deadline = Deadline.of(within, CROWD_WITHIN)
        self._make_users = users
        self._isolation = isolation
        self._measure_floor = floor
        self._floor: float | None = None
        self._users: tuple[VirtualUser, ...] = ()
        self._entered = False
        self._inside = False
        self._stack = AsyncExitStack()

    @public_call
    async def __aenter__(self) -> Self:
        """Lease every identity, all of them or none. Bounded by `within`; safe to cancel.

        Raises:
            Misuse: The block was entered before.
            UsersBusy: There were never enough identities free at the same time.
            CallFailed: An identity that is missing could not be registered.
            DeadlineExceeded: It took too long.
        """
        if self._entered:
            raise Misuse(what="a Crowd was entered twice", hint="Make a new one.")
        self._entered = True
        # The time runs from here, not from the making.
        self._deadline = Deadline.of(self._within, CROWD_WITHIN)
        async with AsyncExitStack() as stack:
            # What is waited for in here has this bound itself, and says more when it is met.
            net = dataclasses.replace(self._deadline, started_at=self._deadline.started_at + NET)
            async with net.guard(
                phase="crowd", waiting_for="identity for every user", cause=Cause.TEST
            ):
                users = await stack.enter_async_context(
                    self._make_users(self._deadline, self._time_to_leave)
                )
                stack.push_async_callback(_leave, users)
                for user in users:
                    await user.__aenter__()
                self._floor = await self._measure_floor(self._deadline)
            # Only now: leaving the guard may still raise, and then everything is given back.
            self._stack = stack.pop_all()
        self._users = tuple(users)
        self._inside = True
        return self

    @public_call
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let every user go at the same time, and see that nobody heard what is another's.

        Bounded by a second, and by the half second after the crowd's own bound. Cancelling skips
        what the users would delete.

        Raises:
            ExceptionGroup: Somebody could not be let go; the others were.
            IsolationBreach: Somebody heard what is another's, and no call has said so.
        """
        self._inside = False
        failures: list[Exception] = []
        try:
            await self._stack.aclose()
        except ExceptionGroup as failed:
            failures.extend(failed.exceptions)
        breach = self._isolation.found()
        if error is not None:
            # What the block raised is what a reader has to see; the rest is said beside it.
            for each in (*failures, *([] if breach is None else [breach])):
                error.add_note(f"When the crowd was left: {each}")
                taken_back(each)
            return
        if breach is not None and not failures:
            raise breach
        if failures:
            raise ExceptionGroup(
                f"{len(failures)} of {len(self._users)} users could not be let go",
                failures if breach is None else [*failures, breach],
            )

    @property
    def users(self) -> Sequence[VirtualUser]:
        """The users, each with an identity of its own; none outside the block."""
        return self._users if self._inside else ()

    @property
    def latency(self) -> LatencySummary:
        """What the HTTP calls of all users took, beside the network floor."""
        samples = [sample for user in self._users for sample in user.latency.samples]
        return LatencySummary(samples, floor=self._floor)

    @public_call
    async def each(self, act: Callable[[VirtualUser], Awaitable[T]]) -> list[T]:
        """Let every user do the same at the same time; their results in the users' order.

        Everybody gets to the end, also when somebody fails. Bounded by what is left of the
        crowd's `within`; cancelling it cancels them all.

        Args:
            act: What a user does.

        Raises:
            ClientClosed: The block was not entered, or is left.
            DeadlineExceeded: Not everybody came to the end in time, and nobody failed.
            IsolationBreach: Somebody heard what is another's, and nobody failed.
            ExceptionGroup: Somebody failed; every failure is in it, those above too.
        """
        if not self._inside:
            raise ClientClosed(what="each() of a Crowd outside its block")
        if self._deadline.expired:
            raise self._late([user.name for user in self._users])
        tasks = [
            asyncio.create_task(_acting(act, user), name=f"netra-testkit {user.name}")
            for user in self._users
        ]
        for task in tasks:
            task.add_done_callback(_looked_at)
        try:
            await asyncio.wait(tasks, timeout=self._deadline.remaining)
        finally:
            late = [task for task in tasks if task.cancel()]
            for task in late:
                task.add_done_callback(_let_go)
            if late:
                await asyncio.wait(late, timeout=STRAGGLING)
        return self._results(tasks, late)

    def _results(self, tasks: list[asyncio.Task[T]], late: list[asyncio.Task[T]]) -> list[T]:
        named = list(zip(self._users, tasks, strict=True))
        failed: list[BaseException] = []
        results: list[T] = []
        for user, task in named:
            if task in late:
                continue
            failure = asyncio.CancelledError() if task.cancelled() else task.exception()
            if failure is None:
                results.append(task.result())
            else:
                failure.add_note(f"This was {user.name}.")
                failed.append(failure)
        beside: list[NetraError] = []
        if late:
            expired = self._late([user.name for user, task in named if task in late])
            for user, task in named:
                if not task.done():
                    expired.add_note(f"{user.name} goes on: it swallowed its cancellation.")
            beside.append(expired)
        breach = self._isolation.found()
        if breach is not None:
            beside.append(breach)
        if failed or len(beside) > 1:
            count = len(failed) + len(late)
            raise BaseExceptionGroup(f"{count} of {len(tasks)} users failed", [*failed, *beside])
        if beside:
            raise beside[0]
        return results

    def _late(self, names: list[str]) -> NetraError:
        shown = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
        heard = [user.heard_at for user in self._users] + [self._isolation.heard_at]
        return self._deadline.exceeded(
            phase="crowd",
            waiting_for=f"end of {len(names)} of {len(self._users)} users ({shown})",
            heard=max((each for each in heard if each is not None), default=None),
        )

    def _time_to_leave(self) -> float:
        left = self._deadline.limit + GRACE - self._deadline.elapsed
        return min(LEAVING, max(left, SHORTEST_LEAVING))


async def _acting(act: Callable[[VirtualUser], Awaitable[T]], user: VirtualUser) -> T:
    # What `act` raises before it gives anything to await is this user's failure too.
    return await act(user)


async def _leave(users: Sequence[VirtualUser]) -> None:
    tasks = [asyncio.create_task(user.__aexit__(None, None, None)) for user in users]
    try:
        # Everybody begins: a task that is cancelled before would never cut its connections.
        await asyncio.sleep(0)
        done = await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        # What is left to do waits for this loop only.
        await asyncio.wait(tasks)
        raise
    failed = [each for each in done if each is not None]
    if failed:
        raise BaseExceptionGroup("users could not be let go", failed)


def _let_go(task: asyncio.Task[T]) -> None:
    # Who is late is said by one error for all of them, not by what each raised when cut short.
    failure = None if task.cancelled() else task.exception()
    if failure is not None:
        taken_back(failure)


def _looked_at(task: asyncio.Task[T]) -> None:
    # A failure that nobody waits for any more would be reported as never retrieved.
    if not task.cancelled():
        task.exception()
