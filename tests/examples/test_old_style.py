"""The page on the honesty checks shows what is said of tests in the old style."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import ROOT, Command
from tests.examples.running import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.examples.running import Examples

OLD_STYLE = EXAMPLES / "old_style"
PAGE = (ROOT / "docs" / "how-to" / "what-the-honesty-checks-say.md").read_text("utf-8")
ROW = re.compile(r"^\| (?!habit)(?P<habit>[a-z ]+) \| `?(?P<check>\w+)`? \|", re.MULTILINE)
CODE = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTHING = "nothing"


@dataclass(frozen=True)
class Habit:
    """A section of the page.

    Attributes:
        name: The habit, as in the names of its two modules.
        fault: What breaks the server.
        lines: What the page shows of the old test.
        check: What catches the old test.
        old: What is said of it.
        twin: What is said of its twin.
    """

    name: str
    fault: str
    lines: str
    check: str
    old: Command
    twin: Command


def habits() -> list[Habit]:
    rows = {row["habit"]: row["check"] for row in ROW.finditer(PAGE)}
    found = []
    for section in PAGE.split("\n## ")[1:]:
        title = section.partition("\n")[0].lower()
        name = re.findall(r"`old_(\w+)\.py`", section)[0]
        fault = re.findall(r"Broken by\s`([^`]+)`", section)[0]
        said = [block.rstrip("\n").split("\n") for block in BLOCK.findall(section)]
        blocks = [Command(line=name, shown=tuple(lines)) for lines in said]
        silent = "The checks say nothing" in section
        old = Command(line=name) if silent else blocks.pop(0)
        (twin,) = blocks
        assert (rows[title] == NOTHING) is silent
        (lines,) = CODE.findall(section)
        found.append(
            Habit(name=name, fault=fault, lines=lines, check=rows[title], old=old, twin=twin)
        )
    return found


HABITS = habits()
ALL = pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.name)
CAUGHT = pytest.mark.parametrize(
    "habit", [each for each in HABITS if each.check != NOTHING], ids=lambda habit: habit.name
)


@ALL
def test_on_the_broken_server_the_page_shows_what_is_said(habit: Habit, examples: Examples) -> None:
    old, twin = f"old_{habit.name}", f"honest_{habit.name}"
    ran = examples.run_broken(habit.fault, f"old_style/{old}.py", f"old_style/{twin}.py")
    passes = habit.check == NOTHING
    assert ran.outcomes == {old: {"passed" if passes else "failed"}, twin: {"failed"}}
    assert ran.said.get(old, NOTHING).partition(":")[0] == habit.check
    assert habit.old.missing_in(ran.said.get(old, "")) is None, ran.said
    assert habit.twin.missing_in(ran.said[twin]) is None, ran.said[twin]


@ALL
def test_the_page_shows_lines_of_the_old_test(habit: Habit) -> None:
    source = (OLD_STYLE / f"old_{habit.name}.py").read_text("utf-8")
    depths = [textwrap.indent(habit.lines, " " * depth) for depth in (4, 8, 12, 16)]
    assert any(each in source for each in depths)


@CAUGHT
def test_without_the_checks_an_old_test_passes_on_the_broken_server(
    habit: Habit, examples: Examples
) -> None:
    ran = examples.run_broken(
        habit.fault, f"old_style/old_{habit.name}.py", NETRA_HONESTY="warning"
    )
    assert ran.outcomes == {f"old_{habit.name}": {"passed"}}


def test_on_a_healthy_server_all_pass_but_the_one_that_asks_nobody(examples: Examples) -> None:
    ran = examples.run("old_style")
    twins = {f"{kind}_{each.name}": {"passed"} for each in HABITS for kind in ("old", "honest")}
    assert ran.outcomes == twins | {"old_minimum_duration": {"failed"}}
    assert ran.said["old_minimum_duration"].startswith("contact: ")


def test_every_old_test_has_its_twin_and_its_section() -> None:
    names = sorted(each.name for each in HABITS)
    assert len(names) == 6
    for kind in ("old", "honest"):
        files = sorted(each.stem for each in OLD_STYLE.glob(f"{kind}_*.py"))
        assert files == [f"{kind}_{name}" for name in names]


def test_the_old_style_is_not_collected_with_the_other_examples(examples: Examples) -> None:
    collected = examples.collected(".")
    assert {"test_first", "test_1_connection"} <= collected
    assert all(name.startswith("test_") for name in collected)


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, examples: Examples) -> None:
    (block,) = re.findall(r"^```sh\n(.*?)\n(.*?)\n```$", PAGE, re.MULTILINE)
    serve, (setting, *pytest_words, module) = (shlex.split(line) for line in block)
    assert (serve[0], pytest_words) == ("netra-testkit", ["pytest", "--env", "local"])
    variable, _, file = setting.partition("=")
    with (
        subprocess.Popen(  # noqa: S603 - our own documentation
            [sys.executable, "-m", "netra_testkit.cli", *serve[1:]],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        ) as server
    ):
        assert server.stdout is not None
        assert any("Ctrl-C" in line for line in server.stdout)
        place = module.removeprefix("examples/")
        ran = examples.run(place, **{variable: str(tmp_path / file)})
        server.terminate()
    assert ran.outcomes == {"old_shared_identity": {"passed"}}
