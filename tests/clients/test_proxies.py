from __future__ import annotations

import pytest

from netra_testkit.clients.proxies import is_loopback, proxy_for
from netra_testkit.errors import ConfigurationError

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


PROXY = "http://proxy.invalid:3128"
TABLE = {
    "none": ("https://a.invalid", {}, None),
    "for https": ("https://a.invalid/x", {"HTTPS_PROXY": PROXY}, PROXY),
    "in lower case": ("https://a.invalid", {"https_proxy": PROXY}, PROXY),
    "for wss": ("wss://a.invalid/ws", {"HTTPS_PROXY": PROXY}, PROXY),
    "for http": ("http://a.invalid", {"HTTP_PROXY": PROXY}, PROXY),
    "for ws": ("ws://a.invalid", {"http_proxy": PROXY}, PROXY),
    "of the other kind": ("http://a.invalid", {"HTTPS_PROXY": PROXY}, None),
    "for all": ("https://a.invalid", {"ALL_PROXY": PROXY}, PROXY),
    "empty": ("https://a.invalid", {"HTTPS_PROXY": ""}, None),
    "without a scheme": ("https://a.invalid", {"HTTPS_PROXY": "proxy.invalid:3128"}, PROXY),
    "excepted": ("https://a.invalid", {"HTTPS_PROXY": PROXY, "NO_PROXY": "a.invalid"}, None),
    "excepted by its domain": (
        "https://api.a.invalid",
        {"HTTPS_PROXY": PROXY, "NO_PROXY": "b.invalid, .a.invalid"},
        None,
    ),
    "excepted by its usual port": (
        "https://a.invalid",
        {"HTTPS_PROXY": PROXY, "NO_PROXY": "a.invalid:443"},
        None,
    ),
    "not excepted on this port": (
        "https://a.invalid:8443",
        {"HTTPS_PROXY": PROXY, "NO_PROXY": "a.invalid:443"},
        PROXY,
    ),
    "all excepted": ("https://a.invalid", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
    "loopback by address": ("https://127.0.0.1:8000", {"ALL_PROXY": PROXY}, None),
    "loopback by name": ("ws://localhost/ws", {"ALL_PROXY": PROXY, "HTTP_PROXY": PROXY}, None),
    "loopback in IPv6": ("https://[::1]:8000", {"HTTPS_PROXY": PROXY}, None),
}


@pytest.mark.parametrize(("url", "variables", "proxy"), TABLE.values(), ids=TABLE)
def test_the_variables_say_which_proxy(
    url: str, variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    "proxy", ["socks5://proxy.invalid:1080", "http://", "http://proxy:none", "http://[half"]
)
def test_a_proxy_that_cannot_be_used_is_said(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
        proxy_for("https://a.invalid")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.invalid", False),
        ("", False),
    ],
)
def test_loopback_is_known(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected
