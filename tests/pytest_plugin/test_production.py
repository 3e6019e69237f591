"""On production only what is marked read_only runs; the rest is not run, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import nobody_there

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

SUITE = """
    import pytest

    {mark}
    def test_it(): pass
"""


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("@pytest.mark.priority(1)", "it is not marked read_only, and this is production"),
        ("@pytest.mark.destructive", "it is marked destructive, and this is production"),
        (
            "@pytest.mark.read_only\n    @pytest.mark.destructive",
            "it is marked destructive, and this is production",
        ),
    ],
    ids=["unmarked", "destructive", "both"],
)
def test_what_may_change_something_is_not_run(suite: Suite, mark: str, reason: str) -> None:
    suite.conftest(
        """
        def pytest_runtest_logreport(report):
            print([value for name, value in report.user_properties if name == "netra.not_run"])
        """
    ).files(test_it=SUITE.format(mark=mark))
    result = suite.run("-rs", "-s", "--env", "production")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"*'{reason}'*", f"SKIPPED * not run: {reason}"])


def test_what_is_read_only_runs(suite: Suite) -> None:
    suite.conftest(
        """
        import pytest
        from netra_testkit.pytest_plugin import reachability

        @pytest.fixture(autouse=True, scope="session")
        def reachable(monkeypatch_session=None): pass
        """
    ).files(test_it=SUITE.format(mark="@pytest.mark.read_only"))
    suite.environ(NETRA_ALLOW_PRODUCTION="true")
    result = suite.run("--env", "prod")
    # It gets as far as to be stopped by the network that is not there.
    result.stdout.fnmatch_lines("the deployment is not there*")


def test_what_the_rules_do_not_hold_for_runs(suite: Suite) -> None:
    suite.files(test_it=SUITE.format(mark="")).run("--env=prod").assert_outcomes(passed=1)


def test_what_is_strict_is_held_to_it(suite: Suite) -> None:
    suite.ini("netra_strict = .").files(test_it=SUITE.format(mark=""))
    suite.run("--env=prod").assert_outcomes(skipped=1)


def test_elsewhere_everything_runs(suite: Suite) -> None:
    suite.environ(NETRA_BASE_URL=nobody_there())
    suite.files(test_it=SUITE.format(mark="@pytest.mark.destructive"))
    suite.run().assert_outcomes(passed=1)


def test_an_env_file_may_name_production(suite: Suite) -> None:
    file = suite.pytester.path / "production.env"
    file.write_text("NETRA_ENVIRONMENT=production\nNETRA_ALLOW_PRODUCTION=true\n", "utf-8")
    suite.environ(NETRA_ENV_FILE=str(file))
    suite.files(test_it=SUITE.format(mark="@pytest.mark.priority(1)"))
    result = suite.run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("netra: production (live) at * (NETRA_ENV_FILE)")
