"""Options and their twins: command line over environment over ini, resolved when used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import netra_testkit.pytest_plugin as plugin

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

TOLD = """
    import pytest
    from netra_testkit.pytest_plugin.run import run_of

    @pytest.mark.phase("one")
    @pytest.mark.priority(1)
    def test_it(pytestconfig):
        for name in ("env", "priority", "phase", "fail_fast", "require_live"):
            print("<" + " ".join([name, *run_of(pytestconfig).told(name)[:2]]) + ">")
"""
FAILS_FIRST = """
    def test_first(): assert False
    def test_second(): pass
    def test_third(): pass
"""
# Each setting with a value of its own for the command line, the environment and the ini file.
SETTINGS = [
    ("env", "--env", "NETRA_ENVIRONMENT", ("test", "dev", "staging")),
    ("priority", "--priority", "NETRA_PRIORITY", ("1", "0-2", "1,3")),
    ("phase", "--phase", "NETRA_PHASE", ("one", "one,two", "two,one")),
    ("fail_fast", "--netra-fail-fast", "NETRA_FAIL_FAST", ("true", "no", "true")),
    ("require_live", "--netra-require-live", "NETRA_REQUIRE_LIVE", ("true", "off", "true")),
]


def test_the_command_line_comes_before_the_environment_before_the_ini_file(suite: Suite) -> None:
    # No request is made for this: the markers are declared by the suite itself.
    markers = ("markers =", "  priority: of the suite", "  phase: of the suite")
    inis = [f"netra_{name} = {values[2]}" for name, _, _, values in SETTINGS]
    suite.files(test_it=TOLD).ini(*inis, "netra_phases = one two", *markers)
    said = str(suite.run("-s").stdout)
    for name, _, _, values in SETTINGS:
        assert f"<{name} {values[2]} ini netra_{name}>" in said
    suite.environ(**{variable: values[1] for _, _, variable, values in SETTINGS})
    said = str(suite.run("-s").stdout)
    for name, _, variable, values in SETTINGS:
        assert f"<{name} {values[1]} {variable}>" in said
    words = [
        word
        for _, option, _, values in SETTINGS
        for word in ((option,) if option.startswith("--netra") else (option, values[0]))
    ]
    said = str(suite.run("-s", *words).stdout)
    for name, option, _, values in SETTINGS:
        assert f"<{name} {values[0]} {option}>" in said


@pytest.mark.broad
def test_a_worker_resolves_them_alike(suite: Suite) -> None:
    suite.ini("netra_phases = one two", "netra_phase = two", "netra_deadline = 7.5")
    suite.environ(NETRA_PRIORITY="0-2", NETRA_PHASE="one").conftest(
        "import os\nAT_IMPORT = os.environ.get('NETRA_ENVIRONMENT')"
    ).files(
        test_it="""
        import pytest
        from conftest import AT_IMPORT
        from netra_testkit.pytest_plugin.run import run_of

        @pytest.mark.skipif(False, reason="never")
        def test_left_out(): pass

        @pytest.mark.priority(3)
        @pytest.mark.phase("one")
        def test_runs(pytestconfig):
            run = run_of(pytestconfig)
            names = ("env", "priority", "phase", "fail_fast", "require_live", "deadline", "strict")
            assert run.is_worker
            assert AT_IMPORT == "local"
            assert [run.setting(name) for name in names] == [
                "local", "3", "one", "true", None, "7.5", None
            ]
        """
    )
    words = ("--env", "local", "--priority", "3", "--netra-fail-fast")
    result = suite.run(*words, workers=1)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("netra: local (embedded) at http://127.0.0.1:* (--env)")


@pytest.mark.parametrize("value", ["0", "3", "maybe"])
def test_a_switch_takes_yes_or_no(suite: Suite, value: str) -> None:
    suite.files(test_it="def test_it(): pass").environ(NETRA_REQUIRE_LIVE=value)
    result = suite.run()
    if value == "0":
        result.assert_outcomes(passed=1)
    else:
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(f"*NETRA_REQUIRE_LIVE: say true or false, not '{value}'*")


def test_failing_fast_leaves_the_rest_unreached_and_counts_it(suite: Suite) -> None:
    suite.files(test_it=FAILS_FIRST)
    result = suite.run("--netra-fail-fast")
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("netra: 2 of 3 tests not reached")


def test_an_own_bound_of_failures_stays(suite: Suite) -> None:
    suite.files(test_it="def test_a(): assert 0\ndef test_b(): assert 0\ndef test_c(): pass")
    suite.run("--netra-fail-fast", "--maxfail=2").assert_outcomes(failed=2)


def test_nothing_is_reached_by_collecting_only(suite: Suite) -> None:
    suite.files(test_it=FAILS_FIRST)
    result = suite.run("--netra-fail-fast", "--collect-only")
    result.stdout.no_fnmatch_line("*not reached*")


def test_a_run_that_must_be_live_is_never_local(suite: Suite) -> None:
    result = suite.files(test_it="def test_it(): pass").run("--env=local", "--netra-require-live")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*the run must be live (--netra-require-live), and --env says *")


def test_a_run_that_must_be_live_is_configured_to_be_so(suite: Suite) -> None:
    suite.environ(NETRA_ENV_FILE="missing.env").files(test_it="def test_it(): pass")
    result = suite.run("--netra-require-live")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*there is no such file*")


def test_a_run_that_must_be_live_has_no_staging_of_its_own(suite: Suite) -> None:
    suite.files(test_it="def test_it(local_staging): pass")
    result = suite.run("--netra-require-live")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("the run must be live, and local_staging is not")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", (False, False)),
        ("netra_strict = e2e", (True, False)),
        ("netra_strict = e2e unit/test_b.py", (True, True)),
        ("netra_strict = .", (True, True)),
        ("netra_strict = true", (True, True)),
        ("netra_strict = false", (False, False)),
    ],
)
def test_places_are_held_to_the_rules(suite: Suite, line: str, expected: tuple[bool, bool]) -> None:
    suite.ini(line)
    for place, name, applies in (("e2e", "test_a", expected[0]), ("unit", "test_b", expected[1])):
        suite.pytester.mkdir(place).joinpath(f"{name}.py").write_text(
            "from netra_testkit.pytest_plugin.run import run_of\n"
            "def test_it(request):\n"
            f"    assert run_of(request.config).applies(request.node) is {applies}\n"
        )
    suite.run().assert_outcomes(passed=2)


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest reads such a table from 9 on")
def test_a_native_table_has_them_too(suite: Suite) -> None:
    suite.pytester.makepyprojecttoml(
        """
        [tool.pytest]
        netra_phases = ["one", "two"]
        netra_strict = ["."]
        netra_fail_fast = true
        netra_deadline = 3
        """
    )
    suite.files(
        test_it="""
        from netra_testkit.pytest_plugin.run import run_of

        def test_it(pytestconfig):
            run = run_of(pytestconfig)
            assert [run.setting(each) for each in ("strict", "fail_fast", "deadline")] == [
                ".", "true", "3"
            ]
        """
    )
    suite.run().assert_outcomes(passed=1)


def test_under_an_older_pytest_one_line_says_so(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest, "version_tuple", (8, 3, 5))
    suite.files(test_it="def test_it(): pass")
    result = suite.run("--env", "staging")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["netra-testkit: --env needs pytest 8.4 or later, this is *", "*unrecognized arguments*"]
    )


def test_under_an_older_pytest_there_is_nothing_else(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest, "version_tuple", (8, 3, 5))
    suite.environ(NETRA_ENVIRONMENT="staging").files(test_it="def test_it(staging): pass")
    result = suite.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*fixture 'staging' not found*")
    assert "netra" not in result.stderr.str()


def test_each_room_is_a_plugin_of_its_own(suite: Suite) -> None:
    suite.files(
        test_it="""
        def test_it(pytestconfig):
            rooms = [name for name, _ in pytestconfig.pluginmanager.list_name_plugin()]
            assert "netra-deadlines" in rooms
        """
    )
    suite.run().assert_outcomes(passed=1)
    assert set(plugin.AT_ONCE) < set(plugin.ROOMS)
