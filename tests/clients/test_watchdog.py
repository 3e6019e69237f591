from __future__ import annotations

import asyncio

from netra_testkit.clients.watchdog import Watchdog


async def test_each_wait_expires_in_its_own_time_and_in_order() -> None:
    watchdog, expired, done = Watchdog(), [], asyncio.Event()
    watchdog.watch("late", 0.06, lambda: (expired.append("late"), done.set()))
    watchdog.watch("soon", 0.02, lambda: expired.append("soon"))
    watchdog.watch("middle", 0.04, lambda: expired.append("middle"))
    async with asyncio.timeout(2):
        await done.wait()
    assert expired == ["soon", "middle", "late"]


async def test_a_wait_that_is_over_does_not_expire() -> None:
    watchdog, expired, done = Watchdog(), [], asyncio.Event()
    watchdog.watch("over", 0.02, lambda: expired.append("over"))
    watchdog.watch("lasting", 0.05, done.set)
    watchdog.forget("over")
    watchdog.forget("never watched")
    async with asyncio.timeout(2):
        await done.wait()
    assert expired == []


async def test_a_stopped_watchdog_is_silent_and_may_be_stopped_again() -> None:
    loop = asyncio.get_running_loop()
    watchdog, expired, later = Watchdog(), [], asyncio.Event()
    watchdog.watch("stopped", 0.01, lambda: expired.append("stopped"))
    watchdog.stop()
    watchdog.stop()
    loop.call_later(0.03, later.set)
    async with asyncio.timeout(2):
        await later.wait()
    assert expired == []


async def test_a_wait_told_of_while_another_expires_is_kept() -> None:
    watchdog, done = Watchdog(), asyncio.Event()
    watchdog.watch("first", 0.01, lambda: watchdog.watch("second", 0.01, done.set))
    async with asyncio.timeout(2):
        await done.wait()


async def test_an_expiry_that_ends_another_wait_of_the_same_moment_is_kept() -> None:
    watchdog, expired, done = Watchdog(), [], asyncio.Event()

    def first() -> None:
        expired.append("first")
        watchdog.forget("second")

    watchdog.watch("first", 0.01, first)
    watchdog.watch("second", 0.01, lambda: expired.append("second"))
    watchdog.watch("third", 0.03, done.set)
    async with asyncio.timeout(2):
        await done.wait()
    assert expired == ["first"]
