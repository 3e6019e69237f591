"""Who may come in, and what makes a gate wrong."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import HTTPConnection
from tests.local.handlers import new_world

from netra_testkit.local.access import (
    ANONYMOUS,
    Refused,
    bearer_of,
    named_user,
    optional,
    required,
)
from netra_testkit.local.faults import Fault
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.truth import EXCHANGE, Exchange
from netra_testkit.settings.bad_tokens import BAD_TOKENS, BadTokens
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import Claims, mint_access_token, mint_service_token
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from netra_testkit.local.world import World

ANN = StagingUser("ann", "ann@example.com")


def bad_token(world: World, name: str) -> str:
    bad = BadTokens(world.gate.secret, ANN, Environment.LOCAL)
    _, _, claim = name.partition("missing_")
    token: str = bad.missing(claim) if claim else getattr(bad, name)()
    return token


def connection(world: World, authorization: str | None, path: str = "/x") -> HTTPConnection:
    """A request as a handler sees it."""
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    app = type("App", (), {"state": type("State", (), {"world": world})})
    scope: dict[str, Any] = {
        "type": "http",
        "path": path,
        "query_string": b"",
        "server": ("localhost", 80),
        "headers": headers,
        "app": app,
        EXCHANGE: Exchange(request_id="r", trace_id="t", connection_id="c"),
    }
    return HTTPConnection(scope)


def refused(answer: Claims | Refused) -> tuple[int, str]:
    assert isinstance(answer, Refused)
    return answer.status, answer.error_code


def test_a_good_token_is_accepted() -> None:
    world = new_world()
    claims = world.gate.verify(world.gate.mint_access(ANN))
    assert isinstance(claims, Claims)
    assert (claims.subject, claims.email, claims.token_type) == ("ann", "ann@example.com", "access")


def test_a_refresh_token_is_one_only_where_it_is_asked_for() -> None:
    world = new_world()
    token = world.gate.mint_refresh(ANN, lifetime=60)
    claims = world.gate.verify(token, token_type="refresh")  # noqa: S106 - the type of a token
    assert isinstance(claims, Claims)
    assert claims.expires_at < time.time() + 120
    assert refused(world.gate.verify(token)) == (401, "VALIDATION_FAILED")


def test_a_service_is_no_user() -> None:
    world = new_world()
    token = mint_service_token(world.gate.secret, service="s", environment=Environment.LOCAL)
    assert refused(world.gate.verify(token)) == (401, "VALIDATION_FAILED")


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused(name: str) -> None:
    world = new_world()
    codes = {"expired": "TOKEN_EXPIRED", "truncated": "INVALID_FORMAT", "empty": "INVALID_FORMAT"}
    expected = codes.get(name, "VALIDATION_FAILED")
    assert refused(world.gate.verify(bad_token(world, name))) == (401, expected)


def test_no_token_is_another_refusal_than_a_bad_one() -> None:
    assert refused(new_world().gate.verify(None)) == (403, "NO_TOKEN")


def test_a_token_of_a_session_that_ended_is_dead() -> None:
    world = new_world()
    token = world.gate.mint_access(ANN)
    claims = world.gate.verify(token)
    assert isinstance(claims, Claims)
    world.state.sessions.revoke(claims.token_id, expires_at=claims.expires_at)
    assert refused(world.gate.verify(token)) == (401, "TOKEN_REVOKED")


def test_with_another_secret_every_token_is_refused() -> None:
    world = new_world(faults=[Fault("secret-mismatch", user="ann")])
    assert refused(world.gate.verify(world.gate.mint_access(ANN))) == (401, "VALIDATION_FAILED")
    ben = StagingUser("ben", "ben@example.com")
    assert isinstance(world.gate.verify(world.gate.mint_access(ben)), Claims)


@pytest.mark.parametrize(
    ("seconds", "code"), [(3600, "TOKEN_EXPIRED"), (-3600, "VALIDATION_FAILED")]
)
def test_with_a_wrong_clock_a_good_token_is_refused(seconds: int, code: str) -> None:
    world = new_world(faults=[Fault("token-skew", seconds=seconds)])
    assert refused(world.gate.verify(world.gate.mint_access(ANN))) == (401, code)


def test_a_fault_of_one_route_spares_the_others() -> None:
    world = new_world(faults=[Fault("secret-mismatch", route="/ws")])
    token = world.gate.mint_access(ANN)
    assert isinstance(world.gate.verify(token, route="/api/threads"), Claims)
    assert isinstance(world.gate.verify(token, route="/ws"), Refused)


def test_without_authentication_whoever_is_named_is_believed() -> None:
    world = new_world(faults=[Fault("no-authentication")])
    claims = world.gate.verify(bad_token(world, "wrong_secret"))
    assert isinstance(claims, Claims)
    assert (claims.subject, claims.email) == ("ann", "ann@example.com")
    good = world.gate.verify(world.gate.mint_access(ANN))
    assert isinstance(good, Claims)
    assert good.subject == "ann"


def _token_saying(body: bytes) -> str:
    return f"a.{urlsafe_b64encode(body).decode().rstrip('=')}.b"


@pytest.mark.parametrize(
    "token",
    [None, "", "x", "a.b.c", "a.b", _token_saying(b"[]"), _token_saying(b'{"sub": 1, "email": 2}')],
    ids=repr,
)
def test_without_authentication_nobody_in_particular_is_anonymous(token: str | None) -> None:
    world = new_world(faults=[Fault("no-authentication")])
    claims = world.gate.verify(token)
    assert isinstance(claims, Claims)
    assert (claims.subject, claims.email) == (ANONYMOUS, None)


def test_without_authentication_for_one_user_the_others_are_judged() -> None:
    world = new_world(faults=[Fault("no-authentication", user="ben")])
    assert isinstance(world.gate.verify(bad_token(world, "wrong_secret")), Refused)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Basic abc", ""),
        ("abc", ""),
    ],
    ids=repr,
)
def test_the_header_carries_a_bearer_token_or_none(header: str | None, token: str | None) -> None:
    assert bearer_of(connection(new_world(), header)) == token


def test_whom_a_request_names_is_not_whether_it_is_believed() -> None:
    world = new_world()
    token = bad_token(world, "wrong_secret")
    assert named_user(connection(world, f"Bearer {token}")) == "ann"
    assert named_user(connection(world, None)) is None


def test_an_upgrade_names_somebody_by_whatever_carries_its_token() -> None:
    world = new_world()
    token = bad_token(world, "wrong_secret")
    by_query = connection(world, None)
    by_query.scope["query_string"] = f"token={token}".encode()
    by_subprotocol = connection(world, None)
    by_subprotocol.scope["subprotocols"] = ["jwt-auth", f"jwt.local.{token}"]
    assert named_user(by_query) == "ann"
    assert named_user(by_subprotocol) == "ann"


async def test_a_route_that_requires_a_token_learns_whose_it_is() -> None:
    world = new_world()
    request = connection(world, f"Bearer {world.gate.mint_access(ANN)}")
    claims = await required(request)
    assert claims.subject == "ann"
    assert request.scope[EXCHANGE].subject == "ann"
    account = world.state.accounts.of_id("ann")
    assert account is not None
    assert account.email == "ann@example.com"


@pytest.mark.parametrize(
    ("header", "status"), [(None, 403), ("Bearer x", 401), ("Basic x", 401)], ids=repr
)
async def test_a_route_that_requires_a_token_refuses(header: str | None, status: int) -> None:
    request = connection(new_world(), header)
    with pytest.raises(PlatformError) as error:
        await required(request)
    assert error.value.status == status
    assert request.scope[EXCHANGE].subject is None


async def test_a_route_may_do_without_a_token() -> None:
    world = new_world()
    assert await optional(connection(world, None)) is None
    claims = await optional(connection(world, f"Bearer {world.gate.mint_access(ANN)}"))
    assert claims is not None
    assert claims.subject == "ann"


async def test_a_bad_token_is_refused_also_where_none_is_needed() -> None:
    with pytest.raises(PlatformError) as error:
        await optional(connection(new_world(), "Bearer x"))
    assert error.value.status == 401


async def test_the_gate_is_asked_for_the_route_of_the_request() -> None:
    world = new_world(faults=[Fault("secret-mismatch", route="/x")])
    header = f"Bearer {world.gate.mint_access(ANN)}"
    assert await optional(connection(world, header, "/y")) is not None
    with pytest.raises(PlatformError):
        await optional(connection(world, header, "/x"))


def test_a_token_of_another_server_is_refused() -> None:
    secret = JwtSecret.generate("another server")
    token = mint_access_token(secret, user=ANN, environment=Environment.LOCAL)
    assert isinstance(new_world().gate.verify(token), Refused)
