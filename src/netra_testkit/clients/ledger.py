"""What left the public calls of the clients while a test ran: numbered, as text, never objects."""

from __future__ import annotations

import contextlib
import functools
import itertools
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, Protocol, TypeVar

from netra_testkit.errors import (
    AuthRefused,
    DeadlineExceeded,
    NetraError,
    ServerClosed,
    ServiceUnavailable,
)
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator
    from typing import Any

__all__ = [
    "Entry",
    "Ledger",
    "aside",
    "current",
    "entered",
    "kept",
    "listen",
    "note_connect",
    "note_request",
    "note_retry",
    "note_socket",
    "numbers_in",
    "public_call",
    "silence",
    "taken_back",
]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

# What a test that goes on after it has usually not understood.
ENTERED = (ServerClosed, AuthRefused, DeadlineExceeded, ServiceUnavailable)
LONGEST_TEXT = 400
NUMBER = "ledger_number"

_numbers = itertools.count(1)
# One test runs at a time in a process, so the ledger in use is the module's. A context variable
# would be lost where it is needed: fixtures, pytest-asyncio's runner, anyio's portal and threads
# of the test's own each run in a context of theirs.
_current: Ledger | None = None
_listeners: list[Listener] = []


class Entry(NamedTuple):
    """An error that left a public call.

    Attributes:
        number: Unique in this process.
        kind: The type, as it is named.
        text: What it said, one masked line.
    """

    number: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.number}. {self.kind}: {self.text}"


class Listener(Protocol):
    """Somebody who wants to know what leaves a public call."""

    def heard(self, error: NetraError, entry: Entry) -> bool:
        """Whether this error was expected by the listener."""

    def forget(self, number: int) -> None:
        """The error with this number was caught by the kit itself."""


class Ledger:
    """What happened on the wire during one test.

    Attributes:
        requests: How many HTTP requests were sent, event streams included.
        sockets: How many WebSockets were asked for.
        connects: How many connections the interpreter reported, whoever opened them.
        retried: What was tried again, one masked line each.
        entries: The errors that left a public call, by number.
        accounted: The numbers of those that somebody has answered for.
    """

    requests: int
    sockets: int
    connects: int
    retried: list[str]
    entries: dict[int, Entry]
    accounted: set[int]

    def __init__(self) -> None:
        self.requests = 0
        self.sockets = 0
        self.connects = 0
        self.retried = []
        self.entries = {}
        self.accounted = set()

    @property
    def contacted(self) -> bool:
        """Whether anything was sent or opened."""
        return bool(self.requests or self.sockets or self.connects)

    @property
    def unaccounted(self) -> tuple[Entry, ...]:
        """The errors that nobody has answered for, in the order they came."""
        # Another thread may enter one meanwhile.
        return tuple(
            entry for number, entry in self.entries.copy().items() if number not in self.accounted
        )

    def account(self, error: BaseException) -> None:
        """Answer for an error, and for all that are chained or grouped below it."""
        self.accounted |= numbers_in(error)


def current() -> Ledger | None:
    """The ledger in use; None outside a test."""
    return _current


@contextlib.contextmanager
def kept(ledger: Ledger | None) -> Iterator[None]:
    """Use a ledger, or none, inside the block, and what was used before it afterwards."""
    global _current  # noqa: PLW0603 - the one place that changes it
    before, _current = _current, ledger
    try:
        yield
    finally:
        _current = before


def aside() -> contextlib.AbstractContextManager[None]:
    """A block whose calls are the kit's own and nothing of the test's."""
    return kept(None)


def note_request() -> None:
    """An HTTP request is about to be sent."""
    if _current is not None:
        _current.requests += 1


def note_socket() -> None:
    """A WebSocket is about to be asked for."""
    if _current is not None:
        _current.sockets += 1


def note_connect() -> None:
    """The interpreter reports that somebody connects."""
    if _current is not None:
        _current.connects += 1


def note_retry(error: BaseException | None, said: str) -> None:
    """A failed attempt is about to be followed by another one, and its error by nothing."""
    if error is not None:
        taken_back(error)
    if _current is not None:
        _current.retried.append(said)


def listen(listener: Listener) -> None:
    """Tell somebody of every error that leaves a public call, until `silence`."""
    _listeners.append(listener)


def silence(listener: Listener) -> None:
    """Tell somebody nothing any more."""
    _listeners.remove(listener)


def entered(error: E) -> E:
    """The same error, numbered and entered as it leaves a public call.

    It is entered once, however many public calls it passes through; those in a group are entered
    each for itself.
    """
    if _current is None and not _listeners:
        return error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            entered(each)
    elif isinstance(error, NetraError) and NUMBER not in vars(error):
        number = vars(error)[NUMBER] = next(_numbers)
        said = mask(str(error).partition("\n")[0])[:LONGEST_TEXT]
        entry = Entry(number, type(error).__name__, said)
        expected = [listener.heard(error, entry) for listener in tuple(_listeners)]
        if _current is not None and isinstance(error, ENTERED):
            _current.entries[number] = entry
            if any(expected):
                _current.accounted.add(number)
    return error


def taken_back(error: BaseException) -> None:
    """Strike out an error, and those grouped in it, that a retry or our cleaning up caught."""
    for each in _grouped(error):
        number = vars(each).pop(NUMBER, None)
        if number is not None:
            if _current is not None:
                _current.entries.pop(number, None)
            for listener in tuple(_listeners):
                listener.forget(number)


def numbers_in(error: BaseException) -> frozenset[int]:
    """The numbers of an error and of all that are chained or grouped below it."""
    numbers: set[int] = set()
    seen: set[int] = set()
    found: list[BaseException | None] = [error]
    while found:
        each = found.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        number = getattr(each, NUMBER, None)
        if number is not None:
            numbers.add(number)
        found += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            found += each.exceptions
    return frozenset(numbers)


def public_call(
    call: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Enter what leaves a coroutine method.

    For calls that take a round trip. One that is made for every message catches for itself, as
    this costs a coroutine more.
    """

    @functools.wraps(call)
    async def watched(*args: P.args, **options: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            return await call(*args, **options)
        except (NetraError, BaseExceptionGroup) as error:
            entered(error)
            raise

    return watched


def _grouped(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _grouped(each)
    else:
        yield error
