"""`--env`, `--priority` and `--phase`: there for whoever asks, never in a suite's way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.options import environment_of
from netra_testkit.pytest_plugin.run import Setting

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

CONFTEST = """
    import os

    AT_IMPORT = os.environ.get("NETRA_ENVIRONMENT")
"""
SAYS_WHERE = """
    import os
    from conftest import AT_IMPORT

    def test_it():
        print(f"<{AT_IMPORT} {os.environ.get('NETRA_ENVIRONMENT')}>")
"""
OWN_OPTION = """
    import os

    AT_IMPORT = os.environ.get("NETRA_ENVIRONMENT")

    def pytest_addoption(parser):
        parser.addoption("--env", {arguments})
"""
OWN_OPTION_USED = """
    import os

    def test_it(request):
        print(f"<{request.config.getoption('--env')} {os.environ.get('NETRA_ENVIRONMENT')}>")
"""


def says_where(suite: Suite) -> Suite:
    return suite.conftest(CONFTEST).files(test_it=SAYS_WHERE)


@pytest.mark.parametrize("words", [("--env", "dev"), ("--env=dev",)], ids=["apart", "together"])
def test_the_environment_is_set_before_the_conftests_are_imported(
    suite: Suite, words: tuple[str, ...]
) -> None:
    result = says_where(suite).run("-s", *words)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*<development development>*")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("local-dev", "development"),
        ("testing", "test"),
        ("stage", "staging"),
        ("stg", "staging"),
        (" STAGING ", "staging"),
        ("prod", "production"),
    ],
)
def test_every_alias_is_taken(said: str, meant: str) -> None:
    assert environment_of(Setting(said, "--env")) == meant


def test_the_last_one_counts(suite: Suite) -> None:
    result = says_where(suite).run("-s", "--env=dev", "--env", "test")
    result.stdout.fnmatch_lines("*<test test>*")


def test_no_other_name_is(suite: Suite) -> None:
    result = says_where(suite).run("--env", "stagin")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("ERROR: *(from --env): 'stagin' is not an environment*staging*")


def test_without_a_value_it_is_refused(suite: Suite) -> None:
    result = says_where(suite).run("--env")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*--env: expected one argument*")


@pytest.mark.parametrize("before", [None, "production"], ids=["unset", "set"])
def test_what_the_variable_said_before_is_restored(suite: Suite, before: str | None) -> None:
    if before is not None:
        suite.environ(NETRA_ENVIRONMENT=before)
    says_where(suite).run("--env", "test")
    assert os.environ.get("NETRA_ENVIRONMENT") == before


def test_it_is_restored_after_a_run_that_never_began(suite: Suite) -> None:
    suite.conftest("raise OSError").run("--env", "test")
    assert "NETRA_ENVIRONMENT" not in os.environ


def test_without_the_option_nothing_is_set(suite: Suite) -> None:
    says_where(suite).run("-s").stdout.fnmatch_lines("*<None None>*")


@pytest.mark.parametrize(
    ("name", "value", "marker"),
    [
        ("--env", "staging", "skipif(False, reason='')"),
        ("--priority", "1", "priority(1)"),
        ("--phase", "staging", "phase('staging')"),
    ],
)
def test_its_value_does_not_hide_the_testpaths(
    suite: Suite, name: str, value: str, marker: str
) -> None:
    suite.ini("testpaths = checks", "netra_phases = staging")
    suite.pytester.mkdir("checks")
    suite.pytester.path.joinpath("checks", "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--of-the-suite')\n", "utf-8"
    )
    suite.pytester.path.joinpath("checks", "test_it.py").write_text(
        f"import pytest\n\n@pytest.mark.{marker}\n"
        "def test_it(request):\n    assert request.config.getoption('--of-the-suite') == 'yes'\n",
        "utf-8",
    )
    suite.run(name, value, "--of-the-suite=yes").assert_outcomes(passed=1)


def test_a_path_that_is_called_like_the_value_stays_a_path(suite: Suite) -> None:
    suite.pytester.mkdir("staging").joinpath("test_it.py").write_text("def test_it(): pass\n")
    suite.files(test_elsewhere="def test_it(): pass")
    suite.run("staging", "--env", "staging").assert_outcomes(passed=1)


def test_it_may_stand_in_addopts(suite: Suite) -> None:
    suite.ini("addopts = -s --env test")
    says_where(suite).run().stdout.fnmatch_lines("*<test test>*")


def test_it_may_stand_in_a_file(suite: Suite) -> None:
    suite.pytester.makefile(".txt", arguments="-s\n--env\ntest")
    says_where(suite).run("@arguments.txt").stdout.fnmatch_lines("*<test test>*")


def test_after_two_dashes_it_is_a_path(suite: Suite) -> None:
    result = says_where(suite).run("--", "--env")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*: --env")


def test_all_of_them_stand_in_the_help(suite: Suite) -> None:
    result = says_where(suite).run("--help", "--env", "test")
    result.stdout.fnmatch_lines(["*netra-testkit:*", "*--env*NAME*", "*--priority*", "*--phase*"])
    assert "NETRA_ENVIRONMENT" not in os.environ


def test_without_them_a_suite_may_register_them_in_any_conftest(suite: Suite) -> None:
    suite.conftest("").files(test_it="def test_it(): pass")
    suite.pytester.mkdir("below").joinpath("conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--env')\n"
    )
    suite.run("below", "--env", "chrome").assert_outcomes()


@pytest.mark.parametrize("said", ["--env=stg", "--env=STAGING"])
def test_the_suites_own_option_is_used_where_it_names_an_environment(
    suite: Suite, said: str
) -> None:
    suite.conftest(OWN_OPTION.format(arguments="type=str")).files(test_it=OWN_OPTION_USED)
    result = suite.run("-s", said)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(f"*<{said[6:]} staging>*")
    result.stdout.no_fnmatch_line("netra*")


def test_the_suites_own_option_counts_more_than_the_variable(suite: Suite) -> None:
    suite.conftest(OWN_OPTION.format(arguments="default=None")).files(test_it=OWN_OPTION_USED)
    suite.environ(NETRA_ENVIRONMENT="test")
    suite.run("-s", "--env", "dev").stdout.fnmatch_lines("*<dev development>*")


def test_the_default_of_the_suites_own_option_counts_less_than_anything_said(suite: Suite) -> None:
    suite.conftest(OWN_OPTION.format(arguments="default='dev'")).files(test_it=OWN_OPTION_USED)
    suite.run("-s").stdout.fnmatch_lines("*<dev development>*")
    suite.environ(NETRA_ENVIRONMENT="test")
    suite.run("-s").stdout.fnmatch_lines("*<dev test>*")


def test_the_suites_own_option_may_mean_something_else(suite: Suite) -> None:
    suite.conftest(OWN_OPTION.format(arguments="choices=['chrome', 'firefox']"))
    result = suite.files(test_it=OWN_OPTION_USED).run("-s", "--env", "chrome")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*<chrome None>*")


def test_what_was_taken_for_an_environment_too_early_is_taken_back(suite: Suite) -> None:
    suite.conftest(OWN_OPTION.format(arguments="type=len")).files(
        test_it=f"{OWN_OPTION_USED}        from conftest import AT_IMPORT; print(AT_IMPORT)"
    )
    result = suite.run("-s", "--env", "test")
    result.stdout.fnmatch_lines(["*<4 None>", "test*"])


def test_a_suite_may_have_the_other_two_as_well(suite: Suite) -> None:
    suite.conftest(
        """
        def pytest_addoption(parser):
            parser.addoption("--priority")
            parser.addoption("--phase", action="append")
        """
    ).files(
        test_it="""
        def test_it(pytestconfig):
            assert pytestconfig.getoption("--priority") == "high"
            assert pytestconfig.getoption("--phase") == ["a", "b"]
        """
    )
    words = ("--priority", "high", "--phase", "a", "--phase", "b")
    suite.run(*words).assert_outcomes(passed=1)


def test_a_plugin_may_have_them_as_well(suite: Suite) -> None:
    suite.files(
        plugin="def pytest_addoption(parser):\n    parser.addoption('--env')",
        test_it=OWN_OPTION_USED,
    )
    suite.pytester.syspathinsert()
    result = suite.run("-s", "-p", "plugin", "--env", "test")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines("*<test test>*")


def test_named_by_a_conftest_the_plugin_hears_the_twins_only(suite: Suite) -> None:
    suite.ini("netra_env = test").conftest('pytest_plugins = ["netra_testkit.pytest_plugin"]')
    suite.files(
        test_it="""
        import os

        def test_it(): assert os.environ["NETRA_ENVIRONMENT"] == "test"
        """
    )
    suite.run(installed=False).assert_outcomes(passed=1)
    assert suite.run("--env", "dev", installed=False).ret == pytest.ExitCode.USAGE_ERROR
