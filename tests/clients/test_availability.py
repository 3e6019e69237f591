from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import pytest

from netra_testkit.clients import availability
from netra_testkit.clients.availability import LARGEST_BODY, Availability, probe
from netra_testkit.errors import Cause, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

HEALTHY = b'{"status": "healthy", "service": "backend"}'


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    """What a probe takes is imported, so that a short bound is not spent on that."""
    probe("http://127.0.0.1:1/health")


def answer(status: str, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


class Answering:
    """A loopback server that reads each request and lets a function answer it."""

    def __init__(self, react: Callable[[socket.socket], None]) -> None:
        self.requests: list[str] = []
        self._react = react
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/health"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # Whoever waits for the next client meets this one.
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()

    def wait(self, seconds: float) -> bool:
        """Wait until the test is over, at most this long; whether it is."""
        return self._ended.wait(seconds)

    def _serve(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            with peer, contextlib.suppress(OSError):
                if self._ended.is_set():
                    return
                peer.settimeout(5)
                self.requests.append(peer.recv(65536).decode().partition("\r\n")[0])
                self._react(peer)


@contextlib.contextmanager
def sending(data: bytes) -> Iterator[Answering]:
    with Answering(lambda peer: peer.sendall(data)) as server:
        yield server


def test_a_healthy_answer_is_available() -> None:
    with sending(answer("200 OK", HEALTHY)) as server:
        found = probe(server.url)
    assert found == Availability(
        available=True,
        url=server.url,
        evidence=f"HTTP 200: {HEALTHY.decode()}",
        cause=None,
        elapsed=found.elapsed,
    )
    assert 0 < found.elapsed < 4.5
    assert server.requests == ["GET /health HTTP/1.1"]


@pytest.mark.parametrize(
    ("data", "evidence", "cause"),
    [
        pytest.param(
            answer("503 Service Unavailable", b"<html>"),
            "HTTP 503: <html>",
            Cause.DEPLOYMENT,
            id="a gateway's 503",
        ),
        pytest.param(
            answer("503 Service Unavailable", b'{"error_code": "DOWN"}'),
            'HTTP 503: {"error_code": "DOWN"}',
            Cause.PRODUCT,
            id="the platform's 503",
        ),
        pytest.param(
            answer("503 Service Unavailable", b'{"status": "unhealthy", "message": "no database"}'),
            'HTTP 503: {"status": "unhealthy", "message": "no database"} (not healthy)',
            Cause.PRODUCT,
            id="the platform's own word",
        ),
        pytest.param(
            answer("503 Service Unavailable", b'{"status": "healthy"}'),
            'HTTP 503: {"status": "healthy"}',
            Cause.DEPLOYMENT,
            id="a contradiction",
        ),
        pytest.param(
            answer("500 Internal Server Error", b'{"detail": "x"}'),
            'HTTP 500: {"detail": "x"}',
            Cause.PRODUCT,
            id="the platform's 500",
        ),
        pytest.param(
            answer("404 Not Found", b"nothing"), "HTTP 404: nothing", Cause.UNDECIDED, id="404"
        ),
        pytest.param(
            answer("302 Found", b"", "Location: https://example.com/health"),
            "HTTP 302: ",
            Cause.UNDECIDED,
            id="a redirect, which is not followed",
        ),
        pytest.param(
            answer("200 OK", b"<html>Log in</html>"),
            "HTTP 200: <html>Log in</html> (not JSON: another service or a proxy answers)",
            Cause.INFRASTRUCTURE,
            id="a page",
        ),
        pytest.param(
            answer("200 OK", b"[" * 60_000),
            f"HTTP 200: {'[' * 200} (not JSON: another service or a proxy answers)",
            Cause.INFRASTRUCTURE,
            id="nested without end",
        ),
        pytest.param(
            answer("200 OK", b'{"status": "unhealthy"}'),
            'HTTP 200: {"status": "unhealthy"} (not healthy)',
            Cause.PRODUCT,
            id="unhealthy",
        ),
        pytest.param(
            answer("200 OK", b'["healthy"]'),
            'HTTP 200: ["healthy"] (not healthy)',
            Cause.PRODUCT,
            id="a list",
        ),
        pytest.param(
            answer("200 OK", b"null"), "HTTP 200: null (not healthy)", Cause.PRODUCT, id="null"
        ),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", "ConnectionFailed: ", Cause.PRODUCT, id="not HTTP"),
        pytest.param(b"", "ConnectionFailed: ", Cause.INFRASTRUCTURE, id="closed at once"),
    ],
)
def test_any_other_answer_is_kept_as_evidence(data: bytes, evidence: str, cause: Cause) -> None:
    with sending(data) as server:
        found = probe(server.url)
    assert not found.available
    assert found.evidence.startswith(evidence)
    assert found.cause is cause
    assert len(server.requests) == 1


def test_a_secret_in_an_answer_is_masked() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9." + "a" * 40 + "." + "b" * 43
    with sending(answer("401 Unauthorized", f"Bearer {token}".encode())) as server:
        assert "a" * 12 not in probe(server.url).evidence


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_allowed() -> None:
    def keep_silent(_: socket.socket) -> None:
        server.wait(5)

    with Answering(keep_silent) as server:
        found = probe(server.url, within=0.2)
    assert (found.available, found.cause) == (False, Cause.INFRASTRUCTURE)
    assert found.evidence == "no answer within 0.2 s"
    assert 0.1 < found.elapsed < 0.7


def test_an_answer_that_drips_is_waited_for_no_longer_than_allowed() -> None:
    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.wait(0.02):
            peer.sendall(b" ")

    with Answering(drip) as server:
        found = probe(server.url, within=0.5)
        # Its thread ends too.
        until = time.monotonic() + 2
        while "netra-availability" in {each.name for each in threading.enumerate()}:
            assert time.monotonic() < until
            server.wait(0.01)
    assert (found.available, found.cause) == (False, Cause.PRODUCT)
    assert found.evidence == "the answer began, and did not end within 0.5 s"
    assert found.elapsed < 1


def test_an_endless_answer_is_read_up_to_a_bound() -> None:
    def flood(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"x" * LARGEST_BODY)

    with Answering(flood) as server:
        found = probe(server.url)
    assert "not JSON" in found.evidence
    assert len(found.evidence) < 300


def test_a_thread_that_got_no_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    began, stop = threading.Event(), threading.Event()

    def starve(*_: object) -> tuple[str, Cause | None]:
        began.set()
        stop.wait(10)
        return "too late", None

    monkeypatch.setattr(availability, "_ask", starve)
    found = probe("http://127.0.0.1:1/health", within=0.01)
    stop.set()
    assert began.is_set()
    assert (found.available, found.cause) == (False, Cause.UNDECIDED)
    assert found.evidence == "no answer within 0.01 s"


def test_nobody_listening_is_infrastructure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = probe(f"http://127.0.0.1:{port}/health")
    assert (found.available, found.cause) == (False, Cause.INFRASTRUCTURE)
    assert found.evidence.startswith("ConnectionFailed: ")


def test_certificates_that_cannot_be_read_are_not_called_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ca_file"):
        probe("https://127.0.0.1:1/health", ca_file=str(tmp_path / "missing.pem"))


def test_what_nobody_foresaw_is_raised_and_not_called_unavailable() -> None:
    with pytest.raises(TypeError):
        probe(object())  # type: ignore[arg-type]


def test_no_proxy_leads_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with sending(answer("200 OK", HEALTHY)) as server:
        assert probe(server.url).available


ASK = """
import json
from netra_testkit.clients.availability import is_staging_available, staging_availability
answers = [is_staging_available(), is_staging_available()]
print(json.dumps([*answers, staging_availability().evidence, staging_availability().url]))
"""


def test_a_process_asks_once_and_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    with sending(answer("200 OK", HEALTHY)) as server:
        configured(monkeypatch, server.url)
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-W", "error", "-c", ASK], check=True, capture_output=True, text=True
        )
    assert json.loads(done.stdout) == [True, True, f"HTTP 200: {HEALTHY.decode()}", server.url]
    assert len(server.requests) == 1


def configured(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in [each for each in os.environ if each.startswith("NETRA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRA_ENVIRONMENT", "local")
    monkeypatch.setenv("NETRA_BASE_URL", url.removesuffix("/health"))


@pytest.fixture
def anew() -> ModuleType:
    """The module as it is in a process that has not asked."""
    spec = importlib.util.find_spec(availability.__name__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_a_running_loop_asks_once_and_remembers(
    anew: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sending(answer("200 OK", HEALTHY)) as server:
        configured(monkeypatch, server.url)
        assert [anew.is_staging_available() for _ in range(2)] == [True] * 2
    assert len(server.requests) == 1


def test_threads_at_once_ask_once_and_remember(
    anew: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sending(answer("200 OK", HEALTHY)) as server, ThreadPoolExecutor(8) as pool:
        configured(monkeypatch, server.url)
        meeting = threading.Barrier(8)
        found = pool.map(lambda _: meeting.wait() >= 0 and anew.is_staging_available(), range(8))
        assert list(found) == [True] * 8
    assert len(server.requests) == 1


def test_an_answer_of_unavailable_is_remembered_too(
    anew: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sending(answer("503 Service Unavailable", b"")) as server:
        configured(monkeypatch, server.url)
        assert anew.remembered() is None
        assert [anew.is_staging_available() for _ in range(2)] == [False] * 2
    assert anew.staging_availability().evidence == "HTTP 503: "
    assert anew.remembered() is anew.staging_availability()
    assert len(server.requests) == 1


def test_what_cannot_be_configured_is_not_called_unavailable(
    anew: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, "http://example.com/health")
    with pytest.raises(ConfigurationError):
        anew.is_staging_available()


async def test_a_probe_inside_a_running_loop_is_no_different() -> None:
    with sending(answer("200 OK", HEALTHY)) as server:
        assert probe(server.url).available
        assert (await asyncio.to_thread(probe, server.url)).available
