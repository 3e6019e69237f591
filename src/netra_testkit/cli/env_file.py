"""The file through which another process reaches a running server."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.local.env_file import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["written"]

_MARK: Final = "# Written by `netra-testkit serve`, and removed when it ends."


@contextlib.contextmanager
def written(path: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """A file of variables for its owner's eyes only, there as long as the block runs.

    Args:
        path: Where; what is there already is replaced only when an earlier server left it.
        variables: What it says.

    Raises:
        ConfigurationError: It cannot be written, or the file is somebody else's.
    """
    text = f"{_MARK}\n{as_text(variables)}"
    try:
        _guard(path)
        # Whoever waits for the file never sees a part of it; it is made with mode 0600.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise _refused(f"{path} cannot be written ({error.strerror}).") from None
    try:
        yield
    finally:
        # A server that was started later may have put its own in the place of this one.
        if path.exists() and path.read_text("utf-8", "replace") == text:
            path.unlink()


def _guard(path: Path) -> None:
    if path.is_dir():
        raise _refused(f"{path} is a directory.")
    if path.exists():
        with path.open("rb") as opened:
            mark = opened.read(len(_MARK))
        if mark != _MARK.encode():
            raise _refused(f"{path} is not one of this command's; name another, or remove it.")


def _refused(remedy: str) -> ConfigurationError:
    return ConfigurationError(
        problems=(Problem("env file", "--write-env", remedy),),
        hint="Name a file that need not exist, in a directory that does.",
    )
