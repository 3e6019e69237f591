from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import TYPE_CHECKING

import pytest

from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.options import VARIABLES, ConfigOptions
from netra_testkit.settings.timing import Budget, Budgets, Statistic, Timeouts
from netra_testkit.settings.users import KNOWN_USERS, Password, StagingUser

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("plain_environment")

LOCAL = "http://127.0.0.1:8000"
ALICE = StagingUser(user_id="alice", email="alice@example.com")


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "suite.env"


def test_staging_is_described_when_nothing_says_otherwise() -> None:
    config = StagingConfig()
    assert config.environment is Environment.STAGING
    assert config.base_url == "https://api.staging.netrasystems.ai"
    assert config.api_url == "https://api.staging.netrasystems.ai/api"
    assert config.websocket_url == "wss://api.staging.netrasystems.ai/ws"
    assert config.auth_url == "https://auth.staging.netrasystems.ai"
    assert config.frontend_url == "https://app.staging.netrasystems.ai"
    assert config.timeouts == Timeouts.for_environment("staging")
    assert config.budgets == Budgets()
    assert config.users == KNOWN_USERS
    assert (config.retry_count, config.retry_delay) == (0, 0.5)
    assert config.allowed_hosts == ()
    assert config.extra_aliases == {}
    assert config.expected_revision is None
    assert (config.env_file, config.ca_file, config.bypass_key) == (None, None, None)
    assert not config.announce_e2e
    assert not config.allow_registration
    assert not config.read_only


@pytest.mark.parametrize("leftover", ["testing", "production", "local", "nonsense", ""])
def test_a_leftover_of_another_suite_does_not_move_it(
    monkeypatch: pytest.MonkeyPatch, leftover: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", leftover)
    assert StagingConfig().environment is Environment.STAGING


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("dev", Environment.DEVELOPMENT),
        (" TESTING ", Environment.TEST),
        ("stg", Environment.STAGING),
    ],
)
def test_a_variable_or_an_argument_moves_it(
    monkeypatch: pytest.MonkeyPatch, name: str, environment: Environment
) -> None:
    assert StagingConfig(environment=name).environment is environment
    assert StagingConfig.for_environment(name).environment is environment
    assert StagingConfig.for_environment(environment) == StagingConfig(environment=name)
    assert StagingConfig.for_environment(name, environment="production").environment is environment
    monkeypatch.setenv("NETRA_ENVIRONMENT", name)
    assert StagingConfig().environment is environment


@pytest.mark.parametrize("name", ["development", "test"])
def test_a_backend_started_by_hand_is_on_loopback(name: str) -> None:
    config = StagingConfig.for_environment(name)
    assert config.base_url == "http://localhost:8000"
    assert config.websocket_url == "ws://localhost:8000/ws"
    assert config.auth_url == "http://localhost:8081"
    assert config.frontend_url == "http://localhost:3000"
    assert config.timeouts == Timeouts.for_environment(name)
    assert config.users == ()


def test_the_embedded_staging_answers_everything_on_one_port() -> None:
    config = StagingConfig(environment="local", base_url=f"{LOCAL}/")
    assert config.base_url == config.auth_url == config.frontend_url == LOCAL
    assert config.api_url == f"{LOCAL}/api"
    assert config.websocket_url == "ws://127.0.0.1:8000/ws"
    assert config.timeouts == Timeouts.for_environment("local")


def test_production_is_described_when_it_is_allowed_and_is_read_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = StagingConfig(environment="production", allow_production=True)
    assert config.read_only
    assert config.base_url == "https://api.netrasystems.ai"
    assert config.users == ()
    monkeypatch.setenv("NETRA_ALLOW_PRODUCTION", "true")
    assert StagingConfig(environment="prod") == config


def test_allowing_production_alone_moves_nothing() -> None:
    config = StagingConfig(allow_production=True)
    assert config.environment is Environment.STAGING
    assert not config.read_only


@pytest.mark.parametrize(
    ("base_url", "websocket_path", "websocket_url"),
    [
        ("https://api.staging.netrasystems.ai", "/ws", "wss://api.staging.netrasystems.ai/ws"),
        ("https://preview.example.com:444", "/chat/", "wss://preview.example.com:444/chat"),
        ("https://preview.example.com/prefix", "/ws", "wss://preview.example.com/ws"),
        ("https://preview.example.com", "/", "wss://preview.example.com"),
    ],
)
def test_the_api_and_the_websocket_follow_the_backend(
    base_url: str, websocket_path: str, websocket_url: str
) -> None:
    config = StagingConfig(
        base_url=base_url,
        websocket_path=websocket_path,
        allowed_hosts=["preview.example.com"],
    )
    assert config.api_url == f"{base_url}/api"
    assert config.websocket_url == websocket_url
    assert config.auth_url == "https://auth.staging.netrasystems.ai"


def test_every_url_can_be_given() -> None:
    config = StagingConfig(
        environment="development",
        base_url="http://localhost:1",
        api_url="http://localhost:2/v1/",
        websocket_url="ws://localhost:3/socket",
        websocket_path="/socket",
        auth_url="http://localhost:4",
        frontend_url="http://localhost:5",
    )
    assert config.base_url == "http://localhost:1"
    assert config.api_url == "http://localhost:2/v1"
    assert config.websocket_url == "ws://localhost:3/socket"
    assert config.auth_url == "http://localhost:4"
    assert config.frontend_url == "http://localhost:5"


def test_an_argument_counts_before_a_variable_before_the_file_before_the_default(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    values = {
        "RETRY_COUNT": ("1", "2", 3),
        "EXPECTED_REVISION": ("file", "variable", None),
        "TIMEOUTS__RECEIVE": ("50", "60", None),
        "TIMEOUTS__AGENT": ("31", None, None),
        "RETRY_DELAY": ("0.25", None, None),
    }
    env_file.write_text("".join(f"NETRA_{name}={file}\n" for name, (file, _, _) in values.items()))
    for name, (_, variable, _) in values.items():
        if variable is not None:
            monkeypatch.setenv(f"NETRA_{name}", variable)
    config = StagingConfig.from_env_file(env_file, retry_count=3)
    assert config.retry_count == 3
    assert config.expected_revision == "variable"
    assert config.timeouts.receive == 60
    assert config.timeouts.agent == 31
    assert config.retry_delay == 0.25
    assert config.timeouts.tool == Timeouts.for_environment("staging").tool
    assert StagingConfig().retry_count == 2


def test_an_argument_of_nothing_counts_before_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_EXPECTED_REVISION", "abc")
    assert StagingConfig(expected_revision=None).expected_revision is None
    assert StagingConfig().expected_revision == "abc"


@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_variable_is_as_good_as_none(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, blank: str
) -> None:
    env_file.write_text(
        f"NETRA_BASE_URL={blank}\nNETRA_EXPECTED_REVISION=file\nNETRA_RETRY_COUNT\n"
    )
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, blank)
    monkeypatch.setenv("NETRA_TIMEOUTS__RECEIVE", blank)
    monkeypatch.setenv("NETRA_NONSENSE", blank)
    assert StagingConfig().base_url == "https://api.staging.netrasystems.ai"
    assert StagingConfig.from_env_file(env_file).expected_revision == "file"


def test_values_are_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_BASE_URL", " https://api.staging.netrasystems.ai/ ")
    monkeypatch.setenv("NETRA_ANNOUNCE_E2E", " yes ")
    config = StagingConfig(expected_revision=" abc ")
    assert config.base_url == "https://api.staging.netrasystems.ai"
    assert config.announce_e2e
    assert config.expected_revision == "abc"


def test_everything_is_read_when_it_is_made(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    secret = "s" * 40
    env_file.write_text("NETRA_RETRY_COUNT=1\n")
    monkeypatch.setenv("JWT_SECRET_STAGING", secret)
    config = StagingConfig.from_env_file(env_file)
    env_file.write_text("NETRA_RETRY_COUNT=2\n")
    monkeypatch.setenv("NETRA_RETRY_COUNT", "3")
    monkeypatch.delenv("JWT_SECRET_STAGING")
    assert config.retry_count == 1
    assert config.jwt_secret().reveal() == secret


def test_a_file_may_be_named_by_a_variable_and_an_argument_counts_more(
    monkeypatch: pytest.MonkeyPatch, env_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.env"
    env_file.write_text("NETRA_RETRY_COUNT=1\n")
    other.write_text("NETRA_RETRY_COUNT=2\n")
    monkeypatch.setenv("NETRA_ENV_FILE", str(env_file))
    assert StagingConfig().retry_count == 1
    assert StagingConfig().env_file == env_file
    assert StagingConfig(env_file=other).retry_count == 2


def test_a_file_may_lie_in_the_working_directory_and_begin_with_a_byte_order_mark(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    env_file.write_text("\ufeffNETRA_RETRY_COUNT='1'  # once\nexport OTHER=x\n", encoding="utf-8")
    monkeypatch.chdir(env_file.parent)
    config = StagingConfig.from_env_file(env_file.name)
    assert config.retry_count == 1
    assert config.env_file == env_file


def test_a_file_decides_the_environment_of_everything_else(env_file: Path) -> None:
    env_file.write_text(f"NETRA_ENVIRONMENT=local\nNETRA_BASE_URL={LOCAL}\n")
    config = StagingConfig.from_env_file(env_file)
    assert config.environment is Environment.LOCAL
    assert config.timeouts == Timeouts.for_environment("local")


def test_foreign_variables_of_a_file_are_left_alone(env_file: Path) -> None:
    env_file.write_text("DATABASE_URL=postgres://x\nENVIRONMENT=testing\nlog_level=debug\n")
    assert StagingConfig.from_env_file(env_file).environment is Environment.STAGING


def test_variables_of_other_parts_of_the_kit_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PRIORITY", "PHASE", "FAIL_FAST", "REQUIRE_LIVE", "STRICT"):
        monkeypatch.setenv(f"NETRA_{name}", "1")
    monkeypatch.setenv("NETRA_LOG_LEVEL", "debug")
    assert StagingConfig().readings.unread == ("NETRA_LOG_LEVEL",)


@pytest.mark.parametrize(
    "timeouts",
    [
        {"receive": 40},
        dataclasses.replace(Timeouts.for_environment("staging"), receive=40.0),
    ],
    ids=["by name", "as a whole"],
)
def test_timeouts_can_be_overridden(timeouts: Timeouts | dict[str, float]) -> None:
    config = StagingConfig(timeouts=timeouts)
    assert config.timeouts == dataclasses.replace(Timeouts.for_environment("staging"), receive=40.0)


def test_budgets_can_be_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_BUDGETS__PING", "0.5")
    mine = Budget(limit=1.0, scope="sign-ins", statistic=Statistic.MEDIAN, smallest_sample=5)
    config = StagingConfig(budgets={"oauth": mine, "hand_off": 2.0})
    assert config.budgets.oauth == mine
    assert config.budgets.hand_off.limit == 2.0
    assert config.budgets.ping.limit == 0.5
    assert config.budgets.api_p95 == Budgets().api_p95
    assert StagingConfig(budgets=Budgets(oauth=mine)).budgets.oauth == mine


def test_aliases_of_a_product_merge_from_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_EXTRA_ALIASES__RUN_AGENT", "chat")
    monkeypatch.setenv("NETRA_EXTRA_ALIASES__GO", " start_agent ")
    config = StagingConfig(extra_aliases={"run_agent": "start_agent"})
    assert config.extra_aliases == {"run_agent": "start_agent", "go": "start_agent"}
    with pytest.raises(TypeError):
        config.extra_aliases["more"] = "chat"  # type: ignore[index]


@pytest.mark.parametrize("given", ["one.example, two.example,", ["One.example", "two.example."]])
def test_allowed_hosts_are_a_list(monkeypatch: pytest.MonkeyPatch, given: str | list[str]) -> None:
    if isinstance(given, str):
        monkeypatch.setenv("NETRA_ALLOWED_HOSTS", given)
    assert StagingConfig(allowed_hosts=given).allowed_hosts == ("one.example", "two.example")
    if isinstance(given, str):
        assert StagingConfig().allowed_hosts == ("one.example", "two.example")


def test_named_users_join_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert StagingConfig(users=[ALICE]).users == (*KNOWN_USERS, ALICE)
    assert StagingConfig(environment="development", users=[ALICE]).users == (ALICE,)
    monkeypatch.setenv("NETRA_TEST_USERS", '[{"user_id": "alice", "email": "alice@example.com"}]')
    assert StagingConfig().users == (*KNOWN_USERS, ALICE)
    assert StagingConfig(users=()).users == KNOWN_USERS


def test_a_known_user_named_again_keeps_its_place_and_gains_a_password() -> None:
    known = KNOWN_USERS[1]
    again = StagingUser(
        user_id=known.user_id, email=known.email, password=Password("a password of its own")
    )
    users = StagingConfig(users=[ALICE, again]).users
    assert users == (*KNOWN_USERS, ALICE)
    assert users[1].password is again.password


def test_certificates_of_ones_own_are_a_file(tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    file.touch()
    assert StagingConfig(ca_file=str(file)).ca_file == file
    assert StagingConfig(ca_file=None).ca_file is None


def test_it_never_changes() -> None:
    config = StagingConfig()
    with pytest.raises(AttributeError, match=r"base_url.*make another one"):
        config.base_url = "https://example.com"  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"base_url.*make another one"):
        del config.base_url
    with pytest.raises(TypeError, match="make another one"):
        config.model_copy(update={"base_url": "https://example.com"})
    with pytest.raises(TypeError, match="always validated"):
        StagingConfig.model_construct(base_url="https://example.com")


def test_it_says_where_it_is_and_is_not_pickled() -> None:
    config = StagingConfig()
    assert str(config) == repr(config)
    assert config.base_url in str(config)
    with pytest.raises(TypeError, match="holds secrets"):
        pickle.dumps(config)


def test_a_copy_is_the_thing_itself() -> None:
    config = StagingConfig()
    assert copy.copy(config) is config
    assert copy.deepcopy(config) is config
    assert config.model_copy() is config
    assert config.model_copy(deep=True) is config


def test_equal_values_make_equal_configurations(monkeypatch: pytest.MonkeyPatch) -> None:
    config = StagingConfig(retry_count=1, extra_aliases={"a": "ping", "b": "pong"})
    monkeypatch.setenv("NETRA_RETRY_COUNT", "1")
    same = StagingConfig(extra_aliases={"b": "pong", "a": "ping"})
    assert config == same
    assert hash(config) == hash(same)
    assert config != StagingConfig()
    assert config != "a configuration"
    monkeypatch.setenv("JWT_SECRET_STAGING", "t" * 40)
    assert same != StagingConfig(extra_aliases={"b": "pong", "a": "ping"})


def test_each_option_is_a_field_and_each_field_an_option() -> None:
    fields = {
        field.alias or name
        for name, field in StagingConfig.model_fields.items()
        if name != "readings"
    }
    assert fields == set(ConfigOptions.__annotations__) == {*VARIABLES, "jwt_secret"}
