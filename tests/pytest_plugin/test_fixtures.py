"""Fixtures: usable under pytest-asyncio, anyio's plugin and a plain asyncio.run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.suite_pool import SuitePool
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.users import KNOWN_USERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pytest_plugin.suites import Suite

RUNNERS = {
    "asyncio": "import pytest\npytestmark = pytest.mark.asyncio\nASYNC = True\n",
    "anyio": (
        "import pytest\npytestmark = pytest.mark.anyio\nASYNC = True\n"
        "@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
    ),
    "run": (
        "import asyncio, functools, inspect\n"
        "def plain(test):\n"
        "    def run(staging, staging_user, staging_config, local_staging):\n"
        "        asyncio.run(test(staging, staging_user, staging_config, local_staging))\n"
        "    return run\n"
    ),
}
USES_ALL = """
async def test_all(staging, staging_user, staging_config, local_staging):
    from netra_testkit.clients.staging import Staging

    async with staging.user(staging_user) as alice:
        answer = await alice.http.get("/auth/me")
        assert answer.json()["email"] == staging_user.email
    async with staging.user(staging_user) as again, staging.user() as another:
        assert again.identity == staging_user != another.identity
    assert staging.config is staging_config
    assert str(staging_config.environment) == "local"
    assert local_staging.config().base_url != staging_config.base_url
    async with Staging(local_staging.config()).user() as bob:
        await bob.http.get("/health")
    assert local_staging.received.requests
"""


@pytest.mark.parametrize("runner", RUNNERS)
def test_all_of_them_work_under(suite: Suite, runner: str) -> None:
    decorator = "@plain" if runner == "run" else ""
    suite.files(test_it=f"{RUNNERS[runner]}{decorator}{USES_ALL}")
    loaded = ["-p", "anyio"] if runner == "anyio" else []
    result = suite.run("--env", "local", *loaded)
    result.assert_outcomes(passed=1)


def test_the_configuration_is_read_once_for_a_run(suite: Suite) -> None:
    suite.files(
        test_it="""
        import pytest

        @pytest.fixture(scope="session")
        def of_session(staging_config): return staging_config

        def test_it(of_session, staging_config): assert of_session is staging_config
        def test_again(of_session, staging_config): assert of_session is staging_config
        """
    )
    suite.run("--env", "local").assert_outcomes(passed=2)


def test_a_user_is_leased_for_the_test_and_given_back(suite: Suite) -> None:
    suite.meeting().files(
        test_it="""
        import pytest
        from meeting import meet
        from netra_testkit.errors import UsersBusy

        HELD = []

        def test_it(staging, staging_user, staging_config):
            from netra_testkit.settings.leases import UserPool

            meet(staging_config)
            HELD.append(staging_user)
            others = UserPool(staging_config.users, environment=staging_config.environment)
            with pytest.raises(UsersBusy, match="test_it.py::test_it"):
                others.lease(staging_user, within=0.01).__enter__()

        def test_again(staging, staging_user):
            meet(staging.config)
            with staging.pool.lease(HELD[0], within=0.01) as user:
                assert user == HELD[0]
        """
    )
    suite.run("--env", "local").assert_outcomes(passed=2)


def test_a_fixture_of_that_name_of_the_suite_is_the_suites(suite: Suite) -> None:
    suite.files(
        test_it="""
        import pytest
        from netra_testkit.pytest_plugin.run import run_of

        @pytest.fixture
        def staging(): return "theirs"

        def test_theirs(staging, request):
            assert staging == "theirs"
            assert not run_of(request.config).applies(request.node)

        class TestBuildsOnOurs:
            @pytest.fixture
            def local_staging(self, local_staging): return local_staging

            def test_it(self, local_staging, request):
                assert run_of(request.config).applies(request.node)

        def test_ours(local_staging, request):
            assert run_of(request.config).applies(request.node)

        def test_by_name(request):
            assert not run_of(request.config).applies(request.node)
            request.getfixturevalue("local_staging")
            assert run_of(request.config).applies(request.node)
        """
    )
    suite.run().assert_outcomes(passed=4)


def test_an_item_without_fixtures_uses_none_of_them(suite: Suite) -> None:
    suite.conftest(
        """
        import pytest

        class Item(pytest.Item):
            def runtest(self): pass

        class File(pytest.File):
            def collect(self): yield Item.from_parent(self, name="it")

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".check":
                return File.from_parent(parent, path=file_path)
        """
    )
    suite.pytester.makefile(".check", test_it="")
    suite.run().assert_outcomes(passed=1)


@pytest.fixture
def pool(tmp_path: Path) -> SuitePool:
    return SuitePool(KNOWN_USERS, environment=Environment.STAGING, directory=tmp_path)


def test_a_user_that_is_held_is_lent_by_name_only(pool: SuitePool) -> None:
    with pool.lease() as user, pool.lending(user):
        with pool.lease(user, within=0.01) as again, pool.lease(within=0.01) as other:
            assert again == user != other
        assert pool.lease(user).__enter__() == user


def test_nothing_is_lent_after_the_block(pool: SuitePool) -> None:
    with pool.lease() as user:
        with pool.lending(user):
            pass
        with pytest.raises(TimeoutError):
            pool.lease(user, within=0.01).__enter__()
