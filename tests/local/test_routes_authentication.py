"""Coming in and going out over HTTP."""

from __future__ import annotations

import itertools
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import ALICE, bad_tokens
from tests.local.web import Web, pretending, said_wrong, served

from netra_testkit.local.faults import Fault
from netra_testkit.local.routes.authentication import BYPASS_KEY
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import mint_refresh_token, sign, user_claims, verify_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_numbers = itertools.count()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with served() as served_here:
        yield served_here


@pytest.fixture
def ann() -> dict[str, str]:
    """The credentials of somebody who is not registered yet."""
    return {"email": f"ann-{next(_numbers)}@example.com", "password": "a very own password"}


def registered(web: Web, credentials: dict[str, str]) -> dict[str, Any]:
    answer = web("POST", "/auth/register", json=credentials)
    assert answer.status_code == 200
    tokens: dict[str, Any] = answer.json()
    return tokens


def me(web: Web, token: str) -> httpx.Response:
    return web("GET", "/auth/me", token=token)


def refreshed(web: Web, token: str) -> httpx.Response:
    return web("POST", "/auth/refresh", json={"refresh_token": token})


def test_who_registers_is_in(web: Web, ann: dict[str, str]) -> None:
    tokens = registered(web, ann)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    said = me(web, tokens["access_token"]).json()
    assert (said["id"], said["email"]) == (tokens["user"]["id"], ann["email"])
    assert said["permissions"] == ["read", "write", "execute"]


def test_an_address_is_registered_once(web: Web, ann: dict[str, str]) -> None:
    registered(web, ann)
    again = web("POST", "/auth/register", json={**ann, "email": ann["email"].upper()})
    assert (again.status_code, said_wrong(again)) == (409, "EMAIL_TAKEN")


def test_who_is_registered_logs_in(web: Web, ann: dict[str, str]) -> None:
    user = registered(web, ann)["user"]
    answer = web("POST", "/auth/login", json=ann)
    assert answer.json()["user"] == user
    assert me(web, answer.json()["access_token"]).status_code == 200


def test_the_users_of_the_configuration_log_in(web: Web) -> None:
    user = web.server.config().users[0]
    assert user.password is not None
    credentials = {"email": user.email, "password": user.password.reveal()}
    answer = web("POST", "/auth/login", json=credentials)
    assert answer.json()["user"] == {"id": user.user_id, "email": user.email}


def test_wrong_credentials_are_alike(web: Web, ann: dict[str, str]) -> None:
    registered(web, ann)
    wrong = web("POST", "/auth/login", json={**ann, "password": "another"})
    unknown = web("POST", "/auth/login", json={**ann, "email": "nobody@example.com"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.json()["message"] == unknown.json()["message"]
    assert said_wrong(wrong) == said_wrong(unknown) == "INVALID_CREDENTIALS"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ann@example.com"},
        {"email": "ann@example.com", "password": ""},
        {"email": "ann@example.com", "password": "p" * 1025},
        {"email": "ann@example.com", "password": "nul\0"},
        {"email": "ann@example.com", "password": 1},
        {"email": "ann", "password": "p"},
        {"email": "@", "password": "p"},
        {"email": "a@b@c", "password": "p"},
        {"email": "a b@c", "password": "p"},
        {"email": "a\0@c", "password": "p"},
        {"email": "a@" + "c" * 300, "password": "p"},
        {"email": ["a@c"], "password": "p"},
        {"email": None, "password": None},
    ],
    ids=lambda body: str(body)[:50],
)
@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
def test_what_is_no_credentials_is_not_valid(web: Web, path: str, body: dict[str, Any]) -> None:
    answer = web("POST", path, json=body)
    assert (answer.status_code, said_wrong(answer)) == (422, "VALIDATION_ERROR")


def test_a_refusal_quotes_no_password(web: Web, ann: dict[str, str]) -> None:
    password = "x" * 1025 + "very-own"
    answer = web("POST", "/auth/login", json={**ann, "password": password})
    assert answer.status_code == 422
    assert "very-own" not in answer.text


def test_no_password_is_written_down(
    web: Web, ann: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    registered(web, ann)
    web("POST", "/auth/login", json=ann)
    web("POST", "/auth/login", json={**ann, "password": ann["password"] * 2})
    assert ann["password"] not in caplog.text
    assert ann["password"] not in repr(web.server.received.requests)


def test_a_refresh_token_works_once(web: Web, ann: dict[str, str]) -> None:
    tokens = registered(web, ann)
    fresh = refreshed(web, tokens["refresh_token"])
    assert fresh.json()["user"] == tokens["user"]
    assert me(web, fresh.json()["access_token"]).status_code == 200
    again = refreshed(web, tokens["refresh_token"])
    assert (again.status_code, said_wrong(again)) == (401, "TOKEN_REVOKED")


def test_what_a_refresh_gave_is_refreshed(web: Web, ann: dict[str, str]) -> None:
    token = registered(web, ann)["refresh_token"]
    for _ in range(3):
        fresh = refreshed(web, token)
        assert fresh.status_code == 200
        token = fresh.json()["refresh_token"]


def test_an_access_token_refreshes_nothing(web: Web) -> None:
    answer = refreshed(web, web.token())
    assert (answer.status_code, said_wrong(answer)) == (401, "VALIDATION_FAILED")


def test_a_refresh_token_opens_nothing(web: Web, ann: dict[str, str]) -> None:
    assert me(web, registered(web, ann)["refresh_token"]).status_code == 401


def test_a_refresh_token_may_be_taken_for_an_access_token(web: Web, ann: dict[str, str]) -> None:
    tokens = registered(web, ann)
    with web.broken(Fault("any-token-type", user=tokens["user"]["id"])):
        assert me(web, tokens["refresh_token"]).json()["email"] == ann["email"]
        assert me(web, web.token()).status_code == 200
        assert me(web, "no token").status_code == 401
        assert refreshed(web, tokens["access_token"]).status_code == 401
        assert refreshed(web, tokens["refresh_token"]).status_code == 200
        assert me(web, tokens["refresh_token"]).status_code == 401


def test_a_refresh_token_of_the_suite_works_once(web: Web) -> None:
    secret = web.server.config().jwt_secret()
    token = mint_refresh_token(secret, user=ALICE, environment=Environment.LOCAL)
    assert refreshed(web, token).json()["user"]["id"] == ALICE.user_id
    assert refreshed(web, token).status_code == 401


@pytest.mark.parametrize("changed", [{"email": None}, {"sub": "two words"}], ids=str)
def test_a_refresh_token_that_names_nobody_is_refused(web: Web, changed: dict[str, Any]) -> None:
    claims = user_claims("refresh", ALICE, Environment.LOCAL, lifetime=60, now=time.time())
    claims = {**claims, "sub": f"nobody-{next(_numbers)}", **changed}
    claims = {name: value for name, value in claims.items() if value is not None}
    answer = refreshed(web, sign(claims, web.server.config().jwt_secret().reveal()))
    assert (answer.status_code, said_wrong(answer)) == (401, "VALIDATION_FAILED")


@pytest.mark.parametrize("token", ["", "x", "x.y.z", "\u00e9.\u00e9.\u00e9"])
def test_what_is_no_token_refreshes_nothing(web: Web, token: str) -> None:
    assert refreshed(web, token).status_code == 401


def test_logging_out_kills_both_tokens(web: Web, ann: dict[str, str]) -> None:
    tokens = registered(web, ann)
    assert web("POST", "/auth/logout", token=tokens["access_token"]).json()["success"] is True
    gone = me(web, tokens["access_token"])
    assert (gone.status_code, said_wrong(gone)) == (401, "TOKEN_REVOKED")
    assert refreshed(web, tokens["refresh_token"]).status_code == 401
    assert web("POST", "/auth/logout", token=tokens["access_token"]).status_code == 401


def test_logging_out_leaves_another_session(web: Web, ann: dict[str, str]) -> None:
    first = registered(web, ann)
    second = web("POST", "/auth/login", json=ann).json()
    web("POST", "/auth/logout", token=first["access_token"])
    assert me(web, second["access_token"]).status_code == 200


def test_logging_out_may_leave_the_way_back_open(web: Web, ann: dict[str, str]) -> None:
    tokens = registered(web, ann)
    with web.broken(Fault("half-logged-out")):
        web("POST", "/auth/logout", token=tokens["access_token"])
    assert me(web, tokens["access_token"]).status_code == 401
    assert refreshed(web, tokens["refresh_token"]).status_code == 200


def test_logging_out_kills_a_token_of_the_suite(web: Web) -> None:
    token = web.token()
    web("POST", "/auth/logout", token=token)
    assert me(web, token).status_code == 401
    assert me(web, web.token()).status_code == 200


def test_a_restart_revives_nobody(ann: dict[str, str]) -> None:
    with served() as own:
        tokens = registered(own, ann)
        own("POST", "/auth/logout", token=tokens["access_token"])
        own.server.restart()
        assert me(own, tokens["access_token"]).status_code == 401
        assert own("POST", "/auth/login", json=ann).status_code == 200


def test_a_developer_is_whoever_they_say(web: Web) -> None:
    tokens = web("POST", "/auth/dev/login", json={"email": "eve@example.com"}).json()
    assert me(web, tokens["access_token"]).json()["email"] == "eve@example.com"


def test_a_developer_who_names_nobody_is_somebody(web: Web) -> None:
    first, second = (web("POST", "/auth/dev/login").json() for _ in range(2))
    assert first["user"] == second["user"]


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        (Environment.LOCAL, 200),
        (Environment.DEVELOPMENT, 200),
        (Environment.TEST, 403),
        (Environment.STAGING, 403),
        (Environment.PRODUCTION, 403),
    ],
)
def test_the_log_in_of_developers_works_on_their_machine_only(
    environment: Environment, status: int
) -> None:
    with pretending(environment) as client:
        assert client.post("/auth/dev/login", json={}).status_code == status
        said = client.get("/auth/config").json()
        assert said["development_mode"] is (status == 200)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    key = JwtSecret.generate("a test").reveal()
    monkeypatch.setenv(BYPASS_KEY, key)
    return key


def enter(web: Web, **headers: str) -> httpx.Response:
    return web("POST", "/auth/e2e/test-auth", json={}, headers=headers)


@pytest.mark.parametrize("configured", [None, "", "  "])
def test_the_bypass_is_off_until_it_is_configured(
    web: Web, monkeypatch: pytest.MonkeyPatch, configured: str | None
) -> None:
    monkeypatch.delenv(BYPASS_KEY, raising=False)
    if configured is not None:
        monkeypatch.setenv(BYPASS_KEY, configured)
    for headers in ({}, {"X-E2E-Bypass-Key": ""}, {"X-E2E-Bypass-Key": "any"}):
        answer = enter(web, **headers)
        assert (answer.status_code, said_wrong(answer)) == (503, "NOT_CONFIGURED")


def test_the_bypass_key_opens(web: Web, key: str) -> None:
    answer = enter(web, **{"X-E2E-Bypass-Key": key})
    assert me(web, answer.json()["access_token"]).status_code == 200


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("given", [None, "", "wrong", "\u00e9"])
def test_nothing_but_the_bypass_key_does(web: Web, given: str | None) -> None:
    headers = {} if given is None else {"X-E2E-Bypass-Key": given}
    answer = web(
        "POST",
        "/auth/e2e/test-auth",
        headers={name: value.encode("latin-1") for name, value in headers.items()},
    )
    assert (answer.status_code, said_wrong(answer)) == (401, "INVALID_BYPASS_KEY")


def test_in_production_not_even_the_bypass_key_does(key: str) -> None:
    with pretending(Environment.PRODUCTION) as client:
        answer = client.post("/auth/e2e/test-auth", headers={"X-E2E-Bypass-Key": key})
        assert (answer.status_code, said_wrong(answer)) == (403, "FORBIDDEN")


def test_a_good_token_is_worth_its_claims(web: Web) -> None:
    token = web.token()
    secret = web.server.config().jwt_secret()
    claims = verify_token(token, secret, environment=Environment.LOCAL)
    expected = {
        "valid": True,
        "user_id": ALICE.user_id,
        "email": ALICE.email,
        "permissions": list(ALICE.permissions),
        "expires_at": claims.expires_at,
    }
    assert web("GET", "/auth/verify", token=token).json() == expected
    assert web("POST", "/auth/validate", json={"token": token}).json() == expected


def test_a_bad_token_is_worth_nothing(web: Web) -> None:
    for name, token in bad_tokens(web.server).items():
        for answer in (
            web("GET", "/auth/verify", token=token),
            web("POST", "/auth/validate", json={"token": token}),
        ):
            assert (name, answer.status_code) == (name, 200)
            assert (name, answer.json()["valid"]) == (name, False)
            assert answer.json()["error"]


def test_no_token_is_worth_nothing(web: Web) -> None:
    said = web("GET", "/auth/verify").json()
    assert (said["valid"], said["error_code"]) == (False, "NO_TOKEN")


def test_a_token_that_is_too_long_is_not_read(web: Web) -> None:
    answer = web("POST", "/auth/validate", json={"token": "x" * 16_385})
    assert answer.status_code == 422


def test_a_broken_world_lets_anybody_in(web: Web) -> None:
    with web.broken(Fault("no-authentication")):
        assert web("GET", "/auth/me").status_code == 200
        assert me(web, "no token").status_code == 200
