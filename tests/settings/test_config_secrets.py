from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import logging
import pickle
import secrets
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import ConfigurationError
from netra_testkit.safety.redaction import mask
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.sources import Layer, Readings
from netra_testkit.settings.users import Password, StagingUser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("plain_environment")

SOURCES = ("argument", "variable", "file")
# Where a secret may stand, as the argument and the variable that hold it.
HOLDERS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "the key": ("test_api_key", "STAGING_TEST_API_KEY", str),
    "the token": ("test_jwt_token", "STAGING_TEST_JWT_TOKEN", str),
    "the bypass key": ("bypass_key", "E2E_OAUTH_SIMULATION_KEY", str),
    "the JWT secret": ("jwt_secret", "JWT_SECRET_STAGING", str),
    "a password": (
        "users",
        "NETRA_TEST_USERS",
        lambda secret: json.dumps([{"user_id": "a", "email": "a@b.c", "password": secret}]),
    ),
}
# Where none belongs, but may be put by mistake.
MISPLACED: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "userinfo": ("base_url", "NETRA_BASE_URL", "https://user:{}@api.example.com".format),
    "a query": ("auth_url", "NETRA_AUTH_URL", "https://api.example.com/?key={}".format),
    "an environment": ("environment", "NETRA_ENVIRONMENT", str),
    "a number": ("retry_count", "NETRA_RETRY_COUNT", str),
    "a switch": ("announce_e2e", "NETRA_ANNOUNCE_E2E", str),
    "a path": ("websocket_path", "NETRA_WEBSOCKET_PATH", str),
    "a list": ("allowed_hosts", "NETRA_ALLOWED_HOSTS", "https://{}".format),
    "broken users": ("users", "NETRA_TEST_USERS", '[{{"password": "{}"'.format),
}


def encoded(secret: str) -> list[str]:
    """The forms in which a secret must not be found either."""
    raw = secret.encode()
    return [
        secret,
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    ]


@contextlib.contextmanager
def debugged() -> Iterator[io.StringIO]:
    """Everything logged at DEBUG, as after PYDANTIC_SETTINGS_DEBUG=1."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
        yield written
    root.removeHandler(handler)
    root.setLevel(level)


@contextlib.contextmanager
def told(source: str, option: str, variable: str, text: str) -> Iterator[dict[str, Any]]:
    """The arguments of a configuration that is told this by this source."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if source == "argument":
            yield {option: text}
        elif source == "variable":
            patch.setenv(variable, text)
            yield {}
        else:
            file = Path(folder) / "suite.env"
            file.write_text(f"{variable}='{text}'\n", "utf-8")
            yield {"env_file": file}


def shown_of(config: StagingConfig) -> str:
    """Everything that a configuration says of itself without being asked for a secret."""
    with pytest.raises(TypeError, match="not pickled") as caught:
        pickle.dumps(config)
    parts: list[object] = [
        config,
        repr(config),
        f"{config!s} {config}",
        config.model_dump(),
        config.model_dump(mode="json"),
        config.model_dump(include=set(type(config).model_fields)),
        config.model_dump_json(),
        config.explain(),
        list(config.explain()),
        dict(config),
        vars(config),
        vars(config.readings),
        config.readings,
        *traceback.format_exception(caught.value),
    ]
    return "\n".join(map(str, parts))


SALT = secrets.token_bytes(32)
secret_texts = st.integers(min_value=0, max_value=2**64).map(
    lambda seed: base64.urlsafe_b64encode(hashlib.sha512(SALT + b"%d" % seed).digest()).decode()
)


@given(secret=secret_texts, source=st.sampled_from(SOURCES), holder=st.sampled_from([*HOLDERS]))
def test_a_configured_secret_never_appears(secret: str, source: str, holder: str) -> None:
    option, variable, form = HOLDERS[holder]
    with debugged() as log, told(source, option, variable, form(secret)) as options:
        config = StagingConfig(**options)
        with contextlib.suppress(ConfigurationError):
            config.get_websocket_headers()
        seen = shown_of(config) + log.getvalue()
    assert not [form for form in encoded(secret) if form in seen]
    assert secret not in mask(f"a {secret} in a text")


@given(secret=secret_texts, source=st.sampled_from(SOURCES), place=st.sampled_from([*MISPLACED]))
def test_a_misplaced_secret_is_refused_without_being_quoted(
    secret: str, source: str, place: str
) -> None:
    option, variable, form = MISPLACED[place]
    with debugged() as log, told(source, option, variable, form(secret)) as options:
        with pytest.raises(ConfigurationError) as caught:
            StagingConfig(**options)
        error = caught.value
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        shown = [str(error), repr(error), str(error.problems), str(again)]
        seen = "\n".join([*shown, *traceback.format_exception(error), log.getvalue()])
    assert not [form for form in encoded(secret) if form in seen]


@given(secret=secret_texts, source=st.sampled_from(SOURCES), holder=st.sampled_from([*HOLDERS]))
def test_a_secret_does_not_ride_along_with_the_problem_of_another_field(
    secret: str, source: str, holder: str
) -> None:
    option, variable, form = HOLDERS[holder]
    with debugged() as log, told(source, option, variable, form(secret)) as options:
        with pytest.raises(ConfigurationError) as caught:
            StagingConfig(**{**options, "retry_count": "many", "base_ulr": "x"})
        seen = "\n".join([*traceback.format_exception(caught.value), log.getvalue()])
    assert caught.value.__context__ is None
    assert not [form for form in encoded(secret) if form in seen]


def test_credentials_in_a_refused_url_are_masked_from_then_on() -> None:
    secret = secrets.token_urlsafe(24)
    with pytest.raises(ConfigurationError):
        StagingConfig(base_url=f"https://user:{secret}@api.staging.netrasystems.ai")
    assert secret not in mask(f"a {secret} in a text")


def test_credentials_are_plain_text_only_where_they_are_asked_for() -> None:
    key, token, bypass = (secrets.token_urlsafe(24) for _ in range(3))
    config = StagingConfig(test_api_key=f" {key} ", test_jwt_token=token, bypass_key=bypass)
    assert (config.test_api_key, config.test_jwt_token) == (key, token)
    assert config.bypass_key is not None
    assert config.bypass_key.get_secret_value() == bypass


def test_what_was_read_is_neither_pickled_nor_shown() -> None:
    readings = Readings({"test_api_key": "a key of its own"}, {"JWT_SECRET_KEY": "s" * 40})
    assert repr(readings) == "Readings(test_api_key, JWT_SECRET_KEY)"
    assert repr(readings.secrets) == "<JWT_SECRET_KEY>"
    for holder in (readings, readings.secrets, Layer(StagingConfig, readings.secrets)()):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            pickle.dumps(holder)


def test_a_layer_gives_values_and_shows_names() -> None:
    layer = Layer(StagingConfig, {"test_api_key": "a key of its own"})
    field = StagingConfig.model_fields["sealed_test_api_key"]
    assert layer.get_field_value(field, "test_api_key") == (
        "a key of its own",
        "test_api_key",
        False,
    )
    assert layer() == {"test_api_key": "a key of its own"}
    assert repr(layer()) == "<test_api_key>"
    assert repr(Layer(StagingConfig, {})()) == "<nothing>"


def test_users_are_dumped_without_their_passwords() -> None:
    named = StagingUser(user_id="a", email="a@b.c", password=Password("a password of its own"))
    [user] = StagingConfig(environment="dev", users=[named]).model_dump()["users"]
    assert user == {"user_id": "a", "email": "a@b.c", "permissions": ["read", "write", "execute"]}


def test_a_configuration_is_json() -> None:
    dumped = json.loads(StagingConfig(extra_aliases={"go": "chat"}).model_dump_json())
    assert dumped["base_url"] == "https://api.staging.netrasystems.ai"
    assert dumped["extra_aliases"] == {"go": "chat"}
    assert dumped["timeouts"]["receive"] == 35
