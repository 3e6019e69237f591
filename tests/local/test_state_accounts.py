"""What the embedded staging remembers: who is known, and whose password is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.local.standing_clock import StandingClock

from netra_testkit.local.state.accounts import Accounts, EmailTaken
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import mint_access_token, verify_token
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from netra_testkit.settings.tokens import Claims


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def accounts(clock: StandingClock) -> Accounts:
    return Accounts(clock=clock)


def claims_of(user_id: str, email: str) -> Claims:
    secret = JwtSecret.generate("a test")
    token = mint_access_token(
        secret, user=StagingUser(user_id, email, ("read",)), environment=Environment.LOCAL
    )
    return verify_token(token, secret, environment=Environment.LOCAL)


def test_who_registers_can_come_in(accounts: Accounts, clock: StandingClock) -> None:
    made = accounts.register("ann@example.com", "a password")
    assert accounts.check("ann@example.com", "a password") == made
    assert (made.email, made.created_at) == ("ann@example.com", clock.now)


def test_a_wrong_password_does_not_open(accounts: Accounts) -> None:
    accounts.register("ann@example.com", "a password")
    assert accounts.check("ann@example.com", "another") is None


def test_an_unknown_address_does_not_open(accounts: Accounts) -> None:
    assert accounts.check("ann@example.com", "a password") is None


def test_an_account_without_password_does_not_open(accounts: Accounts) -> None:
    accounts.with_email("ann@example.com")
    assert accounts.check("ann@example.com", "") is None


def test_an_address_has_no_case(accounts: Accounts) -> None:
    made = accounts.register("Ann@Example.com", "a password")
    assert accounts.of_email("aNN@example.COM") == made


def test_an_address_is_registered_once(accounts: Accounts) -> None:
    accounts.register("ann@example.com", "a password")
    with pytest.raises(EmailTaken):
        accounts.register("ANN@example.com", "another")
    assert accounts.check("ann@example.com", "a password")


def test_a_user_id_is_registered_once(accounts: Accounts) -> None:
    accounts.register("ann@example.com", "a password", user_id="ann")
    with pytest.raises(EmailTaken):
        accounts.register("bob@example.com", "another", user_id="ann")


def test_whoever_is_validly_signed_exists(accounts: Accounts) -> None:
    known = accounts.ensure(claims_of("ann", "ann@example.com"))
    assert accounts.of_id("ann") == known
    assert (known.email, known.permissions) == ("ann@example.com", ("read",))


def test_a_second_token_changes_no_account(accounts: Accounts) -> None:
    known = accounts.ensure(claims_of("ann", "ann@example.com"))
    assert accounts.ensure(claims_of("ann", "mallory@example.com")) is known


def test_an_address_stays_with_its_first_account(accounts: Accounts) -> None:
    known = accounts.ensure(claims_of("ann", "ann@example.com"))
    accounts.ensure(claims_of("eve", "ann@example.com"))
    assert accounts.with_email("ann@example.com") is known


def test_an_address_asked_for_twice_is_one_account(accounts: Accounts) -> None:
    made = accounts.with_email("ann@example.com")
    assert accounts.with_email("ann@example.com") is made


def test_a_password_is_nowhere_in_what_is_kept(accounts: Accounts) -> None:
    accounts.register("ann@example.com", "a very own password")
    kept = repr([vars(accounts), accounts._passwords])  # noqa: SLF001 - what is kept is the point
    assert "a very own password" not in kept
    assert "***" in kept


def test_two_of_one_password_are_kept_differently(accounts: Accounts) -> None:
    first = accounts.register("ann@example.com", "a password")
    second = accounts.register("bob@example.com", "a password")
    kept = accounts._passwords  # noqa: SLF001 - what is kept is the point
    assert kept[first.user_id].digest != kept[second.user_id].digest
