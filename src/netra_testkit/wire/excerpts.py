"""Bounded, masked, printable pieces of what was received, for the text of errors."""

from __future__ import annotations

from netra_testkit.safety.redaction import mask

__all__ = ["EXCERPT_LENGTH", "bounded", "excerpt"]

EXCERPT_LENGTH = 200
"""The most characters of received text that an error carries."""

# This much on each side is masked with the piece that is shown, so that no secret which begins
# or ends outside it goes unrecognised.
_MARGIN = 4096


def bounded(text: str) -> str:
    """The beginning of a text, at most `EXCERPT_LENGTH` characters, masked and printable."""
    return excerpt(text, 0)


def excerpt(text: str, position: int) -> str:
    """A piece of a text around `position`, at most `EXCERPT_LENGTH` characters.

    Secrets are masked, what does not print is escaped, and an ellipsis marks where it is cut.
    """
    start = max(0, position - _MARGIN)
    end = position + _MARGIN
    shown = _printable(mask(text[start:end]))
    centre = min(len(_printable(mask(text[start:position]))), len(shown))
    first = max(0, min(centre - EXCERPT_LENGTH // 2, len(shown) - EXCERPT_LENGTH))
    last = min(len(shown), first + EXCERPT_LENGTH)
    cut_before = first > 0 or start > 0
    cut_after = last < len(shown) or end < len(text)
    return (
        ("…" if cut_before else "")
        + shown[first + cut_before : last - cut_after]
        + ("…" if cut_after else "")
    )


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
