from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.explanation import ExplainedField
from netra_testkit.settings.options import ConfigOptions
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_every_field_has_a_row() -> None:
    explained = StagingConfig().explain()
    assert {row.field.partition(".")[0] for row in explained} == set(ConfigOptions.__annotations__)
    assert len(explained) == len(list(explained)) == len({row.field for row in explained})


def test_each_row_says_which_source_gave_the_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "suite.env"
    file.write_text(
        "NETRA_TIMEOUTS__SEND=3\nNETRA_TIMEOUTS__CONNECT=3\nNETRA_TIMEOUTS__WELCOME=3\n"
        "NETRA_ANNOUNCE_E2E=yes\nNETRA_RETRY_COUNT=1\n"
    )
    monkeypatch.setenv("NETRA_TIMEOUTS__CONNECT", "4")
    monkeypatch.setenv("NETRA_RETRY_COUNT", "2")
    config = StagingConfig(
        env_file=file,
        timeouts={"welcome": 5},
        allowed_hosts=["a.example", "b.example"],
        extra_aliases={"go": "start_agent"},
        users=[StagingUser(user_id="alice", email="alice@example.com")],
    )
    explained = config.explain()
    expected = {
        "environment": ("staging", "default"),
        "env_file": (str(file), "argument"),
        "allowed_hosts": ("a.example, b.example", "argument"),
        "base_url": ("https://api.staging.netrasystems.ai", "default of staging"),
        "api_url": ("https://api.staging.netrasystems.ai/api", "derived from base_url"),
        "websocket_url": ("wss://api.staging.netrasystems.ai/ws", "derived from base_url"),
        "auth_url": ("https://auth.staging.netrasystems.ai", "default of staging"),
        "timeouts.connect": ("4", "NETRA_TIMEOUTS__CONNECT"),
        "timeouts.welcome": ("5", "argument"),
        "timeouts.send": ("3", f"NETRA_TIMEOUTS__SEND in {file}"),
        "timeouts.close": ("0.25", "default of staging"),
        "budgets.hand_off": ("largest of hand-offs between agents <= 3 s (n >= 1)", "default"),
        "announce_e2e": ("true", f"NETRA_ANNOUNCE_E2E in {file}"),
        "allow_registration": ("false", "default"),
        "retry_count": ("2", "NETRA_RETRY_COUNT"),
        "retry_delay": ("0.5", "default"),
        "extra_aliases.go": ("start_agent", "argument"),
        "users": (
            "staging-e2e-user-001, staging-e2e-user-002, staging-e2e-user-003, alice",
            "argument",
        ),
        "expected_revision": ("-", "default"),
        "jwt_secret": ("none", "none of JWT_SECRET_STAGING, JWT_SECRET_KEY, JWT_SECRET"),
    }
    assert {field: explained[field][1:] for field in expected} == expected


def test_what_follows_the_embedded_staging_is_said_to_be_derived() -> None:
    explained = StagingConfig(environment="local", base_url="http://localhost:1").explain()
    for field in ("api_url", "websocket_url", "auth_url", "frontend_url"):
        assert explained[field].source == "derived from base_url"
    assert explained["users"] == ExplainedField("users", "-", "default of local")
    assert explained["extra_aliases"] == ExplainedField("extra_aliases", "-", "default")


@pytest.mark.parametrize("where", ["argument", "variable", "file", "nowhere"])
def test_the_setting_that_decided_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    file = tmp_path / "suite.env"
    file.write_text("NETRA_ENVIRONMENT=dev\n" if where == "file" else "")
    if where == "variable":
        monkeypatch.setenv("NETRA_ENVIRONMENT", "dev")
    config = (
        StagingConfig(environment="dev", env_file=file)
        if where == "argument"
        else StagingConfig(env_file=file)
    )
    expected = {
        "argument": "argument",
        "variable": "NETRA_ENVIRONMENT",
        "file": f"NETRA_ENVIRONMENT in {file}",
        "nowhere": "default, as neither an argument nor NETRA_ENVIRONMENT names one",
    }[where]
    explained = config.explain()
    assert explained.environment_from == expected
    assert str(explained).endswith(f"\nThe environment was decided by: {expected}")


def test_the_secret_is_shown_by_length_and_fingerprint_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = JwtSecret.generate("a test")
    value = f"*** (64 bytes, fingerprint {secret.fingerprint})"
    given = StagingConfig(jwt_secret=secret).explain()
    assert given["jwt_secret"] == ("jwt_secret", value, "a test")
    text = StagingConfig(jwt_secret=secret.reveal()).explain()
    assert text["jwt_secret"] == ("jwt_secret", value, "argument")
    file = tmp_path / "suite.env"
    file.write_text(f"JWT_SECRET_KEY={secret.reveal()}\n")
    in_file = StagingConfig(env_file=file).explain()
    assert in_file["jwt_secret"] == ("jwt_secret", value, f"JWT_SECRET_KEY in {file}")
    monkeypatch.setenv("JWT_SECRET_KEY", secret.reveal())
    in_process = StagingConfig(env_file=file).explain()
    assert in_process["jwt_secret"] == ("jwt_secret", value, "JWT_SECRET_KEY")


def test_an_empty_variable_does_not_hide_the_secret_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = JwtSecret.generate("a test")
    file = tmp_path / "suite.env"
    file.write_text(f"JWT_SECRET_STAGING={secret.reveal()}\n")
    monkeypatch.setenv("JWT_SECRET_STAGING", " ")
    config = StagingConfig(env_file=file)
    assert config.jwt_secret() == secret
    assert config.jwt_secret() is config.jwt_secret()
    assert config.explain()["jwt_secret"].source == f"JWT_SECRET_STAGING in {file}"


def test_the_secret_of_the_process_counts_before_that_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_file, in_process = JwtSecret.generate("a file"), JwtSecret.generate("a process")
    file = tmp_path / "suite.env"
    file.write_text(f"JWT_SECRET_STAGING={in_file.reveal()}\n")
    monkeypatch.setenv("JWT_SECRET_STAGING", in_process.reveal())
    config = StagingConfig(env_file=file)
    assert config.jwt_secret() == in_process
    assert config.explain()["jwt_secret"].source == "JWT_SECRET_STAGING"


def test_credentials_are_masked() -> None:
    given = [secrets.token_urlsafe(24) for _ in range(3)]
    key, token, bypass = given
    explained = StagingConfig(test_api_key=key, test_jwt_token=token, bypass_key=bypass).explain()
    for field in ("test_api_key", "test_jwt_token", "bypass_key"):
        assert explained[field] == ExplainedField(field, "***", "argument")
    assert not any(each in str(explained) for each in given)


def test_a_live_secret_is_masked_wherever_it_was_put() -> None:
    secret = JwtSecret.generate("a test").reveal()
    explained = StagingConfig(expected_revision=secret).explain()
    assert secret not in str(explained)
    assert explained["expected_revision"].value != secret


def test_it_prints_as_a_table() -> None:
    lines = str(StagingConfig().explain()).splitlines()
    assert lines[0].split() == ["field", "value", "source"]
    assert lines[1].split() == ["environment", "staging", "default"]
    column = lines[0].index("source")
    assert all(line[column - 2 : column] == "  " for line in lines[:-1])
    assert not any(line.endswith(" ") for line in lines)


def test_variables_that_nobody_reads_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_LOG_LEVEL", "debug")
    explained = StagingConfig().explain()
    assert explained.unread == ("NETRA_LOG_LEVEL",)
    assert str(explained).endswith("\nSet, but read by nobody: NETRA_LOG_LEVEL")


def test_a_field_that_does_not_exist_has_no_row() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        _ = StagingConfig().explain()["nonsense"]
