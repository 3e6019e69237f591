"""A deployment that is not there: one probe, one verdict, exit code 20, never a run of skips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import nobody_there

from netra_testkit.local.faults import Fault
from netra_testkit.local.staging import LocalStaging
from netra_testkit.pytest_plugin.reachability import EXIT_CODE

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

USES_IT = """
    def test_first(staging): pass
    def test_second(staging): pass
    def test_third(): pass
"""
SKIPS = """
    import pytest
    from netra_testkit import is_staging_available

    @pytest.mark.skipif(not is_staging_available(), reason="no staging")
    def test_first(): pass

    def test_second():
        if not is_staging_available():
            pytest.skip("no staging")
"""
SKIPS_IN_THE_BODY = """
    import pytest
    from netra_testkit import is_staging_available

    def test_first(): pass

    def test_second():
        if not is_staging_available():
            pytest.skip("no staging")

    def test_third(): pass
"""
SKIPS_AS_A_WHOLE = """
    import pytest
    from netra_testkit import is_staging_available

    if not is_staging_available():
        pytest.skip("no staging", allow_module_level=True)

    def test_first(): pass
"""
VERDICT = "*the deployment is not there (infrastructure): GET http://127.0.0.1:*/health: *"


@pytest.fixture
def gone(suite: Suite) -> Suite:
    return suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=nobody_there())


def test_the_run_stops_at_once_with_one_verdict(gone: Suite) -> None:
    result = gone.files(test_it=USES_IT).run()
    assert result.ret == EXIT_CODE
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([VERDICT, "netra: 2 of 3 tests not reached", f"!*{VERDICT}*!"])


@pytest.mark.broad
def test_a_worker_that_finds_out_stops_the_run(gone: Suite) -> None:
    gone.files(test_it=f"{USES_IT}\n    import pytest\n" + MANY)
    result = gone.run(workers=1)
    assert result.ret == EXIT_CODE
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([VERDICT, "netra: 42 of 43 tests not reached"])


MANY = """
    @pytest.mark.parametrize("number", range(40))
    def test_many(number): pass
"""


@pytest.mark.parametrize(
    "source",
    [SKIPS, SKIPS_IN_THE_BODY, SKIPS_AS_A_WHOLE],
    ids=["decorated", "in-the-body", "as-a-whole"],
)
def test_a_suite_that_skips_gets_the_same_verdict(gone: Suite, source: str) -> None:
    result = gone.files(test_it=source, test_later="def test_it(): pass").run()
    assert result.ret == EXIT_CODE
    result.stdout.fnmatch_lines(f"!*{VERDICT}*!")
    result.stdout.no_fnmatch_line("*test_later.py .*")


@pytest.mark.broad
def test_a_suite_that_skips_in_workers_gets_it_too(gone: Suite) -> None:
    result = gone.files(test_it=SKIPS_AS_A_WHOLE).run(workers=1)
    assert result.ret == EXIT_CODE
    result.stdout.fnmatch_lines(VERDICT)


def test_a_suite_that_leaves_all_out_gets_the_same_verdict(gone: Suite) -> None:
    gone.conftest(
        """
        from netra_testkit import is_staging_available

        collect_ignore_glob = [] if is_staging_available() else ["test_*.py"]
        """
    ).files(test_it="def test_it(): pass")
    assert gone.run().ret == EXIT_CODE


def test_a_suite_that_asks_and_runs_keeps_its_own_outcome(gone: Suite) -> None:
    gone.files(
        test_it="""
        from netra_testkit import is_staging_available

        def test_it(): assert not is_staging_available()
        def test_fails(): assert is_staging_available()
        """
    )
    result = gone.run()
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_skips_for_other_reasons_are_skips(suite: Suite) -> None:
    suite.files(
        test_it="import pytest\ndef test_it(): pytest.skip('why')",
        test_all="import pytest\npytest.skip('why', allow_module_level=True)",
    )
    assert suite.run().ret == pytest.ExitCode.OK


def test_one_that_says_it_is_unhealthy_counts_as_not_there(suite: Suite) -> None:
    with LocalStaging(faults=[Fault("status", route="/health", status=500)]) as broken:
        suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=broken.config().base_url)
        result = suite.files(test_it=USES_IT).run()
    assert result.ret == EXIT_CODE
    result.stdout.fnmatch_lines("*the deployment is not there (product): GET *: HTTP 500: *")


def test_it_is_asked_once(suite: Suite) -> None:
    with LocalStaging() as there:
        suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=there.config().base_url)
        suite.meeting().files(
            test_it="""
            from meeting import meet

            def test_first(staging): meet(staging.config)
            def test_second(staging): meet(staging.config)
            def test_third(): pass
            """
        ).run().assert_outcomes(passed=3)
        asked = [each.path for each in there.received.requests]
    assert asked == ["/health"]


def test_nobody_is_asked_by_a_test_that_needs_nobody(suite: Suite) -> None:
    with LocalStaging() as there:
        suite.environ(NETRA_ENVIRONMENT="development", NETRA_BASE_URL=there.config().base_url)
        suite.files(test_it="def test_it(): pass").run().assert_outcomes(passed=1)
        suite.files(
            test_own="def test_it(local_staging): pass",
            test_marked="import pytest\n@pytest.mark.priority(1)\ndef test_it(local_staging): pass",
            test_skipped="import pytest\n@pytest.mark.skip\ndef test_it(staging): pass",
        ).run().assert_outcomes(passed=3, skipped=1)
        assert list(there.received.requests) == []


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "unasked"])
def test_a_marker_alone_asks_where_an_environment_is_named(suite: Suite, *, asked: bool) -> None:
    with LocalStaging() as there:
        # Without the environment this is a staging on a foreign host, which nobody may look at.
        name = {"NETRA_ENVIRONMENT": "development"} if asked else {}
        suite.environ(NETRA_BASE_URL=there.config().base_url, **name)
        suite.files(test_it="import pytest\n@pytest.mark.priority(1)\ndef test_it(): pass")
        suite.run().assert_outcomes(passed=1)
        assert len(there.received.requests) == int(asked)


def test_a_fixture_that_is_asked_for_by_name_finds_out_too(gone: Suite) -> None:
    gone.files(test_it="def test_it(request): request.getfixturevalue('staging')")
    result = gone.run()
    assert result.ret == EXIT_CODE
    result.stdout.fnmatch_lines(VERDICT)


def test_once_it_is_known_nobody_is_asked_again(gone: Suite) -> None:
    gone.files(
        test_it="""
        import pytest

        def test_it(request):
            for name in ("staging", "staging_user"):
                with pytest.raises(pytest.fail.Exception, match="the deployment is not there"):
                    request.getfixturevalue(name)
        """
    )
    gone.environ(NETRA_HONESTY="contact=warning")
    gone.run("-W", "ignore::pytest.PytestWarning").assert_outcomes(passed=1)


def test_a_wrong_configuration_is_no_unreachable_deployment(suite: Suite) -> None:
    suite.environ(NETRA_ENVIRONMENT="staging", NETRA_BASE_URL="https://example.com")
    result = suite.files(test_it=USES_IT).run()
    result.assert_outcomes(errors=2, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("*https://example.com is no host of staging*")
