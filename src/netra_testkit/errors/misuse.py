"""The kit was called in a way that cannot work."""

from __future__ import annotations

from dataclasses import dataclass, field

from netra_testkit.errors.root import Cause, NetraError

__all__ = ["AlreadyReading", "ClientClosed", "InvalidBound", "Misuse", "WrongLoop"]


@dataclass(kw_only=True, eq=False)
class Misuse(NetraError, RuntimeError):
    """The kit was called in a way that cannot work; raised before any I/O.

    Attributes:
        what: What was done.
    """

    what: str
    cause: Cause = Cause.TEST

    def _sentence(self) -> str:
        return self.what


@dataclass(kw_only=True, eq=False)
class ClientClosed(Misuse):
    """A call on a client that is closed or was never opened."""

    hint: str = "Use the client inside its `async with` block, and open a new one after a failure."


@dataclass(kw_only=True, eq=False)
class AlreadyReading(Misuse):
    """Two of receive, expect and events at once on one connection."""

    hint: str = "Await one reader at a time, or open one connection for each."


@dataclass(kw_only=True, eq=False)
class WrongLoop(Misuse):
    """A client used from another event loop than the one that opened it, or opened on none."""

    hint: str = "Open the client inside the loop that uses it, in a function-scoped fixture."


@dataclass(kw_only=True, eq=False)
class InvalidBound(Misuse, ValueError):
    """A bound that is not a positive, finite number of seconds.

    Attributes:
        value: What was given, as text.
    """

    value: str
    what: str = field(init=False)
    hint: str = "Give a positive number of seconds or a Deadline; nothing waits for ever."

    def __post_init__(self) -> None:
        self.what = f"within={self.value} is not a positive, finite number of seconds"
