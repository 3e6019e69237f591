"""The pages of every public name are whole, and nothing on them is without a word."""

from __future__ import annotations

import inspect
import re

import pytest
from tests.docs.building import hook
from tests.docs.pages import PAGES, ROOT

import netra_testkit

WRITTEN = "".join(page.read_text("utf-8") for page in PAGES)


HOOK = hook("docstrings")


def test_every_public_name_is_on_one_page() -> None:
    pages = "".join(map(HOOK.page_of, HOOK.ROOMS))
    listed = re.findall(r"^::: netra_testkit\.([\w.]+)\.(\w+)$", pages, re.MULTILINE)
    assert sorted(name for _, name in listed) == sorted(netra_testkit.__all__)
    assert {name: home for home, name in listed} == HOOK.homes()


def test_every_page_of_names_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert re.findall(r"names/(\w+)\.md", navigation) == list(HOOK.ROOMS)


@pytest.mark.parametrize("name", sorted(netra_testkit.__all__))
def test_a_public_name_says_what_it_is(name: str) -> None:
    value = getattr(netra_testkit, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert (value.__doc__ or "").strip()
        assert not (value.__doc__ or "").startswith(f"{name}(")
    else:
        assert re.search(rf"\b{name}\b", WRITTEN)
