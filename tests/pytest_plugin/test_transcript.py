"""What was said last, as a section of the report of a test that failed."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.suites import PACKAGE

from netra_testkit.pytest_plugin import ROOMS, transcript
from netra_testkit.pytest_plugin.transcript import LAST, SECTION

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

LOADED = () if "transcript" in ROOMS else ("-p", f"{PACKAGE}.transcript")
MODULES = (transcript,)
HEAD = """
    import os
    import pytest
    from netra_testkit.clients.staging import Staging
    from netra_testkit.safety.redaction import register
    from netra_testkit.safety.trace import Trace
    from netra_testkit.settings.config import StagingConfig

    class Own:
        def __init__(self):
            self.trace = Trace()
            self.trace.record("request", "of somebody else")

    @pytest.fixture
    def deployment():
        staging = Staging(StagingConfig.for_environment("test"))
        staging.trace.record("request", "GET /api/threads")
        return staging

"""
# Where a test may hold what was recorded.
REACHED = {
    "fixture": """
    def test_it(deployment):
        assert False
    """,
    "local": """
    def test_it():
        trace = Trace()
        trace.record("request", "GET /api/threads")
        assert False
    """,
    "user": """
    def test_it():
        staging = Staging(StagingConfig.for_environment("test"))
        staging.trace.record("request", "GET /api/threads")
        user = staging.anonymous()
        del staging
        assert False
    """,
    "call": """
    def ask():
        staging = Staging(StagingConfig.for_environment("test"))
        staging.trace.record("request", "GET /api/threads")
        raise ValueError

    def test_it():
        ask()
    """,
    "setup": """
    @pytest.fixture
    def broken(deployment):
        raise ValueError

    def test_it(broken):
        pass
    """,
}
SILENT = {
    "passed": """
    def test_it(deployment):
        assert True
    """,
    "skipped": """
    def test_it(deployment):
        pytest.skip("not today")
    """,
    "nothing_said": """
    def test_it():
        trace = Trace()
        assert False
    """,
    "not_of_the_kit": """
    def test_it():
        own = Own()
        assert False
    """,
}


@pytest.mark.parametrize("source", REACHED.values(), ids=REACHED)
def test_a_failure_shows_what_was_said_last(suite: Suite, source: str) -> None:
    suite.files(test_it=HEAD + source)
    result = suite.run(*LOADED, "-p", "no:netra-header")
    result.stdout.fnmatch_lines(
        [f"*{SECTION}*", "<Trace: 1 records, 0 lost>; the last 1:", "*GET /api/threads*"]
    )
    assert result.stdout.str().count(f"- {SECTION} -") == 1


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_otherwise_there_is_no_such_section(suite: Suite, source: str) -> None:
    suite.files(test_it=HEAD + source)
    result = suite.run(*LOADED, "-rA")
    assert SECTION not in result.stdout.str()


def test_it_is_bounded_and_masked(suite: Suite) -> None:
    secret = secrets.token_urlsafe(48)
    suite.environ(SUITE_SECRET=secret).files(
        test_it=HEAD
        + """
    def test_it(deployment):
        register(os.environ["SUITE_SECRET"], label="a secret of the suite")
        for number in range(100):
            deployment.trace.record("frame", f"number {number} " + "long " * 1000)
        deployment.trace.record("frame", os.environ["SUITE_SECRET"])
        assert False
    """
    )
    result = suite.run(*LOADED)
    shown = result.stdout.str()
    assert f"<Trace: 102 records, 0 lost>; the last {LAST}:" in shown
    assert "number 99 " in shown
    assert "number 60 " not in shown
    assert max(map(len, result.stdout.lines)) < 2100
    assert secret not in shown
    assert "[masked a secret of the suite]" in shown


@pytest.mark.broad
def test_it_comes_from_a_worker_too(suite: Suite) -> None:
    suite.files(test_it=HEAD + REACHED["fixture"])
    result = suite.run(*LOADED, workers=1)
    result.stdout.fnmatch_lines([f"*{SECTION}*", "*GET /api/threads*"])


@pytest.mark.broad
def test_a_run_without_the_recorder_does_not_load_it(suite: Suite) -> None:
    suite.files(
        test_it="""
    import sys

    def test_first():
        assert False

    def test_second():
        assert "netra_testkit.safety.trace" not in sys.modules
    """
    )
    suite.run(*LOADED, subprocess=True).assert_outcomes(passed=1, failed=1)
