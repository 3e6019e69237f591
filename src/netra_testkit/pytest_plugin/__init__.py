"""The pytest plugin: options, markers and fixtures of the kit, and its verdicts.

Importing it costs next to nothing and loads pytest and the standard library only.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["AT_ONCE", "OLDEST_PYTEST", "ROOMS", "WHEN_CONCERNED", "register"]

OLDEST_PYTEST = (8, 4)

AT_ONCE = ("options", "fixtures", "masking", "concern")
"""The modules that every run loads; they find out whether it concerns the kit."""

# Of hooks of one name that of the room registered last comes first: what a marker says cannot be
# meant is told before production is looked at, and that before anybody is asked for anything.
# Among wrappers it is the outermost: nothing leaves a run but through the masking.
WHEN_CONCERNED = (
    "needs",
    "reachability",
    "production",
    "markers",
    "selection",
    "unreached",
    "header",
    "causes",
    "verdicts",
    "summary",
    "deadlines",
    "honesty",
    "attempts",
    "transcript",
    "masked_reports",
)
"""The modules that a run loads once it concerns the kit."""

ROOMS = (*AT_ONCE, *WHEN_CONCERNED)
"""The modules with hooks and fixtures, each registered as a plugin named `netra-<room>`."""

_OPTIONS = ("--env", "--priority", "--phase", "--netra-fail-fast", "--netra-require-live")


def _is_supported() -> bool:
    return pytest.version_tuple[:2] >= OLDEST_PYTEST


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register what finds out whether a run concerns the kit, options and fixtures included."""
    del parser
    if _is_supported():
        register(AT_ONCE, pluginmanager)


def register(rooms: Sequence[str], pluginmanager: pytest.PytestPluginManager) -> None:
    """Import rooms and register them, in this order.

    Args:
        rooms: Some of ROOMS.
        pluginmanager: Where.
    """
    for room in rooms:
        name = f"netra-{room.replace('_', '-')}"
        pluginmanager.register(import_module(f"{__name__}.{room}"), name)


# The older form of a wrapper, because it is meant for an older pytest.
@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(
    parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Say of an older pytest that the options need a newer one, when one of them is used."""
    yield
    if _is_supported():
        return
    _, unknown = parser.parse_known_and_unknown_args(args)
    used = [each for each in unknown if each.partition("=")[0] in _OPTIONS]
    if used:
        oldest = ".".join(map(str, OLDEST_PYTEST))
        sys.stderr.write(
            f"netra-testkit: {used[0].partition('=')[0]} needs pytest {oldest} or later, "
            f"this is {pytest.__version__}\n"
        )
