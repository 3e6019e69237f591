"""What was said, or was about to be said, is not the protocol."""

from __future__ import annotations

from dataclasses import dataclass

from netra_testkit.errors.root import Cause, NetraError

__all__ = ["IllegalStep", "MalformedFrame", "Unencodable", "UnknownMessageType", "WireError"]


@dataclass(kw_only=True, eq=False)
class WireError(NetraError, ValueError):
    """What was said, or was about to be said, is not the protocol."""


@dataclass(kw_only=True, eq=False)
class UnknownMessageType(WireError):
    """A message type that the table does not know.

    Attributes:
        name: The name as given.
        nearest: Known names that look like it, nearest first.
    """

    name: str
    nearest: tuple[str, ...] = ()
    cause: Cause = Cause.TEST
    hint: str = ""

    def __post_init__(self) -> None:
        known = " or ".join(self.nearest)
        self.hint = self.hint or (f"Use {known}." if known else "MESSAGE_TYPES lists every name.")

    def _sentence(self) -> str:
        return f"{self.name!r} is not a known message type"


@dataclass(kw_only=True, eq=False)
class MalformedFrame(WireError):
    """Text or bytes that are not a frame.

    Attributes:
        reason: What is wrong with it.
        excerpt: A bounded, masked piece around that place.
        position: Where, in characters from the start; None when it is the whole.
    """

    reason: str
    excerpt: str
    position: int | None = None
    cause: Cause = Cause.PRODUCT
    hint: str = "Compare the excerpt with the frames in the wire reference."

    def _sentence(self) -> str:
        where = "" if self.position is None else f" at character {self.position}"
        return f"Not a frame: {self.reason}{where}: {self.excerpt}"


@dataclass(kw_only=True, eq=False)
class Unencodable(WireError):
    """A payload that JSON cannot carry, refused before anything is sent.

    Attributes:
        path: Where in the payload, such as ``payload.items[3]``.
        reason: Why it cannot be carried.
    """

    path: str
    reason: str
    cause: Cause = Cause.TEST
    hint: str = "Send JSON values only; to_jsonable() turns any object into them."

    def _sentence(self) -> str:
        return f"{self.path} cannot be encoded: {self.reason}"


@dataclass(kw_only=True, eq=False)
class IllegalStep(WireError):
    """A connection state that cannot follow the one before it.

    Attributes:
        origin: The state the connection was in.
        target: The state it was said to take.
        legal: The states that may follow `origin`; empty when it is final.
    """

    origin: str
    target: str
    legal: tuple[str, ...]
    cause: Cause = Cause.PRODUCT
    hint: str = "Look for the event that was lost or came twice before this step."

    def _sentence(self) -> str:
        legal = " or ".join(self.legal) or "nothing"
        return f"A connection cannot go from {self.origin} to {self.target}, only to {legal}"
