"""A configured secret: shown to nobody, neither pickled nor copied."""

from __future__ import annotations

from typing import ClassVar

from pydantic import SecretStr

from netra_testkit.settings.unpickled import Unpickled

__all__ = ["SealedText"]


class SealedText(Unpickled, SecretStr):
    """A text that `get_secret_value()` alone tells; pydantic's own kind is pickled as it is."""

    _instead: ClassVar[str] = "read the configuration again instead"
