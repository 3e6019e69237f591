"""Text without secrets: every string of a value, in place where others hold the same object."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Mask: TypeAlias = Callable[[str], str]

__all__ = ["is_showing", "loaded_mask", "masked", "without_secrets"]

_REDACTION = "netra_testkit.safety.redaction"
_WITHOUT_TEXT = (bool, int, float, complex, type(None))


def loaded_mask() -> Mask | None:
    """The kit's masking, when anything has loaded it; None for a run that never met a secret."""
    redaction = sys.modules.get(_REDACTION)
    # While it is being imported it is there, and cannot mask yet.
    return getattr(redaction, "mask", None)


def without_secrets(text: str) -> str:
    """The text as it may be shown: masked, when the masking is loaded."""
    mask = loaded_mask()
    return text if mask is None else mask(text)


def is_showing(value: object, mask: Mask) -> bool:
    """Whether a secret stands in a value's text."""
    text = value if isinstance(value, str) else _text(value)
    return mask(text) != text


def masked(value: object, mask: Mask) -> Any:  # noqa: ANN401 - as what it is given
    """The value without secrets: the same object where it can be changed, else one like it.

    Lists, mappings and what pytest made to be shown are changed in place. Of any other object
    only the text is seen; where that shows a secret, the masked text stands for the object.

    Args:
        value: Anything that stands in a report.
        mask: What masks one text.
    """
    return _Masking(mask).of(value)


class _Masking:
    """One walk through a value, which meets no container twice."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        # The objects are kept, as the id of one that is gone may be given to another.
        self._seen: dict[int, object] = {}

    def of(self, value: object) -> Any:  # noqa: ANN401 - as what it is given
        if isinstance(value, str):
            return self._mask(value)
        if isinstance(value, _WITHOUT_TEXT) or id(value) in self._seen:
            return value
        if isinstance(value, tuple):
            make = getattr(type(value), "_make", tuple)
            return make([self.of(each) for each in value])
        if isinstance(value, list | dict) or _is_shown(value) or _has_fields(value):
            self._seen[id(value)] = value
            self._change(value)
        if isinstance(value, list | dict) or _has_fields(value):
            return value
        # What writes itself may do it from more than its attributes.
        return self._mask(_text(value)) if is_showing(value, self._mask) else value

    def _change(self, value: Any) -> None:  # noqa: ANN401 - told apart here
        if isinstance(value, list):
            value[:] = [self.of(each) for each in value]
        elif isinstance(value, dict):
            items = [(self.of(key), self.of(each)) for key, each in value.items()]
            value.clear()
            value.update(items)
        else:
            for name in _names(value):
                # A frozen one is changed too: whoever froze it did not mean secrets.
                object.__setattr__(value, name, self.of(getattr(value, name)))


def _is_shown(value: object) -> bool:
    return hasattr(type(value), "toterminal")


def _has_fields(value: object) -> bool:
    # The context of a subtest is one; it belongs to pytest alone.
    ours_to_change = type(value).__module__.startswith("_pytest.") and not _is_shown(value)
    return ours_to_change and dataclasses.is_dataclass(value)


def _names(value: Any) -> list[str]:  # noqa: ANN401 - any object that is shown
    named = [*vars(value)] if hasattr(value, "__dict__") else []
    if dataclasses.is_dataclass(value):
        named += [each.name for each in dataclasses.fields(value) if hasattr(value, each.name)]
    return list(dict.fromkeys(named))


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - what cannot be written shows no secret
        return ""
