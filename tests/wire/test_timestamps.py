from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import MalformedFrame
from netra_testkit.wire.timestamps import parse_timestamp

TIMES: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("data").joinpath("timestamps.json").read_text("utf-8")
)


@pytest.mark.parametrize("each", TIMES["accepted"], ids=lambda each: each["form"])
def test_a_time_in_any_observed_form_is_seconds(each: dict[str, Any]) -> None:
    seconds = parse_timestamp(each["value"])
    assert seconds == each["seconds"]
    assert type(seconds) is type(each["seconds"])


@pytest.mark.parametrize("each", TIMES["rejected"], ids=lambda each: each["form"])
def test_what_is_no_time_is_refused_with_the_name_of_the_field(each: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame) as caught:
        parse_timestamp(each["value"], field="data.created_at")
    assert caught.value.reason == "data.created_at is not a time"
    assert caught.value.excerpt == each["excerpt"]


@pytest.mark.parametrize(
    ("value", "excerpt"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (10**5000, "a value of type int"),
        (-(10**5000), "a value of type int"),
    ],
    ids=["NaN", "infinity", "minus infinity", "beyond every float", "below every float"],
)
def test_a_number_that_is_no_time_is_refused(value: float, excerpt: str) -> None:
    with pytest.raises(MalformedFrame, match="timestamp is not a time") as caught:
        parse_timestamp(value)
    assert caught.value.excerpt == excerpt


def test_an_excerpt_of_what_is_no_time_is_bounded() -> None:
    with pytest.raises(MalformedFrame) as caught:
        parse_timestamp("soon " * 1000)
    assert len(caught.value.excerpt) <= 200


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is fixed here")
def test_the_zone_of_this_machine_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XYZ-07:30")
        time.tzset()
        seconds = parse_timestamp("2025-09-25T11:33:20")
    time.tzset()
    assert seconds == 1758800000.0


ZONES = st.builds(
    timezone,
    st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
        lambda offset: timedelta(minutes=offset // timedelta(minutes=1))
    ),
)


@given(st.datetimes(timezones=st.none() | st.just(UTC) | ZONES))
def test_any_iso_8601_time_is_its_instant(moment: datetime) -> None:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    assert parse_timestamp(moment.isoformat()) == aware.timestamp()


@given(st.floats(min_value=-1e10, max_value=9e10))
def test_seconds_stay_what_they_are_also_as_text(seconds: float) -> None:
    assert parse_timestamp(seconds) == seconds
    assert parse_timestamp(repr(seconds)) == seconds


@given(st.integers(min_value=10**11, max_value=10**15))
def test_milliseconds_are_recognised_by_their_size(milliseconds: int) -> None:
    assert parse_timestamp(milliseconds) == milliseconds / 1000
    assert parse_timestamp(str(milliseconds)) == milliseconds / 1000


@given(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
)
def test_any_value_is_a_finite_time_or_refused(value: Any) -> None:
    try:
        seconds = parse_timestamp(value)
    except MalformedFrame as refused:
        assert refused.reason == "timestamp is not a time"  # noqa: PT017 - either is right
    else:
        assert seconds is None or math.isfinite(seconds)
