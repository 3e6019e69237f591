"""How an embedded staging is told to behave."""

from __future__ import annotations

from typing import Any

import pytest

from netra_testkit.errors import ConfigurationError
from netra_testkit.local.options import EventForm, Limits, Options, Refusal, Welcome, chosen

NO_NUMBERS = [0, -1, float("nan"), float("inf"), True, "60", None]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_a_limit_is_a_positive_number(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"limits\.window"):
        Limits(window=value)


def test_every_limit_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        Limits(requests=0, message_bytes=-1)
    assert [each.field for each in refused.value.problems] == [
        "limits.requests",
        "limits.message_bytes",
    ]


def test_the_limits_carry_twenty_users_with_eighty_requests() -> None:
    limits = Limits()
    assert limits.requests >= 60
    assert limits.messages_per_minute >= 80
    assert limits.connections_per_user >= 1


@pytest.mark.parametrize("pace", [-0.1, float("nan"), True, "0"], ids=repr)
def test_a_pace_is_a_number_from_zero_on(pace: Any) -> None:
    with pytest.raises(ConfigurationError, match="pace"):
        Options(pace=pace)


@pytest.mark.parametrize("pace", [0, 0.5], ids=repr)
def test_no_pace_is_a_pace(pace: float) -> None:
    assert Options(pace=pace).pace == pace


@pytest.mark.parametrize("kind", [Welcome, Refusal, EventForm])
def test_a_name_is_as_good_as_its_member(kind: type[Any]) -> None:
    for member in kind:
        assert chosen(kind, str(member), option="x") is member
        assert chosen(kind, member, option="x") is member


def test_a_name_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match=r"refusal.*upgrade, close"):
        chosen(Refusal, "politely", option="refusal")
