"""The markers: which are the kit's, what a test says by them, and what they refuse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import pytest

from netra_testkit.pytest_plugin.run import PREFIX, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "DESCRIBED",
    "FEATURES",
    "PRIORITIES",
    "Labels",
    "describe",
    "labels_of",
    "pytest_runtest_setup",
]

PRIORITIES = range(7)
FEATURES = ("register", "rate_limit")
"""What a test may need of a deployment."""

_LABELS = pytest.StashKey["Labels"]()
_MARKED = "markers"
_SAID = ("priority", "check", "phase", "impact")

DESCRIBED = frozenset({_MARKED, *_SAID})
"""The facts that are noted of a test before it runs, without their prefix."""


class Labels(NamedTuple):
    """What a test says by its markers; the closest of a name counts.

    Attributes:
        priority: How much depends on it.
        check: Its stable id, such as P1-001.
        name: Its established name.
        phase: When it runs.
        impact: What it costs when this is broken.
        deadline: The bound of the whole test in seconds.
        needs: What the deployment must offer.
        problems: What its markers say that cannot be meant.
    """

    priority: int | None = None
    check: str | None = None
    name: str | None = None
    phase: str | None = None
    impact: str | None = None
    deadline: float | None = None
    needs: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a test whose markers cannot be meant."""
    problems = labels_of(item).problems
    if problems:
        pytest.fail("; ".join(problems), pytrace=False)


def labels_of(item: pytest.Item) -> Labels:
    """What a test says by its markers."""
    known = item.stash.get(_LABELS, None)
    if known is None:
        known = item.stash[_LABELS] = _read(item)
    return known


def describe(item: pytest.Item) -> None:
    """Note what a test's markers say where its report will carry it."""
    run = run_of(item.config)
    ours = sorted({mark.name for mark in item.iter_markers()} & run.own_markers)
    labels = labels_of(item)
    if ours:
        run.note_marker()
        item.user_properties.append((f"{PREFIX}{_MARKED}", " ".join(ours)))
    if not run.applies(item):
        return
    for name in _SAID:
        value = getattr(labels, name)
        if value is not None:
            item.user_properties.append((f"{PREFIX}{name}", value))


def _read(item: pytest.Item) -> Labels:
    closest: dict[str, pytest.Mark] = {}
    for mark in item.iter_markers():
        if mark.name in _VALUES:
            closest.setdefault(mark.name, mark)
    if not closest:
        return Labels()
    own = run_of(item.config).own_markers
    values: dict[str, object] = {}
    problems: list[str] = []
    for name, (read, expected) in _VALUES.items():
        if name not in closest:
            continue
        mark = closest[name]
        known = _NAMED if name == "priority" else {}
        value = read(mark.args) if _are_names(mark.kwargs, known) else None
        if value is not None:
            values[name] = value
            values |= {known[each]: given for each, given in mark.kwargs.items()}
        elif name in own:
            problems.append(f"the marker {name} takes {expected}")
    phases = phases_of(item.config)
    if phases and "phase" in own and values.get("phase", phases[0]) not in phases:
        problems.append(f"the phase {values['phase']!r} is not in netra_phases")
    return Labels(**values, problems=tuple(problems))  # type: ignore[arg-type] # each is read by its own reader


def phases_of(config: pytest.Config) -> Sequence[str]:
    """The phases that the suite declares, in their order."""
    words: Sequence[str] = config.getini("netra_phases") or ()
    return tuple(each for word in words for each in word.split(",") if each)


def _are_names(given: Mapping[str, object], known: Mapping[str, str]) -> bool:
    """Whether a marker names nothing but what it may, each by a text that says something."""
    return given.keys() <= known.keys() and all(
        isinstance(each, str) and each.strip() for each in given.values()
    )


def _only(args: tuple[object, ...]) -> object:
    return args[0] if len(args) == 1 else None


def _priority(args: tuple[object, ...]) -> int | None:
    value = _only(args)
    is_one = isinstance(value, int) and not isinstance(value, bool) and value in PRIORITIES
    return value if isinstance(value, int) and is_one else None


def _text(args: tuple[object, ...]) -> str | None:
    value = _only(args)
    return value.strip() or None if isinstance(value, str) else None


def _seconds(args: tuple[object, ...]) -> float | None:
    value = _only(args)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) and value > 0 else None
    except OverflowError:
        return None


def _features(args: tuple[object, ...]) -> tuple[str, ...] | None:
    named = tuple(str(each) for each in args)
    return named if named and set(named) <= set(FEATURES) else None


# What a priority may be given along, and as what it is kept.
_NAMED: Mapping[str, str] = {"id": "check", "name": "name"}

_VALUES: Mapping[str, tuple[Callable[[tuple[object, ...]], object], str]] = {
    "priority": (_priority, "one whole number from 0 to 6"),
    "phase": (_text, "one name"),
    "impact": (_text, "one text"),
    "deadline": (_seconds, "one positive number of seconds"),
    "needs": (_features, f"one or more of {', '.join(FEATURES)}"),
}
