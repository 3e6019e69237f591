"""The site links to what is on the site."""

from __future__ import annotations

import pytest
from tests.docs.building import hook

OUTSIDE = hook("outside")


@pytest.mark.parametrize(
    ("written", "built"),
    [
        pytest.param("[one](../reference/one.md)", "[one](../reference/one.md)", id="inside"),
        pytest.param("[a.py](../../examples/a.py)", "`examples/a.py`", id="a-file"),
        pytest.param("[Its twin](../../x/b.py)", "Its twin (`x/b.py`)", id="in-words"),
        pytest.param("[1](../one.md) [2](../../2)", "[1](../one.md) `2`", id="both"),
    ],
)
def test_what_lies_outside_is_named_and_not_linked(written: str, built: str) -> None:
    assert OUTSIDE.without_links_outside(written, "how-to/page.md") == built
