"""What is wrong stays wrong, whoever runs it; only what a worker makes late is met again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.package.company import FEW, main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.broad

COMMAND = (sys.executable, "-m", "pytest", "-q", "--disable-plugin-autoload", "-p", "xdist.plugin")
HEAD = """
import os
import pytest

IN_COMPANY = "PYTEST_XDIST_WORKER" in os.environ
"""
TOO_MANY = f"""
@pytest.mark.parametrize("number", range({FEW + 1}))
def test_it(number): assert not IN_COMPANY
"""
SUITES = {
    "all pass": ("def test_it(): pass", 0, []),
    "late in company": ("def test_it(): assert not IN_COMPANY", 0, ["passed alone: test_it.py"]),
    "wrong alone too": ("def test_it(): assert False", 1, ["met again alone: test_it.py::test_it"]),
    "one wrong, one late": (
        "def test_late(): assert not IN_COMPANY\ndef test_wrong(): assert False",
        1,
        ["test_it.py::test_late, test_it.py::test_wrong"],
    ),
    "too many for the machine": (TOO_MANY, 1, []),
    "not collected": ("import nowhere_to_be_found", 2, ["met again alone: test_it.py"]),
    "nothing there": ("", 5, []),
}


@pytest.mark.parametrize(("source", "code", "said"), SUITES.values(), ids=SUITES)
def test_what_fails_in_company_is_met_again(
    source: str,
    code: int,
    said: list[str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # this test's own company
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (tmp_path / "test_it.py").write_text(HEAD + source, "utf-8")
    # Met in company only: what passes there is not met again.
    other = ["test_other.py"] if source else []
    (tmp_path / "test_other.py").write_text("import os\ndef test_it(): os.mkdir('once')", "utf-8")
    assert main(*COMMAND, "test_it.py", *other, where=tmp_path) == code
    output = capfd.readouterr().out
    assert ("alone" in output) == bool(said)
    assert all(each in output for each in said)
