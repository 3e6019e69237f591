"""A page that tells its reader what to type is followed, and shows what the reader sees."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import PAGES, Command, WrittenFile, commands_in, files_in, name_of, steps

if TYPE_CHECKING:
    from tests.docs.conftest import Reader

HAS_RUFF = any(Path(sys.executable).parent.glob("ruff*"))
FOLLOWED = [
    page for page in PAGES if files_in(page) or not all(each.installs for each in commands_in(page))
]


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_what_a_page_has_its_reader_type_does_what_it_shows(page: Path, reader: Reader) -> None:
    told = steps(page)
    if not HAS_RUFF and any(each.line.startswith("ruff") for each in commands_in(page)):
        pytest.skip("ruff is not installed here")
    for each in told:
        if isinstance(each, WrittenFile):
            written = reader.pytester.path / each.name
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(each.text, "utf-8")
    for each in told:
        if isinstance(each, Command) and not each.installs:
            exit_code, output = reader.types(each)
            assert exit_code == each.exit_code, f"{each.line}\n{output}"
            missing = each.missing_in(output)
            assert missing is None, f"{each.line} does not show: {missing}\n{output}"


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_every_file_that_a_page_has_its_reader_write_is_used(page: Path) -> None:
    typed = " ".join(each.line for each in commands_in(page))
    unused = [each.name for each in files_in(page) if each.name not in typed]
    assert [name for name in unused if name.endswith(".py")] == []


@pytest.mark.parametrize(
    ("shown", "output", "missing"),
    [
        pytest.param(("2 passed in 0.31s",), "== 2 passed in 7.65s ==", None, id="other-time"),
        pytest.param(("2 passed in 0.31s",), "== 12 failed ==", "2 passed in 0.31s", id="absent"),
        pytest.param(("a ... c", "d"), "a b c\nd", None, id="left-out"),
        pytest.param(("d", "a"), "a\nd", "a", id="out-of-order"),
        pytest.param(("...",), "", None, id="anything"),
    ],
)
def test_what_is_shown_is_looked_for(
    shown: tuple[str, ...], output: str, missing: str | None
) -> None:
    assert Command(line="pytest", shown=shown).missing_in(output) == missing


def test_steps_are_found_in_their_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`a.py`:\n\n```python\nx = 1\n```\n\n"
        "```console\n$ pip install x\n$ pytest\n1 failed\n```\n",
        "utf-8",
    )
    written, install, run = steps(page)
    assert written == WrittenFile(name="a.py", text="x = 1\n")
    assert isinstance(install, Command)
    assert install.installs
    assert run == Command(line="pytest", shown=("1 failed",))
    assert isinstance(run, Command)
    assert run.exit_code == 1
