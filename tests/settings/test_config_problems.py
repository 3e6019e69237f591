from __future__ import annotations

import math
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.established import NOT_HONOURED
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("plain_environment")


def problems_of(**options: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        StagingConfig(**options)
    return caught.value.problems


def fields_of(**options: Any) -> list[str]:
    return [each.field for each in problems_of(**options)]


def problem_of(**options: Any) -> Problem:
    [problem] = problems_of(**options)
    return problem


SECONDS = "Give a positive, finite number of seconds."


@pytest.mark.parametrize(
    ("options", "field", "remedy"),
    [
        ({"environment": "stagin"}, "environment", "staging"),
        ({"environment": ""}, "environment", "blank"),
        ({"environment": 7}, "environment", "must be a name"),
        ({"allow_production": "maybe"}, "allow_production", "boolean"),
        ({"announce_e2e": None}, "announce_e2e", "boolean"),
        ({"allow_registration": "perhaps"}, "allow_registration", "boolean"),
        ({"allowed_hosts": ["https://x.example"]}, "allowed_hosts[0]", "Name one host"),
        ({"allowed_hosts": 7}, "allowed_hosts[0]", "Name one host"),
        ({"websocket_path": "ws"}, "websocket_path", "Give an absolute path"),
        ({"base_url": "https://example.com"}, "base_url", "no host of staging"),
        ({"base_url": ""}, "base_url", "not a URL"),
        ({"base_url": None}, "base_url", "not a URL"),
        ({"api_url": "http://api.staging.netrasystems.ai"}, "api_url", "not encrypted"),
        ({"websocket_url": "https://api.staging.netrasystems.ai/ws"}, "websocket_url", "wss"),
        ({"auth_url": "https://auth.netrasystems.ai"}, "auth_url", "production host"),
        ({"frontend_url": "https://u:p@app.staging.netrasystems.ai"}, "frontend_url", "***@"),
        ({"timeouts": {"receive": 0}}, "timeouts.receive", SECONDS),
        ({"timeouts": {"receive": "soon"}}, "timeouts.receive", SECONDS),
        ({"timeouts": {"recieve": 1}}, "timeouts.recieve", "use receive"),
        ({"timeouts": {1: 1}}, "timeouts.1", "There is no such name"),
        ({"timeouts": 30}, "timeouts", "Give Timeouts, or seconds by name."),
        ({"timeouts": {"agent": 50}}, "timeouts.receive > timeouts.agent", "(35 s)"),
        ({"budgets": {"ping": -1}}, "budgets.ping", SECONDS),
        ({"budgets": [1]}, "budgets", "Give Budgets, or seconds by name."),
        ({"retry_count": -1}, "retry_count", "greater than or equal to 0"),
        ({"retry_count": 11}, "retry_count", "less than or equal to 10"),
        ({"retry_count": "some"}, "retry_count", "valid integer"),
        ({"retry_delay": 0}, "retry_delay", "greater than 0"),
        ({"retry_delay": math.inf}, "retry_delay", "finite"),
        ({"expected_revision": " "}, "expected_revision", "at least 1 character"),
        ({"expected_revision": 7}, "expected_revision", "string"),
        ({"extra_aliases": {"go": ""}}, "extra_aliases.go", "Name one message type"),
        ({"extra_aliases": {"go": 7}}, "extra_aliases.go", "Name one message type"),
        ({"extra_aliases": {" ": "chat"}}, "extra_aliases. ", "Name one message type"),
        ({"extra_aliases": "go=chat"}, "extra_aliases", "by the product's own name"),
        ({"users": ["alice"]}, "users", "Give StagingUser objects."),
        ({"users": 3}, "users", "Give StagingUser objects."),
        ({"users": [StagingUser("a", "x@y.z"), StagingUser("a", "b@y.z")]}, "user_id", "twice"),
        ({"users": "["}, "NETRA_TEST_USERS", "not JSON"),
        ({"ca_file": "nowhere.pem"}, "ca_file", "There is no file"),
        ({"test_api_key": ""}, "test_api_key", "not blank"),
        ({"test_jwt_token": 7}, "test_jwt_token", "not blank"),
        ({"bypass_key": " "}, "bypass_key", "not blank"),
        ({"jwt_secret": "short"}, "jwt_secret", "too short"),
        ({"jwt_secret": 7}, "jwt_secret", "Give a JwtSecret, or a text."),
    ],
    ids=str,
)
def test_each_wrong_argument_is_refused_with_field_source_and_remedy(
    options: dict[str, Any], field: str, remedy: str
) -> None:
    problem = problem_of(**options)
    assert problem.field == field
    assert "argument" in problem.source
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        ("NETRA_ENVIRONMENT", "nowhere", "environment"),
        ("NETRA_BASE_URL", "https://example.com", "base_url"),
        ("NETRA_TIMEOUTS__RECEIVE", "never", "timeouts.receive"),
        ("NETRA_BUDGETS__PING", "0", "budgets.ping"),
        ("NETRA_ANNOUNCE_E2E", "perhaps", "announce_e2e"),
        ("NETRA_RETRY_COUNT", "1.5", "retry_count"),
        ("NETRA_TEST_USERS", "[7]", "NETRA_TEST_USERS[0]"),
        ("NETRA_TIMEOUTS__RECIEVE", "40", "timeouts.recieve"),
    ],
)
def test_a_wrong_variable_is_named_with_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str, field: str
) -> None:
    file = tmp_path / "suite.env"
    file.write_text(f"{name}='{text}'\n")
    in_file = problem_of(env_file=file)
    assert (in_file.field, in_file.source) == (field, f"{name} in {file}")
    monkeypatch.setenv(name, text)
    in_process = problem_of()
    assert (in_process.field, in_process.source) == (field, name)


def test_all_problems_are_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "suite.env"
    file.write_text("NETRA_BASE_ULR=x\nNETRA_AUTH_URL=http://example.com\n")
    monkeypatch.setenv("NETRA_RETRY_COUNT", "many")
    fields = fields_of(
        env_file=file,
        base_ulr="x",
        timeouts={"agent": -1, "tool": 9.5, "thinking": 9},
        users=[7],
        test_api_key="",
    )
    assert sorted(fields) == [
        "NETRA_BASE_ULR",
        "auth_url",
        "auth_url",
        "base_ulr",
        "retry_count",
        "test_api_key",
        "timeouts.agent",
        "timeouts.thinking > timeouts.tool",
        "users",
    ]


def test_nothing_is_said_twice_because_the_environment_is_unknown() -> None:
    fields = fields_of(
        environment="stagin",
        base_url="https://example.com",
        timeouts={"agent": 40, "tool": 0},
        budgets={"ping": 0},
        users="[7]",
    )
    assert fields == ["environment", "timeouts.tool", "budgets.ping", "NETRA_TEST_USERS[0]"]


def test_a_bound_is_not_held_against_the_preset_of_an_unknown_environment() -> None:
    assert fields_of(environment="stagin", timeouts={"agent": 40}) == ["environment"]


@pytest.mark.parametrize("users", [[], None, 7])
def test_the_identities_wait_for_the_environment(users: object) -> None:
    assert fields_of(environment="stagin", users=users) == ["environment"]


def test_what_follows_a_refused_url_is_not_refused_too() -> None:
    assert fields_of(base_url="https://example.com") == ["base_url"]
    assert fields_of(environment="local", base_url="x") == ["base_url"]


def test_hosts_and_paths_wait_for_the_list_that_was_refused() -> None:
    fields = fields_of(
        allowed_hosts=["*.example.com"],
        base_url="https://preview.example.com",
        websocket_path="socket",
        websocket_url="wss://api.staging.netrasystems.ai/socket",
    )
    assert fields == ["allowed_hosts[0]", "websocket_path"]


@pytest.mark.parametrize("name", ["production", "prod"])
def test_production_is_refused_unless_it_is_allowed_in_so_many_words(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("NETRA_ENVIRONMENT", name)
    for options in ({}, {"allow_production": False}):
        problem = problem_of(**options)
        assert (problem.field, problem.source) == ("environment", "NETRA_ENVIRONMENT")
        assert "allow_production" in problem.remedy


def test_the_embedded_staging_has_no_port_of_its_own_to_fall_back_to() -> None:
    problem = problem_of(environment="local")
    assert problem.field == "base_url"
    assert "env file" in problem.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("base_ulr", "There is no such argument; use base_url."),
        ("timeout", "It is a view of the timeouts; use timeouts={'receive': seconds}."),
        ("backend_url", "It is the same value as base_url; use base_url."),
        ("_env_file", "There is no such argument; use env_file."),
        ("readings", "There is no such argument; use one of environment, env_file, "),
        *((name, f"Not honoured: {reason}.") for name, reason in NOT_HONOURED.items()),
    ],
    ids=lambda each: each.split()[0],
)
def test_an_unknown_argument_is_refused_with_what_was_meant(name: str, remedy: str) -> None:
    problem = problem_of(**{name: "x"})
    assert (problem.field, problem.source) == (name, "argument")
    assert problem.remedy.startswith(remedy)


MISTYPED = {
    "NETRA_BASE_ULR": "NETRA_BASE_URL",
    "NETRA_ENVIROMENT": "NETRA_ENVIRONMENT",
    "NETRA_TIMEOUT__RECEIVE": "NETRA_TIMEOUTS__RECEIVE",
    "NETRA_TIMEOUTS": "NETRA_TIMEOUTS__<NAME>",
    "NETRA_USERS": "NETRA_TEST_USERS",
    "NETRA_TEST_API_KEY": "STAGING_TEST_API_KEY",
    "NETRA_TEST_JWT_TOKEN": "STAGING_TEST_JWT_TOKEN",
    "NETRA_JWT_SECRET": "JWT_SECRET_STAGING",
    "NETRA_BASE_URL__X": "NETRA_BASE_URL",
    "netra_base_url": "NETRA_BASE_URL",
}


@pytest.mark.parametrize("name", MISTYPED)
def test_a_mistyped_variable_is_refused_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    remedy = f"There is no such setting; use {MISTYPED[name]}."
    file = tmp_path / "suite.env"
    file.write_text(f"{name}=x\n")
    assert problem_of(env_file=file) == Problem(name, str(file), remedy)
    monkeypatch.setenv(name, "x")
    assert problem_of() == Problem(name, "environment", remedy)


@pytest.mark.parametrize("name", ["NETRA_NONSENSE", "NETRA_LOG_LEVEL", "NETRA_PRIORITY"])
def test_any_other_variable_of_the_kit_in_a_file_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "suite.env"
    file.write_text(f"{name}=x\n")
    remedy = "There is no such setting; remove it, or correct its name."
    assert problem_of(env_file=file) == Problem(name, str(file), remedy)


def test_a_file_names_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "suite.env"
    file.write_text("NETRA_ENV_FILE=other.env\n")
    problem = problem_of(env_file=file)
    assert (problem.field, problem.source) == ("NETRA_ENV_FILE", str(file))


def test_a_named_file_that_is_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.env"
    remedy = f"Name a file of NAME=value lines; of {missing}, there is no such file."
    assert problem_of(env_file=missing) == Problem("env_file", "argument", remedy)
    with pytest.raises(ConfigurationError, match="there is no such file"):
        StagingConfig.from_env_file(tmp_path)
    monkeypatch.setenv("NETRA_ENV_FILE", str(missing))
    assert problem_of() == Problem("env_file", "NETRA_ENV_FILE", remedy)


@pytest.mark.parametrize("named", [7, b"suite.env", ""])
def test_what_names_no_file_is_an_error(named: object) -> None:
    assert "there is no such file" in problem_of(env_file=named).remedy


def test_a_file_that_cannot_be_read_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "suite.env"
    file.write_bytes(b"NETRA_BASE_URL=\xff\n")
    assert "it is not UTF-8" in problem_of(env_file=file).remedy

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert "it cannot be read (Permission denied)" in problem_of(env_file=file).remedy


@pytest.mark.parametrize(
    "line",
    ["JWT_SECRET_STAGING = 'cut", 'JWT_SECRET_STAGING="cut', "JWT_SECRET_STAGING: cut", "=cut"],
)
def test_a_line_that_sets_nothing_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    file = tmp_path / "suite.env"
    file.write_text(f"NETRA_RETRY_COUNT=1\n\n# a comment\n{line}\nNETRA_NONSENSE=x\n")
    with pytest.raises(ConfigurationError) as caught:
        StagingConfig.from_env_file(file)
    remedy = "Line 4 is not NAME=value; correct it, or put # before it."
    assert Problem("env_file", str(file), remedy) in caught.value.problems
    assert "NETRA_NONSENSE" in [each.field for each in caught.value.problems]
    assert "cut" not in str(caught.value)


def test_no_validation_error_rides_along() -> None:
    with pytest.raises(ConfigurationError) as caught:
        StagingConfig(retry_count="many")  # type: ignore[arg-type]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "ValidationError" not in "".join(traceback.format_exception(caught.value))


def test_validating_by_hand_shows_no_value_either() -> None:
    with pytest.raises(ValidationError) as caught:
        StagingConfig.model_validate({"test_api_key": "a key of its own", "retry_count": "many"})
    shown = f"{caught.value!s}{caught.value!r}"
    assert "input_value" not in shown
    assert "a key" not in shown
