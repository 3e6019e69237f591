"""What a mistyped name was probably meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str], *, closeness: float = 0.7) -> tuple[str, ...]:
    """The known names that look most like this one, nearest first, at most three.

    Args:
        name: The name as given.
        known: The names that it may have been meant to be.
        closeness: How alike they must be, from 0 to 1.
    """
    from difflib import get_close_matches

    spelled = {each.casefold(): each for each in known}
    found = get_close_matches(name.casefold(), spelled, n=3, cutoff=closeness)
    return tuple(spelled[each] for each in found)
