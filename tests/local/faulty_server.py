"""A small application behind the protocol class under test, in a thread of its own."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from netra_testkit.local.board import FaultBoard
from netra_testkit.local.server import ServerThread
from netra_testkit.local.transport import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from netra_testkit.local.application import Application

MESSAGE_BYTES = 2**20
BIG = 100_000
HUGE = 6_000_000


@dataclass
class FaultyServer:
    """Where it listens, its faults, and the paths its application was asked for."""

    port: int
    board: FaultBoard
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def connect(self, *, within: float = 3.0, buffer: int | None = None) -> socket.socket:
        endpoint = socket.socket()
        endpoint.settimeout(within)
        if buffer is not None:
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        endpoint.connect(("127.0.0.1", self.port))
        return endpoint


def application(server: FaultyServer) -> Starlette:
    async def plain(request: Request) -> Response:
        server.asked.append(request.url.path)
        return PlainTextResponse("served")

    async def big(_request: Request) -> Response:
        return PlainTextResponse("x" * BIG)

    async def huge(_request: Request) -> Response:
        return PlainTextResponse("y" * HUGE)

    async def echo(request: Request) -> Response:
        return Response(await request.body())

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(json.dumps({"type": "connection_established"}))
        async for said in websocket.iter_text():
            if said == "run":
                await websocket.send_text(json.dumps({"type": "agent_started"}))
            await websocket.send_text(json.dumps({"type": "ack", "said": said}))

    async def refuse(websocket: WebSocket) -> None:
        await websocket.close()

    return Starlette(
        routes=[
            Route("/plain", plain),
            Route("/other/{name}", plain),
            Route("/big", big),
            Route("/huge", huge),
            Route("/echo", echo, methods=["POST"]),
            WebSocketRoute("/ws", talk),
            WebSocketRoute("/refuse", refuse),
        ]
    )


@contextlib.contextmanager
def serving(*, head_seconds: float = 5.0) -> Iterator[FaultyServer]:
    """Serve until the block is left, in the thread that `LocalStaging` serves in."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        board = FaultBoard()
        served = FaultyServer(port=listening.getsockname()[1], board=board)
        running = ServerThread(
            cast("Application", application(served)),
            protocol=protocol(board, head_seconds=head_seconds),
            listening=listening,
            message_bytes=MESSAGE_BYTES,
        )
        running.start()
        try:
            yield served
        finally:
            running.stop()
