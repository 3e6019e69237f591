"""A server on loopback that behaves exactly as badly as it is told to."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

LOOPBACK = "127.0.0.1"
STOPS_WITHIN = 1.0
SMALL_BUFFER = 4096
NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Stopped(Exception):
    """The server was stopped while a behaviour waited."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the rudeness goes, in seconds.

    Attributes:
        interval: Between two pieces of something that drips.
        late: Before an answer that comes late.
    """

    interval: float = 0.01
    late: float = 0.3


class Ending(StrEnum):
    """What follows what was said."""

    SILENCE = "silence"
    CLOSE = "close"
    HALF_CLOSE = "half-close"
    RESET = "reset"


class Peer:
    """One connection, as a behaviour sees it. Every wait in it ends when the server stops."""

    def __init__(self, connection: socket.socket, pace: Pace, stopping: threading.Event) -> None:
        self.pace = pace
        self._connection = connection
        self._stopping = stopping
        self._unread = b""

    def receive(self) -> bytes:
        """Whatever comes next; nothing when the other side has ended."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        return self._connection.recv(65_536)

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to a mark, the mark included."""
        data = b""
        while mark not in data:
            data += self._more()
        found, _, self._unread = data.partition(mark)
        return found + mark

    def read_exactly(self, count: int) -> bytes:
        """So many bytes."""
        data, self._unread = self._unread, b""
        while len(data) < count:
            data += self._more()
        self._unread = data[count:]
        return data[:count]

    def read_request(self) -> dict[str, str]:
        """The headers of a request in lower case, with its path under `:path`, its body dropped."""
        first, *lines = self.read_until(b"\r\n\r\n").decode("latin-1").splitlines()
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        self.read_exactly(int(headers.get("content-length", "0")))
        return {**headers, ":path": first.split(" ")[1]}

    def send(self, data: bytes) -> None:
        """Send at once."""
        self._connection.sendall(data)

    def repeat(self, data: bytes) -> None:
        """Send the same again and again, one piece each interval, for ever."""
        while True:
            self.send(data)
            self.wait(self.pace.interval)

    def flood(self, data: bytes) -> None:
        """Send the same again and again, as fast as it is taken, for ever."""
        many = data * max(1, 65_536 // len(data))
        while True:
            self.send(many)

    def wait(self, seconds: float) -> None:
        """Do nothing for so long."""
        if self._stopping.wait(seconds):
            raise Stopped

    def hold(self) -> None:
        """Keep the connection and neither read nor say anything."""
        self._stopping.wait()
        raise Stopped

    def drain(self) -> None:
        """Read and drop what comes until the other side ends."""
        while self.receive():
            pass

    def end(self, ending: Ending) -> None:
        """End the connection so; what was sent before a reset has time to be read."""
        match ending:
            case Ending.SILENCE:
                self.drain()
            case Ending.HALF_CLOSE:
                self._connection.shutdown(socket.SHUT_WR)
                self.drain()
            case Ending.RESET:
                self.wait(self.pace.interval)
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._connection.close()

    def _more(self) -> bytes:
        data = self.receive()
        if not data:
            raise EOFError
        return data


Act: TypeAlias = "Callable[[Peer], None]"


class Listening(StrEnum):
    """What becomes of an attempt to connect."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    NEVER_COMPLETES = "never completes"


@dataclass
class RudeServer:
    """Serves one behaviour on a port of its own, a thread for each connection.

    Attributes:
        act: What to do with a connection.
        listening: What becomes of an attempt to connect.
        small_buffer: Whether the system takes next to nothing for a behaviour that never reads.
        pace: How fast it goes.
        port: Where it listens.
        accepted: How many connections there have been.
        faults: What went wrong in the behaviour itself; raised when the server stops.
    """

    act: Act
    listening: Listening = Listening.ACCEPTS
    small_buffer: bool = False
    pace: Pace = field(default_factory=Pace)
    host: str = LOOPBACK
    port: int = 0
    accepted: int = 0
    faults: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._waker, self._woken = socket.socketpair()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        """Begin to listen, or take the port without listening."""
        if self.small_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self._listener.settimeout(0.0)
        self._listener.bind((self.host, 0))
        self.port = self._listener.getsockname()[1]
        match self.listening:
            case Listening.ACCEPTS:
                self._listener.listen(128)
                self._begin(self._accept, "rude listener")
            case Listening.NEVER_COMPLETES:
                # Of a backlog of none the system keeps one connection and ignores the others.
                self._listener.listen(0)
                self._connections.add(socket.create_connection((self.host, self.port), 1.0))

    def stop(self) -> None:
        """End every connection and thread, within a second."""
        self._stopping.set()
        self._waker.close()
        with self._lock:
            for connection in self._connections:
                # It may have ended by itself this moment; its thread closes it.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        latest = time.monotonic() + STOPS_WITHIN
        for thread in self._threads:
            thread.join(max(0.0, latest - time.monotonic()))
        for each in (self._listener, self._woken, *self._connections):
            each.close()
        left = [thread.name for thread in self._threads if thread.is_alive()]
        if left:
            message = f"still running: {left}"
            raise RuntimeError(message)
        if self.faults:
            raise ExceptionGroup("the behaviour itself failed", self.faults)

    def _begin(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=f"{name} {self.port}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping.is_set():
                for key, _ in selector.select():
                    if key.fileobj is self._listener:
                        self._take()

    def _take(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # The other side was gone before it was accepted.
            return
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            if self._stopping.is_set():
                connection.close()
                return
            self.accepted += 1
            self._connections.add(connection)
        self._begin(lambda: self._serve(connection), "rude connection")

    def _serve(self, connection: socket.socket) -> None:
        try:
            self.act(Peer(connection, self.pace, self._stopping))
        except (OSError, EOFError, Stopped):
            # The other side has gone or the server stops: the end of every behaviour.
            pass
        except Exception as fault:  # noqa: BLE001 - raised by stop, in the thread of the test
            self.faults.append(fault)
        finally:
            with self._lock:
                self._connections.discard(connection)
                connection.close()
