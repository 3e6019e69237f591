"""What a page gives its reader to copy is taken by the program that it is for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import PAGES, ROOT, Command, blocks_in, files_in

if TYPE_CHECKING:
    from tests.docs.conftest import Reader

RUFF = next(iter(Path(sys.executable).parent.glob("ruff*")), None)
SETTINGS = [block for page in PAGES for block in blocks_in(page, "ini")]
HOW_TO = ROOT / "docs" / "how-to"


@pytest.mark.parametrize("settings", SETTINGS)
def test_pytest_takes_settings_that_a_page_shows(settings: str, reader: Reader) -> None:
    written = reader.pytester.path
    (written / "pytest.ini").write_text(settings, "utf-8")
    (written / "test_one.py").write_text("def test_one() -> None: ...\n", "utf-8")
    command = Command(line="pytest --collect-only --strict-config -W error")
    exit_code, output = reader.types(command)
    assert exit_code == 0, output


def test_pytest_takes_the_command_of_the_job(reader: Reader) -> None:
    told = {each.name: each.text for each in files_in(HOW_TO / "ci.md")}
    [command] = re.findall(r"- run: (pytest .+)", told[".github/workflows/staging.yml"])
    for name in ("test_change.py", "pytest.ini"):
        (reader.pytester.path / name).write_text(told[name], "utf-8")
    exit_code, output = reader.types(Command(line=f"{command} --collect-only"))
    assert exit_code == 0, output
    assert "1 test collected" in output


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed here")
def test_ruff_finds_every_way_round_that_the_table_names(tmp_path: Path) -> None:
    told = {each.name: each.text for each in files_in(HOW_TO / "keep-one-source.md")}
    (tmp_path / "ruff.toml").write_text(told["ruff.toml"], "utf-8")
    banned = tomllib.loads(told["ruff.toml"])["lint"]["flake8-tidy-imports"]["banned-api"]
    lines = []
    for name in banned:
        module, _, member = name.rpartition(".")
        if find_spec(name.partition(".")[0]):
            assert resolve_name(name)
        lines.append(f"from {module} import {member}" if module else f"import {member}")
    (tmp_path / "around.py").write_text("\n".join(lines), "utf-8")
    words = [str(RUFF), "check", "--no-cache", "--select=TID251", "--output-format=concise", "."]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=tmp_path)  # noqa: S603 - our own words
    found = set(re.findall(r"`([\w.]+)` is banned", done.stdout))
    assert found == set(banned)
