"""One user as a test holds it: an identity, fresh tokens, HTTP and chat."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from netra_testkit.clients.cleanup import delete_threads
from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.latency import LatencySummary
from netra_testkit.clients.ledger import public_call
from netra_testkit.errors import ClientClosed, Misuse
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from netra_testkit.clients.chat import ChatClient
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.isolation import Isolation, Witness
    from netra_testkit.errors import NetraError
    from netra_testkit.safety.trace import Trace
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.settings.users import StagingUser

__all__ = ["LEAVING", "VirtualUser"]

# A minted token lives for 900 s; HTTP calls share one for as long as it is surely good.
USED_FOR = 600.0
LEAVING = 1.0


def _a_second() -> float:
    return LEAVING


class VirtualUser:
    """Somebody who uses the deployment, for the length of an `async with` block.

    Entering leases the identity, leaving gives it back. A token is minted for each chat
    connection; the one of the HTTP calls is replaced before it grows old. Threads made through
    `http` are deleted at the end, as far as a second allows; what became of each is in the trace.

    Args:
        config: Where the deployment is.
        lease: Makes what gives the identity; None for anonymous.
        session: What groups the calls of one run in the server's log.
        trace: Where to record.
        isolation: Holds the runs of several users against what each of them hears.
        leaving: Gives the seconds that deleting may take, when the block is left.
        clock: The seconds since the epoch, for the age of tokens.

    Attributes:
        identity: The user; None for anonymous and before the block.
        latency: What the HTTP calls took.
        heard_at: When an HTTP call of this user's was last answered, by the monotonic clock.
    """

    identity: StagingUser | None
    latency: LatencySummary
    heard_at: float | None

    def __init__(
        self,
        config: StagingConfig,
        *,
        lease: Callable[[], AbstractAsyncContextManager[StagingUser]] | None,
        session: str,
        trace: Trace,
        isolation: Isolation | None = None,
        leaving: Callable[[], float] = _a_second,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._lease = lease
        self._session = session
        self._trace = trace
        self._isolation = isolation
        self._leaving = leaving
        self._clock = clock
        self._witness: Witness | None = None
        self._given: str | None = None
        self._minted: tuple[float, str | None] | None = None
        self._http: HttpClient | None = None
        self._observed = True
        self._entered = False
        self._stack = AsyncExitStack()
        self._made: list[str] = []
        self.identity = None
        self.latency = LatencySummary()
        self.heard_at = None

    @property
    def name(self) -> str:
        """The user_id; anonymous without one."""
        return "anonymous" if self.identity is None else self.identity.user_id

    def with_token(self, token: str) -> Self:
        """The same user with this token from now on instead of minted ones, for negative tests.

        Raises:
            Misuse: It is no text.
        """
        if not isinstance(token, str):
            raise Misuse(
                what=f"with_token() of a {type(token).__name__}",
                hint="Give a text; anonymous() is the user without a token.",
            )
        register(token, label="a token given to with_token()")
        self._given = token
        return self

    @public_call
    async def __aenter__(self) -> Self:
        """Lease the identity. Bounded by the `within` of `user()`; safe to cancel.

        Raises:
            Misuse: The block was entered before.
            UsersBusy: Every identity stayed leased.
        """
        if self._entered:
            raise Misuse(what="a VirtualUser was entered twice", hint="Make a new one.")
        self._entered = True
        async with AsyncExitStack() as stack:
            if self._lease is not None:
                started = time.monotonic()
                self.identity = await stack.enter_async_context(self._lease())
                self._trace.record(
                    "lease", self.identity.user_id, elapsed=time.monotonic() - started
                )
                if self._isolation is not None:
                    self._witness = self._isolation.witness(self.identity.user_id)
            client = HttpClient(
                self._config,
                token=self._token_for_http,
                session=self._session,
                trace=self._trace,
                observe=self._observe,
                made=self._made.append,
            )
            self._http = await stack.enter_async_context(client)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Delete what was made, cut the HTTP connections and give the identity back.

        Bounded by a second. Cancelling skips the deleting.
        """
        try:
            if self._made and self._http is not None:
                self._observed = False
                await delete_threads(self._http, self._made, self._trace, within=self._leaving())
        finally:
            self._http = None
            await self._stack.aclose()

    @property
    def http(self) -> HttpClient:
        """HTTP as this user.

        Raises:
            ClientClosed: The block was not entered, or is left.
        """
        if self._http is None:
            raise ClientClosed(what="http of a VirtualUser outside its block")
        return self._http

    def chat(
        self,
        *,
        thread_id: str | None = None,
        announce_e2e: bool | None = None,
        within: float | Deadline | None = None,
    ) -> ChatClient:
        """A WebSocket as this user, for `async with`; `within` bounds opening it.

        Args:
            thread_id: The thread to speak in; by default the one that the server names.
            announce_e2e: Whether to announce a test; as the configuration says by default.
            within: Seconds or a deadline; connect and welcome together by default.

        Raises:
            ClientClosed: The user's block was not entered, or is left.
        """
        from netra_testkit.clients.chat import ChatClient

        if self._http is None:
            raise ClientClosed(what="chat of a VirtualUser outside its block")
        return ChatClient(
            self._config,
            token=self._token(),
            identity=self.identity,
            thread_id=thread_id,
            announce_e2e=announce_e2e,
            session=self._session,
            trace=self._trace,
            witness=self._witness,
            within=within,
        )

    def _token(self) -> str | None:
        if self._given is not None or self.identity is None:
            return self._given
        from netra_testkit.settings.tokens import mint_access_token

        return mint_access_token(
            self._config.jwt_secret(),
            user=self.identity,
            environment=self._config.environment,
            now=self._clock,
        )

    def _token_for_http(self) -> str | None:
        if self._given is not None:
            return self._given
        now = self._clock()
        # A clock that was set back says nothing about a token's age.
        if self._minted is None or not 0 <= now - self._minted[0] < USED_FOR:
            self._minted = (now, self._token())
        return self._minted[1]

    def _observe(self, name: str, seconds: float, failure: NetraError | None) -> None:
        if failure is None:
            self.heard_at = time.monotonic()
        # What it takes to clean up is no latency that a test asked for.
        if self._observed:
            identity = None if self.identity is None else self.identity.user_id
            self.latency.record(name, seconds, failure, identity)
