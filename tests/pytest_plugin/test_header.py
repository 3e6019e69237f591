"""What is said of a run: nothing where nobody asked, else target, mode, users and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import nobody_there

from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

PASSES = "def test_it(): pass"
MARKED = "import pytest\n@pytest.mark.impact('some')\ndef test_it(): pass"
HEADER = [
    "netra: test (live) at http://localhost:8000 (*)",
    "netra: users made up as needed",
    "netra: netra-testkit *, httpx *, websockets *",
]


@pytest.mark.parametrize("how", ["option", "variable", "ini"])
def test_it_is_said_where_an_environment_is_named(suite: Suite, how: str) -> None:
    words = []
    if how == "option":
        words = ["--env", "test"]
    elif how == "variable":
        suite.environ(NETRA_ENVIRONMENT="test")
    else:
        suite.ini("netra_env = test")
    result = suite.files(test_it=PASSES).run(*words)
    result.stdout.fnmatch_lines([*HEADER, "collected 1 item"])
    said = {"option": "--env", "variable": "NETRA_ENVIRONMENT", "ini": "ini netra_env"}[how]
    result.stdout.fnmatch_lines(f"netra: test (live) * ({said})")


def test_a_marker_asks_for_it_after_the_collection(suite: Suite) -> None:
    result = suite.files(test_it=MARKED).run()
    result.stdout.fnmatch_lines(
        ["collected 1 item", "netra: staging (live) at https://* (the default, *", "test_it.py .*"]
    )
    assert result.stdout.str().count("netra: staging (live)") == 1


def test_known_users_are_named(suite: Suite) -> None:
    result = suite.files(test_it=PASSES).run("--env", "staging")
    result.stdout.fnmatch_lines("netra: users staging-e2e-user-001, staging-e2e-user-002, *")


def test_a_configuration_that_is_wrong_is_said_problem_by_problem(suite: Suite) -> None:
    suite.environ(NETRA_RETRY_COUNT="99", NETRA_BASE_URL="http://localhost:1")
    result = suite.files(test_it=PASSES).run("--env", "staging")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["netra: base_url (from NETRA_BASE_URL): *", "netra: retry_count*"])


def test_without_asking_nothing_is_said(suite: Suite) -> None:
    result = suite.files(test_it=PASSES).run()
    result.stdout.no_fnmatch_line("*netra:*")


def test_a_fixture_alone_says_at_the_end_what_it_took_and_why(suite: Suite) -> None:
    with LocalStaging() as there:
        file = suite.pytester.path / "there.env"
        address = there.config().base_url
        file.write_text(f"NETRA_ENVIRONMENT=development\nNETRA_BASE_URL={address}\n", "utf-8")
        suite.environ(NETRA_ENV_FILE=str(file))
        suite.meeting().files(
            test_it="""
            from meeting import meet

            def test_it(staging): meet(staging.config)
            def test_more(staging): meet(staging.config)
            """
        )
        result = suite.run()
    result.assert_outcomes(passed=2)
    line = f"netra: development (live) at {address} (NETRA_ENV_FILE)"
    assert [each for each in result.outlines if each.startswith("netra:")] == [line]


def test_without_a_header_nothing_is_said(suite: Suite) -> None:
    result = suite.files(test_it=MARKED).run("--env", "test", "--no-header", "-k", "nothing")
    result.stdout.no_fnmatch_line("netra: *")


def test_quietly_nothing_is_said_of_it(suite: Suite) -> None:
    suite.environ(NETRA_BASE_URL=nobody_there())
    result = suite.files(test_it="def test_it(staging): pass").run("-q")
    result.stdout.no_fnmatch_line("netra: *")
