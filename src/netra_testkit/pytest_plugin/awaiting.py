"""Whether a coroutine test was awaited: one that was not has said nothing and seems to pass."""

from __future__ import annotations

import contextlib
import gc
import inspect
import warnings
from types import CoroutineType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["watched"]

# What the interpreter calls when a coroutine ends that never began. Warning filters decide later
# whether anybody sees it, so it is met here.
TOLD = "_warn_unawaited_coroutine"


@contextlib.contextmanager
def watched(test: object, name: str | None = None) -> Iterator[list[str]]:
    """A block in which a coroutine of this test that nobody awaits adds its name to the list.

    It is added when it is thrown away, and at the end of the block where somebody keeps it: only
    a decorator that is no coroutine function can do that without a word from pytest.

    Args:
        test: The test's function.
        name: Its name, which the function in a decorator that tells nothing of it has as well.
    """
    forgotten: list[str] = []
    function = _coroutine_function(test, name)
    if function is None:
        yield forgotten
        return
    decorated = not inspect.iscoroutinefunction(test)
    earlier = _never_begun(function) if decorated else []
    with _told_of(function, forgotten):
        yield forgotten
    if decorated:
        kept = [each for each in _never_begun(function) if not any(each is one for one in earlier)]
        forgotten += [each.__qualname__ for each in kept]


def _coroutine_function(test: object, name: str | None) -> Any:  # noqa: ANN401 - of any signature
    """The coroutine function that a test is, or that its decorators hide."""
    function: Any = inspect.unwrap(test) if callable(test) else None
    if inspect.iscoroutinefunction(function):
        return function
    for cell in getattr(function, "__closure__", None) or ():
        # A cell may be empty as yet.
        with contextlib.suppress(ValueError):
            held = cell.cell_contents
            if inspect.iscoroutinefunction(held) and held.__name__ == name:
                return held
    return None


def _never_begun(function: Any) -> list[CoroutineType[Any, Any, Any]]:  # noqa: ANN401 - see above
    """The coroutines of a function that are there and that nobody has begun to await."""
    code = inspect.unwrap(function).__code__
    return [
        each
        for each in gc.get_objects()
        if type(each) is CoroutineType
        and each.cr_code is code
        and inspect.getcoroutinestate(each) == inspect.CORO_CREATED
    ]


@contextlib.contextmanager
def _told_of(function: Any, forgotten: list[str]) -> Iterator[None]:  # noqa: ANN401 - see above
    """A block in which the interpreter's word of a coroutine that is thrown away is heard."""
    before = getattr(warnings, TOLD, None)
    if before is None:
        yield
        return

    def tell(coroutine: Any) -> None:  # noqa: ANN401 - the interpreter's call
        # A plugin's wrapper has a code of its own and the name of what it wraps.
        if function.__qualname__ == coroutine.__qualname__:
            forgotten.append(coroutine.__qualname__)
        before(coroutine)

    setattr(warnings, TOLD, tell)
    try:
        yield
    finally:
        setattr(warnings, TOLD, before)
