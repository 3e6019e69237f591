"""Where a secret is read from: the variables, the provider, or none that could be shared."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import traceback
from secrets import token_hex, token_urlsafe
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import Cause, ConfigurationError
from netra_testkit.safety import redaction
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import (
    LEGACY_NAME,
    MINIMUM_BYTES,
    SECRET_NAMES,
    resolve_jwt_secret,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WITH_PROVIDER = [Environment.STAGING, Environment.PRODUCTION]
WITHOUT_PROVIDER = [Environment.DEVELOPMENT, Environment.TEST, Environment.LOCAL]
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=MINIMUM_BYTES).filter(
    lambda text: len(text.strip()) >= MINIMUM_BYTES
)


@pytest.fixture(autouse=True, scope="module")
def registry_of_its_own() -> Iterator[None]:
    """Some of these secrets are ordinary text, which must not be masked in other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_LIVE", redaction.Registry())
        yield


def fresh() -> str:
    return token_urlsafe(48)


def remedy_of(error: ConfigurationError) -> str:
    (problem,) = error.problems
    assert problem.field == "jwt_secret"
    assert error.cause is Cause.CONFIGURATION
    return problem.remedy


def run(source: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", source], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.parametrize("environment", WITH_PROVIDER)
def test_the_provider_is_asked_when_no_variable_is_usable(environment: Environment) -> None:
    value = fresh()
    environ = {"JWT_SECRET_KEY": "changeme"}
    secret = resolve_jwt_secret(environ, environment=environment, provider=lambda: f" {value}\n")
    assert (secret.source, secret.reveal()) == ("provider", value)


@pytest.mark.parametrize(
    ("environment", "name"),
    [(environment, name) for environment in WITH_PROVIDER for name in SECRET_NAMES[environment]],
)
def test_the_provider_is_not_asked_when_a_variable_is_usable(
    environment: Environment, name: str
) -> None:
    asked: list[str] = []
    secret = resolve_jwt_secret(
        {name: fresh()}, environment=environment, provider=lambda: asked.append("x") or fresh()
    )
    assert secret.source == name
    assert asked == []


def test_production_asks_the_provider_rather_than_read_the_legacy_name() -> None:
    secret = resolve_jwt_secret(
        {LEGACY_NAME: fresh()}, environment="production", provider=lambda: "p" * 40
    )
    assert secret.source == "provider"


@pytest.mark.parametrize("environment", WITH_PROVIDER)
@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ("x" * 31, "is too short (31 bytes, at least 32 are needed)"),
        ("changeme", "is a placeholder"),
        ("", "is blank"),
        (None, "is not text but NoneType"),
        (b"y" * 40, "is not text but bytes"),
    ],
)
def test_what_a_provider_gives_is_checked_like_any_other(
    environment: Environment, value: str, flaw: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        resolve_jwt_secret({}, environment=environment, provider=lambda: value)
    assert f"what the provider gave {flaw}" in remedy_of(raised.value)


def test_a_provider_that_fails_is_told_by_the_type_of_its_error_alone() -> None:
    value = fresh()

    def provider() -> str:
        raise PermissionError(f"{value} may not be read")

    with pytest.raises(ConfigurationError) as raised:
        resolve_jwt_secret({}, environment="staging", provider=provider)
    assert "the provider failed with PermissionError" in remedy_of(raised.value)
    assert raised.value.__context__ is None
    assert value not in "".join(traceback.format_exception(raised.value))


def test_an_interruption_inside_a_provider_is_not_caught() -> None:
    def provider() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resolve_jwt_secret({}, environment="staging", provider=provider)


@pytest.mark.parametrize("environment", WITHOUT_PROVIDER)
def test_a_provider_that_is_not_asked_is_not_passed_over_in_silence(
    environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    said = f"the provider is not asked for {environment}"
    if environment is Environment.LOCAL:
        with pytest.raises(ConfigurationError, match=said):
            resolve_jwt_secret({}, environment=environment, provider=fresh)
    else:
        assert resolve_jwt_secret({}, environment=environment, provider=fresh).source != "provider"
        assert said in caplog.text


@pytest.mark.parametrize("environment", ["development", "test"])
def test_the_random_secret_is_the_same_all_through_the_process(
    environment: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = resolve_jwt_secret({}, environment=environment)
    assert resolve_jwt_secret({"JWT_SECRET": "changeme"}, environment=environment) is first
    warning = next(each for each in caplog.records if each.levelno == logging.WARNING)
    assert warning.name == "netra_testkit"
    assert "random secret that no other process knows" in warning.getMessage()
    assert f"JWT_SECRET_{environment.upper()} is unset" in warning.getMessage()


def test_two_environments_never_share_a_random_secret() -> None:
    assert resolve_jwt_secret({}, environment="test") != resolve_jwt_secret(
        {}, environment="development"
    )


def test_a_forked_process_does_not_keep_the_random_secret_of_its_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parent = resolve_jwt_secret({}, environment="test")
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    assert resolve_jwt_secret({}, environment="test") != parent


def test_threads_that_ask_at_once_get_the_same_random_secret() -> None:
    probe = (
        "import sys, threading\n"
        "from netra_testkit.settings.secrets import resolve_jwt_secret\n"
        "sys.setswitchinterval(1e-6)\n"
        "start = threading.Barrier(16)\n"
        "found = set()\n"
        "def ask():\n"
        "    start.wait()\n"
        "    found.add(resolve_jwt_secret({}, environment='test').fingerprint)\n"
        "threads = [threading.Thread(target=ask) for _ in range(16)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
        "print(len(found))\n"
    )
    assert run(probe).strip() == "1"


def test_two_processes_have_different_random_secrets() -> None:
    probe = (
        "from netra_testkit.settings.secrets import resolve_jwt_secret\n"
        "print(resolve_jwt_secret({}, environment='test').fingerprint)\n"
    )
    here = resolve_jwt_secret({}, environment="test").fingerprint
    assert run(probe).strip() not in {"", here}


def test_the_variables_of_this_process_are_read_when_none_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = fresh()
    monkeypatch.setenv("ENVIRONMENT", "staging")
    monkeypatch.setenv("JWT_SECRET_STAGING", value)
    secret = resolve_jwt_secret()
    assert (secret.source, secret.reveal()) == ("JWT_SECRET_STAGING", value)


def test_an_empty_mapping_is_not_taken_for_the_variables_of_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JWT_SECRET_STAGING", fresh())
    with pytest.raises(ConfigurationError):
        resolve_jwt_secret({}, environment="staging")


def test_an_argument_that_names_no_environment_is_told_apart_from_the_variable() -> None:
    with pytest.raises(ConfigurationError) as raised:
        resolve_jwt_secret({"ENVIRONMENT": "staging"}, environment="stagin")
    assert raised.value.problems[0].source == "argument"


def test_production_says_of_a_legacy_name_that_it_is_never_read() -> None:
    with pytest.raises(ConfigurationError, match="legacy name that production never reads"):
        resolve_jwt_secret({"JWT_SECRET": token_urlsafe(48)}, environment="production")


def test_the_error_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError) as raised:
        resolve_jwt_secret({"JWT_SECRET_KEY": "changeme"}, environment="staging")
    assert str(raised.value).splitlines() == [
        "The configuration has a problem:",
        (
            "  - jwt_secret (from JWT_SECRET_STAGING, JWT_SECRET_KEY, JWT_SECRET): "
            "set JWT_SECRET_STAGING to the secret that the services of staging share, "
            "at least 32 random bytes (now JWT_SECRET_STAGING is unset; "
            "JWT_SECRET_KEY is a placeholder; JWT_SECRET is unset; no provider was given)"
        ),
        "cause: configuration",
        "hint: diagnose_secrets() shows which of the names are set, and whether they agree.",
    ]


def test_without_the_secret_of_an_embedded_staging_the_error_says_to_start_one() -> None:
    with pytest.raises(ConfigurationError) as raised:
        resolve_jwt_secret({"JWT_SECRET_KEY": fresh()}, environment="local")
    assert remedy_of(raised.value) == (
        "start the embedded staging and use the JWT_SECRET_LOCAL of the env file it writes "
        "(now JWT_SECRET_LOCAL is unset)"
    )


def test_what_is_passed_over_and_what_is_legacy_is_logged_by_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    short, legacy = token_hex(8), fresh()
    environ = {"JWT_SECRET_STAGING": short, "JWT_SECRET": legacy}
    assert resolve_jwt_secret(environ, environment="staging").source == "JWT_SECRET"
    assert [(each.name, each.levelname, each.getMessage()) for each in caplog.records] == [
        (
            "netra_testkit",
            "ERROR",
            (
                "JWT_SECRET_STAGING is passed over for staging: "
                "it is too short (16 bytes, at least 32 are needed)"
            ),
        ),
        (
            "netra_testkit",
            "WARNING",
            "JWT_SECRET is a legacy name: set JWT_SECRET_STAGING instead",
        ),
    ]


@given(
    st.dictionaries(
        st.sampled_from(["JWT_SECRET_STAGING", "JWT_SECRET_KEY", "JWT_SECRET", "ENVIRONMENT"]),
        texts,
    ),
    st.sampled_from([None, *Environment]),
)
def test_no_value_of_any_variable_is_shown_by_an_error(
    environ: dict[str, str], environment: Environment | None
) -> None:
    try:
        shown = repr(resolve_jwt_secret(environ, environment=environment))
    except ConfigurationError as error:
        shown = "".join(traceback.format_exception(error))
    assert not [value for value in environ.values() if value.strip() in shown]
