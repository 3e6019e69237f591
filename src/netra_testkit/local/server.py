"""uvicorn in a thread of its own: bound by us, ready when it says so, stopped in time."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from uvicorn import Config, Server

from netra_testkit.errors import Cause, ConfigurationError, DeadlineExceeded, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netra_testkit.local.application import Application

__all__ = ["ServerThread", "bound_socket"]

BACKLOG: Final = 2048
LAST_PORT: Final = 65_535
READY_WITHIN: Final = 10.0
STOPPED_WITHIN: Final = 5.0
# A suite may think for a minute between two requests, and a client that finds its connection
# closed in that moment reports a failure that is none.
KEPT_ALIVE: Final = 75
# Within this, closing frames and last answers leave; so often it is seen whether they have.
GRACE: Final = 0.05
GLANCE: Final = 0.002
# The date in the head of an answer is this old at most.
DATED: Final = 1.0


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens, so that the port is known before anything runs.

    Args:
        host: A name or an address.
        port: The port, 0 for any that is free.

    Raises:
        ConfigurationError: They cannot be bound.
    """
    reason = "it is no number from 0 to 65535"
    if 0 <= port <= LAST_PORT:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio takes Nagle's algorithm off those sockets only that say they are TCP, and with it
        # every answer in two parts takes 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            # On Windows the same option would let another process take the port.
            if sys.platform != "win32":  # pragma: no branch - of one platform
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            reason = error.strerror or str(error)
        else:
            return listening
    remedy = f"{host} port {port} cannot be bound ({reason}); port 0 takes any that is free."
    raise ConfigurationError(
        problems=(Problem("port", "argument", remedy),),
        hint="Name another port, or end what has this one.",
    )


class ServerThread:
    """One server, from its start to its stop.

    Args:
        application: What it serves.
        protocol: The class that speaks HTTP.
        listening: Where it is reached; closed with the server.
        message_bytes: How long a WebSocket message may be.
    """

    def __init__(
        self,
        application: Application,
        *,
        protocol: type[asyncio.Protocol],
        listening: socket.socket,
        message_bytes: int,
    ) -> None:
        ready: Future[asyncio.AbstractEventLoop] = Future()
        with _unchanged_logger("uvicorn.access"):
            config = Config(
                application,
                http=protocol,
                ws="websockets-sansio",
                loop="asyncio",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEPT_ALIVE,
                timeout_graceful_shutdown=1,
                ws_max_size=message_bytes,
                ws_per_message_deflate=False,
            )
        self._server = _Server(config, application, ready)
        self._ready = ready
        self._ended: Future[None] = Future()
        self._listening = listening
        self._thread = threading.Thread(
            target=self._run, name=f"netra-local-{listening.getsockname()[1]}", daemon=True
        )

    def start(self) -> None:
        """Start it and return when it answers.

        Raises:
            DeadlineExceeded: It did not get ready.
        """
        self._thread.start()
        first: tuple[Future[Any], ...] = (self._ready, self._ended)
        wait(first, READY_WITHIN, return_when=FIRST_COMPLETED)
        if self._ended.done():
            self._ended.result()
        if not self._ready.done():
            self._server.should_exit = True
            raise _late("start", READY_WITHIN, "embedded staging to get ready")

    def stop(self) -> None:
        """Stop it, whatever its clients and handlers do, and return when its thread has ended.

        What ended the thread before its time is raised as it is.

        Raises:
            DeadlineExceeded: A handler blocks the thread.
        """
        self._server.should_exit = True
        if self._ready.done():
            # What ended by itself has closed its loop.
            with suppress(RuntimeError):
                self._ready.result().call_soon_threadsafe(self._server.exiting.set)
        self._thread.join(STOPPED_WITHIN)
        if self._thread.is_alive():
            raise _late("stop", STOPPED_WITHIN, "end of the embedded staging's thread")
        self._ended.result()

    def run(self, act: Callable[[], None], *, phase: str = "run") -> None:
        """Do something in the server's thread, and return when it is done.

        Args:
            act: What is to be done.
            phase: What that is, for whoever reads that it was not done.

        Raises:
            DeadlineExceeded: The thread is blocked; what had not begun by then is not done later.
        """
        done: Future[None] = Future()

        def acting() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
                done.set_exception(error)
            else:
                done.set_result(None)

        self._ready.result().call_soon_threadsafe(acting)
        wait((done,), STOPPED_WITHIN)
        if not done.done():
            done.cancel()
            raise _late(phase, STOPPED_WITHIN, "turn in the embedded staging's thread")
        done.result()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listening])
        except BaseException as error:  # noqa: BLE001 - raised again by whoever starts or stops it
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)
        finally:
            self._listening.close()


class _Server(Server):
    def __init__(
        self, config: Config, application: Application, ready: Future[asyncio.AbstractEventLoop]
    ) -> None:
        super().__init__(config)
        self._application = application
        self._ready = ready
        self.exiting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set_result(asyncio.get_running_loop())

    async def main_loop(self) -> None:
        # uvicorn's own sees a tenth of a second later that it should exit.
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(DATED):
                    await self.exiting.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's signature; its servers own the sockets
        # uvicorn would wait for its clients; what still runs when this returns is cancelled.
        self._application.stopping = True
        # asyncio loses whom it accepted just before its server is closed. A timer is called after
        # that, in every turn of a loop.
        await asyncio.sleep(GLANCE)
        for server in self.servers:
            server.close()
        state = self.server_state
        told: set[Any] = set()
        loop = asyncio.get_running_loop()
        end = loop.time() + GRACE
        waiting = True
        while waiting and loop.time() < end:
            for connection in state.connections - told:
                # uvicorn would refuse an upgrade that its handler is about to answer.
                if getattr(connection, "handshake_complete", True):
                    told.add(connection)
                    connection.shutdown()
            await asyncio.sleep(GLANCE)
            waiting = bool(state.connections or state.tasks)
        for connection in told | state.connections:
            connection.transport.abort()


@contextmanager
def _unchanged_logger(name: str) -> Iterator[None]:
    """Leave a logger as it is: uvicorn's configuration silences it for the whole process."""
    logger = logging.getLogger(name)
    handlers, propagate = logger.handlers, logger.propagate
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate


def _late(phase: str, limit: float, waiting_for: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        phase=phase,
        limit=limit,
        elapsed=limit,
        waiting_for=waiting_for,
        has_peer=False,
        cause=Cause.UNDECIDED,
        hint="Something blocks its thread, such as a handler or a debugger; end that, or go on with"
        " another LocalStaging().",
    )
