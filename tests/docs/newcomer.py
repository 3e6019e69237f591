"""Follow the README and the tutorial to the letter on a machine where nothing is set up.

Run as `python -m tests.docs.newcomer` from the checkout. Home is empty, the project a clean copy,
and its wheel lies where pip looks for packages besides the index that this machine has configured.
"""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT, Command, WrittenFile, steps

if TYPE_CHECKING:
    from collections.abc import Mapping

PATHS = ("README.md", "docs/tutorial.md")
LONGEST_COMMAND = 300.0
LONGER = {"make test": 1500.0}
# What a fresh machine has as well: how to find programs, and how to reach the package index.
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
KEPT_FAMILIES = ("PIP_", "PYENV_ROOT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_TYPED = """\
. {state}
{line}
code=$?
export -p > {state}
exit $code
"""


class Shell:
    """One terminal of a reader: what a command exports is there for the next one.

    Args:
        folder: Where the terminal keeps what it must know.
        environ: What it begins with.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        folder.mkdir()
        self._state = folder / "state"
        self._state.touch()
        self._output = folder / "output"
        self._environ = dict(environ)

    def types(self, line: str, *, where: Path, within: float) -> tuple[int | None, str]:
        """Run a command line with all that it starts.

        Args:
            line: The line.
            where: The directory it is typed in.
            within: Seconds after which all of it is killed.

        Returns:
            Its exit code, None when it had to be killed, and its output.
        """
        with self._output.open("wb") as output:
            running = subprocess.Popen(  # noqa: S603 - our own documentation
                ["/bin/sh", "-c", _TYPED.format(line=line, state=self._state)],
                cwd=where,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            try:
                code = running.wait(within)
            except subprocess.TimeoutExpired:
                code = None
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
        return code, self._output.read_text("utf-8", errors="replace")


def complaint(command: Command, code: int | None, output: str) -> str | None:
    """What a command did otherwise than its page says, if anything.

    Args:
        command: The command with what the page shows of it.
        code: Its exit code; None when it did not end.
        output: What it wrote.
    """
    if code is None:
        return "it did not end in time"
    if code != command.exit_code:
        return f"exit code {code}, not {command.exit_code}"
    missing = command.missing_in(output)
    return missing and f"the output does not show: {missing}"


def bound(command: Command) -> float:
    """The seconds that a command may take."""
    return LONGER.get(command.line, LONGEST_COMMAND)


def bare(environ: Mapping[str, str], *, home: Path, without: Path | None) -> dict[str, str]:
    """The environment of somebody new: an empty home, and the package index of the machine.

    Args:
        environ: The environment here.
        home: The empty home.
        without: The virtual environment here, which somebody new does not have.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name in KEPT or name.upper().startswith(KEPT_FAMILIES)
    }
    places = [Path(each) for each in environ.get("PATH", os.defpath).split(os.pathsep)]
    outside = [str(each) for each in places if without is None or without not in each.parents]
    return {**kept, "PATH": os.pathsep.join(outside), "HOME": str(home)}


def pip_settings(listed: str) -> configparser.RawConfigParser:
    """The settings that pip takes from files, from what `pip config list` says.

    Args:
        listed: Its output; what comes from variables goes on to come from there.
    """
    settings = configparser.RawConfigParser()
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section == ":env:":
            continue
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, option, str(ast.literal_eval(value)).replace("\n", "\n  "))
    return settings


def copy_of_the_project(folder: Path) -> Path:
    """A copy without anything that the version control does not know or would not take."""
    listed = _run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in {*listed.split("\0")} - {""}:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def machine(folder: Path, project: Path) -> dict[str, str]:
    """The environment of a fresh machine on which pip finds the project and what it needs.

    Args:
        folder: Where to put what the machine has.
        project: What is built for pip to find.
    """
    _run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        folder / "dist",
        cwd=project,
    )
    settings = pip_settings(_run(sys.executable, "-m", "pip", "config", "list", cwd=folder))
    with (folder / "pip.conf").open("w", encoding="utf-8") as file:
        settings.write(file)
    [wheel] = (folder / "dist").iterdir()
    version = wheel.name.split("-")[1]
    (folder / "constraint.txt").write_text(f"netra-testkit=={version}\n", "utf-8")
    inside = Path(sys.prefix) if sys.prefix != sys.base_prefix else None
    (folder / "home").mkdir()
    environ = bare(os.environ, home=folder / "home", without=inside)
    found = [
        *environ.get("PIP_FIND_LINKS", settings.get("global", "find-links", fallback="")).split(),
        str(folder / "dist"),
    ]
    return {
        **environ,
        "PIP_CONFIG_FILE": str(folder / "pip.conf"),
        "PIP_FIND_LINKS": " ".join(found),
        "PIP_CONSTRAINT": str(folder / "constraint.txt"),
    }


def follow(page: Path, shell: Shell, *, project: Path, here: Path) -> None:
    """Write and type what a page says, in its order; stop where something else comes of it.

    Args:
        page: The page.
        shell: Where to type.
        project: The checkout, where the targets of its Makefile are.
        here: The directory of the reader for everything else.
    """
    here.mkdir()
    for step in steps(page):
        if isinstance(step, WrittenFile):
            (here / step.name).parent.mkdir(parents=True, exist_ok=True)
            (here / step.name).write_text(step.text, "utf-8")
            continue
        started = time.monotonic()
        where = project if step.line.startswith("make ") else here
        code, output = shell.types(step.line, where=where, within=bound(step))
        _say(f"{time.monotonic() - started:7.1f} s  $ {step.line}")
        if wrong := complaint(step, code, output):
            sys.exit(f"{output}\n{page.name}: $ {step.line}: {wrong}")


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)  # noqa: S603 - our own commands
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - progress


def main() -> None:
    """Follow each page on a machine of its own."""
    for path in PATHS:
        _say(f"== {path}, with an empty home")
        with tempfile.TemporaryDirectory(prefix="netra-testkit-newcomer-") as name:
            folder = Path(name)
            project = copy_of_the_project(folder / "netra-testkit")
            shell = Shell(folder / "shell", machine(folder, project))
            follow(project / path, shell, project=project, here=folder / "here")


if __name__ == "__main__":
    main()
