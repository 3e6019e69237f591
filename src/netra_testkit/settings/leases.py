"""Who holds which test user: leases that keep tests, threads and worker processes apart."""

from __future__ import annotations

import hashlib
import math
import os
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from netra_testkit.errors import InvalidBound, Misuse, NotEnoughUsers, UsersBusy
from netra_testkit.safety.redaction import mask
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.locks import lock_directory, note_on, try_lock
from netra_testkit.settings.users import generated_users, refuse_twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from netra_testkit.settings.users import StagingUser

__all__ = ["Lease", "UserPool"]

POLL = 0.05
PURPOSE_SIZE = 300
_ENDLESS = frozenset({Environment.LOCAL, Environment.DEVELOPMENT, Environment.TEST})


class UserPool:
    """The identities of one environment, each held by one test at a time.

    Threads, event loops and processes of one machine are kept apart; two machines are not.

    Attributes:
        environment: Where these users exist.
        endless: Whether users are made up when none is free, so that nobody ever waits.
    """

    def __init__(
        self,
        known: Sequence[StagingUser],
        *,
        environment: Environment,
        endless: bool | None = None,
        directory: Path | None = None,
    ) -> None:
        """Make a pool; nothing is opened before the first lease.

        Args:
            known: The identities that exist.
            environment: Where they exist.
            endless: Whether to make up more; None for everywhere but staging and production.
            directory: Where the locks are; None for a directory of this user's own under the
                temporary one, which every worker on the machine shares.

        Raises:
            ConfigurationError: One identity would stand for two.
        """
        refuse_twins(known, source="the user pool")
        self.environment: Environment = environment
        self.endless: bool = environment in _ENDLESS if endless is None else endless
        self._known = tuple(known)
        self._directory = directory
        self._guard = threading.Lock()
        self._process = 0
        self._generated: Iterator[StagingUser] = iter(())
        self._lent: dict[str, str] = {}

    @property
    def known(self) -> tuple[StagingUser, ...]:
        """The identities that exist, as far as the pool knows."""
        return self._known

    def add(self, user: StagingUser) -> None:
        """Take in one more identity that exists, such as one registered just now.

        Raises:
            ConfigurationError: It is in the pool already.
        """
        with self._guard:
            refuse_twins((*self._known, user), source="the user pool")
            self._known = (*self._known, user)

    def need(self, count: int) -> None:
        """Refuse to begin what needs more identities than there are.

        Raises:
            NotEnoughUsers: Fewer are known, and none is made up.
        """
        if not self.endless and count > len(self._known):
            raise NotEnoughUsers(needed=count, known=len(self._known))

    def lease(
        self,
        user: StagingUser | None = None,
        *,
        shared: bool = False,
        within: float = 30.0,
        purpose: str | None = None,
    ) -> Lease:
        """Ask for a user; the lease begins with ``with`` or ``async with``.

        Args:
            user: Which one; None for any that is free.
            shared: For reading only: others may read beside us, and nobody leases it alone.
            within: How long to wait for one that is free, in seconds.
            purpose: What for, told to whoever waits for it; None for the running test's name.

        Raises:
            InvalidBound: ``within`` is not a positive, finite number.
            NotEnoughUsers: No identity is known, and none is made up.
        """
        if not (math.isfinite(within) and within > 0):
            raise InvalidBound(value=repr(within))
        if user is None:
            self.need(1)
        if purpose is None:
            purpose = os.environ.get("PYTEST_CURRENT_TEST", "")
        return Lease(
            partial(self._attempt, user, shared=shared, purpose=purpose),
            holders=partial(self._holders, user),
            within=within,
        )

    def _attempt(self, user: StagingUser | None, *, shared: bool, purpose: str) -> Held | None:
        note = _note(purpose, shared=shared)
        directory = lock_directory(self._directory)
        for each in self._candidates(user, shared=shared):
            lock = try_lock(self._path(directory, each), shared=shared, note=note)
            if lock is not None:
                return Held(each, lock.release)
        if user is None and self.endless:
            return self._make_up(note)
        return None

    def _candidates(self, user: StagingUser | None, *, shared: bool) -> Sequence[StagingUser]:
        if user is not None:
            return () if user.user_id in self._lent else (user,)
        # Readers gather at one end, so that the other stays free for those who want one alone.
        return self._known if shared else self._known[::-1]

    def _make_up(self, note: str) -> Held:
        with self._guard:
            # A forked process would count on from the same number under the same name.
            if self._process != os.getpid():
                self._process = os.getpid()
                self._generated = generated_users(self.environment, run=secrets.token_hex(4))
            user = next(self._generated)
            self._lent[user.user_id] = note
        return Held(user, partial(self._lent.pop, user.user_id))

    def _holders(self, user: StagingUser | None) -> tuple[str, ...]:
        directory = lock_directory(self._directory)
        notes = {
            each.user_id: self._lent.get(each.user_id) or note_on(self._path(directory, each))
            for each in ((user,) if user is not None else self._known)
        }
        return tuple(f"{user_id} {note or 'is held'}" for user_id, note in notes.items())

    def _path(self, directory: Path, user: StagingUser) -> Path:
        name = hashlib.sha256(f"{self.environment}\n{user.user_id}".encode()).hexdigest()
        return directory / f"{name[:32]}.lock"


class Lease:
    """A user for as long as the block lasts; made by `UserPool.lease`.

    ``with`` blocks its thread while it waits, ``async with`` only its task.
    """

    def __init__(
        self,
        attempt: Callable[[], Held | None],
        *,
        holders: Callable[[], tuple[str, ...]],
        within: float,
    ) -> None:
        self._attempt = attempt
        self._holders = holders
        self._within = within
        self._held: Held | None = None

    @property
    def user(self) -> StagingUser:
        """The user that is held.

        Raises:
            Misuse: None is, because the block has not begun or has ended.
        """
        if self._held is None:
            raise Misuse(
                what="the lease holds no user", hint="Use it inside its `with` or `async with`."
            )
        return self._held.user

    def __enter__(self) -> StagingUser:
        """Wait for a user, at most ``within`` seconds.

        Raises:
            UsersBusy: None became free; it says who holds what.
        """
        for pause in self._pauses():
            time.sleep(pause)
        return self.user

    async def __aenter__(self) -> StagingUser:
        """Wait for a user, at most ``within`` seconds; cancelled while waiting, it holds none.

        Raises:
            UsersBusy: None became free; it says who holds what.
        """
        import asyncio

        for pause in self._pauses():
            await asyncio.sleep(pause)
        return self.user

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the user back."""
        held, self._held = self._held, None
        if held is not None:
            held.release()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the user back, at once; there is nothing to cancel."""
        self.__exit__(kind, error, traceback)

    def _pauses(self) -> Iterator[float]:
        if self._held is not None:
            raise Misuse(what="the lease already holds a user", hint="Ask the pool for another.")
        end = time.monotonic() + self._within
        while (held := self._attempt()) is None:
            left = end - time.monotonic()
            if left <= 0:
                raise UsersBusy(holders=self._holders(), limit=self._within)
            yield min(POLL, left)
        self._held = held


@dataclass(frozen=True, slots=True)
class Held:
    """A user that was free, and how to give it back."""

    user: StagingUser
    release: Callable[[], object]


def _note(purpose: str, *, shared: bool) -> str:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    what = " ".join(mask(purpose).split())[:PURPOSE_SIZE]
    said = f" for {what}" if what else ""
    how = "is shared by readers, the latest" if shared else "is held by"
    return f"{how} process {os.getpid()}{said}, since {since}"
