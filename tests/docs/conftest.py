"""A reader who follows a page in a directory of their own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING

import pytest
import tests.pytest_plugin.loaded  # noqa: F401 - what suites import is there once and for all
from tests.pytest_plugin.suites import NEVER_INHERITED, QUIET, SPARE, plugin_arguments

from netra_testkit.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docs.pages import Command

LONGEST_COMMAND = 60.0
NOTHING_FOR = 10.0


class Reader:
    """Types the commands of one page.

    Args:
        pytester: Runs pytest, in this process where it can.
        capsys: Reads what a command wrote.
    """

    def __init__(self, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
        self.pytester = pytester
        self._capsys = capsys
        self._open = ExitStack()

    def close(self) -> None:
        """End what still serves."""
        self._open.close()

    def types(self, command: Command) -> tuple[int, str]:
        """Run a command as the page has it.

        Args:
            command: The command; one that serves goes on until the page ends.

        Returns:
            Its exit code and its output.
        """
        words = shlex.split(command.line)
        with pytest.MonkeyPatch.context() as patch:
            while "=" in words[0]:
                name, _, value = words.pop(0).partition("=")
                patch.setenv(name, value)
            if command.serves:
                return 0, self._serve(words, command)
            if words[0] == "pytest":
                return self._pytest(words[1:])
            if words[0] == "netra-testkit":
                self._capsys.readouterr()
                code = main(words[1:])
                return code, self._capsys.readouterr().out
            return self._program(words)

    def _pytest(self, words: list[str]) -> tuple[int, str]:
        if "-n" in words:
            result = self.pytester.runpytest_subprocess(*plugin_arguments(), *QUIET, *words)
        else:
            loaded = (*SPARE, *plugin_arguments(spare=True), *QUIET)
            result = self.pytester.runpytest_inprocess(*loaded, *words)
        self._capsys.readouterr()
        return int(result.ret), result.stdout.str() + result.stderr.str()

    def _program(self, words: list[str]) -> tuple[int, str]:
        found = {"python": sys.executable}.get(words[0]) or _beside_python(words[0])
        done = subprocess.run(  # noqa: S603 - our own documentation
            [found, *words[1:]],
            check=False,
            capture_output=True,
            text=True,
            timeout=LONGEST_COMMAND,
        )
        return done.returncode, done.stdout + done.stderr

    def _serve(self, words: list[str], command: Command) -> str:
        running = subprocess.Popen(  # noqa: S603 - our own documentation
            [sys.executable, "-m", "netra_testkit.cli", *words[1:]],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._open.callback(_end, running)
        lines: Queue[str] = Queue()

        def read() -> None:
            for line in running.stdout or ():
                lines.put(line)

        threading.Thread(target=read, daemon=True).start()
        said = ""
        while "Ctrl-C" not in said or command.missing_in(said):
            try:
                said += lines.get(timeout=NOTHING_FOR)
            except Empty:
                break
        return said


def _end(running: subprocess.Popen[str]) -> None:
    running.terminate()
    running.wait(NOTHING_FOR)
    if running.stdout:
        running.stdout.close()


def _beside_python(program: str) -> str:
    return str(Path(sys.executable).with_name(program))


@pytest.fixture
def reader(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Reader]:
    """A reader on a machine where nothing is configured."""
    for name in os.environ:
        if name.startswith(NEVER_INHERITED):
            monkeypatch.delenv(name)
    reading = Reader(pytester, capsys)
    try:
        yield reading
    finally:
        reading.close()
