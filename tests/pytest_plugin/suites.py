"""Suites of somebody else's, written for one test and run with the plugin."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = "netra_testkit.pytest_plugin"
NEVER_INHERITED = (
    *("NETRA_", "JWT_", "STAGING_", "PYTEST_", "ENVIRONMENT", "E2E_", "COLUMNS"),
    # pytest writes longer summaries where it takes the machine for one of these.
    *("CI", "BUILD_NUMBER"),
)

QUIET = (
    *("-p", "no:cacheprovider"),
    *("-p", "no:anyio"),
    *("-p", "no:hypothesispytest"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
)
# In this process nothing is looked for that a suite does not use: a look at every distribution
# costs more than the tests of a suite do. Runs in processes of their own find all of it.
SPARE = ("--disable-plugin-autoload", "-p", "pytest_asyncio.plugin")
LONGEST = 60.0


@functools.cache
def is_entry_point() -> bool:
    """Whether pytest finds the plugin by itself."""
    return bool(entry_points(group="pytest11", name="netra"))


def plugin_arguments(*, installed: bool = True, spare: bool = False) -> list[str]:
    """What makes pytest load the plugin, or leave it out, whether or not it is an entry point."""
    if not is_entry_point():
        return ["-p", PACKAGE] if installed else []
    if installed:
        return ["-p", "netra"] if spare else []
    return ["-p", "no:netra"]


class Suite:
    """A suite in a directory of its own.

    Args:
        pytester: Writes and runs it.
        monkeypatch: Sets its environment.
    """

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self._monkeypatch = monkeypatch

    def files(self, **sources: str) -> Suite:
        """Write modules by name, without their ending."""
        self.pytester.makepyfile(**sources)
        return self

    def meeting(self) -> Suite:
        """Write a module `meeting` by whose `meet(config)` a test asks its deployment something."""
        return self.files(
            meeting="""
            import socket
            from urllib.parse import urlsplit

            def meet(config):
                url = urlsplit(config.base_url)
                socket.create_connection((url.hostname, url.port)).close()
            """
        )

    def conftest(self, source: str) -> Suite:
        """Write its conftest."""
        self.pytester.makeconftest(source)
        return self

    def ini(self, *lines: str) -> Suite:
        """Write its pytest.ini."""
        self.pytester.makefile(".ini", pytest="\n".join(["[pytest]", *lines]))
        return self

    def environ(self, **variables: str) -> Suite:
        """Set variables of the process that runs it."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)
        return self

    def run(
        self,
        *arguments: str,
        subprocess: bool = False,
        workers: int = 0,
        installed: bool = True,
    ) -> pytest.RunResult:
        """Run it; a run with workers has processes of its own in any case."""
        spare = not subprocess and not workers
        loaded = plugin_arguments(installed=installed, spare=spare)
        spread = ["-n", str(workers)] if workers else []
        words = [*(SPARE if spare else ()), *loaded, *QUIET, *spread, *arguments]
        if subprocess:
            return self.pytester.runpytest_subprocess(*words)
        return self.pytester.runpytest_inprocess(*words)

    def start(
        self, name: str, *arguments: str, program: str = "", **sources: str
    ) -> Callable[[], pytest.RunResult]:
        """Start another suite beside this one, in a process of its own.

        Args:
            name: Of its directory.
            arguments: Of pytest.
            program: A module of it that is run instead.
            sources: Its modules by name.

        Returns:
            What waits for its end.
        """
        place = self.pytester.mkdir(name)
        for module, source in sources.items():
            (place / f"{module}.py").write_text(textwrap.dedent(source), "utf-8")
        words = ["-m", "pytest", *SPARE, *plugin_arguments(spare=True), *QUIET, *arguments]
        began = time.monotonic()
        process = Popen(  # noqa: S603 - a suite of these tests
            [sys.executable, *([f"{program}.py"] if program else words)],
            cwd=place,
            stdout=PIPE,
            stderr=PIPE,
            text=True,
        )

        def ended() -> pytest.RunResult:
            out, err = (said.splitlines() for said in process.communicate(timeout=LONGEST))
            return pytest.RunResult(process.returncode, out, err, time.monotonic() - began)

        return ended


def nobody_there() -> str:
    """The URL of a port of this machine that refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def publishing(body: object) -> Iterator[str]:
    """A healthy deployment that publishes this, whatever it is asked for."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {"status": "healthy"} if self.path == "/health" else body
            content = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
