"""A configured secret: shown to nobody, neither pickled nor copied."""

from __future__ import annotations

from typing import NoReturn, Self, SupportsIndex

from pydantic import SecretStr

__all__ = ["SealedText"]


class SealedText(SecretStr):
    """A text that `get_secret_value()` alone tells; pydantic's own kind is pickled as it is."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, object]) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        self._stay()

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        self._stay()

    def _stay(self) -> NoReturn:
        raise TypeError("a SealedText is not pickled: read the configuration again instead")
