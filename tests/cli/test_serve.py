"""`netra-testkit serve`: the embedded staging in a process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from secrets import token_urlsafe
from typing import TYPE_CHECKING

import httpx
import pytest

from netra_testkit.cli import main, serve
from netra_testkit.cli.env_file import written
from netra_testkit.errors import ConfigurationError
from netra_testkit.local.control import KEY_HEADER
from netra_testkit.local.env_file import variables_of
from netra_testkit.local.faults import FAULTS
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import mint_access_token
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "JWT_SECRET_LOCAL"  # noqa: S105 - the name of a variable
WITHIN = 15.0


@pytest.fixture(autouse=True)
def _no_secret_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET, raising=False)


@pytest.fixture(autouse=True)
def _seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # A signal that a thread raises wakes nobody, unlike that of a terminal.
    monkeypatch.setattr(serve, "_POLL_SECONDS", 0.01)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "staging.env"


def appears(file: Path) -> bool:
    """Whether a file comes to be there in time."""
    end = time.monotonic() + WITHIN
    seldom = threading.Event()
    while not file.exists() and time.monotonic() < end:
        seldom.wait(0.02)
    return file.exists()


@contextlib.contextmanager
def ended(file: Path, number: int = signal.SIGTERM) -> Iterator[threading.Event]:
    """Signal this process when the file is there and the event is set."""
    seen = threading.Event()

    def end() -> None:
        appears(file)
        seen.wait(WITHIN)
        signal.raise_signal(number)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield seen
    finally:
        seen.set()
        thread.join(WITHIN)


def serve_while(look: Callable[[], object], file: Path, *words: str) -> None:
    """Run `serve` here until something has been looked at by its side."""
    with ended(file) as seen, ThreadPoolExecutor(1) as beside:

        def looking() -> None:
            try:
                assert appears(file)
                look()
            finally:
                seen.set()

        looked = beside.submit(looking)
        assert main(["serve", "--write-env", str(file), *words]) == 0
        looked.result(WITHIN)


def serve_until_seen(file: Path, *words: str, number: int = signal.SIGTERM) -> int:
    """Run `serve` here, and end it as soon as its file is there."""
    with ended(file, number) as seen:
        seen.set()
        return main(["serve", "--write-env", str(file), *words])


@contextlib.contextmanager
def process(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    started = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "netra_testkit.cli", "serve", *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        creationflags=flags,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
        started.communicate(timeout=WITHIN)


def ask(method: str, url: str, **options: object) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=3) as client:
        return client.request(method, url, **options)  # type: ignore[arg-type]


@pytest.mark.broad
def test_another_process_reaches_it_through_the_file(env_file: Path) -> None:
    with process("--write-env", str(env_file), "--fault", "mute:count=3") as started:
        assert appears(env_file)
        assert stat.S_IMODE(env_file.stat().st_mode) == 0o600 or os.name == "nt"
        config = StagingConfig.from_env_file(env_file)
        token = mint_access_token(
            config.jwt_secret(), user=config.users[0], environment=Environment.LOCAL
        )
        headers = {"Authorization": f"Bearer {token}"}
        assert ask("GET", config.api_url + "/threads", headers=headers).status_code == 200
        began = time.monotonic()
        started.send_signal(signal.SIGINT)
        said, _ = started.communicate(timeout=WITHIN)
        assert time.monotonic() - began < 2
    assert started.returncode == 0
    assert not env_file.exists()
    assert config.base_url in said
    assert "Broken on purpose: mute:count=3" in said
    assert f"NETRA_ENV_FILE={env_file} pytest" in said
    assert said.endswith("Ctrl-C stops it.\nStopped.\n")
    assert config.jwt_secret().reveal() not in said


@pytest.mark.broad
def test_the_secret_may_come_from_the_environment() -> None:
    secret = JwtSecret.generate("a test")
    with process(**{SECRET: secret.reveal()}) as started:
        assert started.stdout is not None
        lines = [started.stdout.readline() for _ in range(3)]
        url = lines[0].split()[2]
        anybody = StagingUser("anybody", "anybody@example.com")
        token = mint_access_token(secret, user=anybody, environment=Environment.LOCAL)
        headers = {"Authorization": f"Bearer {token}"}
        assert ask("GET", url + "/api/threads", headers=headers).status_code == 200
        started.terminate()
        said, _ = started.communicate(timeout=WITHIN)
    assert secret.reveal() not in "".join([*lines, said])
    assert "/auth/dev/login" in lines[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_it_ends_in_order_when_it_is_told_to(
    env_file: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    assert serve_until_seen(env_file, number=number) == 0
    assert signal.getsignal(number) is before
    assert capsys.readouterr().out.endswith("Stopped.\n")
    assert not env_file.exists()


def test_it_is_what_it_was_told_to_be(env_file: Path) -> None:
    words = ["--seed", "7", "--pace", "0", "--welcome", "system_message", "--refusal", "close"]
    words += ["--event-form", "flat", "--no-thread-handshake", "--fault", "degraded"]
    health: list[object] = []

    def look() -> None:
        config = StagingConfig.from_env_file(env_file)
        health.append(ask("GET", config.base_url + "/api/health").json()["status"])

    serve_while(look, env_file, *words)
    assert health == ["degraded"]


def test_the_holder_of_the_file_sets_faults(env_file: Path) -> None:
    answers: list[int] = []

    def look() -> None:
        lines = env_file.read_text("utf-8").splitlines()
        said = dict(line.split("=", 1) for line in lines if line.startswith("LOCAL_CONTROL_"))
        url, key = (said[f"LOCAL_CONTROL_{each}"].strip("'") for each in ("URL", "KEY"))
        config = StagingConfig.from_env_file(env_file)
        answers.append(ask("GET", config.health_endpoint).status_code)
        fault = {"fault": "status:status=503"}
        ask("POST", url, json=fault, headers={KEY_HEADER: key}).raise_for_status()
        answers.append(ask("GET", config.health_endpoint).status_code)

    serve_while(look, env_file, "--control")
    assert answers == [200, 503]


def test_control_needs_the_file_that_holds_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve", "--control"])
    assert caught.value.code == 2
    assert "--control needs --write-env FILE" in capsys.readouterr().err


def test_json_is_of_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve", "--json"])
    assert caught.value.code == 2
    assert "--json needs --faults" in capsys.readouterr().err


def test_what_a_handler_dies_of_is_said(env_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def look() -> None:
        config = StagingConfig.from_env_file(env_file)
        headers = {"X-Request-ID": "who-asked"}
        assert ask("GET", f"{config.auth_url}/auth/login", headers=headers).status_code == 500

    serve_while(look, env_file, "--fault", "session-missing")
    said = capsys.readouterr().err
    assert said.startswith("ERROR: the handler of /auth/login died, request who-asked\nTraceback")
    assert "\nRuntimeError: SessionMiddleware must be installed" in said


def test_what_a_handler_dies_of_is_said_once_only_to_whoever_serves(
    env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("netra_testkit")
    before = list(logger.handlers)
    assert serve_until_seen(env_file) == 0
    assert logger.handlers == before
    assert capsys.readouterr().err == ""


def test_the_file_of_a_later_server_is_not_removed_by_an_earlier_one(env_file: Path) -> None:
    with written(env_file, {"NETRA_BASE_URL": "http://127.0.0.1:1"}):
        later = written(env_file, {"NETRA_BASE_URL": "http://127.0.0.1:2"})
        later.__enter__()
    assert "127.0.0.1:2" in env_file.read_text("utf-8")
    later.__exit__(None, None, None)
    assert not env_file.exists()


@pytest.mark.parametrize("words", [["--faults"], ["--seed", "1"]], ids=["faults", "serving"])
def test_who_reads_it_may_have_enough(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        assert main(["serve", *words]) == 0
        sys.stdout.write("and nobody reads the rest either")


def test_a_pipe_that_is_closed_ends_it_without_a_word() -> None:
    command = [sys.executable, "-m", "netra_testkit.cli", "serve", "--faults"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:  # noqa: S603 - our own command
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert started.stderr.read() == b""
        assert started.wait(WITHIN) == 0


@pytest.mark.broad
def test_open_streams_do_not_hold_it_up(env_file: Path) -> None:
    words = ["--write-env", str(env_file), "--fault", "never-completes"]
    with process(*words) as started, httpx.Client(trust_env=False, timeout=3) as client:
        assert appears(env_file)
        url = StagingConfig.from_env_file(env_file).api_url
        with (
            client.stream("GET", url + "/events/stream") as events,
            client.stream("POST", url + "/agents/stream", json={"message": "hi"}) as run,
        ):
            assert (events.status_code, run.status_code) == (200, 200)
            began = time.monotonic()
            started.send_signal(signal.SIGINT)
            said, _ = started.communicate(timeout=WITHIN)
            assert time.monotonic() - began < 2
    assert started.returncode == 0
    assert said.splitlines()[-1] == "Stopped."


def test_the_catalogue_is_printed_to_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--faults"]) == 0
    said = capsys.readouterr().out
    assert [name for name in FAULTS if f"\n  {name}: " not in said] == []
    assert "latency=100 ms" in said
    assert "phases: after-welcome, upgrade, before-welcome, mid-run" in said


def test_the_catalogue_is_printed_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--faults", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)
    assert [kind["name"] for kind in kinds] == list(FAULTS)
    assert kinds[0]["options"]["latency"] == {
        "default": 100,
        "type": "float",
        "unit": "ms",
        "choices": [],
    }


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--fault", "closse"], "use close"),
        (["--host", "0.0.0.0"], "not loopback"),  # noqa: S104 - that is what is refused
        (["--port", "70000"], "70000"),
        (["--pace", "-1"], "pace"),
        (["--write-env", "/nowhere/at/all"], "cannot be written"),
        (["--write-env", "."], "is a directory"),
    ],
    ids=["fault", "host", "port", "pace", "no directory", "a directory"],
)
def test_what_cannot_be_done_is_refused(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *words]) == 2
    refused = capsys.readouterr()
    assert refused.err.startswith("netra-testkit: ")
    assert reason in refused.err


def test_a_secret_that_is_none_is_refused_without_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    value = token_urlsafe(9)
    monkeypatch.setenv(SECRET, value)
    assert main(["serve"]) == 2
    refused = capsys.readouterr().err
    assert SECRET in refused
    assert value not in refused


def test_other_machines_are_let_in_only_with_a_warning(
    env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve_until_seen(env_file, "--host", "0.0.0.0", "--allow-remote") == 0  # noqa: S104 - said so
    assert "Warning: " in capsys.readouterr().out


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_a_file_of_somebody_else_is_left_alone(env_file: Path) -> None:
    env_file.write_text("MINE=1\n", "utf-8")
    with (
        pytest.raises(ConfigurationError, match="not one of this command's"),
        written(env_file, {}),
    ):
        pass
    assert env_file.read_text("utf-8") == "MINE=1\n"


def test_a_file_that_an_earlier_server_left_is_replaced(env_file: Path) -> None:
    with written(env_file, {"A": "1"}):
        left = env_file.read_text("utf-8")
    env_file.write_text(left, "utf-8")
    with written(env_file, {"A": "2"}):
        assert "A='2'" in env_file.read_text("utf-8")
    assert list(env_file.parent.iterdir()) == []


def test_a_file_that_is_gone_already_is_no_failure(env_file: Path) -> None:
    with written(env_file, {"A": "1"}):
        env_file.unlink()
    assert not env_file.exists()


def test_the_file_describes_the_same_configuration(env_file: Path) -> None:
    secret = JwtSecret.of("a'b\\'c\"d #e\\" + token_urlsafe(24), source="a test")
    config = StagingConfig(environment="local", base_url="http://127.0.0.1:1", jwt_secret=secret)
    with written(env_file, variables_of(config)):
        read = StagingConfig.from_env_file(env_file)
        assert read.jwt_secret().reveal() == secret.reveal()
        assert (read.base_url, read.users) == (config.base_url, config.users)
