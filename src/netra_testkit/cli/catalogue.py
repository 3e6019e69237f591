"""The catalogue of faults, to read and to be read by programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netra_testkit.local.faults import FAULTS

if TYPE_CHECKING:
    from netra_testkit.local.faults import FaultKind, FaultOption

__all__ = ["as_json", "as_text"]

_COMMON = (
    "Each also takes probability (0 to 1, with seed), count (how many times) and seconds (how "
    "long).\nExample: --fault close:code=1011,phase=mid-run --fault latency:latency=50,route=/api/*"
)


def as_text() -> str:
    """The catalogue as a page of text."""
    blocks = []
    family = ""
    for kind in FAULTS.values():
        if kind.family != family:
            family = kind.family
            blocks.append(f"{family} faults")
        blocks.append("\n".join(_lines(kind)))
    return "\n\n".join([*blocks, _COMMON])


def as_json() -> str:
    """The catalogue as one JSON document: a list of objects."""
    kinds = [
        {
            "name": kind.name,
            "family": kind.family,
            "summary": kind.summary,
            "breaks": kind.breaks,
            "scopes": sorted(kind.scopes),
            "phases": list(kind.phases),
            "options": {
                name: {
                    "default": option.default,
                    "type": option.type.__name__,
                    "unit": option.unit,
                    "choices": list(option.choices),
                }
                for name, option in kind.options.items()
            },
        }
        for kind in FAULTS.values()
    ]
    return json.dumps(kinds, indent=2)


def _lines(kind: FaultKind) -> list[str]:
    lines = [f"  {kind.name}: {kind.summary}", f"      breaks: {kind.breaks}"]
    if kind.options:
        said = ", ".join(_said(name, option) for name, option in kind.options.items())
        lines.append(f"      options: {said}")
    if kind.scopes:
        lines.append(f"      can be narrowed to: {', '.join(sorted(kind.scopes))}")
    if kind.phases:
        lines.append(f"      phases: {', '.join(kind.phases)}")
    return lines


def _said(name: str, option: FaultOption) -> str:
    unit = f" {option.unit}" if option.unit else ""
    choices = f" ({' | '.join(option.choices)})" if option.choices else ""
    return f"{name}={option.spell(option.default)}{unit}{choices}"
