"""Each check is a failure or a warning, as the run is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.honest_suites import AGAIN, DROPPED, Against
from tests.pytest_plugin.small_deployment import small_deployment

from netra_testkit.pytest_plugin.honesty import Check, Level, levels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pytest_plugin.suites import Suite


@pytest.fixture
def against(suite: Suite) -> Iterator[Against]:
    with small_deployment() as (root, _):
        yield Against(suite, root)


# How it is configured


@pytest.mark.parametrize("twin", ["ini", "environment"])
def test_a_check_may_warn(against: Against, twin: str) -> None:
    if twin == "ini":
        against.suite.ini("asyncio_mode = auto", "netra_honesty = errors=warning")
    else:
        against.suite.environ(NETRA_HONESTY="errors=warning")
    ran = against.run(DROPPED["suppress"], "-W", "default")
    ran.outcomes(passed=1)
    ran.said("HonestyWarning: test_it.py::test_it: errors: an error left a call of the kit")


def test_what_would_only_warn_is_said_beside_what_fails(against: Against) -> None:
    against.suite.environ(NETRA_HONESTY="retried=warning")
    source = (
        AGAIN
        + """
        with contextlib.suppress(AuthRefused):
            await get(staging)
    """
    )
    ran = against.run(source)
    ran.outcomes(failed=1)
    ran.said("errors: an error left", "retried: the test passed only after retries:")


def test_the_environment_comes_before_the_ini(against: Against) -> None:
    against.suite.ini("asyncio_mode = auto", "netra_honesty = failure")
    against.suite.environ(NETRA_HONESTY="warning")
    against.run(DROPPED["suppress"], "-W", "default").outcomes(passed=1)


def test_a_warning_may_be_made_an_error(against: Against) -> None:
    against.suite.environ(NETRA_HONESTY="warning")
    name = "netra_testkit.pytest_plugin.honesty.HonestyWarning"
    against.run(DROPPED["suppress"], "-W", f"error::{name}").outcomes(failed=1)


def test_what_is_none_of_it_is_said(against: Against) -> None:
    against.suite.environ(NETRA_HONESTY="never")
    ran = against.run(DROPPED["suppress"])
    assert ran.result.ret == pytest.ExitCode.USAGE_ERROR
    ran.result.stderr.fnmatch_lines(["*NETRA_HONESTY: 'never' is none of failure, warning*"])


FAIL, WARN = Level.FAILURE, Level.WARNING
DEFAULT = {Check.AWAITED: FAIL, Check.CONTACT: FAIL, Check.ERRORS: FAIL}


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("", {}),
        ("failure", {}),
        ("warning", dict.fromkeys(DEFAULT, WARN)),
        ("contact=warning", {Check.CONTACT: WARN}),
        ("retried=failure, errors=warning", {Check.RETRIED: FAIL, Check.ERRORS: WARN}),
        ("warning errors=failure", {Check.AWAITED: WARN, Check.CONTACT: WARN}),
    ],
)
def test_levels(said: str, chosen: dict[Check, Level]) -> None:
    assert levels(said, source="x") == DEFAULT | chosen


@pytest.mark.parametrize(
    "said", ["off", "contact", "contact=off", "=failure", "contact=", "x=failure"]
)
def test_levels_that_are_none(said: str) -> None:
    with pytest.raises(pytest.UsageError, match="x: "):
        levels(said, source="x")
