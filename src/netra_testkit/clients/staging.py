"""Staging: configuration, users and clients, the object that a test holds."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from netra_testkit.clients.crowd import Crowd, leased_together
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.isolation import Isolation
from netra_testkit.clients.ledger import public_call, taken_back
from netra_testkit.clients.proxies import proxy_for
from netra_testkit.clients.resolving import resolve
from netra_testkit.clients.statuses import refusal
from netra_testkit.clients.virtual_user import VirtualUser
from netra_testkit.errors import CallFailed, Cause, DeadlineExceeded, Misuse, UnusableBody
from netra_testkit.safety.trace import Trace
from netra_testkit.settings.bad_tokens import BadTokens
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.leases import UserPool
from netra_testkit.settings.users import generated_users
from netra_testkit.wire.health import Health
from netra_testkit.wire.types import with_aliases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractContextManager

    from netra_testkit.clients.expecting import ExpectedFailures
    from netra_testkit.clients.response import Response
    from netra_testkit.errors import NetraError
    from netra_testkit.settings.users import StagingUser

__all__ = ["Staging"]

LEASED_WITHIN = 30.0
READY_WITHIN = 120.0
# A floor that takes longer says nothing about calls.
FLOOR_WITHIN = 1.0
SHORTEST_FLOOR = 0.001
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
SUCCESS = range(200, 300)
UNHEALTHY = 503
EXCERPT = 200


class Staging:
    """One deployment, as a test uses it. It opens nothing by itself and needs no closing.

    Args:
        config: Where it is; `StagingConfig()` by default.
        pool: Who may be leased; the configuration's users by default.

    Raises:
        ConfigurationError: What is configured cannot be used.

    Attributes:
        config: Where it is.
        pool: Who may be leased.
        run_id: Names this run: sent with every call as X-Test-Session, part of the name of the
            users it registers.
        trace: What was said, for whoever wants to read it after a failure.
    """

    config: StagingConfig
    pool: UserPool
    run_id: str
    trace: Trace

    def __init__(
        self, config: StagingConfig | None = None, *, pool: UserPool | None = None
    ) -> None:
        self.config = StagingConfig() if config is None else config
        with_aliases(self.config.extra_aliases)
        self.pool = (
            UserPool(self.config.users, environment=self.config.environment)
            if pool is None
            else pool
        )
        self.run_id = secrets.token_hex(4)
        self.trace = Trace()
        self._numbers = itertools.count(1)

    @property
    def bad_tokens(self) -> BadTokens:
        """Tokens that must be refused, made with this deployment's secret.

        Raises:
            ConfigurationError: There is no secret.
        """
        known = self.pool.known
        user = known[0] if known else next(generated_users(self.config.environment, run="bad"))
        return BadTokens(self.config.jwt_secret(), user, self.config.environment)

    def user(
        self,
        user: StagingUser | None = None,
        *,
        shared: bool = False,
        within: float | Deadline | None = None,
    ) -> VirtualUser:
        """A virtual user with a leased identity, for `async with`.

        Args:
            user: Which one; None for any that is free.
            shared: For reading only: others may read beside it.
            within: How long to wait for the lease; 30 seconds by default.

        Raises:
            InvalidBound: `within` is not a positive, finite number of seconds.
            NotEnoughUsers: No identity is known, and none is made up.
        """
        Deadline.of(within, LEASED_WITHIN)
        if user is None:
            self.pool.need(1)
        return VirtualUser(
            self.config,
            lease=lambda: self._leased(user, shared=shared, within=within),
            session=self.run_id,
            trace=self.trace,
        )

    def anonymous(self) -> VirtualUser:
        """Somebody without a token, for `async with`."""
        return VirtualUser(self.config, lease=None, session=self.run_id, trace=self.trace)

    def users(self, count: int, *, within: float | Deadline | None = None) -> Crowd:
        """So many users at once, each with an identity of its own, for `async with`.

        Args:
            count: How many.
            within: The bound of everything they do; 120 seconds by default.

        Raises:
            Misuse: The count is not a positive whole number.
            InvalidBound: `within` is not a positive, finite number of seconds.
            NotEnoughUsers: There are fewer identities, and none may be registered.
        """
        # A bool is an int to Python and a mistake to us.
        if type(count) is not int or count < 1:
            raise Misuse(what=f"users({count!r})", hint="Give a whole number from 1 on.")
        if self.config.read_only or not self.config.allow_registration:
            self.pool.need(count)
        isolation = Isolation()
        return Crowd(
            lambda deadline, leaving: self._people(count, deadline, leaving, isolation),
            within=within,
            isolation=isolation,
            floor=self._floor,
        )

    def expecting(self, *errors: type[NetraError]) -> AbstractContextManager[ExpectedFailures]:
        """A block that provokes failures, for `with`; it answers for those of these types.

        They are raised as ever: catch them, or look at them, inside it. The block fails with
        NothingFailed when none of them left a call of a client.

        Args:
            errors: The types that are to come, such as AuthRefused.
        """
        from netra_testkit.clients.expecting import expecting

        return expecting(*errors)

    @public_call
    async def health(self, *, within: float | Deadline | None = None) -> Health:
        """What /health says, healthy or not. Bounded by `timeouts.receive`; safe to cancel.

        Raises:
            ServiceUnavailable: A 503 that is not the platform's own word that it is unhealthy.
            CallFailed: It gave no such answer.
        """
        _, health = await self._asked(within)
        return health

    @public_call
    async def wait_until_ready(self, *, within: float | Deadline | None = None) -> Health:
        """Wait until the deployment is healthy and of the expected revision.

        Bounded by `within`, 120 seconds by default; safe to cancel.

        Raises:
            DeadlineExceeded: It was not; the error says what was last seen.
        """
        deadline = Deadline.of(within, READY_WITHIN)
        seen = nothing = _Look("nothing", Cause.UNDECIDED)
        pause = FIRST_PAUSE
        while not deadline.expired:
            bound = deadline.child(self.config.timeouts.receive)
            try:
                answer, health = await self._asked(bound)
            except DeadlineExceeded as late:
                taken_back(late)
                # A look that was cut short says less than the one before it.
                if seen is nothing or bound is not deadline:
                    seen = _failed_look(late, deadline)
            except CallFailed as failed:
                taken_back(failed)
                seen = _failed_look(failed, deadline)
            else:
                missing = self._missing(health)
                if missing is None:
                    return health
                text, cause = missing
                seen = _Look(text, cause, answer.request_id, answer.trace_id, deadline.clock())
            await asyncio.sleep(min(pause, deadline.remaining))
            pause = min(pause * 2, LONGEST_PAUSE)
        raise deadline.exceeded(
            phase="ready",
            waiting_for=f"ready deployment; last seen: {seen.text}",
            heard=seen.heard_at,
            cause=seen.cause,
            request_id=seen.request_id,
            trace_id=seen.trace_id,
        )

    async def _asked(self, within: float | Deadline | None) -> tuple[Response, Health]:
        async with self.anonymous() as nobody:
            answer = await nobody.http.get("/health", expect={*SUCCESS, UNHEALTHY}, within=within)
        try:
            health = Health.parse(answer.json())
        except UnusableBody:
            if answer.status != UNHEALTHY:
                raise
            health = None
        # A gateway's page is no health, and a body that says healthy contradicts its status.
        if health is None or (answer.status == UNHEALTHY and _claims(health)):
            raise _refused(answer)
        return answer, health

    def _missing(self, health: Health) -> tuple[str, Cause] | None:
        """What keeps it from being ready, and whose fault that is."""
        if not health.is_ready:
            said = "; ".join(map(str, health.findings()))[:EXCERPT]
            return f"status {health.status!r} ({said})", Cause.PRODUCT
        expected = self.config.expected_revision
        if expected is not None and health.revision != expected:
            text = f"revision {health.revision!r} where {expected!r} is expected"
            return text, Cause.DEPLOYMENT
        return None

    @contextlib.asynccontextmanager
    async def _leased(
        self, user: StagingUser | None, *, shared: bool, within: float | Deadline | None
    ) -> AsyncIterator[StagingUser]:
        # A number of seconds begins when the block does.
        deadline = Deadline.of(within, LEASED_WITHIN)
        if deadline.expired:
            raise deadline.exceeded(phase="lease", waiting_for="identity", cause=Cause.TEST)
        async with self.pool.lease(user, shared=shared, within=deadline.remaining) as leased:
            yield leased

    @contextlib.asynccontextmanager
    async def _people(
        self, count: int, deadline: Deadline, leaving: Callable[[], float], isolation: Isolation
    ) -> AsyncIterator[Sequence[VirtualUser]]:
        await self._register_missing(count, deadline)
        async with leased_together(self.pool, count, deadline) as identities:
            yield [
                VirtualUser(
                    self.config,
                    lease=partial(_held, each),
                    session=self.run_id,
                    trace=self.trace,
                    isolation=isolation,
                    leaving=leaving,
                )
                for each in identities
            ]

    async def _register_missing(self, count: int, deadline: Deadline) -> None:
        missing = 0 if self.pool.endless else count - len(self.pool.known)
        if missing <= 0:
            return
        from netra_testkit.clients.registration import registered_user

        async with self.anonymous() as nobody:
            for number in itertools.islice(self._numbers, missing):
                user = await registered_user(
                    nobody.http,
                    run_id=self.run_id,
                    number=number,
                    trace=self.trace,
                    within=deadline,
                )
                self.pool.add(user)

    async def _floor(self, deadline: Deadline) -> float | None:
        """What a bare TCP connect takes; None when none comes about, or a proxy is between."""
        url = self.config.base_url
        if proxy_for(url) is not None:
            return None
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with contextlib.suppress(OSError, CallFailed):
            # Half of what is left is for the users themselves.
            floored = min(FLOOR_WITHIN, max(deadline.remaining / 2, SHORTEST_FLOOR))
            async with deadline.child(floored).guard(phase="connect", waiting_for="TCP connection"):
                addresses = await resolve(host, port)
                address = min(addresses, key=lambda each: ":" in each)
                started = time.perf_counter()
                _, writer = await asyncio.open_connection(address, port)
                floor = time.perf_counter() - started
                writer.transport.abort()
                return floor
        return None


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at a deployment showed."""

    text: str
    cause: Cause
    request_id: str | None = None
    trace_id: str | None = None
    heard_at: float | None = None


def _held(user: StagingUser) -> contextlib.nullcontext[StagingUser]:
    return contextlib.nullcontext(user)


def _failed_look(failed: CallFailed, deadline: Deadline) -> _Look:
    heard_at = None
    if isinstance(failed, DeadlineExceeded):
        if failed.last_activity is not None:
            heard_at = deadline.clock() - failed.last_activity
    elif getattr(failed, "status", None) is not None:
        heard_at = deadline.clock()
    return _Look(
        str(failed).partition("\n")[0],
        failed.cause,
        failed.request_id,
        failed.trace_id,
        heard_at,
    )


def _claims(health: Health) -> bool:
    return health.is_ready or health.status is None


def _refused(answer: Response) -> CallFailed:
    return refusal(
        status=answer.status,
        method=answer.method,
        path=answer.path,
        headers=answer.headers,
        body=answer.content,
        now=time.time(),
        request_id=answer.request_id,
        trace_id=answer.trace_id,
    )
