"""What a test needs of a deployment: by configuration, or by what the deployment publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import publishing

from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

NEEDS = """
    import pytest

    @pytest.mark.needs("register", "rate_limit")
    def test_it(): pass

    @pytest.mark.needs("rate_limit")
    def test_again(): pass
"""


def test_what_is_published_is_there(suite: Suite) -> None:
    with LocalStaging() as there:
        suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=there.config().base_url)
        suite.environ(NETRA_AUTH_URL=there.config().base_url)
        suite.files(test_it=NEEDS).run().assert_outcomes(passed=2)
        asked = [each.path for each in there.received.requests]
    assert asked == ["/health", "/auth/config", "/api/config/public"]


def test_what_is_configured_is_not_asked_for(suite: Suite) -> None:
    with LocalStaging() as there:
        url = there.config().base_url
        suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=url)
        suite.environ(NETRA_ALLOW_REGISTRATION="true")
        suite.files(test_it=NEEDS.replace('"register", "rate_limit"', '"register"'))
        suite.run("-k", "not again").assert_outcomes(passed=1, deselected=1)
        assert [each.path for each in there.received.requests] == ["/health"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "the deployment names no endpoint to register at"),
        ({"endpoints": ["register"]}, "the deployment names no endpoint to register at"),
        (
            {"endpoints": {"register": "there"}, "rate_limits": []},
            "the deployment documents no rate limit",
        ),
    ],
    ids=["nothing", "another-form", "no-limit"],
)
def test_what_is_not_published_is_not_run_with_the_reason(
    suite: Suite, body: object, reason: str
) -> None:
    with publishing(body) as url:
        suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=url, NETRA_AUTH_URL=url)
        result = suite.files(test_it=NEEDS).run("-rs", "-k", "not again")
    result.assert_outcomes(skipped=1, deselected=1)
    result.stdout.fnmatch_lines(f"SKIPPED * not run: {reason}")


def test_the_marker_of_a_suite_that_declares_it_keeps_nothing_from_running(suite: Suite) -> None:
    suite.ini("markers =", "  needs: of the suite").files(test_it=NEEDS)
    suite.run().assert_outcomes(passed=2)
