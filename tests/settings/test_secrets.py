"""The holder of a secret, and what cannot be one."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import hmac
import json
import pickle
from functools import partial
from operator import methodcaller
from secrets import token_hex, token_urlsafe
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import Cause, ConfigurationError, Problem
from netra_testkit.safety import redaction
from netra_testkit.settings.secrets import MINIMUM_BYTES, PLACEHOLDERS, JwtSecret, flaw_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@given(texts)
def test_a_secret_knows_its_source_length_and_value(value: str) -> None:
    secret = JwtSecret.of(f"\t{value} \n", source="a test")
    assert secret.reveal() == value.strip()
    assert secret.source == "a test"
    assert secret.length == len(value.strip().encode())


def test_the_length_counts_bytes() -> None:
    assert JwtSecret.of("é" * 16, source="a test").length == 32
    assert flaw_of("é" * 15) == "is too short (30 bytes, at least 32 are needed)"


def test_the_fingerprint_is_what_another_service_computes() -> None:
    value = fresh()
    digest = hmac.new(value.encode(), b"netra-testkit jwt-secret fingerprint", hashlib.sha256)
    assert JwtSecret.of(f" {value} ", source="a test").fingerprint == digest.hexdigest()[:12]


def test_the_fingerprint_tells_secrets_apart_and_not_sources() -> None:
    value = fresh()
    one, same = JwtSecret.of(value, source="one"), JwtSecret.of(value, source="two")
    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != JwtSecret.generate("three").fingerprint


def test_equal_means_the_same_value() -> None:
    value = fresh()
    one, same = JwtSecret.of(value, source="one"), JwtSecret.of(value, source="two")
    assert one == same
    assert hash(one) == hash(same)
    assert one != JwtSecret.generate("three")
    assert one != value
    assert JwtSecret.of("ä" * 20, source="four") == JwtSecret.of("ä" * 20, source="five")


def test_it_is_formatted_as_it_is_shown() -> None:
    secret = JwtSecret.generate("here")
    assert f"{secret:>90}" == f"{secret!r:>90}"


def test_a_generated_secret_is_random_and_long_enough() -> None:
    one, other = JwtSecret.generate("a test"), JwtSecret.generate("a test")
    assert one != other
    assert one.length == 64
    assert one.source == "a test"


@given(texts)
def test_no_text_of_a_secret_shows_its_value(value: str) -> None:
    secret = JwtSecret.of(value, source="a test")
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>200}",
        f"{secret:<200}",
        "%s" % secret,  # noqa: UP031 - this way of formatting, too
        repr([secret, {secret: secret}]),
    ]
    assert not [text for text in shown if secret.reveal() in text]
    assert secret.fingerprint in repr(secret)


def test_a_secret_is_masked_wherever_text_leaves_from_the_moment_it_exists() -> None:
    value = fresh()
    JwtSecret.of(f" {value}\n", source="a test")
    assert value not in redaction.mask(f"it is {value}.")


@pytest.mark.parametrize(
    "attempt",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        methodcaller("__reduce__"),
        methodcaller("__reduce_ex__", 4),
        methodcaller("__getstate__"),
        *(
            partial(pickle.dumps, protocol=version)
            for version in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
    ids=[
        "pickle",
        "copy",
        "deepcopy",
        "reduce",
        "reduce_ex",
        "getstate",
        *(f"pickle {each}" for each in range(pickle.HIGHEST_PROTOCOL + 1)),
    ],
)
def test_a_secret_is_neither_pickled_nor_copied(attempt: Callable[[JwtSecret], object]) -> None:
    secret = JwtSecret.generate("a test")
    with pytest.raises(TypeError, match=r"resolve_jwt_secret\(\) again in another") as raised:
        attempt(secret)
    assert secret.reveal() not in str(raised.value)


@pytest.mark.parametrize("attempt", [json.dumps, vars, dataclasses.asdict, iter, bytes])
def test_a_secret_does_not_fall_apart_into_data(attempt: Callable[[object], object]) -> None:
    secret = JwtSecret.generate("a test")
    with pytest.raises(TypeError) as raised:
        attempt(secret)
    assert secret.reveal() not in str(raised.value)


@pytest.mark.parametrize("name", ["source", "fingerprint", "_value", "anything"])
def test_a_secret_does_not_change(name: str) -> None:
    secret = JwtSecret.generate("a test")
    with pytest.raises(AttributeError, match="does not change"):
        setattr(secret, name, "x")
    with pytest.raises(AttributeError, match="does not change"):
        delattr(secret, name)


def test_a_secret_is_not_made_past_the_check() -> None:
    with pytest.raises(TypeError, match=r"use JwtSecret\.of"):
        JwtSecret()


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ("", "is blank"),
        (" \n", "is blank"),
        ("x" * 31, "is too short (31 bytes, at least 32 are needed)"),
        (" " * 20 + "x" * 31 + " " * 20, "is too short (31 bytes, at least 32 are needed)"),
        ("changeme", "is a placeholder"),
        ("REPLACE_ME", "is a placeholder"),
        (" your-secret-here\n", "is a placeholder"),
        ("Your-Secret-Key-Change-In-Production", "is a placeholder"),
        ("x" * 40 + "\udcff", "is not UTF-8"),
        (None, "is not text but NoneType"),
        (b"x" * 40, "is not text but bytes"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_with_the_reason(value: str, flaw: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        JwtSecret.of(value, source="a test")
    assert raised.value.problems == (Problem("jwt_secret", "a test", f"the value {flaw}"),)
    assert raised.value.cause is Cause.CONFIGURATION
    assert raised.value.__context__ is None


def test_exactly_enough_is_enough() -> None:
    assert JwtSecret.of("x" * 32, source="a test").length == 32


@pytest.mark.parametrize("placeholder", sorted(PLACEHOLDERS))
def test_a_placeholder_counts_only_as_a_whole(placeholder: str) -> None:
    assert flaw_of(f" {placeholder.upper()} ") == "is a placeholder"
    assert flaw_of(f"{placeholder}-{token_hex(16)}") is None


def test_some_placeholders_are_long_enough_to_pass_for_a_secret() -> None:
    assert [each for each in PLACEHOLDERS if len(each) >= MINIMUM_BYTES]


@given(st.text())
def test_a_text_is_a_secret_exactly_when_it_is_long_enough_and_no_placeholder(value: str) -> None:
    trimmed = value.strip()
    size = len(trimmed.encode(errors="replace"))
    assert (flaw_of(value) is None) == (size >= 32 and trimmed.casefold() not in PLACEHOLDERS)
