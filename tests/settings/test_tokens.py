"""What a minted token says, and what verification lets through."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import secrets
import time
import traceback
import uuid
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import Misuse, TokenInvalid
from netra_testkit.safety.redaction import mask
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import (
    REQUIRED_CLAIMS,
    Claims,
    mint_access_token,
    mint_refresh_token,
    mint_service_token,
    sign,
    user_claims,
    verify_token,
)
from netra_testkit.settings.users import KNOWN_USERS, StagingUser

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = JwtSecret.generate("a test")
ALICE = StagingUser("alice", "alice@example.com", ("read", "write"))
NOW = 1_700_000_000.0
STAGING = Environment.STAGING


def at(moment: float) -> Callable[[], float]:
    return lambda: moment


def payload_of(token: str) -> dict[str, Any]:
    segment = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def by_hand(payload: bytes, header: dict[str, Any] | None = None) -> str:
    """A token signed by RFC 7515 and the standard library alone."""
    parts = [json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode(), payload]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(SECRET.reveal().encode(), signed, hashlib.sha256)
    return b".".join([signed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def good_claims(**changes: object) -> dict[str, Any]:
    return {**user_claims("access", ALICE, STAGING, lifetime=900, now=NOW), **changes}


def verify(token: str, **changes: object) -> Claims:
    return verify_token(token, SECRET, **{"environment": STAGING, "now": at(NOW), **changes})


def reason_of(token: str, **changes: object) -> tuple[str, str | None]:
    with pytest.raises(TokenInvalid) as caught:
        verify(token, **changes)
    return caught.value.reason, caught.value.claim


def test_an_access_token_says_what_the_platform_expects() -> None:
    token = mint_access_token(SECRET, user=ALICE, environment=STAGING, now=at(NOW + 0.25))
    payload = payload_of(token)
    assert uuid.UUID(payload.pop("jti")).version == 4
    assert payload == {
        "sub": "alice",
        "email": "alice@example.com",
        "permissions": ["read", "write"],
        "iat": int(NOW) - 5,
        "exp": int(NOW) + 901,
        "iss": "netra-auth-service",
        "aud": "netra-platform",
        "token_type": "access",
        "type": "access",
        "env": "staging",
        "svc_id": "netra-testkit",
    }


def test_a_refresh_token_differs_in_its_type_alone() -> None:
    access = payload_of(mint_access_token(SECRET, user=ALICE, environment=STAGING, now=at(NOW)))
    refresh = payload_of(mint_refresh_token(SECRET, user=ALICE, environment=STAGING, now=at(NOW)))
    assert refresh == {
        **access,
        "jti": refresh["jti"],
        "token_type": "refresh",
        "type": "refresh",
    }


def test_a_service_token_names_its_service_and_no_user() -> None:
    token = mint_service_token(SECRET, service="backend", environment=STAGING, now=at(NOW))
    payload = payload_of(token)
    assert payload.keys().isdisjoint({"email", "permissions"})
    assert {name: payload[name] for name in ("sub", "service", "aud", "token_type", "type")} == {
        "sub": "backend",
        "service": "backend",
        "aud": "netra-services",
        "token_type": "service",
        "type": "service",
    }


def test_a_token_is_signed_with_hs256_and_the_secret() -> None:
    token = mint_access_token(SECRET, user=ALICE, environment=STAGING)
    read = jwt.decode(
        token,
        SECRET.reveal(),
        algorithms=["HS256"],
        audience="netra-platform",
        issuer="netra-auth-service",
        options={"require": list(REQUIRED_CLAIMS)},
    )
    assert read["sub"] == "alice"
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_no_two_tokens_are_the_same() -> None:
    tokens = {
        mint_access_token(SECRET, user=ALICE, environment=STAGING, now=at(NOW)) for _ in range(20)
    }
    assert len(tokens) == 20


def test_a_token_lives_as_long_as_asked() -> None:
    token = mint_access_token(SECRET, user=ALICE, environment=STAGING, lifetime=7, now=at(NOW))
    assert payload_of(token)["exp"] == NOW + 7


@pytest.mark.parametrize("lifetime", [0, -1, math.inf, math.nan])
def test_a_lifetime_that_is_none_is_refused(lifetime: float) -> None:
    with pytest.raises(Misuse, match=r"lifetime=.*\n.*\nhint: Give the seconds"):
        mint_access_token(SECRET, user=ALICE, environment=STAGING, lifetime=lifetime)


@pytest.mark.parametrize("service", ["", " "])
def test_a_service_needs_a_name(service: str) -> None:
    with pytest.raises(Misuse, match=r"name of its service\n.*\nhint: Say who calls"):
        mint_service_token(SECRET, service=service, environment=STAGING)


@pytest.mark.parametrize(
    "mint",
    [
        lambda: mint_access_token(SECRET, user=ALICE, environment=STAGING),
        lambda: mint_refresh_token(SECRET, user=ALICE, environment=STAGING),
        lambda: mint_service_token(SECRET, service="backend", environment=STAGING),
    ],
    ids=["access", "refresh", "service"],
)
def test_a_minted_token_is_masked_also_when_it_was_cut(mint: Callable[[], str]) -> None:
    token = mint()
    signature = token.rpartition(".")[2]
    masked = mask(f"it was …{signature[4:30]}… at the end")
    assert signature[4:30] not in masked
    assert "…" in masked


def test_a_key_under_32_bytes_signs_nothing() -> None:
    with pytest.raises(jwt.InvalidKeyError):
        sign(good_claims(), "k" * 31)


def test_verification_says_who_it_is() -> None:
    token = mint_access_token(SECRET, user=ALICE, environment=STAGING, now=at(NOW))
    assert verify(token) == Claims(
        subject="alice",
        email="alice@example.com",
        permissions=("read", "write"),
        issued_at=NOW - 5,
        expires_at=NOW + 900,
        token_id=payload_of(token)["jti"],
        token_type="access",  # noqa: S106 - the name of a type
        environment=STAGING,
        audience=("netra-platform",),
        service=None,
    )


def test_verification_says_which_service_it_is() -> None:
    token = mint_service_token(SECRET, service="backend", environment=STAGING, now=at(NOW))
    claims = verify(token, token_type="service")  # noqa: S106 - the name of a type
    assert (claims.subject, claims.service, claims.email) == ("backend", "backend", None)
    assert (claims.audience, claims.permissions) == (("netra-services",), ())


def test_minting_and_verifying_agree_by_the_real_clock() -> None:
    token = mint_access_token(SECRET, user=KNOWN_USERS[0], environment=STAGING)
    claims = verify_token(token, SECRET, environment=STAGING)
    assert claims.subject == KNOWN_USERS[0].user_id
    assert claims.issued_at < time.time() < claims.expires_at


@pytest.mark.parametrize("environment", Environment)
def test_a_token_is_valid_in_its_own_environment_only(environment: Environment) -> None:
    token = mint_access_token(SECRET, user=ALICE, environment=environment, now=at(NOW))
    assert verify(token, environment=environment).environment is environment
    for other in set(Environment) - {environment}:
        assert reason_of(token, environment=other) == ("environment", "env")


@pytest.mark.parametrize("asked", ["access", "refresh", "service"])
@pytest.mark.parametrize("minted", ["access", "refresh", "service"])
def test_a_token_is_valid_as_its_own_type_only(minted: str, asked: str) -> None:
    audience = "netra-services" if asked == "service" else "netra-platform"
    token = by_hand(json.dumps(good_claims(token_type=minted, type=minted, aud=audience)).encode())
    if minted == asked:
        assert verify(token, token_type=asked).token_type == minted
    else:
        assert reason_of(token, token_type=asked) == ("claim", "token_type")


def test_a_token_may_be_meant_for_several() -> None:
    token = by_hand(json.dumps(good_claims(aud=["billing", "netra-platform"])).encode())
    assert verify(token).audience == ("billing", "netra-platform")
    assert verify(token, audience="billing").subject == "alice"


def test_another_audience_may_be_asked_for() -> None:
    token = mint_access_token(SECRET, user=ALICE, environment=STAGING, now=at(NOW))
    assert reason_of(token, audience="netra-services") == ("audience", "aud")


@pytest.mark.parametrize("name", REQUIRED_CLAIMS)
def test_a_required_claim_that_is_missing_is_named(name: str) -> None:
    claims = good_claims()
    del claims[name]
    assert reason_of(by_hand(json.dumps(claims).encode())) == ("claim", name)


def test_the_required_claims_are_those_of_the_platform_and_two_more() -> None:
    assert set(REQUIRED_CLAIMS) == {"sub", "iat", "exp", "iss", "jti", "token_type"} | {
        "aud",
        "env",
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sub": 7}, ("claim", "sub")),
        ({"sub": ""}, ("claim", "sub")),
        ({"sub": None}, ("claim", "sub")),
        ({"email": 7}, ("claim", "email")),
        ({"permissions": "read"}, ("claim", "permissions")),
        ({"permissions": [7]}, ("claim", "permissions")),
        ({"service": []}, ("claim", "service")),
        ({"iat": "now"}, ("claim", "iat")),
        ({"iat": True}, ("claim", "iat")),
        ({"iat": math.nan}, ("claim", "iat")),
        ({"exp": math.inf}, ("claim", "exp")),
        ({"exp": 10**400}, ("claim", "exp")),
        ({"exp": None}, ("claim", "exp")),
        ({"nbf": "later"}, ("claim", "nbf")),
        ({"jti": 7}, ("claim", "jti")),
        ({"token_type": 7}, ("claim", "token_type")),
        ({"aud": 7}, ("claim", "aud")),
        ({"aud": ""}, ("claim", "aud")),
        ({"aud": [7]}, ("claim", "aud")),
        ({"aud": []}, ("audience", "aud")),
        ({"aud": "billing"}, ("audience", "aud")),
        ({"aud": "netra-platforms"}, ("audience", "aud")),
        ({"iss": "somebody"}, ("issuer", "iss")),
        ({"iss": ["netra-auth-service"]}, ("issuer", "iss")),
        ({"env": "production"}, ("environment", "env")),
        ({"env": ["staging"]}, ("environment", "env")),
        ({"env": "Staging"}, ("environment", "env")),
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_is_named(changes: dict[str, Any], reason: tuple[str, str]) -> None:
    assert reason_of(by_hand(json.dumps(good_claims(**changes)).encode())) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 4.9}, None),
        ({"exp": NOW - 5}, ("expired", "exp")),
        ({"iat": NOW + 5}, None),
        ({"iat": NOW + 5.1}, ("not_yet_valid", "iat")),
        ({"nbf": NOW + 5}, None),
        ({"nbf": NOW + 5.1}, ("not_yet_valid", "nbf")),
    ],
    ids=str,
)
def test_clocks_may_differ_by_the_leeway(
    changes: dict[str, Any], reason: tuple[str, str] | None
) -> None:
    token = by_hand(json.dumps(good_claims(**changes)).encode())
    if reason is None:
        assert verify(token).subject == "alice"
    else:
        assert reason_of(token) == reason


def test_the_leeway_may_be_another() -> None:
    token = by_hand(json.dumps(good_claims(exp=NOW - 20)).encode())
    assert verify(token, leeway=30).expires_at == NOW - 20
    assert reason_of(token, leeway=20) == ("expired", "exp")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "malformed"),
        ("a.b", "malformed"),
        ("....", "malformed"),
        ("not a token", "malformed"),
        ("\ud800.a.b", "malformed"),
        (by_hand(b"[]"), "malformed"),
        (by_hand(b"7"), "malformed"),
        (by_hand(b"{"), "malformed"),
        (by_hand(b"\xff"), "malformed"),
        (by_hand(b"[" * 100_000), "malformed"),
        (by_hand(json.dumps(good_claims()).encode(), {"alg": "HS512"}), "algorithm"),
        (by_hand(json.dumps(good_claims()).encode(), {"alg": "none"}), "algorithm"),
        (by_hand(json.dumps(good_claims()).encode(), {"alg": ["HS256"]}), "algorithm"),
        (by_hand(json.dumps(good_claims()).encode(), {"typ": "JWT"}), "algorithm"),
        (by_hand(json.dumps(good_claims()).encode(), {"alg": "HS256", "kid": 7}), "malformed"),
    ],
    ids=[
        "empty",
        "two parts",
        "dots",
        "words",
        "surrogate",
        "list",
        "number",
        "no json",
        "no utf-8",
        "deep",
        "HS512",
        "none",
        "list of algorithms",
        "no algorithm",
        "numeric kid",
    ],
)
def test_what_is_no_token_of_ours_is_refused(token: str, reason: str) -> None:
    assert reason_of(token) == (reason, None)


def test_another_secret_is_a_wrong_signature() -> None:
    other = JwtSecret.generate("another test")
    token = mint_access_token(other, user=ALICE, environment=STAGING, now=at(NOW))
    assert reason_of(token) == ("signature", None)


@given(token=st.text(max_size=60) | st.binary(max_size=60).map(by_hand))
def test_any_text_is_refused_with_a_reason(token: str) -> None:
    assert reason_of(token)[0] in {"malformed", "algorithm", "signature", "claim"}


@given(
    name=st.sampled_from([*good_claims(), "nbf", "service"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=4,
    ),
)
def test_any_value_of_a_claim_is_let_through_or_refused(name: str, value: object) -> None:
    token = by_hand(json.dumps(good_claims(**{name: value})).encode())
    try:
        outcome = verify(token).environment
    except TokenInvalid as error:
        outcome = error.claim
    assert outcome in {STAGING, name}


@pytest.mark.parametrize(
    "token",
    [
        mint_access_token(
            JwtSecret.generate("another test"), user=ALICE, environment=STAGING, now=at(NOW)
        ),
        by_hand(json.dumps(good_claims()).encode(), {"alg": "HS512"}),
        by_hand(json.dumps(good_claims()).encode())[:-60],
        by_hand(json.dumps(good_claims(exp=0)).encode()),
    ],
    ids=["signature", "algorithm", "malformed", "expired"],
)
def test_a_refusal_carries_no_token_along(token: str) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verify(token)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    said = "".join(traceback.format_exception(caught.value))
    assert not any(part in said for part in token.split(".")[1:])


@pytest.mark.parametrize("garbage", ["x" * 40, secrets.token_urlsafe(48)], ids=["x", "random"])
def test_a_malformed_token_is_not_repeated(garbage: str) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verify(garbage)
    assert garbage not in str(caught.value)
