from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.resolving import resolve, system_resolver
from netra_testkit.errors import Cause, ConnectionFailed, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = 0.05
LONG = 30.0


class HangingResolver:
    """Answers when it is let go and not before."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()
        self.answered = threading.Event()

    def __call__(self, host: str, port: int) -> list[str]:
        del host, port
        self.asked.set()
        self.let_go.wait(LONG)
        self.answered.set()
        return ["127.0.0.1"]


@pytest.fixture
def hanging() -> Iterator[HangingResolver]:
    resolver = HangingResolver()
    yield resolver
    resolver.let_go.set()


async def test_a_name_becomes_the_addresses_of_its_host() -> None:
    addresses = await resolve("localhost", 80, deadline=Deadline.after(LONG))
    assert addresses
    assert set(addresses) <= {"127.0.0.1", "::1"}


async def test_the_order_of_the_resolver_is_kept_and_each_address_comes_once() -> None:
    def resolver(host: str, port: int) -> list[str]:
        assert (host, port) == ("example.invalid", 443)
        return ["::1", "127.0.0.1", "::1", "127.0.0.2"]

    addresses = await resolve(
        "example.invalid", 443, deadline=Deadline.after(LONG), resolver=resolver
    )
    assert addresses == ("::1", "127.0.0.1", "127.0.0.2")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.0.2.7", "fe80::1%eth0"])
async def test_an_address_is_not_looked_up(address: str) -> None:
    def resolver(host: str, port: int) -> NoReturn:
        pytest.fail(f"looked up {host}:{port}")

    assert await resolve(address, 80, resolver=resolver) == (address,)


def test_the_system_gives_each_address_as_text() -> None:
    assert all(isinstance(each, str) for each in system_resolver("localhost", 80))


FAILURES = {
    "an unknown name": (
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        "Name or service not known",
        Cause.INFRASTRUCTURE,
    ),
    "a refusal without a number": (
        PermissionError("not from here"),
        "not from here",
        Cause.INFRASTRUCTURE,
    ),
    "a resolver that times out by itself": (
        TimeoutError("its own"),
        "its own",
        Cause.INFRASTRUCTURE,
    ),
    "what is no name": (
        UnicodeError("label empty or too long"),
        "it is not a host name",
        Cause.CONFIGURATION,
    ),
}


@pytest.mark.parametrize(("raised", "reason", "cause"), FAILURES.values(), ids=FAILURES)
async def test_a_name_without_an_answer_is_a_failed_connection(
    raised: Exception, reason: str, cause: Cause
) -> None:
    def resolver(host: str, port: int) -> NoReturn:
        del host, port
        raise raised

    with pytest.raises(ConnectionFailed) as failed:
        await resolve("example.invalid", 443, deadline=Deadline.after(LONG), resolver=resolver)
    error = failed.value
    assert (error.phase, error.target, error.reason) == ("name", "example.invalid:443", reason)
    assert error.cause is cause


async def test_a_name_too_long_for_the_system_is_a_failed_connection() -> None:
    def resolver(host: str, port: int) -> list[str]:
        del port
        host.encode("idna")
        return []

    with pytest.raises(ConnectionFailed, match="it is not a host name"):
        await resolve("a" * 64, 80, resolver=resolver)


async def test_a_name_with_no_address_is_a_failed_connection() -> None:
    with pytest.raises(ConnectionFailed, match="it has no address") as failed:
        await resolve("example.invalid", 80, resolver=lambda _host, _port: [])
    assert failed.value.phase == "name"


async def test_a_fault_of_the_resolver_itself_comes_out_as_it_is() -> None:
    fault = ZeroDivisionError()

    def resolver(host: str, port: int) -> NoReturn:
        del host, port
        raise fault

    with pytest.raises(ZeroDivisionError) as out:
        await resolve("example.invalid", 80, resolver=resolver)
    assert out.value is fault


async def test_a_resolver_that_hangs_does_not_outlive_the_deadline(
    hanging: HangingResolver,
) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as ended:
        await resolve("example.invalid", 80, deadline=Deadline.after(SHORT), resolver=hanging)
    assert time.monotonic() - started < SHORT + 0.5
    error = ended.value
    assert (error.phase, error.waiting_for) == ("connect", "address of example.invalid")
    assert (error.limit, error.cause) == (SHORT, Cause.INFRASTRUCTURE)


async def test_a_resolver_that_hangs_is_bounded_by_the_guard_around_it(
    hanging: HangingResolver,
) -> None:
    async def call() -> None:
        async with Deadline.after(SHORT).guard(phase="request", waiting_for="an answer"):
            await resolve("example.invalid", 80, resolver=hanging)

    with pytest.raises(DeadlineExceeded) as ended:
        await call()
    assert ended.value.phase == "request"


async def test_a_passed_deadline_asks_no_resolver(hanging: HangingResolver) -> None:
    deadline = Deadline(limit=1, started_at=time.monotonic() - 2)
    with pytest.raises(DeadlineExceeded):
        await resolve("example.invalid", 80, deadline=deadline, resolver=hanging)
    assert not hanging.asked.is_set()


async def test_a_cancelled_look_up_ends_at_once_and_its_late_answer_is_dropped(
    hanging: HangingResolver,
) -> None:
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    task = asyncio.create_task(resolve("example.invalid", 80, resolver=hanging))
    await asyncio.to_thread(hanging.asked.wait, LONG)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hanging.let_go.set()
    threads = [each for each in threading.enumerate() if "netra-testkit" in each.name]
    await asyncio.to_thread(lambda: [each.join(LONG) for each in threads])
    await asyncio.sleep(0)  # the late answer is handed over here
    assert hanging.answered.is_set()
    assert complaints == []


def test_an_answer_that_comes_after_the_loop_was_closed_is_dropped(
    hanging: HangingResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)

    async def call() -> None:
        await resolve("example.invalid", 80, deadline=Deadline.after(SHORT), resolver=hanging)

    with pytest.raises(DeadlineExceeded):
        asyncio.run(call())
    threads = [each for each in threading.enumerate() if "netra-testkit" in each.name]
    hanging.let_go.set()
    for each in threads:
        each.join(LONG)
    assert hanging.answered.is_set()
    assert complaints == []


async def test_look_ups_do_not_wait_for_one_another(hanging: HangingResolver) -> None:
    waiting = [
        asyncio.create_task(resolve("example.invalid", 80, resolver=hanging)) for _ in range(40)
    ]
    addresses = await resolve("example.invalid", 80, resolver=lambda _host, _port: ["127.0.0.1"])
    assert addresses == ("127.0.0.1",)
    hanging.let_go.set()
    assert await asyncio.gather(*waiting) == [("127.0.0.1",)] * 40


def test_a_resolver_that_never_answers_does_not_keep_the_process_alive() -> None:
    program = """
        import asyncio, threading, time
        from netra_testkit.clients.deadline import Deadline
        from netra_testkit.clients.resolving import resolve
        from netra_testkit.errors import DeadlineExceeded

        def never(host, port):
            threading.Event().wait()

        async def call():
            await resolve("example.invalid", 80, deadline=Deadline.after(0.2), resolver=never)

        started = time.monotonic()
        try:
            asyncio.run(call())
        except DeadlineExceeded as error:
            print(error.phase, time.monotonic() - started < 0.7)
    """
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        check=True,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert (done.stdout.split(), done.stderr) == (["connect", "True"], "")
    assert time.monotonic() - started < 5.0
