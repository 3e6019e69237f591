from __future__ import annotations

import pytest

from netra_testkit.settings.spelling import nearest

KNOWN = ("receive", "agent", "Thinking", "base_url", "base_urls", "base_uri", "base_ur1")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("recieve", ("receive",)),
        ("RECEIVES", ("receive",)),
        ("thinkin", ("Thinking",)),
        ("xyz", ()),
        ("", ()),
    ],
    ids=repr,
)
def test_what_looks_most_like_it_is_named(name: str, meant: tuple[str, ...]) -> None:
    assert nearest(name, KNOWN) == meant


def test_the_nearest_comes_first_and_three_are_enough() -> None:
    found = nearest("base_url", KNOWN)
    assert found[0] == "base_url"
    assert len(found) == 3
