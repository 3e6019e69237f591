"""The demo shows what holds, and explains what a fault breaks."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"


def shown(*faults: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own example
        [sys.executable, str(DEMO), *faults],
        env={**os.environ, **environ},
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_broken_staging_is_explained() -> None:
    done = shown("enum-in-log")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Broken on purpose, enum-in-log: ")
    assert "ServerClosed: Closed by the server with 1011" in done.stdout
    assert "hint: Look the close code up" in done.stdout
    assert re.search(r"^P1-005  agent_discovery +passed", done.stdout, re.MULTILINE)
    assert re.search(
        r"^priority 1: \d+ of 25, not met: 1, 2, 3, 4, 7, 10,", done.stdout, re.MULTILINE
    )
    _, _, log = done.stdout.partition("The server's log, its first entry of ")
    asked = re.search(r"^ERROR: the handler of /ws died, request (\w+)$", log, re.MULTILINE)
    assert asked
    assert f"request id: {asked[1]}" in done.stdout
    # Some Pythons add a note: which item of which object it was.
    assert re.search(
        r"^TypeError: Object of type WebSocketState is not JSON serializable\n(when .*\n)*\Z",
        log,
        re.MULTILINE,
    )


def test_no_proxy_stands_between_this_machine_and_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = "http://127.0.0.1:{1}".format(*nobody.getsockname())
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        done = shown(**dict.fromkeys((*names, *map(str.lower, names)), proxy))
        nobody.settimeout(0)
        with pytest.raises(BlockingIOError):
            nobody.accept()
    assert done.returncode == 0, done.stdout
    assert "priority 1: 25 of 25" in done.stdout


def test_a_fault_that_does_not_exist_is_refused_with_the_nearest_names() -> None:
    done = shown("enum-in-logs")
    assert done.returncode != 0
    assert "enum-in-log" in done.stderr
