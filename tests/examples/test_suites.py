"""The suites and scripts of the examples run against the embedded staging, and pass there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pytest
from tests.examples.running import EXAMPLES

from netra_testkit import LocalStaging
from netra_testkit.local.env_file import variables_of

if TYPE_CHECKING:
    from tests.examples.running import Examples


@pytest.mark.parametrize(
    ("suite", "module"),
    [
        ("first_test", "test_first"),
        ("first_time_user", "test_first_time_user"),
        ("migrate_a_suite", "after"),
    ],
)
def test_a_suite_passes(suite: str, module: str, examples: Examples) -> None:
    ran = examples.run(suite)
    assert ran.outcomes == {module: {"passed"}}
    assert ran.exit_code == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("suite", "fault", "said"),
    [
        pytest.param(
            "first_test", "lost-event:type=agent_thinking", "ContractBroken", id="a lost event"
        ),
        pytest.param("first_test", "no-authentication", "AuthRefused", id="nobody looks at tokens"),
        pytest.param("first_time_user", "not-persisted", "IndexError", id="messages are forgotten"),
        pytest.param(
            "migrate_a_suite",
            "secret-mismatch:route=/api/*",
            "401 Unauthorized",
            id="another secret",
        ),
    ],
)
def test_a_suite_fails_where_it_should(
    suite: str, fault: str, said: str, examples: Examples
) -> None:
    ran = examples.run_broken(fault, suite)
    assert ran.exit_code == pytest.ExitCode.TESTS_FAILED
    assert said in "".join(ran.said.values())


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("first_time_user/test_first_time_user.py", "newcomer"),
        ("golden_path/test_5_experience.py", "session_is_refreshed"),
    ],
)
def test_what_registers_somebody_may_be_tried_again_in_the_same_run(
    file: str, name: str, examples: Examples
) -> None:
    with LocalStaging() as server:
        variables = variables_of(server.config())
        ran = examples.run(file, file, PYTEST_ADDOPTS=f"--keep-duplicates -k {name}", **variables)
        answers = [each.status for each in server.received.requests if "register" in each.path]
    assert set().union(*ran.outcomes.values()) == {"passed"}
    assert answers == [200, 200]


def test_moving_a_suite_is_one_changed_import_line() -> None:
    before, after = (
        (EXAMPLES / "migrate_a_suite" / name).read_text("utf-8").splitlines()
        for name in ("before.py", "after.py")
    )
    changed = [line for line in difflib.ndiff(before, after) if line.startswith(("- ", "+ "))]
    names = "import STAGING_CONFIG, get_staging_config, is_staging_available"
    assert changed == [f"- from staging_test_config {names}", f"+ from netra_testkit {names}"]


def test_the_suite_ran_before_it_was_moved(examples: Examples) -> None:
    with LocalStaging() as server:
        ran = examples.run(
            "migrate_a_suite/before.py",
            STAGING_BASE_URL=server.url,
            STAGING_TEST_JWT_TOKEN=server.config().create_test_jwt_token(),
        )
    assert ran.outcomes == {"before": {"passed"}}
