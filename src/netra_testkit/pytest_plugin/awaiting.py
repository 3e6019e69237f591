"""Whether a coroutine test was awaited: one that was not has said nothing and seems to pass."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["watched"]

# What the interpreter calls when a coroutine ends that never began. Warning filters decide later
# whether anybody sees it, so it is met here.
TOLD = "_warn_unawaited_coroutine"


@contextlib.contextmanager
def watched(test: object) -> Iterator[list[str]]:
    """A block in which a coroutine of this test that is thrown away adds its name to the list.

    Args:
        test: The test's function.
    """
    forgotten: list[str] = []
    function: Any = inspect.unwrap(test) if callable(test) else None
    if not inspect.iscoroutinefunction(function) or not hasattr(warnings, TOLD):
        yield forgotten
        return
    before = getattr(warnings, TOLD)

    def tell(coroutine: Any) -> None:  # noqa: ANN401 - the interpreter's call
        # A plugin's wrapper has a code of its own and the name of what it wraps.
        if function.__qualname__ == coroutine.__qualname__:
            forgotten.append(coroutine.__qualname__)
        before(coroutine)

    setattr(warnings, TOLD, tell)
    try:
        yield forgotten
    finally:
        setattr(warnings, TOLD, before)
