"""Name resolution that can be given up: a daemon thread of our own, joined by nobody."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from netra_testkit.errors import Cause, ConnectionFailed

if TYPE_CHECKING:
    from netra_testkit.clients.deadline import Deadline

__all__ = ["Resolver", "resolve", "system_resolver"]

Resolver: TypeAlias = Callable[[str, int], Iterable[str]]
"""Gives the addresses of a host, best first; may block for as long as it likes."""


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that the operating system gives, in its order. Blocks."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


async def resolve(
    host: str,
    port: int,
    *,
    deadline: Deadline | None = None,
    resolver: Resolver = system_resolver,
) -> tuple[str, ...]:
    """The addresses of a host as text, best first, each once.

    The event loop's own look-up runs in its default executor, which `asyncio.run` joins, so that a
    resolver which hangs holds up the end of the program. The thread used here is waited for by
    nobody: the caller gets its error in time and the process ends in time.

    Bounded by `deadline`; without one by the guard that the caller is inside of. Safe to cancel.

    Raises:
        ConnectionFailed: The host has no address; its phase is name.
        DeadlineExceeded: There was no answer in time; its phase is connect.
    """
    with contextlib.suppress(ValueError):
        return (str(ipaddress.ip_address(host)),)
    if deadline is None:
        return await _look_up(host, port, resolver)
    async with deadline.guard(
        phase="connect", waiting_for=f"address of {host}", cause=Cause.INFRASTRUCTURE
    ):
        return await _look_up(host, port, resolver)


async def _look_up(host: str, port: int, resolver: Resolver) -> tuple[str, ...]:
    target = f"{host}:{port}"
    try:
        addresses = await _in_a_thread(lambda: tuple(dict.fromkeys(resolver(host, port))))
    except OSError as refused:
        reason = refused.strerror or str(refused)
        raise ConnectionFailed(phase="name", target=target, reason=reason) from None
    except UnicodeError:
        raise ConnectionFailed(
            phase="name",
            target=target,
            reason="it is not a host name",
            cause=Cause.CONFIGURATION,
        ) from None
    if not addresses:
        raise ConnectionFailed(phase="name", target=target, reason="it has no address")
    return addresses


def _in_a_thread(call: Callable[[], tuple[str, ...]]) -> asyncio.Future[tuple[str, ...]]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, ...]] = loop.create_future()

    def settle(addresses: tuple[str, ...], failure: Exception | None) -> None:
        if answer.done():  # given up meanwhile
            return
        if failure is None:
            answer.set_result(addresses)
        else:
            answer.set_exception(failure)

    def work() -> None:
        addresses: tuple[str, ...] = ()
        failure: Exception | None = None
        try:
            addresses = call()
        except Exception as raised:  # noqa: BLE001 - it is raised where the answer is awaited
            failure = raised
        # The loop may have been closed by now; then nobody waits for the answer.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, addresses, failure)

    threading.Thread(target=work, name="netra-testkit-resolver", daemon=True).start()
    return answer
