"""Naming the failures that a test provokes, so that they count as understood."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, overload

from netra_testkit.clients.ledger import listen, silence
from netra_testkit.errors import Misuse, NetraError, NothingFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.clients.ledger import Entry

__all__ = ["ExpectedFailures", "expecting"]

# Users who act at the same time may each expect for themselves: a block takes what fails in its
# own context. What fails where no block was opened is taken by every block that names it.
_inside: ContextVar[tuple[ExpectedFailures, ...]] = ContextVar("netra_expecting", default=())


class ExpectedFailures(Sequence["Entry"]):
    """The failures of the named types that left a call of a client inside one block.

    A sequence of entries, each with its number, type name and text; the errors themselves belong
    to whoever caught them.

    Attributes:
        errors: The types.
    """

    errors: tuple[type[NetraError], ...]

    def __init__(self, errors: tuple[type[NetraError], ...]) -> None:
        self.errors = errors
        self._entries: list[Entry] = []

    def heard(self, error: NetraError, entry: Entry) -> bool:
        """Whether an error is of these types and nobody closer expects it."""
        if not isinstance(error, self.errors):
            return False
        own = [each for each in _inside.get() if isinstance(error, each.errors)]
        if own and not any(each is self for each in own):
            return False
        self._entries.append(entry)
        return True

    def forget(self, number: int) -> None:
        """Strike out an error that the kit itself caught."""
        self._entries = [entry for entry in self._entries if entry.number != number]

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...

    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<ExpectedFailures: {', '.join(map(str, self)) or 'none'}>"


@contextlib.contextmanager
def expecting(*errors: type[NetraError]) -> Iterator[ExpectedFailures]:
    """Answer for errors of these types that leave a call of a client inside the block.

    They are raised as ever: catch them, or look at them, inside it.

    Raises:
        Misuse: No type is named, or one that is no error of the kit.
        NothingFailed: The block came to its end and none of them came.
    """
    wrong = [each for each in errors if not _is_error(each)]
    if not errors or wrong:
        raise Misuse(
            what=f"expecting({', '.join(map(repr, wrong))})",
            hint="Name the errors of the kit that are to come, such as AuthRefused.",
        )
    expected = ExpectedFailures(errors)
    listen(expected)
    _inside.set((*_inside.get(), expected))
    try:
        yield expected
    finally:
        # Not by a token: a fixture may be torn down in another context than it was set up in.
        _inside.set(tuple(each for each in _inside.get() if each is not expected))
        silence(expected)
    if not expected:
        raise NothingFailed(expected=tuple(each.__name__ for each in errors))


def _is_error(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, NetraError)
