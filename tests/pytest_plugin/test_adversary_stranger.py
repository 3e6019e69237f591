"""A suite that never meets the kit reads the same of what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import plugin_arguments

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

WRONG = {
    "ids": """
        import pytest

        def broken(value): raise ZeroDivisionError

        @pytest.mark.parametrize("number", [1, 2], ids=broken)
        def test_it(number): pass
    """,
    "values": """
        import pytest

        @pytest.mark.parametrize("number", 5)
        def test_it(number): pass
    """,
    "words": """
        import pytest

        @pytest.mark.parametrize("number", [1], nothing=True)
        def test_it(number): pass
    """,
    "warned-of": """
        import pytest

        @pytest.mark.parametrize("number", (each for each in (1, 2)))
        def test_it(number): pass
    """,
}


def said(result: pytest.RunResult) -> list[str]:
    """What a run said, but for what differs between any two runs."""
    lines = [re.sub(r"in [0-9.]+s", "", line) for line in result.outlines]
    return [line for line in lines if not line.startswith("plugins:")]


@pytest.mark.broad
def test_a_wrong_parametrization_reads_the_same(suite: Suite) -> None:
    suite.files(**{f"test_{name.replace('-', '_')}": text for name, text in WRONG.items()})
    words = ("--continue-on-collection-errors",)
    # Processes of their own, as what a process has loaded is not forgotten in this one.
    ours = suite.run(*words, subprocess=True)
    bare = suite.run(*words, subprocess=True, installed=False)
    assert plugin_arguments(installed=False) != plugin_arguments()
    assert said(ours) == said(bare)
    assert ours.ret == bare.ret == pytest.ExitCode.TESTS_FAILED
