"""Every block of Python in the documentation and every example runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import PAGES, ROOT, files_in, name_of, python_in
from tests.docs.running import run

if TYPE_CHECKING:
    from pathlib import Path

# The demonstration plays the golden path, which has tests of its own.
EXAMPLES = sorted({*(ROOT / "examples").glob("*.py")} - {ROOT / "examples" / "demo.py"})
SCRIPTS = [page for page in PAGES if python_in(page)]
# What an example is about, where it says so in a line.
SAID = {
    "load_twenty_users": "20 runs, each delivered to its own user",
    "oauth_login": "logged in: oauth-user@example.com",
    "service_side_secret": "Their token is of: nobody (signature)",
}
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
LONGEST_EXAMPLE = 30


@pytest.mark.parametrize("page", SCRIPTS, ids=name_of)
def test_the_python_blocks_of_a_page_run_in_order(page: Path) -> None:
    done = run("\n".join(python_in(page)))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    missing = [
        link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_runs_and_says_something(example: Path) -> None:
    done = run(example.read_text("utf-8"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    said = done.stdout.splitlines()
    assert SAID.get(example.stem, said[0]) in said


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_of_a_primitive_fits_on_a_screen(example: Path) -> None:
    assert len(example.read_text("utf-8").splitlines()) <= LONGEST_EXAMPLE


def test_every_reference_page_is_on_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = [each.name for each in (ROOT / "docs" / "reference").glob("*.md")]
    assert [each for each in pages if f"(reference/{each})" not in index] == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = {each.relative_to(ROOT / "docs").as_posix() for each in (ROOT / "docs").rglob("*.md")}
    listed = re.findall(r": ([\w/-]+\.md)$", navigation, re.MULTILINE)
    assert sorted(each for each in listed if not each.startswith("names/")) == sorted(pages)


def test_the_blocks_are_found() -> None:
    counted = [len(python_in(page)) + len(files_in(page)) for page in PAGES]
    assert sum(counted) > len(PAGES)


def test_a_script_that_fails_is_not_done() -> None:
    assert run("assert False, 'so it says'").returncode == 1
    assert "so it says" in run("assert False, 'so it says'").stderr
    assert run("import warnings; warnings.warn('careful')").returncode == 1
