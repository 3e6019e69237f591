"""Whether services, or variables set at once, hold the same secret."""

from __future__ import annotations

from secrets import token_hex, token_urlsafe

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import ConfigurationError, Misuse
from netra_testkit.settings.agreement import (
    OTHER_NAMES,
    SecretGroup,
    compare_secrets,
    diagnose_secrets,
)
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret


def fresh() -> str:
    return token_urlsafe(48)


def fingerprint_of(value: str) -> str:
    return JwtSecret.of(value, source="a test").fingerprint


def test_services_that_hold_the_same_secret_agree() -> None:
    value = fresh()
    mine = JwtSecret.of(value, source="JWT_SECRET_STAGING")
    found = compare_secrets({"backend": mine, "auth": f" {mine.fingerprint.upper()}\n"})
    assert found.agree
    assert found.groups == (SecretGroup(mine.fingerprint, ("backend", "auth")),)
    assert str(found) == f"All hold the same secret:\n  {mine.fingerprint}: backend, auth"


def test_services_that_hold_different_secrets_are_grouped_by_secret() -> None:
    one, other = JwtSecret.generate("one"), JwtSecret.generate("other")
    found = compare_secrets({"backend": one, "auth": other, "gateway": one.fingerprint})
    assert not found.agree
    assert str(found).splitlines() == [
        "2 different secrets; a token signed with one is refused by whoever holds another:",
        f"  {one.fingerprint}: backend, gateway",
        f"  {other.fingerprint}: auth",
    ]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=8))
def test_the_groups_are_the_partition_by_secret(holds: list[int]) -> None:
    pool = [f"{number:012x}" for number in range(4)]
    found = compare_secrets({f"service {at}": pool[each] for at, each in enumerate(holds)})
    assert found.agree == (len(set(holds)) == 1)
    assert {(group.fingerprint, name) for group in found.groups for name in group.names} == {
        (pool[each], f"service {at}") for at, each in enumerate(holds)
    }
    assert len(found.groups) == len(set(holds))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_are_no_comparison(count: int) -> None:
    with pytest.raises(Misuse, match=f"was given {count} of the two"):
        compare_secrets(dict.fromkeys(["backend"][:count], "0123456789ab"))


def test_a_text_that_is_no_fingerprint_is_refused_and_not_repeated() -> None:
    raw, short = fresh(), token_hex(5)
    with pytest.raises(ConfigurationError) as raised:
        compare_secrets({"backend": raw, "auth": "0123456789ab", "gateway": short})
    assert [each.field for each in raised.value.problems] == ["backend", "gateway"]
    assert raw not in str(raised.value)
    assert short not in str(raised.value)


@pytest.mark.parametrize("value", [None, 7, b"0123456789ab"])
def test_what_is_no_text_is_refused_too(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"backend .* is not a fingerprint"):
        compare_secrets({"backend": value, "auth": "0123456789ab"})  # type: ignore[dict-item]


def test_two_names_that_differ_are_the_mismatch() -> None:
    one, other = fresh(), fresh()
    found = diagnose_secrets({"JWT_SECRET_KEY": other, "JWT_SECRET_STAGING": one}, "staging")
    assert found.source == "JWT_SECRET_STAGING"
    assert found.mismatch is not None
    assert not found.mismatch.agree
    assert found.warnings == ()
    assert str(found).splitlines() == [
        "staging reads JWT_SECRET_STAGING, then JWT_SECRET_KEY, then JWT_SECRET.",
        f"  JWT_SECRET_STAGING has fingerprint {fingerprint_of(one)}",
        f"  JWT_SECRET_KEY has fingerprint {fingerprint_of(other)}",
        "Used is JWT_SECRET_STAGING.",
        (
            "mismatch: 2 different secrets; "
            "a token signed with one is refused by whoever holds another:"
        ),
        f"  {fingerprint_of(one)}: JWT_SECRET_STAGING",
        f"  {fingerprint_of(other)}: JWT_SECRET_KEY",
    ]


def test_two_names_that_agree_are_no_mismatch() -> None:
    value = fresh()
    found = diagnose_secrets({"JWT_SECRET_STAGING": value, "JWT_SECRET": f" {value} "}, "staging")
    assert found.mismatch is None
    assert len(found.readings) == 2


def test_one_name_has_nothing_to_differ_from() -> None:
    found = diagnose_secrets({"JWT_SECRET_TEST": fresh()}, Environment.TEST)
    assert (found.source, found.mismatch, found.warnings) == ("JWT_SECRET_TEST", None, ())


def test_nothing_set_is_said_so() -> None:
    found = diagnose_secrets({}, "production")
    assert str(found).splitlines() == [
        "production reads JWT_SECRET_PRODUCTION, then JWT_SECRET_KEY.",
        "  None of them is set.",
        "Used is none of them.",
    ]


def test_the_secret_of_another_environment_may_differ() -> None:
    environ = {"JWT_SECRET_STAGING": fresh(), "JWT_SECRET_PRODUCTION": fresh()}
    assert diagnose_secrets(environ, "staging").mismatch is None


def test_in_production_the_legacy_name_is_compared_and_never_used() -> None:
    environ = {"JWT_SECRET_PRODUCTION": fresh(), "JWT_SECRET": fresh()}
    found = diagnose_secrets(environ, "production")
    assert found.mismatch is not None
    assert diagnose_secrets({"JWT_SECRET": fresh()}, "production").source is None


def test_the_embedded_staging_shares_nothing_with_the_other_names() -> None:
    environ = {"JWT_SECRET_LOCAL": fresh(), "JWT_SECRET_KEY": fresh(), "JWT_SECRET": fresh()}
    found = diagnose_secrets(environ, "local")
    assert [each.name for each in found.readings] == ["JWT_SECRET_LOCAL"]
    assert found.mismatch is None


def test_what_is_passed_over_is_warned_of_without_a_fingerprint() -> None:
    short = token_hex(8)
    environ = {"JWT_SECRET_STAGING": short, "JWT_SECRET_KEY": fresh(), "JWT_SECRET": "changeme"}
    found = diagnose_secrets(environ, "staging")
    assert found.source == "JWT_SECRET_KEY"
    assert found.mismatch is None
    assert [each.fingerprint is None for each in found.readings] == [True, False, True]
    assert found.warnings == (
        (
            "JWT_SECRET_STAGING is too short (16 bytes, at least 32 are needed); "
            "a service that does not check it signs with it all the same"
        ),
        "JWT_SECRET is a placeholder; a service that does not check it signs with it all the same",
    )
    assert short not in f"{found} {found!r}"


@pytest.mark.parametrize("name", ["AUTH_JWT_SECRET", "SECRET_KEY", "JWT_SECRET_KEY_STAGING"])
@pytest.mark.parametrize("environment", Environment)
def test_a_name_that_services_have_read_is_warned_of(name: str, environment: Environment) -> None:
    value = fresh()
    found = diagnose_secrets({name: value}, environment)
    own = f"JWT_SECRET_{environment.upper()}"
    assert found.warnings == (
        (
            f"{name} has fingerprint {fingerprint_of(value)}; services of the platform "
            f"have read it instead of {own}: unset it, or give it the same value"
        ),
    )
    assert found.source is None
    assert f"warning: {name}" in str(found)
    assert value not in f"{found} {found!r}"


def test_another_name_that_is_too_short_is_warned_of_without_a_fingerprint() -> None:
    (warning,) = diagnose_secrets({"SECRET_KEY": "changeme"}, "staging").warnings
    assert warning.startswith("SECRET_KEY is a placeholder; services of the platform")


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_blank_other_name_is_not_set(name: str) -> None:
    assert diagnose_secrets({name: " "}, "staging").warnings == ()


def test_the_environment_is_detected_as_resolution_detects_it() -> None:
    assert diagnose_secrets({"ENVIRONMENT": "stg"}).environment is Environment.STAGING
    with pytest.raises(ConfigurationError):
        diagnose_secrets({"K_SERVICE": "backend"})


def test_the_variables_of_this_process_are_read_when_none_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JWT_SECRET_TEST", fresh())
    assert diagnose_secrets(environment="test").source == "JWT_SECRET_TEST"
