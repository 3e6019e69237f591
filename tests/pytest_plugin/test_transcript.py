"""What was said last, as a section of the report of a test that failed."""

from __future__ import annotations

import re
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


def test_a_failure_shows_what_was_said_last(suite: Suite) -> None:
    named = {name: source.replace("test_it(", f"test_{name}(") for name, source in REACHED.items()}
    suite.files(**{f"test_{name}": HEAD + source for name, source in named.items()})
    result = suite.run(*LOADED, "-p", "no:netra-header")
    heads = r"^_+ (?:ERROR at setup of )?test_(\w+) _+$"
    _, *parts = re.split(heads, str(result.stdout), flags=re.MULTILINE)
    assert sorted(parts[::2]) == sorted(REACHED)
    for name, said in zip(parts[::2], parts[1::2], strict=True):
        _, *sections = said.split(f"- {SECTION} -")
        assert len(sections) == 1, name
        assert "\n<Trace: 1 records, 0 lost>; the last 1:\n" in sections[0], name
        assert "GET /api/threads" in sections[0], name


def test_otherwise_there_is_no_such_section(suite: Suite) -> None:
    suite.files(**{f"test_{name}": HEAD + source for name, source in SILENT.items()})
    result = suite.run(*LOADED, "-rA")
    result.assert_outcomes(passed=1, skipped=1, failed=2)
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
