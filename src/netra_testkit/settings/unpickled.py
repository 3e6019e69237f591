"""What holds a secret stays in its process: it is its own copy and is not pickled."""

from __future__ import annotations

from typing import ClassVar, NoReturn, Self, SupportsIndex

__all__ = ["Unpickled"]


class Unpickled:
    """A value that is its own copy and refuses to be pickled."""

    __slots__ = ()

    _instead: ClassVar[str]

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, object]) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        self._stay()

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        self._stay()

    def _stay(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled: {self._instead}")
