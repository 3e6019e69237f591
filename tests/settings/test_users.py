"""Who may be taken on: the known users, those named by a setting, and those made up."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import secrets
import traceback
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import ConfigurationError
from netra_testkit.safety.redaction import mask
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.users import (
    KNOWN_USERS,
    Password,
    StagingUser,
    generated_users,
    parse_users,
    refuse_twins,
    users_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALICE = {"user_id": "alice", "email": "alice@example.com"}
BOB = {"user_id": "bob", "email": "bob@example.com"}


def fields_of(error: pytest.ExceptionInfo[ConfigurationError]) -> list[str]:
    return [problem.field for problem in error.value.problems]


def test_three_users_are_known_on_staging() -> None:
    assert [
        (user.user_id, user.email, user.permissions, user.password) for user in KNOWN_USERS
    ] == [
        (
            f"staging-e2e-user-{number}",
            f"e2e-test-{number}@staging.netrasystems.ai",
            ("read", "write", "execute"),
            None,
        )
        for number in ("001", "002", "003")
    ]


@pytest.mark.parametrize("environment", Environment)
def test_users_are_known_on_staging_only(environment: Environment) -> None:
    expected = KNOWN_USERS if environment is Environment.STAGING else ()
    assert users_for(environment) == expected


@pytest.mark.parametrize("named", [None, "", "  \n"], ids=["unset", "empty", "blank"])
def test_a_setting_that_says_nothing_adds_nobody(named: str | None) -> None:
    assert users_for(Environment.STAGING, named) == KNOWN_USERS


def test_named_users_come_after_the_known_ones() -> None:
    users = users_for(Environment.STAGING, json.dumps([BOB, ALICE]))
    assert [user.user_id for user in users[3:]] == ["bob", "alice"]
    assert users[:3] == KNOWN_USERS


def test_an_entry_that_repeats_a_known_user_gives_it_a_password_in_its_place() -> None:
    password = secrets.token_urlsafe(24)
    second = KNOWN_USERS[1]
    entry = {"user_id": second.user_id, "email": second.email, "password": password}
    users = users_for(Environment.STAGING, json.dumps([BOB, entry]))
    assert [user.user_id for user in users] == [*(user.user_id for user in KNOWN_USERS), "bob"]
    assert users[1].password is not None
    assert users[1].password.reveal() == password


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({**ALICE, "user_id": KNOWN_USERS[0].user_id}, "user_id"),
        ({**ALICE, "email": KNOWN_USERS[0].email}, "email"),
    ],
    ids=["user_id", "email"],
)
def test_half_of_a_known_identity_is_refused(entry: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        users_for(Environment.STAGING, json.dumps([entry]))
    assert fields_of(caught) == [field]


def test_an_entry_may_say_permissions_and_password() -> None:
    password = secrets.token_urlsafe(24)
    entry = {**ALICE, "permissions": ["read"], "password": password}
    (user,) = parse_users(json.dumps([entry]))
    assert user == StagingUser("alice", "alice@example.com", ("read",))
    assert user.password is not None
    assert user.password.reveal() == password


def test_an_entry_that_says_neither_has_every_permission_and_no_password() -> None:
    (user,) = parse_users(json.dumps([ALICE]))
    assert user.permissions == ("read", "write", "execute")
    assert user.password is None


def test_a_file_of_users_is_read(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.write_text(json.dumps([ALICE, BOB]), encoding="utf-8")
    assert [user.user_id for user in parse_users(f" {path} ")] == ["alice", "bob"]


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.write_text(json.dumps([ALICE]), encoding="utf-8-sig")
    assert [user.user_id for user in parse_users(str(path))] == ["alice"]


def test_a_file_that_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.json"
    with pytest.raises(ConfigurationError) as caught:
        parse_users(str(path), source="users.env")
    (problem,) = caught.value.problems
    assert problem.field == "NETRA_TEST_USERS"
    assert problem.source == "users.env"
    assert f"{path} cannot be read (No such file or directory)" in problem.remedy


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        parse_users(str(path))


def test_a_fault_inside_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        parse_users(str(path))
    assert caught.value.problems[0].source == f"NETRA_TEST_USERS, file {path}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is not JSON at line 1, column 2"),
        ("alice,bob", "is not JSON at line 1, column 1"),
        ("'[]'", "is not JSON at line 1, column 1"),
        ("{}", "is not a JSON list"),
        ('"alice"', "is not a JSON list"),
        ("null", "is not a JSON list"),
        ("[" * 200_000, "is not JSON that can be read"),
        ("[" + "9" * 5_000 + "]", "is not JSON that can be read"),
    ],
    ids=["cut", "names", "quoted", "object", "text", "null", "deep", "long number"],
)
def test_what_is_no_json_list_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_users(text)
    (problem,) = caught.value.problems
    assert (problem.field, problem.source) == ("NETRA_TEST_USERS", "NETRA_TEST_USERS")
    assert problem.remedy.startswith(said)


@pytest.mark.parametrize(
    ("entry", "fields"),
    [
        ("alice", [""]),
        ({}, [".user_id", ".email"]),
        ({**ALICE, "user_id": ""}, [".user_id"]),
        ({**ALICE, "user_id": "al ice"}, [".user_id"]),
        ({**ALICE, "user_id": "alice\n"}, [".user_id"]),
        ({**ALICE, "user_id": 7}, [".user_id"]),
        ({**ALICE, "email": "alice"}, [".email"]),
        ({**ALICE, "email": "@example.com"}, [".email"]),
        ({**ALICE, "email": "alice@"}, [".email"]),
        ({**ALICE, "email": "a@b@c"}, [".email"]),
        ({**ALICE, "email": None}, [".email"]),
        ({**ALICE, "permissions": "read"}, [".permissions"]),
        ({**ALICE, "permissions": ["read", ""]}, [".permissions"]),
        ({**ALICE, "permissions": None}, [".permissions"]),
        ({**ALICE, "password": " "}, [".password"]),
        ({**ALICE, "password": None}, [".password"]),
        ({**ALICE, "pasword": "x"}, [""]),
    ],
    ids=str,
)
def test_a_bad_entry_is_named_by_its_place_and_key(entry: object, fields: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_users(json.dumps([BOB, entry]))
    assert fields_of(caught) == [f"NETRA_TEST_USERS[1]{field}" for field in fields]


def test_every_problem_is_said_at_once() -> None:
    entries = [{**ALICE, "email": ""}, BOB, {"user_id": "", "email": ""}]
    with pytest.raises(ConfigurationError) as caught:
        parse_users(json.dumps(entries))
    assert fields_of(caught) == [
        "NETRA_TEST_USERS[0].email",
        "NETRA_TEST_USERS[2].user_id",
        "NETRA_TEST_USERS[2].email",
    ]


@pytest.mark.parametrize(
    ("twin", "field"),
    [
        ({**BOB, "user_id": "ALICE"}, "user_id"),
        ({**BOB, "email": "Alice@Example.com"}, "email"),
    ],
    ids=["user_id", "email"],
)
def test_one_identity_never_stands_for_two(twin: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigurationError, match="occurs twice") as caught:
        parse_users(json.dumps([ALICE, twin]))
    assert fields_of(caught) == [field]


def test_users_who_differ_are_no_twins() -> None:
    assert refuse_twins(KNOWN_USERS, source="a test") is None


@given(
    entry=st.dictionaries(
        st.sampled_from(["user_id", "email", "permissions", "password", "extra"]),
        st.none() | st.text(max_size=8) | st.lists(st.text(max_size=4), max_size=2) | st.integers(),
    )
)
def test_any_entry_is_a_user_or_a_configuration_error(entry: dict[str, Any]) -> None:
    try:
        (user,) = parse_users(json.dumps([entry]))
    except ConfigurationError as error:
        outcome = {problem.field[:19] for problem in error.problems}
    else:
        outcome = {user.user_id == entry["user_id"] and user.email == entry["email"]}
    assert outcome in ({"NETRA_TEST_USERS[0]"}, {True})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: f"'{text}'",
        lambda text: text.replace("email", "mail"),
        lambda text: text.replace("[", "", 1).replace("]", ""),
    ],
    ids=["cut", "quoted", "wrong key", "no list"],
)
def test_no_error_says_a_password(spoil: Callable[[str], str]) -> None:
    password = secrets.token_urlsafe(24)
    with pytest.raises(ConfigurationError) as caught:
        parse_users(spoil(json.dumps([{**ALICE, "password": password}])))
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert password not in said
    assert caught.value.__context__ is None


def test_a_password_shows_itself_only_when_asked() -> None:
    value = secrets.token_urlsafe(24)
    password = Password(value)
    user = StagingUser("alice", "alice@example.com", password=password)
    for shown in (repr(password), str(password), f"{password}", repr(user), str(asdict(user))):
        assert value not in shown
    assert password.reveal() == value


def test_a_password_is_masked_wherever_text_leaves() -> None:
    value = secrets.token_urlsafe(24)
    Password(value)
    assert value not in mask(f"POST /auth/login {value}")


@pytest.mark.parametrize("give_away", [pickle.dumps, lambda each: each.__getstate__()])
def test_a_password_refuses_to_be_pickled(give_away: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        give_away(Password(secrets.token_urlsafe(24)))


def test_a_user_with_a_password_refuses_to_be_pickled() -> None:
    user = StagingUser("alice", "alice@example.com", password=Password(secrets.token_urlsafe(24)))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(user)


def test_a_user_without_a_password_crosses_processes() -> None:
    assert pickle.loads(pickle.dumps(KNOWN_USERS[0])) == KNOWN_USERS[0]  # noqa: S301 - our own bytes


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copied_user_shares_the_password(duplicate: Callable[[object], Any]) -> None:
    user = StagingUser("alice", "alice@example.com", password=Password(secrets.token_urlsafe(24)))
    assert duplicate(user).password is user.password
    assert duplicate(user.password) is user.password


@pytest.mark.parametrize("value", ["", "  ", None, 7], ids=repr)
def test_a_blank_password_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Password(value)
    assert fields_of(caught) == ["password"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"user_id": ""}, "StagingUser.user_id"),
        ({"email": "alice"}, "StagingUser.email"),
        ({"permissions": ["read"]}, "StagingUser.permissions"),
        ({"permissions": "read"}, "StagingUser.permissions"),
        ({"permissions": ("",)}, "StagingUser.permissions"),
        ({"password": "open sesame"}, "StagingUser.password"),
    ],
    ids=str,
)
def test_a_user_made_in_code_is_checked_like_one_that_is_read(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        replace(KNOWN_USERS[0], **changes)
    assert fields_of(caught) == [field]
    assert "open sesame" not in str(caught.value)


def test_a_password_is_no_part_of_an_identity() -> None:
    user = replace(KNOWN_USERS[0], password=Password(secrets.token_urlsafe(24)))
    assert user == KNOWN_USERS[0]
    assert hash(user) == hash(KNOWN_USERS[0])


def test_generated_users_are_distinct_and_the_same_for_the_same_run() -> None:
    first = list(itertools.islice(generated_users(Environment.LOCAL, run="a1"), 500))
    assert len({user.user_id for user in first}) == 500
    assert len({user.email for user in first}) == 500
    assert first == list(itertools.islice(generated_users(Environment.LOCAL, run="a1"), 500))


def test_generated_users_say_environment_and_run() -> None:
    assert next(generated_users(Environment.LOCAL, run="a1")) == StagingUser(
        user_id="local-e2e-user-a1-0001", email="local-e2e-user-a1-0001@example.com"
    )


def test_two_runs_never_make_up_the_same_user() -> None:
    runs = [set(itertools.islice(generated_users(Environment.LOCAL, run=run), 50)) for run in "ab"]
    assert not runs[0] & runs[1]
