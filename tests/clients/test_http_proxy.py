"""Through a proxy, as companies have them: a CONNECT tunnel to a host that only it knows."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import nothing_left, serving, within
from tests.clients.test_tls import Authority, authority
from tests.rude.behaviours import BEHAVIOURS, rude

from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import (
    Cause,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
)
from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["authority"]

NAME = "tls.invalid"


class Proxy:
    """Joins connections, whatever host is asked for, to one port."""

    def __init__(self, target: int, answer: bytes) -> None:
        self.target = target
        self.answer = answer
        self.asked: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(self.answer)
            if b" 200 " in self.answer:
                there, back = await asyncio.open_connection("127.0.0.1", self.target)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.pump(reader, back))
                    group.create_task(self.pump(there, writer))
        writer.close()

    @staticmethod
    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
        sink.close()


@contextlib.asynccontextmanager
async def proxying(
    target: int, answer: bytes, monkeypatch: pytest.MonkeyPatch, credentials: str = ""
) -> AsyncIterator[Proxy]:
    proxy = Proxy(target, answer)
    server = await asyncio.start_server(proxy.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://{credentials}127.0.0.1:{port}")
    try:
        yield proxy
    finally:
        server.close()
        await asyncio.sleep(0.01)


def config(trust: Authority) -> StagingConfig:
    return StagingConfig(
        environment="staging",
        allowed_hosts=(NAME,),
        base_url=f"https://{NAME}",
        ca_file=trust.ca_file,
    )


JOINED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def test_a_call_goes_through_the_proxy(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        nothing_left(),
        serving(tls=authority.server) as served,
        proxying(served.port, JOINED, monkeypatch, "user:pass%20word@") as proxy,
        HttpClient(config(authority), token="t" * 20) as http,
    ):
        for _ in range(2):
            assert (await http.get("/health")).json() == {"status": "healthy"}
    [asked] = proxy.asked
    assert asked.startswith(f"CONNECT {NAME}:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=" in asked
    assert "Bearer" not in asked


async def test_a_proxy_that_refuses_is_said(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = b"HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n"
    async with (
        nothing_left(),
        proxying(9, refusal, monkeypatch),
        HttpClient(config(authority)) as http,
    ):
        with pytest.raises(ConnectionFailed, match="407") as refused:
            await http.get("/health")
    assert (refused.value.phase, refused.value.target) == ("proxy", f"{NAME}:443")
    assert refused.value.cause is Cause.INFRASTRUCTURE


async def test_what_the_proxy_says_is_no_word_of_the_platform(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        nothing_left(),
        serving(b"HTTP/1.1 200 OK\r\n", tls=authority.server) as served,
        proxying(served.port, JOINED, monkeypatch) as proxy,
        HttpClient(config(authority)) as http,
    ):
        with within(0.3), pytest.raises(DeadlineExceeded) as late:
            await http.get("/health", within=0.3)
        assert late.value.cause is Cause.PRODUCT
        proxy.target = 9
        with pytest.raises(ConnectionFailed) as refused:
            await http.get("/health", within=1)
    assert (refused.value.phase, refused.value.cause) == ("tls", Cause.INFRASTRUCTURE)


async def test_a_handshake_behind_the_proxy_that_never_finishes_is_no_answer(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with nothing_left():
        with rude(BEHAVIOURS["TLS never begins"]) as server:
            async with (
                proxying(server.port, JOINED, monkeypatch),
                HttpClient(config(authority)) as http,
            ):
                with within(0.3), pytest.raises(DeadlineExceeded) as late:
                    await http.get("/health", within=0.3)
    assert (late.value.phase, late.value.last_activity) == ("connect", None)
    assert late.value.cause is Cause.INFRASTRUCTURE


async def test_a_proxy_that_never_answers_ends_in_time(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with nothing_left(), proxying(9, b"HTTP/1.1 200", monkeypatch) as proxy:
        proxy.answer = b""
        async with HttpClient(config(authority)) as http:
            for _ in range(3):
                with within(0.1), pytest.raises((ConnectionFailed, DeadlineExceeded)):
                    await http.get("/health", within=0.1)


async def test_a_proxy_that_cannot_be_used_is_a_problem_of_configuration(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    async with nothing_left(), HttpClient(config(authority)) as http:
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
            await http.get("/health")
