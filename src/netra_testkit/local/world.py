"""What every handler of the embedded staging stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import HTTPConnection

    from netra_testkit.local.access import Gate
    from netra_testkit.local.board import FaultBoard
    from netra_testkit.local.options import Options
    from netra_testkit.local.state import State
    from netra_testkit.local.truth import ServerTruth
    from netra_testkit.settings.environments import Environment

__all__ = ["Urls", "World", "world_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Where the server is reached; each part of the platform answers on the one port.

    Attributes:
        base: The backend, and the auth service.
        api: The root of the HTTP API.
        websocket: The WebSocket.
        port: The port of all of them.
    """

    base: str
    api: str
    websocket: str
    port: int

    @classmethod
    def at(cls, host: str, port: int) -> Urls:
        """The URLs of a host and a port.

        Args:
            host: A name or an address, without brackets.
            port: The port that is bound.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return cls(
            base=f"http://{address}",
            api=f"http://{address}/api",
            websocket=f"ws://{address}/ws",
            port=port,
        )

    @property
    def auth(self) -> str:
        """The auth service, which shares the port of the backend."""
        return self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One running server: what it was told to be, what it knows, and who may come in.

    Attributes:
        options: What it was told to be.
        state: Users, threads, runs and all else that it remembers.
        board: The faults that are to strike.
        truth: What it received and sent.
        gate: Who may come in.
        urls: Where it is reached.
        version: The build's version.
        revision: The build's revision.
        environment: What it says it is: local.
        started_at: When it was started, in seconds since the epoch.
        clock: The time, in seconds since the epoch.
    """

    options: Options
    state: State
    board: FaultBoard
    truth: ServerTruth
    gate: Gate
    urls: Urls
    version: str
    revision: str
    environment: Environment
    started_at: float
    clock: Callable[[], float]


def world_of(connection: HTTPConnection) -> World:
    """The world of the server that serves this request or socket."""
    world: World = connection.app.state.world
    return world
