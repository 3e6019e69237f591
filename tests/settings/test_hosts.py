from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netra_testkit.errors import ConfigurationError
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.hosts import guarded_url

if TYPE_CHECKING:
    from collections.abc import Collection

STAGING = Environment.STAGING
LOCAL = Environment.LOCAL


def guard(
    url: object,
    environment: Environment | None = STAGING,
    *,
    allowed: Collection[str] = (),
    path: str | None = None,
) -> str:
    return guarded_url(
        url,
        field="some_url",
        source="SOME_VARIABLE",
        environment=environment,
        allowed_hosts=allowed,
        websocket_path=path,
    )


def remedies(
    url: object,
    environment: Environment | None = STAGING,
    *,
    allowed: Collection[str] = (),
    path: str | None = None,
) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        guard(url, environment, allowed=allowed, path=path)
    assert {(each.field, each.source) for each in caught.value.problems} == {
        ("some_url", "SOME_VARIABLE")
    }
    return [each.remedy for each in caught.value.problems]


@pytest.mark.parametrize(
    ("url", "environment", "normal"),
    [
        ("https://api.staging.netrasystems.ai", STAGING, "https://api.staging.netrasystems.ai"),
        ("https://api.staging.netrasystems.ai/", STAGING, "https://api.staging.netrasystems.ai"),
        ("HTTPS://API.Staging.netrasystems.ai", STAGING, "https://api.staging.netrasystems.ai"),
        ("https://api.staging.netrasystems.ai.", STAGING, "https://api.staging.netrasystems.ai"),
        (
            "https://api.staging.netrasystems.ai:443//",
            STAGING,
            "https://api.staging.netrasystems.ai:443",
        ),
        (
            "https://api.staging.netrasystems.ai/Prefix/",
            STAGING,
            "https://api.staging.netrasystems.ai/Prefix",
        ),
        ("https://api.netrasystems.ai", Environment.PRODUCTION, "https://api.netrasystems.ai"),
        ("http://localhost:8000", Environment.DEVELOPMENT, "http://localhost:8000"),
        ("https://localhost:8000", Environment.DEVELOPMENT, "https://localhost:8000"),
        ("http://127.0.0.1:65535", LOCAL, "http://127.0.0.1:65535"),
        ("http://127.8.9.10:1", Environment.TEST, "http://127.8.9.10:1"),
        ("http://[::1]:8000/", LOCAL, "http://[::1]:8000"),
    ],
)
def test_a_url_of_its_own_environment_loses_only_trailing_slashes(
    url: str, environment: Environment, normal: str
) -> None:
    assert guard(url, environment) == normal


@pytest.mark.parametrize(
    ("url", "environment", "path"),
    [
        ("wss://api.staging.netrasystems.ai/ws", STAGING, "/ws"),
        ("wss://api.staging.netrasystems.ai/chat", STAGING, "/chat"),
        ("ws://localhost:8000/ws", LOCAL, "/ws"),
        ("ws://localhost:8000", LOCAL, "/"),
        ("wss://api.staging.netrasystems.ai/whatever", STAGING, ""),
    ],
)
def test_a_websocket_has_the_configured_path(url: str, environment: Environment, path: str) -> None:
    assert guard(url, environment, path=path) == url
    assert guard(f"{url}/", environment, path=path) == url


OWN = (
    "use api.staging.netrasystems.ai or app.staging.netrasystems.ai or auth.staging.netrasystems.ai"
)


@pytest.mark.parametrize(
    ("url", "environment", "path", "remedy"),
    [
        pytest.param(
            "http://api.staging.netrasystems.ai",
            STAGING,
            None,
            "http://api.staging.netrasystems.ai is not encrypted, which only loopback may be; "
            "use https.",
            id="plain HTTP",
        ),
        pytest.param(
            "ws://api.staging.netrasystems.ai/ws",
            STAGING,
            "/ws",
            "ws://api.staging.netrasystems.ai is not encrypted, which only loopback may be; "
            "use wss.",
            id="plain WebSocket",
        ),
        pytest.param(
            "wss://api.staging.netrasystems.ai",
            STAGING,
            None,
            "wss://api.staging.netrasystems.ai has the wrong scheme; use https.",
            id="a WebSocket for HTTP",
        ),
        pytest.param(
            "https://api.staging.netrasystems.ai/ws",
            STAGING,
            "/ws",
            "https://api.staging.netrasystems.ai has the wrong scheme; use wss.",
            id="HTTP for a WebSocket",
        ),
        pytest.param(
            "ftp://localhost",
            LOCAL,
            None,
            "ftp://localhost has the wrong scheme; use https.",
            id="another scheme",
        ),
        pytest.param(
            "https://someone:something@api.staging.netrasystems.ai",
            STAGING,
            None,
            "https://***@api.staging.netrasystems.ai carries credentials; "
            "remove what stands before the @.",
            id="userinfo",
        ),
        pytest.param(
            "https://@api.staging.netrasystems.ai",
            STAGING,
            None,
            "https://***@api.staging.netrasystems.ai carries credentials; "
            "remove what stands before the @.",
            id="empty userinfo",
        ),
        pytest.param(
            "https://api.staging.netrasystems.ai?key=something",
            STAGING,
            None,
            "https://api.staging.netrasystems.ai carries a query or fragment; end it before that.",
            id="a query",
        ),
        pytest.param(
            "https://api.staging.netrasystems.ai#something",
            STAGING,
            None,
            "https://api.staging.netrasystems.ai carries a query or fragment; end it before that.",
            id="a fragment",
        ),
        pytest.param(
            "https://api.staging.netrasystems.ai:65536",
            STAGING,
            None,
            "https://api.staging.netrasystems.ai:*** has a port that is no number from 1 to 65535; "
            "correct it.",
            id="a port out of range",
        ),
        pytest.param(
            "https://api.staging.netrasystems.ai:0",
            STAGING,
            None,
            "https://api.staging.netrasystems.ai:*** has a port that is no number from 1 to 65535; "
            "correct it.",
            id="port zero",
        ),
        pytest.param(
            "http://[::1]:port",
            LOCAL,
            None,
            "http://[::1]:*** has a port that is no number from 1 to 65535; correct it.",
            id="a port that is no number",
        ),
        pytest.param(
            "wss://api.staging.netrasystems.ai/socket",
            STAGING,
            "/ws",
            "wss://api.staging.netrasystems.ai has a path other than /ws; "
            "end it with /ws, or set websocket_path.",
            id="another WebSocket path",
        ),
        pytest.param(
            "wss://api.staging.netrasystems.ai",
            STAGING,
            "/ws",
            "wss://api.staging.netrasystems.ai has a path other than /ws; "
            "end it with /ws, or set websocket_path.",
            id="no WebSocket path",
        ),
        pytest.param(
            "https://api.netrasystems.ai",
            STAGING,
            None,
            f"https://api.netrasystems.ai is a production host, out of reach of staging; {OWN}.",
            id="production under a staging name",
        ),
        pytest.param(
            "https://api.staging.example.com",
            STAGING,
            None,
            f"https://api.staging.example.com is no host of staging; {OWN}, "
            "or add it to allowed_hosts.",
            id="an unknown host",
        ),
        pytest.param(
            "http://127.0.0.1:8000",
            STAGING,
            None,
            f"http://127.0.0.1:8000 is no host of staging but local's; {OWN}, "
            "or add it to allowed_hosts.",
            id="loopback under a staging name",
        ),
        pytest.param(
            "https://api.staging.netrasystems.ai",
            LOCAL,
            None,
            "https://api.staging.netrasystems.ai is no host of local but staging's; "
            "use 127.0.0.1 or ::1 or localhost, or add it to allowed_hosts.",
            id="staging under a local name",
        ),
        pytest.param(
            "https://api.staging.netrasystems.ai.example.com",
            STAGING,
            None,
            f"https://api.staging.netrasystems.ai.example.com is no host of staging; {OWN}, "
            "or add it to allowed_hosts.",
            id="a host that only begins like ours",
        ),
    ],
)
def test_each_wrong_url_is_refused_with_what_to_do(
    url: str, environment: Environment, path: str | None, remedy: str
) -> None:
    assert remedies(url, environment, path=path) == [remedy]


def test_every_problem_of_a_url_is_said_at_once() -> None:
    assert len(remedies("ws://user@api.netrasystems.ai:0/socket?key=1", path="/ws")) == 6


UNSHOWN = "This is not a URL (its value is not shown); write https://host."


@pytest.mark.parametrize(
    "value",
    [
        "",
        "api.staging.netrasystems.ai",
        "//api.staging.netrasystems.ai",
        "https:api.staging.netrasystems.ai",
        "https://",
        "https:///path",
        "https://[::1",
        "https://[half]",
        "https://[fe80::1%25eth0]",
        "https://api.staging.netrasystems.ai /",
        "https://api.staging.netrasystems.ai\n",
        "https://api.staging.netrasystems.ai\\@example.com",
        "https://bücher.example",
        "https://under_score.example",
        "https://-api.example",
        f"https://{'a' * 300}",
        "https://example.com/user:word@host",
        b"https://api.staging.netrasystems.ai",
        8000,
        None,
    ],
    ids=repr,
)
def test_what_is_no_url_is_not_shown(value: object) -> None:
    assert remedies(value) == [UNSHOWN]
    assert remedies(value, path="/ws") == [UNSHOWN.replace("https", "wss")]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://preview.example.com", ["preview.example.com"]),
        ("https://PREVIEW.example.com.", ["preview.example.com"]),
        ("http://127.0.0.1:9000", ["127.0.0.1"]),
        ("https://[2001:db8::1]", ["2001:db8::1"]),
    ],
)
def test_a_custom_host_is_possible_when_it_is_allowed(url: str, allowed: list[str]) -> None:
    assert guard(url, allowed=allowed)


@pytest.mark.parametrize(
    "host", ["sub.preview.example.com", "notpreview.example.com", "example.com"]
)
def test_an_allowed_host_allows_no_other(host: str) -> None:
    [remedy] = remedies(f"https://{host}", allowed=["preview.example.com"])
    assert "no host of staging" in remedy


def test_production_cannot_be_allowed_under_another_name() -> None:
    [remedy] = remedies("https://api.netrasystems.ai", allowed=["api.netrasystems.ai"])
    assert "production" in remedy


def test_an_allowed_host_is_still_encrypted() -> None:
    [remedy] = remedies("http://preview.example.com", allowed=["preview.example.com"])
    assert "not encrypted" in remedy


def test_no_host_is_judged_while_the_environment_is_unknown() -> None:
    assert guard("https://example.com", None) == "https://example.com"
    assert len(remedies("http://example.com", None)) == 1


secret_texts = st.builds(lambda _: secrets.token_urlsafe(24), st.integers())


@given(
    secret=secret_texts,
    form=st.sampled_from(
        [
            "https://user:{}@api.staging.netrasystems.ai",
            "https://{}@example.com",
            "https://example.com/{}",
            "https://example.com?token={}",
            "https://example.com#{}",
            "https://example.com:{}",
            "wss://example.com/{}",
            "{}",
            "https:{}",
            "https://user:{}/@api.staging.netrasystems.ai",
            "https://user:x{}#@api.staging.netrasystems.ai",
        ]
    ),
    path=st.sampled_from([None, "/ws"]),
)
def test_a_secret_in_a_url_is_never_quoted(secret: str, form: str, path: str | None) -> None:
    assert secret not in " ".join(remedies(form.format(secret), path=path))


@given(st.text(max_size=60), st.sampled_from([None, "/ws"]))
@example("https://[::1]:9/", None)
def test_any_text_is_a_url_or_refused(text: str, path: str | None) -> None:
    try:
        normal = guard(text, LOCAL, path=path)
    except ConfigurationError:
        return
    assert guard(normal, LOCAL, path=path) == normal
