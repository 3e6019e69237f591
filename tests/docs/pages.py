"""What a page of the documentation tells its reader to do: files to write and commands to type.

A line that holds only a name in backquotes and a colon names the file of the block below it. In a
console block a line after `$ ` is a command, and what follows are parts of lines of its output, in
their order, where `...` stands for anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "PAGES",
    "ROOT",
    "Command",
    "WrittenFile",
    "blocks_in",
    "commands_in",
    "files_in",
    "name_of",
    "python_in",
    "steps",
]

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_STEP = re.compile(
    r"(?:^`(?P<name>[\w./-]+\.\w+)`:\n\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# What is left out, and what differs from run to run: a number with a fraction, a port.
_VARYING = re.compile(r"\.\.\.|\d+\.\d+|(?<=:)\d{5}")
_UNSUCCESSFUL = (" failed", "Found ")
_INSTALLING = ("python3 -m venv ", ". .venv/bin/activate", "pip install ", "make ")


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """A file that the reader writes.

    Attributes:
        name: Its path below the directory of the reader.
        text: What stands in it.
    """

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that the reader types.

    Attributes:
        line: What is typed, without the prompt.
        shown: The lines of its output that the page shows.
    """

    line: str
    shown: tuple[str, ...] = ()

    @property
    def installs(self) -> bool:
        """Whether it changes what is installed: replayed in an environment of its own only."""
        return self.line.startswith(_INSTALLING)

    @property
    def serves(self) -> bool:
        """Whether it goes on until it is interrupted, beside the commands after it."""
        return self.line.startswith("netra-testkit serve") and "--faults" not in self.line

    @property
    def exit_code(self) -> int:
        """What it ends with, by what is shown of it."""
        return int(any(each in line for line in self.shown for each in _UNSUCCESSFUL))

    def missing_in(self, output: str) -> str | None:
        """The first line shown that the output does not have, in this order."""
        lines = iter(output.splitlines())
        for shown in self.shown:
            pattern = re.compile(".*".join(map(re.escape, _VARYING.split(shown))))
            if shown != "..." and not any(pattern.search(line) for line in lines):
                return shown
        return None


def name_of(path: Path) -> str:
    """The path of a page as a test's id."""
    return path.relative_to(ROOT).as_posix()


def steps(page: Path) -> list[WrittenFile | Command]:
    """What the reader does, in the order of the page.

    Args:
        page: A page of the documentation.

    Returns:
        Files to write and commands to type.
    """
    found: list[WrittenFile | Command] = []
    for match in _STEP.finditer(page.read_text("utf-8")):
        name, kind, body = match.group("name", "kind", "body")
        if name:
            found.append(WrittenFile(name=name, text=body))
        elif kind == "console":
            found.extend(_commands(body))
    return found


def files_in(page: Path) -> list[WrittenFile]:
    """The files that a page has its reader write."""
    return [step for step in steps(page) if isinstance(step, WrittenFile)]


def commands_in(page: Path) -> list[Command]:
    """The commands that a page has its reader type."""
    return [step for step in steps(page) if isinstance(step, Command)]


def blocks_in(page: Path, kind: str) -> list[str]:
    """The blocks of a kind that are no file of the reader's, in their order."""
    found = _STEP.finditer(page.read_text("utf-8"))
    return [each["body"] for each in found if each["kind"] == kind and not each["name"]]


def python_in(page: Path) -> list[str]:
    """The blocks of Python that are no file of the reader's: a script."""
    return blocks_in(page, "python")


def _commands(body: str) -> list[Command]:
    found: list[Command] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append(Command(line=line.removeprefix("$ ")))
        elif found and line.strip():
            last = found.pop()
            found.append(Command(line=last.line, shown=(*last.shown, line)))
    return found
