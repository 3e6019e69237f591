"""A server of any handlers at all, for tests of what stands around a handler."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netra_testkit.local.access import Gate
from netra_testkit.local.application import Application
from netra_testkit.local.board import FaultBoard
from netra_testkit.local.options import Options
from netra_testkit.local.server import ServerThread, bound_socket
from netra_testkit.local.state import State
from netra_testkit.local.transport import protocol
from netra_testkit.local.truth import ServerTruth
from netra_testkit.local.world import Urls, World
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from starlette.routing import BaseRoute

    from netra_testkit.local.faults import Fault


def new_world(*, faults: Sequence[Fault] = (), port: int = 1) -> World:
    """A world of its own, with a secret of its own."""
    state = State()
    board = FaultBoard(faults)
    return World(
        options=Options(),
        state=state,
        board=board,
        truth=ServerTruth(),
        gate=Gate(
            JwtSecret.generate("a test"),
            state=state,
            board=board,
            environment=Environment.LOCAL,
            clock=time.time,
        ),
        urls=Urls.at("127.0.0.1", port),
        version="1",
        revision="2",
        environment=Environment.LOCAL,
        started_at=time.time(),
        clock=time.time,
    )


def thread_of(
    world: World, *routes: BaseRoute, listening: socket.socket | None = None
) -> ServerThread:
    """A server of these routes, not yet started."""
    return ServerThread(
        Application(world, routes),
        protocol=protocol(world.board),
        listening=listening or bound_socket("127.0.0.1", 0),
        message_bytes=2**20,
    )


@contextmanager
def serving(*routes: BaseRoute, faults: Sequence[Fault] = ()) -> Iterator[World]:
    """The world of a running server of these routes."""
    listening = bound_socket("127.0.0.1", 0)
    world = new_world(faults=faults, port=listening.getsockname()[1])
    thread = thread_of(world, *routes, listening=listening)
    thread.start()
    try:
        yield world
    finally:
        thread.stop()
