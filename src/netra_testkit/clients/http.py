"""HttpClient: HTTP calls to a deployment that end in time with an answer or a typed error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

import httpx

from netra_testkit.clients.calls import Calls
from netra_testkit.clients.cleanup import THREADS, made_thread
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.exchange import Exchange
from netra_testkit.clients.ledger import public_call
from netra_testkit.clients.loops import loop_for
from netra_testkit.clients.pool import Pool
from netra_testkit.clients.resolving import system_resolver
from netra_testkit.clients.response import Response
from netra_testkit.clients.sse import EventStream
from netra_testkit.errors import (
    CallFailed,
    Cause,
    ClientClosed,
    DeadlineExceeded,
    Misuse,
    NetraError,
    UnexpectedStatus,
    WrongLoop,
)
from netra_testkit.safety.redaction import install, register

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import EllipsisType, TracebackType

    from netra_testkit.clients.calls import Call, Query
    from netra_testkit.clients.resolving import Resolver
    from netra_testkit.clients.retry import Attempt, RetryPolicy
    from netra_testkit.safety.jsonable import JsonValue
    from netra_testkit.safety.trace import Trace
    from netra_testkit.settings.config import StagingConfig

__all__ = ["HttpClient", "RequestOptions"]

MOST_REDIRECTS = 10
LONGEST_WAIT = 5.0
LARGEST_STREAM = 1024 * 1024 * 1024
SUCCESS = frozenset(range(200, 300))
STATUSES = range(200, 1000)
REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class RequestOptions(TypedDict, total=False):
    """What every method of HttpClient takes beside the path."""

    params: Query | None
    headers: Mapping[str, str] | None
    json: JsonValue
    content: bytes | None
    expect: int | Collection[int] | EllipsisType | None
    retry: RetryPolicy | None
    idempotent: bool | None
    within: float | Deadline | None


class HttpClient:
    """Speaks HTTP to one deployment as one virtual user.

    Used with `async with`. A path that begins with ``/auth/`` goes to the auth service, any other
    to the backend. Every call is bounded, carries its own request id and W3C trace id, and raises
    a typed error for a status that was not expected.

    Args:
        config: Where the deployment is, and how long to wait.
        token: The access token, or what gives one when a call is made; None for anonymous.
        session: What groups the calls of one run in the server's log.
        trace: Where to record the calls.
        observe: Called after each call with its name, its seconds and its failure.
        made: Called with the id of each thread that a call made.
        resolver: Gives the addresses of a host.
    """

    def __init__(
        self,
        config: StagingConfig,
        *,
        token: str | Callable[[], str | None] | None = None,
        session: str | None = None,
        trace: Trace | None = None,
        observe: Callable[[str, float, NetraError | None], None] | None = None,
        made: Callable[[str], None] | None = None,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._config = config
        self._calls = Calls(config, token=token, session=session)
        self._trace = trace
        self._observe = observe
        self._made = made
        self._resolver = resolver
        self._cookies = httpx.Cookies()
        self._ca_file = None if config.ca_file is None else str(config.ca_file)
        self._pools: list[Pool] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        """Bind the client to this event loop; nothing is sent.

        Raises:
            Misuse: The client is open already, or no event loop of asyncio runs here.
        """
        if self._loop is not None:
            raise Misuse(what="an HttpClient entered while it is open", hint="Make a new one.")
        install()
        self._loop = loop_for("an HttpClient")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cut every connection, also under calls of other tasks; waits for nobody.

        Raises:
            WrongLoop: Another event loop opened the client.
        """
        if self._loop is not asyncio.get_running_loop():
            raise WrongLoop(what="an HttpClient that is left in another event loop")
        self._loop = None
        pools, self._pools = self._pools, []
        for pool in pools:
            pool.close()
        await asyncio.sleep(0)

    @public_call
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Query | None = None,
        headers: Mapping[str, str] | None = None,
        json: JsonValue = None,
        content: bytes | None = None,
        expect: int | Collection[int] | EllipsisType | None = ...,
        retry: RetryPolicy | None = None,
        idempotent: bool | None = None,
        within: float | Deadline | None = None,
    ) -> Response:
        """Send a request and take its whole answer.

        Bounded by `within`, redirects and retries included, `timeouts.receive` by default. Safe to
        cancel: the connection is cut and the next call makes a new one.

        Args:
            method: GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS.
            path: A path on the deployment, or a URL on one of its hosts.
            params: The query.
            headers: Headers beside the kit's own.
            json: A body to be sent as JSON.
            content: A body to be sent as it is.
            expect: The status wanted, several of them, or None for any; 2xx by default. Redirects
                to the deployment's own hosts are followed unless their status is expected.
            retry: What to retry; as the configuration says by default, which is nothing unless it
                names a count.
            idempotent: Whether sending it twice does no harm; by its method when not given.
            within: Seconds or a deadline.

        Raises:
            Misuse: It cannot be sent; nothing was.
            AuthRefused: 401 or 403.
            RateLimited: 429.
            ServiceUnavailable: 502, 503 or 504.
            UnexpectedStatus: Any other status that was not expected.
            UnusableBody: A body that is too large or not what its encoding says.
            ConnectionFailed: There was no connection, or it broke.
            DeadlineExceeded: The answer was not complete in time.
        """
        deadline = Deadline.of(within, self._config.timeouts.receive)
        self._usable()
        wanted = _wanted(expect)
        policy = retry or self._configured_policy()

        def prepared() -> Call:
            return self._calls.make(
                method, path, params=params, headers=headers, json=json, content=content
            )

        call = prepared()
        if policy is None:
            return await self._attempt(call, wanted, deadline)
        failed: list[Attempt] = []
        try:
            response = await policy.run(
                lambda left: self._attempt(prepared() if failed else call, wanted, left),
                deadline=deadline,
                idempotent=call.method in REPEATABLE if idempotent is None else idempotent,
                on_retry=lambda attempt: self._retried(call, failed, attempt),
            )
        except NetraError as last:
            if failed:
                last.add_note(f"This was attempt {len(failed) + 1}.")
            raise
        return replace(response, attempts=len(failed) + 1)

    async def get(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """Send a GET; bounded, cancellable and raising as `request` is."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """Send a POST; bounded, cancellable and raising as `request` is."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """Send a PUT; bounded, cancellable and raising as `request` is."""
        return await self.request("PUT", path, **options)

    async def patch(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """Send a PATCH; bounded, cancellable and raising as `request` is."""
        return await self.request("PATCH", path, **options)

    async def delete(self, path: str, **options: Unpack[RequestOptions]) -> Response:
        """Send a DELETE; bounded, cancellable and raising as `request` is."""
        return await self.request("DELETE", path, **options)

    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Query | None = None,
        headers: Mapping[str, str] | None = None,
        json: JsonValue = None,
        first_event_within: float | None = None,
        gap_within: float | None = None,
        within: float | Deadline | None = None,
    ) -> EventStream:
        """The server-sent events of an answer, for `async with` and `async for`.

        Bounded by `within` as a whole (`timeouts.receive` by default), by `first_event_within` up
        to the first event and by `gap_within` between events (`timeouts.thinking` by default).

        Raises:
            Misuse: The client is not open here, or the request cannot be made; nothing was sent.
            InvalidBound: A bound is not a positive, finite number of seconds.
        """
        timeouts = self._config.timeouts
        deadline = Deadline.of(within, timeouts.receive)
        first = Deadline.of(first_event_within, timeouts.thinking)
        gap = Deadline.of(gap_within, timeouts.thinking).limit
        self._usable()
        call = self._calls.make(
            method, path, params=params, headers=headers, json=json, accept="text/event-stream"
        )

        def opening() -> Exchange:
            self._usable()
            return Exchange(call, self._pool(), cap=LARGEST_STREAM)

        return EventStream(
            opening,
            deadline=deadline,
            first_event_within=first,
            gap_within=gap,
            note=self._note,
            trace=self._trace,
        )

    async def _attempt(
        self, call: Call, wanted: frozenset[int] | None, deadline: Deadline
    ) -> Response:
        started = time.monotonic()
        trail = [Exchange(call, self._pool())]
        failure: BaseException | None = None
        try:
            async with deadline.guard(
                phase="http",
                waiting_for=f"answer to {call.method} {call.path}",
                heard=lambda: trail[-1].heard_at,
                **call.ids,
            ):
                content = await self._follow(trail, wanted)
        except BaseException as failed:
            if isinstance(failed, DeadlineExceeded):
                trail[-1].explain(failed)
            failure = failed
            raise
        finally:
            self._note(trail[-1], time.monotonic() - started, failure)
        response = Response(
            status=trail[-1].status or 0,
            headers=trail[-1].headers,
            content=content,
            elapsed=time.monotonic() - started,
            method=call.method,
            path=call.path,
            **call.ids,
        )
        if self._made is not None and (call.method, call.path) == ("POST", THREADS):
            thread_id = made_thread(response)
            if thread_id is not None:
                self._made(thread_id)
        return response

    def _pool(self) -> Pool:
        self._pools = [pool for pool in self._pools if pool.in_use or not pool.abandoned]
        if not self._pools or self._pools[-1].abandoned:
            self._pools.append(
                Pool(ca_file=self._ca_file, cookies=self._cookies, resolver=self._resolver)
            )
        return self._pools[-1]

    async def _follow(self, trail: list[Exchange], wanted: frozenset[int] | None) -> bytes:
        """The body that was wanted, wherever the redirects lead; each exchange is kept."""
        while True:
            outcome = await self._outcome(trail[-1], wanted)
            if isinstance(outcome, bytes):
                return outcome
            if isinstance(outcome, CallFailed):
                raise outcome
            if len(trail) > MOST_REDIRECTS:
                raise _led_in_circles(trail[-1])
            trail.append(Exchange(outcome, self._pool(), progress=trail[-1].progress))

    async def _outcome(
        self, exchange: Exchange, wanted: frozenset[int] | None
    ) -> bytes | Call | CallFailed:
        """The body that was wanted, the call to make next, or what is wrong."""
        async with exchange:
            if "set-cookie" in exchange.headers:
                for cookie in self._cookies.jar:
                    register(cookie.value or "", label=f"cookie {cookie.name}")
            status = exchange.status or 0
            if wanted is None or status in wanted:
                return await exchange.read()
            onward = self._calls.onward(exchange.call, status, exchange.headers.get("location"))
            return onward or await exchange.refusal()

    def _configured_policy(self) -> RetryPolicy | None:
        count = self._config.retry_count
        if not count:
            return None
        from netra_testkit.clients.retry import RetryPolicy

        delay = self._config.retry_delay
        return RetryPolicy(attempts=count + 1, base=delay, longest=max(delay, LONGEST_WAIT))

    def _retried(self, call: Call, failed: list[Attempt], attempt: Attempt) -> None:
        failed.append(attempt)
        if self._trace is not None:
            self._trace.record("retry", f"{call.method} {call.path}: {attempt.cause}")

    def _usable(self) -> None:
        if self._loop is None:
            raise ClientClosed(what="a request on an HttpClient that is not open")
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if self._loop is not running:
            raise WrongLoop(what="a request on an HttpClient that another event loop opened")

    def _note(self, exchange: Exchange, elapsed: float, failure: BaseException | None) -> None:
        call = exchange.call
        if self._observe is not None and (failure is None or isinstance(failure, NetraError)):
            self._observe(f"{call.method} {call.path}", elapsed, failure)
        if self._trace is not None:
            said = exchange.status if failure is None else type(failure).__name__
            where = call.url.copy_with(raw_path=call.url.raw_path.partition(b"?")[0])
            line = f"{call.method} {where} -> {said}"
            self._trace.record("http", line, elapsed=elapsed, **call.ids)


def _wanted(expect: int | Collection[int] | EllipsisType | None) -> frozenset[int] | None:
    if expect is None:
        return None
    if expect is ...:
        return SUCCESS
    wanted: object = (expect,) if isinstance(expect, int) else expect
    if isinstance(wanted, Collection):
        # A bool is an int to Python and a mistake to us.
        statuses = [each for each in wanted if type(each) is int and each in STATUSES]
        if statuses and len(statuses) == len(wanted):
            return frozenset(statuses)
    raise Misuse(what=f"expect={expect!r}", hint="Give a status, several of them, or None for any.")


def _led_in_circles(exchange: Exchange) -> UnexpectedStatus:
    return UnexpectedStatus(
        status=exchange.status or 0,
        method=exchange.call.method,
        path=exchange.call.path,
        cause=Cause.PRODUCT,
        excerpt=f"more than {MOST_REDIRECTS} redirects",
        **exchange.call.ids,
    )
