"""A test that resists its own end does not hold up what comes after it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.bounding import Bounded
from netra_testkit.pytest_plugin.second_line import SecondLine, Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# More than it is asked to end by whoever gives it up.
OFTEN = 8


def resisting(asked: list[str]) -> Callable[[], Awaitable[None]]:
    async def body() -> None:
        while len(asked) < OFTEN:
            try:
                await asyncio.sleep(30)
            except BaseException as error:  # noqa: BLE001 - it resists whatever ends it
                asked.append(type(error).__name__)

    return body


async def give_up(body: Callable[[], Awaitable[None]]) -> None:
    bounded = Bounded(body(), Watch("test_it", 30))
    task = asyncio.create_task(bounded.run())
    await asyncio.sleep(0)
    bounded.give_up()
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        await task


def test_what_resists_being_closed_is_never_closed_again() -> None:
    asked: list[str] = []
    asyncio.run(give_up(resisting(asked)))
    gc.collect()
    # As garbage it would be asked once more, where no loop lets it wait.
    assert asked == ["GeneratorExit"]


@pytest.mark.parametrize("collecting", [True, False])
def test_no_garbage_ends_in_the_thread_that_ends_tests(*, collecting: bool) -> None:
    seen: list[bool] = []
    line = SecondLine(
        write=lambda _: seen.append(gc.isenabled()), end=lambda _: None, late=0.01, hung=30.0
    )
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        line.look_after(Watch("test_it", 0.01, thread=0))
        until = time.monotonic() + 10
        while not seen and time.monotonic() < until:
            threading.Event().wait(0.01)
        line.release()
        line.close()
        assert seen == [False]
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()
