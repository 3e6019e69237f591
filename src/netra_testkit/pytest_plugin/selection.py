"""Which tests run, and in which order: by priority and by phase."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from netra_testkit.pytest_plugin.markers import PRIORITIES, describe, labels_of, phases_of
from netra_testkit.pytest_plugin.run import run_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from netra_testkit.pytest_plugin.run import Setting

__all__ = ["Chosen", "choose", "pytest_collection_modifyitems"]

_RANGE = re.compile(r"([0-9])(?:\s*-\s*([0-9]))?")


class Chosen(NamedTuple):
    """What was asked for.

    Attributes:
        priorities: Only these; None for every test.
        phases: Only these; None for every test.
    """

    priorities: frozenset[int] | None
    phases: frozenset[str] | None

    @classmethod
    def of(cls, config: pytest.Config) -> Chosen:
        """What a run was told.

        Raises:
            pytest.UsageError: It names no priority, or a phase that nobody declared.
        """
        run = run_of(config)
        priority, phase = run.told("priority"), run.told("phase")
        return cls(
            None if priority is None else _priorities(priority),
            None if phase is None else _phases(phase, phases_of(config)),
        )

    def takes(self, item: pytest.Item) -> bool:
        """Whether a test is among them; one whose markers cannot be meant always is."""
        labels = labels_of(item)
        return bool(labels.problems) or (
            (self.priorities is None or labels.priority in self.priorities)
            and (self.phases is None or labels.phase in self.phases)
        )


# The outermost wrapper comes last, after whatever shuffles.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Leave out what was not asked for, and sort the rest by phase."""
    result = yield
    choose(config, items)
    return result


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Describe the tests, leave out what was not asked for, and sort the rest by phase.

    Args:
        config: The run's.
        items: Its tests, changed in place.
    """
    for item in items:
        describe(item)
    chosen = Chosen.of(config)
    left_out = [item for item in items if not chosen.takes(item)]
    if left_out:
        items[:] = [item for item in items if chosen.takes(item)]
        config.hook.pytest_deselected(items=left_out)
    order = {phase: place for place, phase in enumerate(phases_of(config))}
    if order:
        items.sort(key=lambda item: order.get(labels_of(item).phase or "", len(order)))


def _priorities(told: Setting) -> frozenset[int]:
    chosen: set[int] = set()
    for part in told.value.split(","):
        found = _RANGE.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last or last not in PRIORITIES:
            raise pytest.UsageError(
                f"{told.source}: {part.strip()!r} is no priority; say N, N-M or N,M, from 0 to 6"
            )
        chosen.update(range(first, last + 1))
    return frozenset(chosen)


def _phases(told: Setting, known: Sequence[str]) -> frozenset[str]:
    chosen = frozenset(each.strip() for each in told.value.split(","))
    unknown = sorted(chosen - set(known))
    if unknown:
        listed = ", ".join(known) or "nothing; declare them there"
        raise pytest.UsageError(
            f"{told.source}: {unknown[0]!r} is no phase; ini netra_phases has {listed}"
        )
    return chosen
