"""What holds for every test: the network ends at loopback, examples are bounded, which loop runs.

NETRA_TEST_LOOP=uvloop or =debug runs every coroutine test on such a loop.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ["pytester"]

settings.register_profile(
    "default",
    deadline=None,
    max_examples=100,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly", settings.get_profile("default"), max_examples=2000, derandomize=False
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# A line is covered by a test that is about it, and not by whatever comes by: what plays whole
# suites, tries many examples or fills a matrix runs at full speed, with nothing measured.
BROAD = {Path(__file__).parent / each for each in ("docs", "examples", "golden_path", "rude")}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as broad what a generator of examples drives, and what stands where all is broad."""
    files = {item.path for item in items}
    broad = {each for each in files if not BROAD.isdisjoint(each.parents)}
    for item in items:
        driven = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if driven or item.path in broad:
            item.add_marker("broad")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is collected: it is kept to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


LOOPBACK_NAMES = frozenset({"localhost", "localhost.", "ip6-localhost", ""})


def is_loopback(host: object) -> bool:
    """Whether a host, by name or address, is this machine."""
    text = host.decode() if isinstance(host, bytes) else host
    if not isinstance(text, str):
        return text is None
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return text.lower() in LOOPBACK_NAMES


def refuse_the_outside(event: str, arguments: tuple[object, ...]) -> None:
    """Stop a test that would resolve or reach anything but loopback."""
    if event == "socket.getaddrinfo" and not is_loopback(arguments[0]):
        message = f"a test must not resolve {arguments[0]!r}: the network ends at loopback"
        raise PermissionError(message)
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(address[0]):
            message = f"a test must not connect to {address!r}: the network ends at loopback"
            raise PermissionError(message)


sys.addaudithook(refuse_the_outside)

LOOP = os.environ.get("NETRA_TEST_LOOP", "")


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop as NETRA_TEST_LOOP names it."""
    if LOOP == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop


if LOOP:

    def pytest_asyncio_loop_factories(config: object, item: object) -> dict[str, object]:
        """Give each coroutine test such a loop."""
        del config, item
        return {LOOP: new_loop}
