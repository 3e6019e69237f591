"""A pool of connections of one virtual user, thrown away when a call on it fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import httpcore
import httpx

from netra_testkit.clients.byte_stream import ByteStream
from netra_testkit.clients.proxies import proxy_for
from netra_testkit.clients.resolving import resolve, system_resolver
from netra_testkit.clients.tls import tls_context
from netra_testkit.errors import ConnectionFailed
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from types import TracebackType

    from netra_testkit.clients.resolving import Resolver

__all__ = ["Network", "Pool"]

# Shorter than the five seconds after which many servers close an idle connection: a request
# that is sent at that moment fails.
KEPT_ALIVE_FOR = 3.0
MOST_IDLE = 20


class Pool:
    """Connections to every origin that one user talks to, direct or through a proxy.

    A call enters the pool for as long as it lasts. After a failure or a cancellation the pool is
    abandoned: it takes no new call, and its connections are cut when the last call leaves it. The
    cookies are the user's and outlive it.

    Attributes:
        abandoned: Whether it takes no more calls.
        closed: Whether it was closed under the calls inside it.
    """

    abandoned: bool
    closed: bool

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        cookies: httpx.Cookies | None = None,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._network = Network(resolver)
        self._transport = _Transport(self._network, ca_file)
        self._cookies = httpx.Cookies() if cookies is None else cookies
        self._inside = 0
        self.abandoned = False
        self.closed = False

    async def __aenter__(self) -> Self:
        self._inside += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside -= 1
        if error is not None:
            self.abandoned = True
        if self.abandoned and not self._inside:
            self._network.abort()

    @property
    def in_use(self) -> bool:
        """Whether a call is inside."""
        return self._inside > 0

    def close(self) -> None:
        """Cut every connection now, also under the calls inside."""
        self.abandoned = self.closed = True
        self._network.abort()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer as far as its headers. Cancelling cuts the connection."""
        if len(self._cookies.jar):
            self._cookies.set_cookie_header(request)
        answer = await self._transport.handle_async_request(request)
        if "set-cookie" in answer.headers:
            answer.request = request
            self._cookies.extract_cookies(answer)
        return answer


class Network(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore and keeps hold of each, also in the middle of TLS."""

    def __init__(self, resolver: Resolver = system_resolver) -> None:
        self._resolver = resolver
        self._streams: list[ByteStream] = []
        self._cut = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers. Safe to cancel."""
        del timeout, local_address, socket_options
        target = f"{host}:{port}"
        self._streams = [stream for stream in self._streams if not stream.gone]
        refusals: list[str] = []
        # A host may announce IPv6 where no route leads; IPv4 is tried first.
        addresses = await resolve(host, port, resolver=self._resolver)
        for address in sorted(addresses, key=lambda each: ":" in each):
            stream = ByteStream(target)
            try:
                await asyncio.get_running_loop().create_connection(lambda: stream, address, port)  # noqa: B023 - called at once
            except OSError as refused:
                refusals.append(f"{address}: {refused}")
                continue
            if self._cut:
                stream.abort()
                raise httpcore.ConnectError("the connections were cut meanwhile")
            self._streams.append(stream)
            return stream
        raise ConnectionFailed(phase="tcp", target=target, reason="; ".join(refusals))

    def abort(self) -> None:
        """Cut every connection that was opened, and those that are being opened."""
        self._cut = True
        for stream in self._streams:
            stream.abort()


class _Transport(httpx.AsyncBaseTransport):
    """Hands httpx's requests to connections of httpcore's, direct or through a proxy."""

    def __init__(self, network: Network, ca_file: str | None) -> None:
        self._network = network
        self._ca_file = ca_file
        self._origins: dict[tuple[bytes, bytes, int | None], _Origin] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        key = (url.raw_scheme, url.raw_host, url.port)
        origin = self._origins.get(key)
        if origin is None:
            origin = self._origins[key] = self._made(url)
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        connection = await origin.take(target.origin)
        answer = await connection.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=target,
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        body = _Body(answer, lambda: origin.give_back(connection))
        return httpx.Response(answer.status, headers=answer.headers, stream=body)

    def _made(self, url: httpx.URL) -> _Origin:
        proxy = proxy_for(str(url.copy_with(raw_path=b"/")))
        context = tls_context(self._ca_file) if url.scheme == "https" else None
        if proxy is None:
            return _Origin(
                httpcore.AsyncConnectionPool(
                    ssl_context=context,
                    keepalive_expiry=KEPT_ALIVE_FOR,
                    network_backend=self._network,
                )
            )
        address = httpx.URL(proxy)
        register(address.password, label="password of the proxy")
        return _Origin(
            httpcore.AsyncHTTPProxy(
                str(address.copy_with(username=None, password=None)),
                proxy_auth=(address.username, address.password) if address.username else None,
                proxy_ssl_context=tls_context(self._ca_file) if address.scheme == "https" else None,
                ssl_context=context,
                keepalive_expiry=KEPT_ALIVE_FOR,
                network_backend=self._network,
            )
        )


class _Origin:
    """The connections to one origin that nobody uses at the moment.

    What httpcore calls a pool only makes them here: its own book-keeping looks at every pair of
    connections at every call, and loses count when calls are cancelled.
    """

    def __init__(self, maker: httpcore.AsyncConnectionPool) -> None:
        self._maker = maker
        self._idle: list[httpcore.AsyncConnectionInterface] = []

    async def take(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        """A connection that is open, the last used first, or one that will be."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return self._maker.create_connection(origin)

    async def give_back(self, connection: httpcore.AsyncConnectionInterface) -> None:
        """Keep a connection whose answer was read to its end."""
        if not connection.is_idle():
            return
        if len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            await connection.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response, done: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._done = done

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._answer.stream.__aiter__()  # type: ignore[union-attr] # a connection makes no other

    async def aclose(self) -> None:
        await self._answer.aclose()
        await self._done()
