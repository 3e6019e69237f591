"""Every bad token is refused for the one thing that is wrong with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

import pytest

from netra_testkit.errors import Misuse, TokenInvalid
from netra_testkit.safety.redaction import mask
from netra_testkit.settings.bad_tokens import BAD_TOKENS, BadTokens
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import mint_access_token, verify_token
from netra_testkit.settings.users import KNOWN_USERS

NOW = 1_700_000_000.0
SECRET = JwtSecret.generate("a test")
ALICE = KNOWN_USERS[0]
STAGING = Environment.STAGING
BAD = BadTokens(SECRET, ALICE, STAGING, now=lambda: NOW)

EXPECTED = [
    ("expired", "expired", "exp"),
    ("not_yet_valid", "not_yet_valid", "iat"),
    ("wrong_secret", "signature", None),
    ("wrong_audience", "audience", "aud"),
    ("wrong_issuer", "issuer", "iss"),
    ("wrong_environment", "environment", "env"),
    ("missing_sub", "claim", "sub"),
    ("missing_iat", "claim", "iat"),
    ("missing_exp", "claim", "exp"),
    ("missing_iss", "claim", "iss"),
    ("missing_jti", "claim", "jti"),
    ("missing_token_type", "claim", "token_type"),
    ("missing_aud", "claim", "aud"),
    ("missing_env", "claim", "env"),
    ("unsigned", "algorithm", None),
    ("tampered", "signature", None),
    ("truncated", "malformed", None),
    ("confused_algorithm", "algorithm", None),
    ("empty", "malformed", None),
]


@cache
def each_bad_token() -> dict[str, str]:
    """One of each, by name."""
    return dict(BAD)


def decoded(segment: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def payload_of(token: str) -> dict[str, Any]:
    return decoded(token.split(".")[1])


def difference(token: str) -> dict[str, Any]:
    """The claims of a token that differ from those of a good one; None for one that is missing."""
    good = payload_of(mint_access_token(SECRET, user=ALICE, environment=STAGING, now=lambda: NOW))
    bad = payload_of(token)
    names = (good.keys() | bad.keys()) - {"jti"} | (good.keys() ^ bad.keys())
    return {name: bad.get(name) for name in names if good.get(name) != bad.get(name)}


@pytest.mark.parametrize(("name", "reason", "claim"), EXPECTED, ids=[each[0] for each in EXPECTED])
def test_a_bad_token_is_refused_for_its_reason(name: str, reason: str, claim: str | None) -> None:
    with pytest.raises(TokenInvalid) as caught:
        verify_token(each_bad_token()[name], SECRET, environment=STAGING, now=lambda: NOW)
    assert (caught.value.reason, caught.value.claim) == (reason, claim)


def test_a_good_token_of_the_same_kind_is_accepted() -> None:
    token = mint_access_token(SECRET, user=ALICE, environment=STAGING, now=lambda: NOW)
    claims = verify_token(token, SECRET, environment=STAGING, now=lambda: NOW)
    assert claims.subject == ALICE.user_id


def test_iterating_names_them_all() -> None:
    assert [name for name, _ in BAD] == [name for name, _, _ in EXPECTED]


def test_the_table_says_the_reasons() -> None:
    assert dict(BAD_TOKENS) == {name: reason for name, reason, _ in EXPECTED}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("expired", {"iat": NOW - 7205, "exp": NOW - 3600}),
        ("not_yet_valid", {"iat": NOW + 3595, "nbf": NOW + 3595, "exp": NOW + 4500}),
        ("wrong_secret", {}),
        ("wrong_audience", {"aud": "another-audience"}),
        ("wrong_issuer", {"iss": "another-issuer"}),
        ("wrong_environment", {"env": "test"}),
        ("missing_sub", {"sub": None}),
        ("missing_iat", {"iat": None}),
        ("missing_exp", {"exp": None}),
        ("missing_iss", {"iss": None}),
        ("missing_jti", {"jti": None}),
        ("missing_token_type", {"token_type": None}),
        ("missing_aud", {"aud": None}),
        ("missing_env", {"env": None}),
        ("unsigned", {}),
        ("tampered", {"sub": f"{ALICE.user_id}-tampered"}),
        ("confused_algorithm", {}),
    ],
)
def test_one_thing_only_is_wrong_with_each(name: str, changed: dict[str, Any]) -> None:
    assert difference(each_bad_token()[name]) == changed


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in BAD_TOKENS
        if name not in {"wrong_secret", "unsigned", "tampered", "truncated", "empty"}
    ],
)
def test_what_is_wrong_with_its_claims_or_header_is_signed_with_the_right_secret(name: str) -> None:
    signed, _, signature = each_bad_token()[name].rpartition(".")
    expected = hmac.digest(SECRET.reveal().encode(), signed.encode(), hashlib.sha256)
    assert base64.urlsafe_b64decode(signature + "=") == expected


def test_an_unsigned_token_has_no_signature_and_says_so() -> None:
    header, _, signature = BAD.unsigned().split(".")
    assert decoded(header)["alg"] == "none"
    assert signature == ""


def test_a_confused_token_says_another_algorithm_than_made_it() -> None:
    assert decoded(BAD.confused_algorithm().split(".")[0])["alg"] == "RS256"


def test_the_other_environment_is_never_production() -> None:
    for environment in Environment:
        env = payload_of(BadTokens(SECRET, ALICE, environment).wrong_environment())["env"]
        assert env not in {environment.value, "production"}


def test_the_empty_token_is_no_text() -> None:
    assert BAD.empty() == ""


def test_only_a_required_claim_can_be_missing() -> None:
    with pytest.raises(Misuse, match="'nickname' is not a required claim"):
        BAD.missing("nickname")


def test_each_call_makes_a_token_of_its_own() -> None:
    assert BAD.expired() != BAD.expired()


def test_by_default_the_clock_is_the_real_one() -> None:
    bad = BadTokens(SECRET, ALICE, STAGING)
    for name, token in bad:
        with pytest.raises(TokenInvalid) as caught:
            verify_token(token, SECRET, environment=STAGING)
        assert caught.value.reason == BAD_TOKENS[name]


def test_bad_tokens_are_masked_too() -> None:
    for name, token in BadTokens(SECRET, ALICE, STAGING):
        tail = token[-30:]
        assert name == "empty" or tail not in mask(f"…{tail}…"), name
