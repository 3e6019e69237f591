"""A file of variables is read as it was written, whatever the values are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from secrets import token_urlsafe

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.local.env_file import as_text, variables_of
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.secrets import JwtSecret

FREE = st.characters(codec="utf-8", exclude_characters="\r\0")
# What is no text of one line is no secret either.
AWKWARD = st.text(st.sampled_from("'\"\\\\${}:-#= \n") | FREE, max_size=16)


def read(text: str) -> StagingConfig:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "staging.env"
        file.write_text(text, "utf-8")
        return StagingConfig.from_env_file(file)


@pytest.mark.parametrize(
    "awkward",
    ["'", '"', "\\", "\\'", "\\\\", "$HOME", "${HOME}", "${A:-x}", "$'{", " # x", "`id`", "$(id)"],
)
def test_a_secret_is_read_as_it_is(awkward: str) -> None:
    same_again(f"{awkward}{token_urlsafe(32)}{awkward}")


@given(AWKWARD)
def test_so_is_any_other(awkward: str) -> None:
    same_again(f"x{awkward}x{token_urlsafe(32)}")


def same_again(value: str) -> None:
    secret = JwtSecret.of(value, source="a test")
    config = StagingConfig(environment="local", base_url="http://127.0.0.1:1", jwt_secret=secret)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JWT_SECRET_LOCAL", raising=False)
        again = read(as_text(variables_of(config)))
    assert again.jwt_secret().reveal() == secret.reveal()
    assert (again.environment, again.base_url) == (config.environment, config.base_url)
    assert (again.websocket_url, again.users) == (config.websocket_url, config.users)
