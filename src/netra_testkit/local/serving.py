"""One request or one socket, watched and finished from outside its handler."""

from __future__ import annotations

import contextlib
import re
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

from netra_testkit.local.refusals import PlatformError, ProxyPage, error_body
from netra_testkit.local.truth import Exchange

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from netra_testkit.local.notes import RawHeaders
    from netra_testkit.local.world import World

__all__ = ["ServedRequest", "ServedSocket", "exchange_for"]

NORMAL_CLOSURE: Final = 1000
NO_CODE: Final = 1005
BROKEN: Final = 1006
SERVER_ERROR: Final = 1011
SWITCHED: Final = 101
TURNED_AWAY: Final = 403

_WITHOUT_BODY = frozenset({204, 304})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def exchange_for(headers: RawHeaders) -> Exchange:
    """What is known of a request from its headers: its ids, or new ones.

    Args:
        headers: As they came.
    """
    request_id = trace_id = ""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode("latin-1")
        elif name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace_id = found[1].decode("latin-1")
    return Exchange(
        request_id=request_id or token_hex(16),
        trace_id=trace_id or token_hex(16),
        connection_id=token_hex(16),
    )


class _Served:
    def __init__(
        self, world: World, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._world = world
        self._exchange = exchange
        self._scope = scope
        self.receive = receive
        self._send = send
        self._status: int | None = None
        self._noted = False

    def _with_ids(self, message: Message) -> None:
        message["headers"] = [
            *message.get("headers", ()),
            (b"x-request-id", self._exchange.request_id.encode("latin-1")),
            (b"x-trace-id", self._exchange.trace_id.encode("latin-1")),
        ]

    def _note_request(self) -> None:
        # Before the client knows, so that a test may look as soon as it has its answer.
        if self._noted:
            return
        self._noted = True
        self._world.truth.add_request(
            self._exchange,
            method=self._scope.get("method", "GET"),
            path=self._scope["path"],
            status=self._status,
            headers=self._scope["headers"],
        )

    def _answer(self, error: PlatformError) -> Response:
        headers = dict(error.headers)
        if error.status in _WITHOUT_BODY:
            return Response(status_code=error.status, headers=headers)
        if isinstance(error, ProxyPage):
            return PlainTextResponse(f"{error.message}\n", error.status, headers)
        body = error_body(
            error,
            request_id=self._exchange.request_id,
            trace_id=self._exchange.trace_id,
            timestamp=self._world.clock(),
        )
        return JSONResponse(body, error.status, headers)


class ServedRequest(_Served):
    """One HTTP request.

    Args:
        world: What its handler stands on.
        exchange: What is known of it.
        scope: What the server says of it.
        receive: The server's.
        send: The server's.
    """

    async def send(self, message: Message) -> None:
        """Send a piece of the answer; waits for a client that does not read."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._with_ids(message)
        elif not message.get("more_body"):
            self._note_request()
        await self._send(message)

    async def refuse(self, error: PlatformError) -> None:
        """Answer with an error; where an answer has begun, end the connection instead."""
        if self._status is None:
            await self._answer(error)(self._scope, self.receive, self.send)

    async def finish(self) -> None:
        """Nothing: a handler that returns has answered."""

    def end(self) -> None:
        """Note it, however it ended."""
        self._note_request()


class ServedSocket(_Served):
    """One WebSocket; arguments as for a request."""

    def __init__(
        self, world: World, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        super().__init__(world, exchange, scope, self._watched(receive), send)
        self._accepted = False
        self._closed = False

    async def send(self, message: Message) -> None:
        """Accept, send or close; waits for a client that does not read."""
        kind = message["type"]
        if kind == "websocket.accept":
            self._with_ids(message)
            self._accepted, self._status = True, SWITCHED
            self._world.truth.open_connection(
                self._exchange, path=self._scope["path"], headers=self._scope["headers"]
            )
        elif kind == "websocket.http.response.start":
            self._with_ids(message)
            self._status = message["status"]
            self._note_request()
        elif kind == "websocket.close" and self._accepted:
            self._note_closure(message.get("code", NORMAL_CLOSURE))
        elif kind == "websocket.close":
            self._status = TURNED_AWAY
            self._note_request()
        await self._send(message)

    async def refuse(self, error: PlatformError) -> None:
        """Answer the upgrade with an error; once accepted, close with 1011."""
        if self._accepted:
            await self._close(SERVER_ERROR)
        elif self._status is None:
            await self._answer(error)(self._scope, self.receive, self.send)

    async def finish(self) -> None:
        """Close what the handler has left open."""
        if self._accepted:
            await self._close(NORMAL_CLOSURE)

    def end(self) -> None:
        """Note it, however it ended."""
        if self._accepted:
            self._note_closure(BROKEN)
        else:
            self._note_request()

    def _watched(self, receive: Receive) -> Receive:
        async def watched() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect" and self._accepted:
                self._note_closure(message.get("code", NO_CODE))
            return message

        return watched

    def _note_closure(self, code: int) -> None:
        if not self._closed:
            self._closed = True
            self._world.truth.close_connection(self._exchange, code=code)

    async def _close(self, code: int) -> None:
        if not self._closed:
            # What cannot be closed any more is closed.
            with contextlib.suppress(OSError):
                await self.send({"type": "websocket.close", "code": code})
