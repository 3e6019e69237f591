"""The page on faults says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_testkit.local.faults import FAULTS, FaultKind

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "faults.md"


def row_of(kind: FaultKind) -> str:
    options = (
        f"`{name}={option.spell(option.default)}`" + (f" {option.unit}" if option.unit else "")
        for name, option in kind.options.items()
    )
    scopes = ", ".join(sorted(kind.scopes)) or "-"
    return f"| `{kind.name}` | {kind.summary} | {', '.join(options) or '-'} | {scopes} |"


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_every_fault_has_its_row(kind: FaultKind) -> None:
    assert row_of(kind) in PAGE.read_text("utf-8").splitlines()


def test_there_is_no_row_of_a_fault_that_is_none() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    assert sum(line.startswith("| `") for line in lines) == len(FAULTS)
