"""The table of errors is the tree of errors."""

from __future__ import annotations

import builtins
import dataclasses
import re

import pytest
from tests.docs.pages import ROOT

from netra_testkit import errors
from netra_testkit.errors import CallFailed, NetraError

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
ROWS = {
    name: (re.findall(r"`(\w+)`", also), re.findall(r"`(\w+)`", facts))
    for names, also, facts in re.findall(r"^\| (`.+?) \| (.*?) ?\| (.*?) ?\|$", PAGE, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
}
KINDS = {name: getattr(errors, name) for name in errors.__all__}
ERRORS = {
    name: kind
    for name, kind in KINDS.items()
    if issubclass(kind, NetraError) and kind is not NetraError
}


def test_every_error_has_a_row() -> None:
    assert ROWS.keys() == ERRORS.keys()


@pytest.mark.parametrize("name", ERRORS)
def test_a_row_says_what_an_error_also_is_and_which_facts_it_has(name: str) -> None:
    kind, (also, facts) = ERRORS[name], ROWS[name]
    for parent in also:
        assert issubclass(kind, getattr(builtins, parent, None) or KINDS[parent])
    inherited = {each.name for base in kind.__bases__ for each in fields_of(base)}
    own = [each.name for each in fields_of(kind) if each.init and each.name not in inherited]
    assert set(own) <= set(facts)


def test_what_stands_below_the_root_of_calls_is_what_a_call_can_end_in() -> None:
    names = list(ROWS)
    below = names[names.index("CallFailed") :]
    assert set(below) == {name for name, kind in ERRORS.items() if issubclass(kind, CallFailed)}


def fields_of(kind: type) -> tuple[dataclasses.Field[object], ...]:
    return dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
