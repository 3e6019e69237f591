"""Logging in through the built-in provider: three redirects, state and PKCE checked."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.local.web import Web, said_wrong, served

from netra_testkit.local.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

BEGIN = "/auth/login?provider=local"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with served() as served_here:
        yield served_here


@pytest.fixture
def browser(web: Web) -> Iterator[httpx.Client]:
    with web.browser() as client:
        yield client


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def callback_of(browser: httpx.Client) -> str:
    """Where the provider sends a browser back to."""
    to_provider = browser.get(BEGIN).headers["location"]
    back: str = browser.get(to_provider).headers["location"]
    return back


@pytest.mark.parametrize("provider", ["local", "google"])
def test_following_the_redirects_ends_with_tokens(web: Web, provider: str) -> None:
    with web.browser(follow_redirects=True) as browser:
        answer = browser.get("/auth/login", params={"provider": provider})
    assert [each.status_code for each in answer.history] == [302, 302]
    assert answer.url.path == "/auth/callback"
    tokens = answer.json()
    said = web("GET", "/auth/me", token=tokens["access_token"]).json()
    assert (said["id"], said["email"]) == (tokens["user"]["id"], "oauth-user@example.com")


def test_the_way_to_the_provider_has_all_it_takes(web: Web, browser: httpx.Client) -> None:
    location = browser.get(BEGIN).headers["location"]
    assert location.startswith(f"{web.server.url}/auth/provider/authorize?")
    asked = query_of(location)
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{web.server.url}/auth/callback"
    assert asked.keys() == {
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
    }


def test_the_state_comes_back_unchanged(browser: httpx.Client) -> None:
    to_provider = browser.get(BEGIN).headers["location"]
    back = browser.get(to_provider).headers["location"]
    assert query_of(back)["state"] == query_of(to_provider)["state"]


@pytest.mark.parametrize("query", ["", "?provider=", "?provider=unknown", "?provider=%00"])
def test_an_unknown_provider_is_refused(web: Web, query: str) -> None:
    answer = web("GET", f"/auth/login{query}")
    assert answer.status_code in {400, 422}
    assert said_wrong(answer) in {"UNKNOWN_PROVIDER", "VALIDATION_ERROR"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_type", "token"),
        ("client_id", "another"),
        ("redirect_uri", "https://elsewhere.example.com/auth/callback"),
        ("code_challenge_method", "plain"),
        ("code_challenge", ""),
        ("code_challenge", "short"),
    ],
)
def test_the_provider_takes_nothing_less(
    web: Web, browser: httpx.Client, name: str, value: str
) -> None:
    asked = query_of(browser.get(BEGIN).headers["location"])
    for wrong in ({**asked, name: value}, {key: asked[key] for key in asked if key != name}):
        answer = web("GET", "/auth/provider/authorize", params=wrong)
        assert (answer.status_code, said_wrong(answer)) == (400, "INVALID_REQUEST")


def test_a_code_works_once(browser: httpx.Client) -> None:
    callback = callback_of(browser)
    cookie = dict(browser.cookies)
    assert browser.get(callback).status_code == 200
    browser.cookies.update(cookie)
    again = browser.get(callback)
    assert (again.status_code, said_wrong(again)) == (400, "INVALID_STATE")


def test_a_code_is_good_for_its_own_log_in_only(web: Web, browser: httpx.Client) -> None:
    with web.browser() as other:
        stolen = query_of(callback_of(other))["code"]
    mine = query_of(callback_of(browser))
    answer = browser.get("/auth/callback", params={"code": stolen, "state": mine["state"]})
    assert (answer.status_code, said_wrong(answer)) == (401, "INVALID_CODE")


def test_another_browser_cannot_end_a_log_in(web: Web, browser: httpx.Client) -> None:
    callback = callback_of(browser)
    with web.browser() as other:
        assert said_wrong(other.get(callback)) == "INVALID_STATE"
        other.get(BEGIN)
        assert said_wrong(other.get(callback)) == "INVALID_STATE"
    assert browser.get(callback).status_code == 200


@pytest.mark.parametrize("query", ["", "?code=any", "?state=any", "?code=any&state=any", "?state="])
def test_what_did_not_begin_here_does_not_end_here(web: Web, query: str) -> None:
    answer = web("GET", f"/auth/callback{query}")
    assert (answer.status_code, said_wrong(answer)) == (400, "INVALID_STATE")


def test_a_made_up_code_is_refused(browser: httpx.Client) -> None:
    state = query_of(callback_of(browser))["state"]
    answer = browser.get("/auth/callback", params={"code": "made-up", "state": state})
    assert (answer.status_code, said_wrong(answer)) == (401, "INVALID_CODE")


def test_without_sessions_nobody_logs_in_this_way(web: Web) -> None:
    with web.broken(Fault("session-missing")):
        assert web("GET", BEGIN).status_code == 500
        assert web("GET", "/auth/callback").status_code == 500
        assert web("GET", "/health").status_code == 200
