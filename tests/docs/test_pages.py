"""Every block of Python in the documentation and every example runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
LONGEST_EXAMPLE = 30
NOT_A_PRIMITIVE = {"demo.py"}


def run(source: str) -> subprocess.CompletedProcess[str]:
    """Run a script as on a machine where nothing is configured."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NETRA_", "JWT_", "STAGING_", "ENVIRONMENT"))
    }
    return subprocess.run(  # noqa: S603 - our own documentation
        [sys.executable, "-W", "error", "-c", source],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_python_blocks_of_a_page_run_in_order(page: Path) -> None:
    done = run("\n".join(BLOCK.findall(page.read_text("utf-8"))))
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


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.name not in NOT_A_PRIMITIVE], ids=name_of
)
def test_an_example_of_a_primitive_fits_on_a_screen(example: Path) -> None:
    assert len(example.read_text("utf-8").splitlines()) <= LONGEST_EXAMPLE


def test_every_reference_page_is_on_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = [each.relative_to(ROOT / "docs").as_posix() for each in (ROOT / "docs").rglob("*.md")]
    assert [each for each in pages if each != "index.md" and f"({each})" not in index] == []


def test_the_blocks_are_found() -> None:
    counted = [len(BLOCK.findall(page.read_text("utf-8"))) for page in PAGES]
    assert sum(counted) > len(PAGES)
