"""`--env local`: one embedded staging for the whole run, pointed to by a private file."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

UNUSABLE = "-"
AT_IMPORT = """
    from netra_testkit.settings.config import StagingConfig, get_staging_config

    AT_IMPORT = StagingConfig()
"""
SEES_IT = """
    import os, pathlib, stat
    from conftest import AT_IMPORT
    from netra_testkit.settings.config import StagingConfig, get_staging_config

    def test_it(staging_config):
        assert StagingConfig() == get_staging_config() == staging_config == AT_IMPORT
        file = pathlib.Path(os.environ["NETRA_ENV_FILE"])
        if os.name == "posix":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        pathlib.Path("seen.txt").write_text(f"{file} {staging_config.base_url}")
"""


def sees_it(suite: Suite) -> Suite:
    return suite.conftest(AT_IMPORT).files(test_it=SEES_IT)


def seen(suite: Suite) -> tuple[Path, str]:
    file, _, url = (suite.pytester.path / "seen.txt").read_text("utf-8").partition(" ")
    return Path(file), url


def answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as asking:
        return asking.connect_ex((str(parts.hostname), int(parts.port or 0))) == 0


def test_everything_that_reads_the_configuration_reaches_it(suite: Suite) -> None:
    result = sees_it(suite).run("--env", "local")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "netra: local (embedded) at http://127.0.0.1:* (--env)",
            "netra: users local-e2e-user-001, *",
        ]
    )


@pytest.mark.parametrize("before", [None, "of-the-user.env"], ids=["unset", "set"])
def test_nothing_is_left_of_it(suite: Suite, before: str | None) -> None:
    if before is not None:
        suite.pytester.path.joinpath(before).write_text("NETRA_ENVIRONMENT=staging\n", "utf-8")
        suite.environ(NETRA_ENV_FILE=before)
    sees_it(suite).run("--env", "local").assert_outcomes(passed=1)
    file, url = seen(suite)
    assert not file.exists()
    assert not answers(url)
    assert os.environ.get("NETRA_ENV_FILE") == before
    assert "NETRA_ENVIRONMENT" not in os.environ


@pytest.mark.parametrize("how", ["variable", "ini"])
def test_the_twins_start_it_too(suite: Suite, how: str) -> None:
    if how == "variable":
        suite.environ(NETRA_ENVIRONMENT="local")
    else:
        suite.ini("netra_env = local")
    sees_it(suite).run().assert_outcomes(passed=1)


def test_loaded_late_it_is_started_all_the_same(suite: Suite) -> None:
    suite.ini("netra_env = local").conftest('pytest_plugins = ["netra_testkit.pytest_plugin"]')
    suite.meeting().files(
        test_it="""
        from meeting import meet

        def test_it(staging):
            meet(staging.config)
            assert staging.config.environment == "local"
        """
    )
    suite.run(installed=False).assert_outcomes(passed=1)


def test_the_suites_own_option_starts_it_too(suite: Suite) -> None:
    suite.conftest("def pytest_addoption(parser): parser.addoption('--env')")
    suite.files(
        test_it="""
        def test_it(staging_config): assert staging_config.base_url.startswith("http://127")
        """
    )
    suite.run("--env", "local").assert_outcomes(passed=1)


def test_a_mere_default_of_the_suites_own_option_does_not(suite: Suite) -> None:
    suite.conftest("def pytest_addoption(parser): parser.addoption('--env', default='local')")
    suite.files(test_it="import os\ndef test_it(): assert 'NETRA_ENV_FILE' not in os.environ")
    suite.run().assert_outcomes(passed=1)


@pytest.mark.broad
def test_all_workers_reach_the_same(suite: Suite) -> None:
    suite.meeting().files(
        test_it="""
        import os, pytest
        from meeting import meet
        from pathlib import Path

        @pytest.mark.parametrize("number", range(8))
        def test_it(staging_config, staging, number):
            meet(staging_config)
            worker = os.environ["PYTEST_XDIST_WORKER"]
            Path(f"seen-{worker}.txt").write_text(staging_config.base_url)
        """
    )
    suite.run("--env", "local", workers=2).assert_outcomes(passed=8)
    urls = {each.read_text("utf-8") for each in suite.pytester.path.glob("seen-*.txt")}
    assert len(urls) == 1


def test_one_that_runs_already_is_used(suite: Suite) -> None:
    with LocalStaging() as running:
        config = running.config()
        file = suite.pytester.path / "running.env"
        file.write_text(
            'NETRA_ENVIRONMENT = "local"\n'
            f"NETRA_BASE_URL={config.base_url}\n"
            f"JWT_SECRET_LOCAL={config.jwt_secret().reveal()}\n",
            "utf-8",
        )
        suite.environ(NETRA_ENV_FILE=str(file))
        suite.files(test_it="def test_it(staging): print(staging.config.base_url)")
        result = suite.run("-s", "--env", "local")
        result.stdout.fnmatch_lines(f"*{config.base_url}")
        assert running.received.requests


def test_one_whose_address_is_given_is_used(suite: Suite) -> None:
    with LocalStaging() as running:
        suite.environ(NETRA_BASE_URL=running.config().base_url)
        suite.meeting().files(
            test_it="from meeting import meet\n\ndef test_it(staging): meet(staging.config)"
        )
        suite.run("--env", "local").assert_outcomes(passed=1)
        assert running.received.requests


def test_a_file_that_is_not_there_names_none(suite: Suite) -> None:
    suite.environ(NETRA_ENV_FILE="missing.env")
    sees_it(suite).run("--env", "local").assert_outcomes(passed=1)


def test_it_has_the_secret_that_the_environment_names(suite: Suite) -> None:
    suite.environ(JWT_SECRET_LOCAL=token_urlsafe(48))
    suite.files(
        test_it="""
        import asyncio

        def test_it(staging):
            async def ask():
                async with staging.user() as alice:
                    return (await alice.http.get("/auth/me")).status

            assert asyncio.run(ask()) == 200
        """
    )
    suite.run("--env", "local").assert_outcomes(passed=1)


def test_a_secret_that_cannot_be_used_is_refused(suite: Suite) -> None:
    suite.environ(JWT_SECRET_LOCAL=UNUSABLE)
    result = suite.files(test_it="def test_it(): pass").run("--env", "local")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("ERROR: *JWT_SECRET_LOCAL*too short*")


def test_a_setting_that_cannot_be_used_is_refused(suite: Suite) -> None:
    suite.environ(NETRA_RETRY_COUNT="99")
    result = suite.files(test_it="def test_it(): pass").run("--env", "local")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("ERROR: retry_count (from NETRA_RETRY_COUNT): *")
    assert "NETRA_ENV_FILE" not in os.environ


def test_without_the_extra_it_is_said_what_to_install(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "netra_testkit.local.staging", None)
    result = suite.files(test_it="def test_it(): pass").run("--env", "local")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("ERROR: the embedded staging needs the extra `local` *")
    assert "NETRA_ENVIRONMENT" not in os.environ


def test_without_the_extra_a_suite_with_an_option_of_its_own_runs_on(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "netra_testkit.local.staging", None)
    suite.conftest("def pytest_addoption(parser): parser.addoption('--env')")
    suite.files(test_it="def test_it(): pass\ndef test_uses(staging): pass")
    result = suite.run("--env", "local")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines("*the embedded staging needs the extra `local` *")


def test_asking_for_help_starts_nothing(suite: Suite) -> None:
    suite.run("--help", "--env", "local").stdout.no_fnmatch_line("netra: *")
