from __future__ import annotations

import asyncio
import ssl
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.clients.http_server import config_for, nothing_left, serving, within
from tests.rude.behaviours import BEHAVIOURS, rude

from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.tls import tls_context
from netra_testkit.errors import (
    Cause,
    ClientClosed,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
)

if TYPE_CHECKING:
    from pathlib import Path

NAME = "127.0.0.1"


class Authority(NamedTuple):
    """An authority of one's own and a server that it vouches for."""

    ca_file: Path
    server: ssl.SSLContext


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S603, S607 - fixed arguments


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    place = tmp_path_factory.mktemp("tls")
    key, certificate = place / "key.pem", place / "certificate.pem"
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=tests"),
        *("-addext", f"subjectAltName=IP:{NAME},DNS:tls.invalid"),
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return Authority(certificate, server)


def test_the_context_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert tls_context() is tls_context()
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
    assert tls_context().check_hostname


def test_a_variable_names_authorities(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    assert len(tls_context().get_ca_certs()) == 1
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert len(tls_context().get_ca_certs()) > 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_a_certificate_is_said(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem cannot be used"):
        tls_context(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        tls_context()


async def test_an_authority_of_ones_own_is_trusted(authority: Authority) -> None:
    async with nothing_left(), serving(tls=authority.server) as served:
        config = config_for(f"{NAME}:{served.port}", "https", ca_file=authority.ca_file)
        async with HttpClient(config) as http:
            for _ in range(2):
                assert (await http.get("/health")).json() == {"status": "healthy"}
        assert served.connections == 1


async def test_an_unknown_authority_is_refused(authority: Authority) -> None:
    async with nothing_left(), serving(tls=authority.server) as served:
        async with HttpClient(config_for(f"{NAME}:{served.port}", "https")) as http:
            with pytest.raises(ConnectionFailed, match="self-signed") as failed:
                await http.get("/health")
            assert (failed.value.phase, failed.value.cause) == ("tls", Cause.INFRASTRUCTURE)
            assert failed.value.request_id
        assert served.requests == []


async def test_another_name_is_refused(authority: Authority) -> None:
    async with serving(tls=authority.server) as served:
        config = config_for(f"localhost:{served.port}", "https", ca_file=authority.ca_file)
        async with HttpClient(config, resolver=lambda _host, _port: [NAME]) as http:
            with pytest.raises(ConnectionFailed, match="localhost"):
                await http.get("/health")


async def test_a_client_that_is_left_ends_a_handshake() -> None:
    async with nothing_left():
        with rude(BEHAVIOURS["TLS never begins"]) as server, within(0.1):
            async with HttpClient(config_for(server.authority, "https")) as http:
                task = asyncio.create_task(http.get("/health"))
                await asyncio.sleep(0.1)
            with pytest.raises(ClientClosed):
                await task


RUDE = {
    "TLS never begins": (DeadlineExceeded, "connect"),
    "TLS drips": (DeadlineExceeded, "connect"),
    "TLS closes": (ConnectionFailed, "tls"),
    "TLS resets": (ConnectionFailed, "tls"),
    "TLS alerts": (ConnectionFailed, "tls"),
    "TLS in plain text": (ConnectionFailed, "tls"),
}


@pytest.mark.parametrize(("name", "outcome"), RUDE.items(), ids=RUDE)
async def test_a_handshake_that_never_finishes_ends_in_time(
    name: str, outcome: tuple[type[ConnectionFailed | DeadlineExceeded], str]
) -> None:
    error, phase = outcome
    bound = 0.1 if error is DeadlineExceeded else 0.5
    async with nothing_left():
        with rude(BEHAVIOURS[name]) as server:
            async with HttpClient(config_for(server.authority, "https")) as http:
                for _ in range(2):
                    with within(bound), pytest.raises(error) as failed:
                        await http.get("/health", within=bound)
                    assert failed.value.phase == phase
                    assert failed.value.cause is Cause.INFRASTRUCTURE
