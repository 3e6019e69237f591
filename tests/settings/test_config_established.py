from __future__ import annotations

import secrets
import subprocess
import sys
from typing import Any

import pytest

from netra_testkit.errors import ConfigurationError, NotEnoughUsers
from netra_testkit.safety.redaction import mask
from netra_testkit.settings import config as home
from netra_testkit.settings.config import StagingConfig, get_staging_config
from netra_testkit.settings.established import NOT_HONOURED, EstablishedNames
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import verify_token
from netra_testkit.settings.users import KNOWN_USERS, StagingUser

pytestmark = pytest.mark.usefixtures("plain_environment")

BACKEND = "https://api.staging.netrasystems.ai"
ANNOUNCED = {
    "X-Test-Type": "E2E",
    "X-Test-Environment": "staging",
    "X-E2E-Test": "true",
    "X-Test-Mode": "true",
}
PLAIN = {
    "backend_url": BACKEND,
    "base_url": BACKEND,
    "api_url": f"{BACKEND}/api",
    "websocket_url": "wss://api.staging.netrasystems.ai/ws",
    "auth_url": "https://auth.staging.netrasystems.ai",
    "frontend_url": "https://app.staging.netrasystems.ai",
    "health_endpoint": f"{BACKEND}/health",
    "api_health_endpoint": f"{BACKEND}/api/health",
    "service_discovery_endpoint": f"{BACKEND}/api/discovery/services",
    "mcp_config_endpoint": f"{BACKEND}/api/mcp/config",
    "mcp_servers_endpoint": f"{BACKEND}/api/mcp/servers",
    "test_api_key": None,
    "test_jwt_token": None,
    "timeout": 35.0,
    "retry_count": 0,
    "retry_delay": 0.5,
}

OLD_USAGE = """
from netra_testkit.settings.config import STAGING_CONFIG, get_staging_config
config = get_staging_config()
assert config.base_url == config.backend_url == STAGING_CONFIG.base_url
assert config.health_endpoint.startswith(config.base_url)
headers = config.get_headers()
headers.update(config.get_headers(include_auth=True))
socket = {"uri": config.websocket_url, "additional_headers": config.get_websocket_headers()}
token = config.test_jwt_token or config.create_test_jwt_token()
assert headers["Authorization"].split()[0] == "Bearer" and token.count(".") == 2
for attempt in range(config.retry_count): pause = config.retry_delay
request = {"url": config.api_health_endpoint, "headers": headers, "timeout": config.timeout}
"""


@pytest.fixture
def secret(plain_environment: None, monkeypatch: pytest.MonkeyPatch) -> JwtSecret:  # noqa: ARG001 - only its effect is wanted, and first
    made = JwtSecret.generate("a test")
    monkeypatch.setenv("JWT_SECRET_STAGING", made.reveal())
    return made


@pytest.mark.parametrize("name", PLAIN)
def test_an_established_name_keeps_its_plain_value(name: str) -> None:
    value = getattr(StagingConfig(), name)
    assert value == PLAIN[name]
    assert type(value) is type(PLAIN[name])


@pytest.mark.usefixtures("secret")
def test_the_old_usage_works_with_nothing_changed_but_the_import() -> None:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", OLD_USAGE],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_configuration_is_made_each_time_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert get_staging_config() == home.STAGING_CONFIG == StagingConfig()
    monkeypatch.setenv("NETRA_ENVIRONMENT", "dev")
    assert home.STAGING_CONFIG.environment == get_staging_config().environment == "development"
    with pytest.raises(AttributeError, match="has no attribute 'STAGING'"):
        _ = home.STAGING


def test_headers_announce_the_test() -> None:
    headers = StagingConfig().get_headers()
    assert headers == {
        **ANNOUNCED,
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    assert {type(each) for each in headers.values()} == {str}
    assert StagingConfig().e2e_headers == ANNOUNCED


@pytest.mark.parametrize("include_auth", [(), (False,)])
def test_headers_carry_no_token_unless_asked(include_auth: tuple[bool, ...]) -> None:
    config = StagingConfig(test_jwt_token=secrets.token_urlsafe(48))
    assert "Authorization" not in config.get_headers(*include_auth)


def test_headers_carry_the_configured_token_or_a_new_one(secret: JwtSecret) -> None:
    token = secrets.token_urlsafe(48)
    configured = StagingConfig(test_jwt_token=token)
    assert configured.get_headers(include_auth=True)["Authorization"] == f"Bearer {token}"
    assert configured.get_websocket_headers() == {**ANNOUNCED, "Authorization": f"Bearer {token}"}
    for headers in (
        StagingConfig().get_headers(include_auth=True),
        StagingConfig().get_websocket_headers(),
    ):
        scheme, _, minted = headers["Authorization"].partition(" ")
        assert scheme == "Bearer"
        claims = verify_token(minted, secret, environment=StagingConfig().environment)
        assert claims.subject == KNOWN_USERS[0].user_id


@pytest.mark.parametrize("token", ["a-token-of-the-caller's-own", ""])
def test_a_socket_carries_the_token_that_is_given(token: str) -> None:
    headers = StagingConfig().get_websocket_headers(token)
    assert headers == {**ANNOUNCED, "Authorization": f"Bearer {token}"}
    assert not token or token not in mask(f"sent {token}")


@pytest.mark.usefixtures("secret")
def test_no_header_names_a_subprotocol() -> None:
    assert "sec-websocket-protocol" not in {
        name.lower() for name in StagingConfig().get_websocket_headers()
    }


def test_a_token_is_minted_for_the_first_known_user_and_masked(secret: JwtSecret) -> None:
    config = StagingConfig()
    token = config.create_test_jwt_token()
    claims = verify_token(token, secret, environment=config.environment)
    assert (claims.subject, claims.email) == (KNOWN_USERS[0].user_id, KNOWN_USERS[0].email)
    assert token not in mask(f"sent {token}")
    assert config.create_test_jwt_token() != token


def test_a_token_is_never_none() -> None:
    with pytest.raises(ConfigurationError, match="JWT_SECRET_STAGING"):
        StagingConfig().create_test_jwt_token()


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"environment": "local", "base_url": "http://localhost:1"}, "local-e2e-user-first-0001"),
        ({"environment": "development"}, "development-e2e-user-first-0001"),
        ({"users": [StagingUser(user_id="a", email="a@b.c")]}, KNOWN_USERS[0].user_id),
        ({"environment": "test", "users": [StagingUser(user_id="a", email="a@b.c")]}, "a"),
    ],
    ids=["local", "development", "staging", "named"],
)
def test_a_token_always_has_a_user(
    secret: JwtSecret, options: dict[str, Any], subject: str
) -> None:
    config = StagingConfig(jwt_secret=secret, **options)
    claims = verify_token(config.create_test_jwt_token(), secret, environment=config.environment)
    assert claims.subject == subject


def test_production_has_no_user_of_its_own(secret: JwtSecret) -> None:
    config = StagingConfig(environment="production", allow_production=True, jwt_secret=secret)
    with pytest.raises(NotEnoughUsers, match="1 identities needed, 0 known"):
        config.create_test_jwt_token()


@pytest.mark.parametrize("name", NOT_HONOURED)
def test_a_switch_that_hid_failures_says_why_it_is_gone(name: str) -> None:
    config = StagingConfig()
    with pytest.raises(AttributeError) as caught:
        getattr(config, name)
    assert str(caught.value) == f"{name} is not honoured: {NOT_HONOURED[name]}"
    assert "use " in str(caught.value)
    assert not hasattr(config, name)


def test_any_other_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = StagingConfig().nonsense  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["backend_url", "timeout", "get_headers", "get_websocket_headers"])
def test_a_superseded_name_says_what_to_use_to_a_type_checker_only(name: str) -> None:
    member: Any = vars(EstablishedNames)[name]
    function = member.fget if isinstance(member, property) else member
    assert vars(function)["__deprecated__"].startswith("Use ")


def test_the_superseded_function_says_so_too() -> None:
    assert vars(get_staging_config)["__deprecated__"] == "Use StagingConfig()."
