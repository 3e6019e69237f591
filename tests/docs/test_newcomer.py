"""All that the README and the tutorial tell a newcomer to do is replayed: nothing is left out."""

from __future__ import annotations

import os
import re
import select
import sys
from typing import TYPE_CHECKING

import pytest
from tests.docs import newcomer
from tests.docs.pages import ROOT, Command, commands_in, files_in, name_of

if TYPE_CHECKING:
    from pathlib import Path

FOLLOWED = [ROOT / path for path in newcomer.PATHS]
FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*(\S*)", re.MULTILINE)
PROMPT = re.compile(
    r"^[ \t>]*[$%>] ?(?:make|pip|pytest|python\S*|netra-testkit|\.|cd)\b.*", re.MULTILINE
)
FIRST_LINE = re.compile(r"^```console\n(.*)", re.MULTILINE)

posix = pytest.mark.skipif(sys.platform == "win32", reason="it types into a POSIX shell")


def said(page: Path) -> list[str]:
    return [command.line for command in commands_in(page)]


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_every_block_is_a_file_to_write_or_holds_commands(page: Path) -> None:
    openings = FENCE.findall(page.read_text("utf-8"))[::2]
    assert len(openings) == openings.count("console") + len(files_in(page))


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_every_console_block_begins_with_a_command(page: Path) -> None:
    first = FIRST_LINE.findall(page.read_text("utf-8"))
    assert [line for line in first if not line.startswith("$ ")] == []


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_nothing_that_looks_like_a_command_is_left_out(page: Path) -> None:
    prompted = PROMPT.findall(page.read_text("utf-8"))
    assert [line for line in prompted if line.removeprefix("$ ") not in said(page)] == []
    bare = re.compile(r"^(?:make|pip|pytest|python3?|netra-testkit) ", re.MULTILINE)
    shown = [line for command in commands_in(page) for line in command.shown]
    assert [line for line in shown if bare.match(line) or line.startswith(("$", "> "))] == []


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_every_command_ends_and_stands_on_one_line(page: Path) -> None:
    assert [line for line in said(page) if line.endswith("\\") or "<<" in line] == []
    assert [command.line for command in commands_in(page) if command.serves] == []


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_what_is_installed_goes_into_an_environment_of_its_own(page: Path) -> None:
    lines = said(page)
    installing = [number for number, line in enumerate(lines) if line.startswith("pip ")]
    assert installing
    assert lines.index(". .venv/bin/activate") < min(installing)


def test_the_two_commands_are_typed() -> None:
    assert {"make demo", "make test"} <= {*said(ROOT / "README.md")}


@pytest.mark.parametrize(
    ("code", "output", "wrong"),
    [
        pytest.param(0, "2 passed in 9.9s", None, id="as-shown"),
        pytest.param(1, "2 passed in 9.9s", "exit code 1, not 0", id="exit-code"),
        pytest.param(0, "1 passed", "the output does not show: 2 passed", id="output"),
        pytest.param(None, "2 passed", "it did not end in time", id="late"),
    ],
)
def test_what_comes_otherwise_is_said(code: int | None, output: str, wrong: str | None) -> None:
    command = Command(line="pytest", shown=("2 passed",))
    assert newcomer.complaint(command, code, output) == wrong


def test_somebody_new_has_the_index_of_the_machine_and_nothing_else(tmp_path: Path) -> None:
    here = tmp_path / "checkout" / ".venv"
    environ = {
        "PATH": f"{here / 'bin'}:/usr/bin",
        "HOME": "/home/somebody",
        "VIRTUAL_ENV": str(here),
        "NETRA_ENVIRONMENT": "staging",
        "PYTHONPATH": "src",
        "MAKEFLAGS": "n",
        "PIP_INDEX_URL": "file:///simple",
        "https_proxy": "127.0.0.1:1",
    }
    assert newcomer.bare(environ, home=tmp_path / "home", without=here) == {
        "PATH": "/usr/bin",
        "HOME": str(tmp_path / "home"),
        "PIP_INDEX_URL": "file:///simple",
        "https_proxy": "127.0.0.1:1",
    }


def test_the_settings_that_pip_has_in_files_are_kept(tmp_path: Path) -> None:
    settings = newcomer.pip_settings(
        ":env:.timeout='9'\nglobal.find-links='/one\\n/two'\ninstall.no-compile='true'\n"
    )
    with (tmp_path / "pip.conf").open("w", encoding="utf-8") as file:
        settings.write(file)
    again = newcomer.configparser.RawConfigParser()
    again.read(tmp_path / "pip.conf", encoding="utf-8")
    assert again.sections() == ["global", "install"]
    assert again.get("global", "find-links").split() == ["/one", "/two"]
    assert again.get("install", "no-compile") == "true"


@posix
def test_what_one_command_exports_the_next_one_has(tmp_path: Path) -> None:
    shell = newcomer.Shell(tmp_path / "shell", {"PATH": "/usr/bin:/bin", "GIVEN": "given"})
    assert shell.types("export TOLD='so it is'; false", where=tmp_path, within=9) == (1, "")
    typed = shell.types('echo "$GIVEN $TOLD"; pwd', where=tmp_path, within=9)
    assert typed == (0, f"given so it is\n{tmp_path.resolve()}\n")


@posix
def test_a_command_that_does_not_end_is_ended_with_what_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "heard")
    heard = os.open(tmp_path / "heard", os.O_RDONLY | os.O_NONBLOCK)
    shell = newcomer.Shell(tmp_path / "shell", {"PATH": "/usr/bin:/bin"})
    typed = shell.types("echo begun; sleep 30 > heard & wait", where=tmp_path, within=0.2)
    assert typed == (None, "begun\n")
    # It is at its end when nobody is left who could write.
    assert select.select([heard], [], [], 5)[0] == [heard]
    assert os.read(heard, 1) == b""
    os.close(heard)


@posix
def test_a_page_is_followed_until_something_else_comes_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`a/told.txt`:\n\n```text\nhello\n```\n\n"
        "```console\n$ cat a/told.txt\nhello\n$ echo yes\nno\n$ echo never\n```\n",
        "utf-8",
    )
    shell = newcomer.Shell(tmp_path / "shell", {"PATH": "/usr/bin:/bin"})
    with pytest.raises(SystemExit, match=r"\$ echo yes: the output does not show: no"):
        newcomer.follow(page, shell, project=tmp_path, here=tmp_path / "here")
    typed = capsys.readouterr().out
    assert "$ cat a/told.txt" in typed
    assert "never" not in typed


@posix
def test_the_targets_of_make_are_typed_in_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("demo:\n\t@echo demonstrated\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text("```console\n$ make demo\ndemonstrated\n$ ls\n```\n", "utf-8")
    shell = newcomer.Shell(tmp_path / "shell", {"PATH": "/usr/bin:/bin"})
    newcomer.follow(page, shell, project=tmp_path, here=tmp_path / "here")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout")
def test_the_copy_has_what_the_version_control_has(tmp_path: Path) -> None:
    copy = newcomer.copy_of_the_project(tmp_path / "copy")
    assert (copy / "Makefile").read_text("utf-8") == (ROOT / "Makefile").read_text("utf-8")
    assert not (copy / ".venv").exists()
