"""One HTTP request and its answer as it comes in, over a pool that survives no cut."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Self

import httpcore
import httpx

from netra_testkit.clients.bodies import BodyTooLarge, Inflater, UnknownEncoding
from netra_testkit.clients.byte_stream import PROGRESS, Progress
from netra_testkit.clients.ledger import note_request
from netra_testkit.clients.statuses import refusal
from netra_testkit.errors import (
    CallFailed,
    Cause,
    ClientClosed,
    ConnectionFailed,
    Misuse,
    UnusableBody,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType

    from netra_testkit.clients.calls import Call
    from netra_testkit.clients.pool import Pool
    from netra_testkit.errors import DeadlineExceeded, NetraError

__all__ = ["LARGEST_BODY", "Exchange"]

LARGEST_BODY = 16 * 1024 * 1024


class Exchange:
    """An answer whose status and headers have come and whose body is coming.

    Used with `async with`: leaving it in any way frees the connection, back into the pool when
    the body was read to its end, cut otherwise.

    Attributes:
        call: What was asked.
        status: The answer's status, None before it came.
        headers: The answer's headers.
        progress: How far the call has got, the redirects before it included.
    """

    call: Call
    status: int | None
    headers: httpx.Headers
    progress: Progress

    def __init__(
        self,
        call: Call,
        pool: Pool,
        *,
        cap: int = LARGEST_BODY,
        progress: Progress | None = None,
    ) -> None:
        self.call = call
        self.status = None
        self.headers = httpx.Headers()
        self.progress = progress or Progress()
        self._pool = pool
        self._cap = cap
        self._answer: httpx.Response | None = None

    async def __aenter__(self) -> Self:
        """Send the request and wait for the headers. A cancellation cuts the connection."""
        await self._pool.__aenter__()
        try:
            await self._send()
        except BaseException as error:
            await self._pool.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._answer is not None:
                await self._answer.stream.aclose()  # type: ignore[union-attr] # our transport makes async streams
        finally:
            await self._pool.__aexit__(kind, error, traceback)

    @property
    def heard_at(self) -> float | None:
        """When the server was last heard in this call; None when it was not."""
        return self.progress.heard_at

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes, inflated. Close the generator to stop early.

        Raises:
            ConnectionFailed: The connection broke before the body's end.
            UnusableBody: The body is larger than allowed or not what its encoding says.
            ClientClosed: The client was left meanwhile.
        """
        if self._answer is None:
            raise Misuse(what="the exchange was not entered", hint="Use it with async with.")
        encoding = self.headers.get("content-encoding")
        try:
            unpack = Inflater(encoding, self._cap)
            async for raw in self._answer.stream:  # type: ignore[union-attr] # our transport makes async streams
                for piece in unpack.feed(raw):
                    if piece:
                        yield piece
        except UnknownEncoding:
            raise self._unusable(f"the encoding {encoding}, which was not asked for") from None
        except BodyTooLarge:
            raise self._unusable(f"a body of more than {self._cap} bytes") from None
        except zlib.error:
            raise self._unusable("a body that is not what its Content-Encoding says") from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as broken:
            raise self._broken(str(broken)) from None
        if not unpack.complete:
            raise self._unusable("a compressed body that ended too soon")

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    async def refusal(self) -> CallFailed:
        """The error for a status that was not wanted, with what the body says about it."""
        try:
            body = await self.read()
        except UnusableBody as unusable:
            # The status says more than what is wrong with the page that came with it.
            body = f"({unusable.reason})".encode()
        return refusal(
            status=self.status or 0,
            method=self.call.method,
            path=self.call.path,
            headers=self.headers,
            body=body,
            now=time.time(),
            **self.call.ids,
        )

    def explain(self, late: DeadlineExceeded) -> None:
        """Add to an expiry how far the call had got, and so whose fault it was."""
        if not self.progress.asked:
            late.phase = "connect"
            late.waiting_for = f"connection to {self.call.target}"
        elif self.status is not None:
            late.waiting_for = f"end of the answer to {self.call.method} {self.call.path}"
        heard = self.heard_at is not None
        late.cause = Cause.PRODUCT if heard else Cause.INFRASTRUCTURE

    async def _send(self) -> None:
        call = self.call
        request = httpx.Request(
            call.method, call.url, headers=dict(call.headers), content=call.content
        )
        note_request()
        mark = PROGRESS.set(self.progress)
        try:
            self._answer = await self._pool.send(request)
        except httpcore.ProxyError as refused:
            raise ConnectionFailed(
                phase="proxy", target=call.target, reason=str(refused), **call.ids
            ) from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as broken:
            raise self._broken(str(broken)) from None
        except CallFailed as failed:
            if self._pool.closed:
                raise self._broken("") from None
            failed.request_id, failed.trace_id = call.ids["request_id"], call.ids["trace_id"]
            raise
        finally:
            PROGRESS.reset(mark)
        self.status = self._answer.status_code
        self.headers = self._answer.headers

    def _broken(self, reason: str) -> NetraError:
        if self._pool.closed:
            return ClientClosed(
                what=f"{self.call.method} {self.call.path} of a client that was left"
            )
        return ConnectionFailed(
            phase="answer",
            target=self.call.target,
            reason=reason or "the connection broke",
            cause=Cause.PRODUCT if self.heard_at is not None else Cause.INFRASTRUCTURE,
            hint="Look the call up in the server's log: it may have been executed.",
            **self.call.ids,
        )

    def _unusable(self, reason: str) -> UnusableBody:
        return UnusableBody(
            status=self.status or 0,
            method=self.call.method,
            path=self.call.path,
            reason=reason,
            **self.call.ids,
        )
