from __future__ import annotations

import pytest

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.settings.hosts import credentials_in, guarded_hosts, guarded_path


@pytest.mark.parametrize(
    ("hosts", "canonical"),
    [
        ([], ()),
        (["Preview.Example.com", " two.example.com. "], ("preview.example.com", "two.example.com")),
        (["one", "ONE", "one."], ("one",)),
        (["[::1]", "2001:DB8::1", "10.0.0.7"], ("::1", "2001:db8::1", "10.0.0.7")),
    ],
    ids=str,
)
def test_allowed_hosts_are_kept_in_the_form_they_are_compared_in(
    hosts: list[str], canonical: tuple[str, ...]
) -> None:
    assert guarded_hosts(hosts, source="argument") == canonical


@pytest.mark.parametrize(
    "host",
    [
        "",
        "https://one.example",
        "one.example:443",
        "one.example/path",
        "*.example.com",
        "a b",
        "user@one.example",
        7,
        None,
    ],
    ids=repr,
)
def test_what_is_not_one_host_is_not_allowed(host: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        guarded_hosts(["fine.example", host, host], source="NETRA_ALLOWED_HOSTS")
    remedy = "Name one host, without scheme, port, path or wildcard."
    assert caught.value.problems == tuple(
        Problem(f"allowed_hosts[{position}]", "NETRA_ALLOWED_HOSTS", remedy) for position in (1, 2)
    )


@pytest.mark.parametrize(
    ("path", "normal"),
    [("/ws", "/ws"), ("/ws/", "/ws"), ("/a/b-c_d.e~f", "/a/b-c_d.e~f"), ("/", "/")],
)
def test_a_websocket_path_is_absolute(path: str, normal: str) -> None:
    assert guarded_path(path, source="argument") == normal


@pytest.mark.parametrize(
    "path", ["", "ws", "/ws?token=1", "/ws#x", "/w s", "/wß", "//\n", 7], ids=repr
)
def test_any_other_websocket_path_is_refused(path: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        guarded_path(path, source="argument")
    assert caught.value.problems == (
        Problem("websocket_path", "argument", "Give an absolute path without query, such as /ws."),
    )


@pytest.mark.parametrize(
    ("url", "credentials"),
    [
        ("https://user:word@example.com", "word"),
        ("https://user:wo:rd/@example.com", "wo:rd/"),
        ("https://word@example.com", "word"),
        ("https://user:@example.com", "user:"),
        ("https://example.com", ""),
        ("word", ""),
        (7, ""),
    ],
    ids=repr,
)
def test_what_stands_before_the_at_sign_may_be_secret(url: object, credentials: str) -> None:
    assert credentials_in(url) == credentials
