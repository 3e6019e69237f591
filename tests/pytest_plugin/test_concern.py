"""A run loads and registers the most of the plugin only once it concerns the kit."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.honest_suites import DROPPED, Against
from tests.pytest_plugin.small_deployment import small_deployment
from tests.pytest_plugin.suites import nobody_there

from netra_testkit.pytest_plugin import concern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pytest_plugin.suites import Suite

SAYS_WHO_IS_THERE = """
    import sys

    def pytest_sessionfinish(session):
        names = [name for name, _ in session.config.pluginmanager.list_name_plugin()]
        print("<rooms>", *(each for each in names if each.startswith("netra")), "<end>")
        kit = [each for each in sys.modules if each.startswith("netra_testkit.")]
        print("<modules>", len(kit), "<end>")
"""
# A module of the suite, in place of the one by which it is seen that the kit is loaded: that is
# loaded in this process all along.
SIGN = """
    import os
    from netra_testkit.safety.redaction import register

    register(os.environ["A_SECRET"], label="token")
"""
LOADS = {
    "module": "import sign, os\nraise OSError(os.environ['A_SECRET'])",
    "setup": """
    import os, pytest

    @pytest.fixture
    def loads():
        import sign
        raise OSError(os.environ['A_SECRET'])

    def test_it(loads): pass
    """,
    "call": """
    import os

    def test_it():
        import sign
        raise OSError(os.environ['A_SECRET'])
    """,
    "teardown": """
    import os, pytest

    @pytest.fixture
    def loads():
        yield
        import sign
        raise OSError(os.environ['A_SECRET'])

    def test_it(loads): pass
    """,
    "report": "def test_it(): assert False",
}
WRITES_INTO_REPORTS = """
    import os, pytest

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport():
        report = yield
        if report.failed:
            import sign
            report.sections.append(("of the suite", os.environ["A_SECRET"]))
        return report
"""


@pytest.fixture
def unloaded(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite in a process where nothing of the kit counts as loaded."""
    monkeypatch.setattr(concern, "_SIGN", "sign")
    return suite


def points_to(suite: Suite, root: str) -> None:
    """Point to a deployment by a file, as a variable would bring the rules by itself."""
    variables = {"NETRA_ENVIRONMENT": "local", "NETRA_BASE_URL": root}
    file = suite.pytester.path / "deployment.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    suite.environ(NETRA_ENV_FILE=str(file), **dict.fromkeys(variables, ""))


@pytest.fixture
def against(unloaded: Suite) -> Iterator[Against]:
    with small_deployment() as (root, _):
        given = Against(unloaded, root)
        points_to(unloaded, root)
        yield given


@pytest.mark.broad
def test_a_stranger_meets_a_few_rooms_only(suite: Suite) -> None:
    suite.conftest(SAYS_WHO_IS_THERE).files(test_it="def test_it(): pass")
    result = suite.run("-s", subprocess=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "*<rooms> netra netra-options netra-fixtures netra-masking netra-concern "
                "netra-lookout <end>"
            ),
            "*<modules> 7 <end>",
        ]
    )


@pytest.mark.parametrize("captures", [(), ("-p", "no:capture")], ids=["captured", "not"])
def test_one_marker_brings_all_of_them(unloaded: Suite, captures: tuple[str, ...]) -> None:
    unloaded.conftest(SAYS_WHO_IS_THERE).files(
        test_a="def test_it(): pass",
        test_b="import pytest\n@pytest.mark.priority(1)\ndef test_it(): pass",
    )
    result = unloaded.run(*captures)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*<rooms>*netra-deadlines*netra-masked-reports*"])
    result.stdout.no_fnmatch_line("*netra-lookout*")
    result.stdout.fnmatch_lines("priority 1: 1 of 1")


def test_a_fixture_brings_the_rules_before_the_test_begins(unloaded: Suite) -> None:
    unloaded.files(
        test_it="""
        from netra_testkit.pytest_plugin.deadlines import WATCH

        def test_it(local_staging, pytestconfig): assert WATCH in pytestconfig.stash
        """
    )
    unloaded.run().assert_outcomes(passed=1)


def test_so_does_one_fixture(unloaded: Suite) -> None:
    unloaded.conftest(SAYS_WHO_IS_THERE).files(
        test_a="def test_it(): pass",
        test_b="def test_it(staging_config): assert staging_config.environment == 'staging'",
    )
    result = unloaded.run("--setup-plan")
    result.stdout.fnmatch_lines(["*<rooms>*netra-deadlines*netra-masked-reports*"])


def test_what_a_suite_says_while_it_is_collected_counts(unloaded: Suite) -> None:
    # Put back when the test ends, whatever is set meanwhile.
    unloaded.environ(NETRA_STRICT="")
    told = """
    import os

    def pytest_collection_modifyitems(): os.environ["NETRA_STRICT"] = "true"
"""
    unloaded.conftest(SAYS_WHO_IS_THERE + told).files(test_it="def test_it(): pass")
    unloaded.run().stdout.fnmatch_lines(["*<rooms>*netra-deadlines*"])


def test_what_came_before_them_is_counted(unloaded: Suite) -> None:
    unloaded.files(
        test_a="import no_such_module",
        test_b="""
        import pytest

        pytestmark = pytest.mark.priority(1)

        def test_it(): pass
        def test_left_out(): pass

        class TestIt:
            def __init__(self): pass
        """,
    )
    result = unloaded.run("--continue-on-collection-errors", "-k", "not left", "-W", "default")
    result.assert_outcomes(passed=1, errors=1, deselected=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            (
                "priority 1: 1 of 2, 1 not run: test_left_out, "
                "not counted: what 2 not collected would add"
            ),
            "not collected: test_a.py",
            "not collected: *test_b.py: cannot collect test class 'TestIt'*",
        ]
    )


def test_what_the_last_failures_leave_out_is_known_in_time(unloaded: Suite) -> None:
    unloaded.files(
        test_a="import pytest\n@pytest.mark.priority(1)\ndef test_it(): assert False",
        test_b="def test_other(): pass",
    )
    kept = ("-p", "cacheprovider")
    unloaded.run(*kept).assert_outcomes(passed=1, failed=1)
    result = unloaded.run(*kept, "--last-failed")
    result.stdout.fnmatch_lines("not collected: whatever --last-failed leaves out")


@pytest.mark.parametrize("place", LOADS)
def test_no_report_shows_a_secret_of_a_kit_that_is_loaded_late(unloaded: Suite, place: str) -> None:
    secret = secrets.token_urlsafe(48)
    unloaded.environ(A_SECRET=secret).files(sign=SIGN, test_it=LOADS[place])
    if place == "report":
        unloaded.conftest(WRITES_INTO_REPORTS)
    result = unloaded.run("-rA")
    assert result.ret != pytest.ExitCode.OK
    assert "[masked token]" in result.stdout.str()
    assert secret not in result.stdout.str()


@pytest.mark.parametrize("place", ["setup", "call", "teardown"])
def test_the_first_failure_with_the_kit_has_its_transcript(unloaded: Suite, place: str) -> None:
    secret = secrets.token_urlsafe(48)
    records = """import sign
        from netra_testkit.safety.trace import Trace
        trace = Trace()
        trace.record("frame", "the last word")
        raise OSError(os"""
    source = LOADS[place].replace("import sign\n        raise OSError(os", records)
    unloaded.environ(A_SECRET=secret).files(sign=SIGN, test_it=source)
    result = unloaded.run()
    result.stdout.fnmatch_lines(["*Netra transcript*", "*the last word*"])


@pytest.mark.parametrize("place", ["module", "call", "setup"])
def test_a_skip_because_nobody_is_there_is_seen(unloaded: Suite, place: str) -> None:
    skips = """
import sign, pytest
from netra_testkit.clients.availability import is_staging_available
if not is_staging_available(): pytest.skip("nobody there", allow_module_level=True)
"""
    inside = "".join(f"    {line}\n" for line in skips.strip().splitlines())
    unloaded.files(
        sign="",
        test_it={
            "module": f"{skips}\ndef test_it(): pass",
            "call": f"def test_it():\n{inside}",
            "setup": "import pytest\n@pytest.fixture\ndef asks():\n"
            f"{inside}\ndef test_it(asks): pass",
        }[place],
    )
    points_to(unloaded, nobody_there())
    result = unloaded.run()
    assert result.ret == 20, result.stdout.str()
    result.stdout.fnmatch_lines("*the deployment is not there (infrastructure)*")


def test_a_test_that_asks_for_a_fixture_while_it_runs_is_judged(against: Against) -> None:
    ran = against.run(DROPPED["dynamic-fixture"])
    ran.outcomes(failed=1)
    ran.said("errors: an error left a call of the kit and nothing came of it:")


def test_such_a_test_that_fails_answers_for_its_error(against: Against) -> None:
    ran = against.run("""
        def test_it(request):
            asyncio.run(get(request.getfixturevalue("staging")))

        def test_another(request):
            staging = request.getfixturevalue("staging")
            with pytest.raises(AuthRefused):
                asyncio.run(get(staging))
    """)
    ran.outcomes(failed=1, passed=1)
    ran.result.stdout.no_fnmatch_line("*nothing came of it*")


def test_such_a_test_does_not_skip_over_an_error(against: Against) -> None:
    ran = against.run("""
        def test_it(request):
            staging = request.getfixturevalue("staging")
            try:
                asyncio.run(get(staging))
            except AuthRefused:
                pytest.skip("no access today")
    """)
    ran.outcomes(failed=1)
    ran.said("errors: an error left a call of the kit and nothing came of it:")


def test_the_way_to_the_terminal_is_not_that_of_a_test(
    unloaded: Suite, capfd: pytest.CaptureFixture[str]
) -> None:
    unloaded.files(
        test_it="""
        def test_asks(request): request.getfixturevalue("staging_config")

        def test_it(pytestconfig):
            from netra_testkit.pytest_plugin import deadlines

            deadlines._write(pytestconfig, "said to whoever looks on")
        """,
    )
    unloaded.run().assert_outcomes(passed=2)
    assert capfd.readouterr().err == "said to whoever looks on"
