"""The fixtures: a configuration, a deployment, a leased user, an embedded staging of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.concern import call_in
from netra_testkit.pytest_plugin.run import run_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.clients.staging import Staging
    from netra_testkit.local.staging import LocalStaging
    from netra_testkit.pytest_plugin.suite_pool import SuitePool
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.settings.users import StagingUser

__all__ = ["load", "local_staging", "staging", "staging_config", "staging_user"]

_POOL = pytest.StashKey["SuitePool"]()


@pytest.fixture(scope="session")
def _netra_rules(pytestconfig: pytest.Config) -> None:
    """Brings the rules to a run that meets the kit by request.getfixturevalue() only."""
    call_in(pytestconfig)


@pytest.fixture(scope="session")
def staging_config(_netra_rules: None, pytestconfig: pytest.Config) -> StagingConfig:
    """The configuration of this run."""
    return run_of(pytestconfig).config()


@pytest.fixture
def staging(
    _netra_rules: None, request: pytest.FixtureRequest, staging_config: StagingConfig
) -> Staging:
    """The deployment that this run is against; opens nothing before it is used."""
    from netra_testkit.clients.staging import Staging

    _prepare(request)
    return Staging(staging_config, pool=_pool(request.config, staging_config))


@pytest.fixture
def staging_user(
    _netra_rules: None, request: pytest.FixtureRequest, staging_config: StagingConfig
) -> Iterator[StagingUser]:
    """A user that no other test has as long as this one runs; `staging.user(it)` takes it on."""
    _prepare(request)
    pool = _pool(request.config, staging_config)
    with pool.lease(purpose=request.node.nodeid) as user, pool.lending(user):
        yield user


@pytest.fixture
def local_staging(_netra_rules: None, request: pytest.FixtureRequest) -> Iterator[LocalStaging]:
    """An embedded staging of this test's own, with its faults; never the one of `--env local`."""
    run = run_of(request.config)
    run.note_use(request.node)
    if run.switched_on("require_live"):
        pytest.fail("the run must be live, and local_staging is not", pytrace=False)
    from netra_testkit.local.staging import LocalStaging

    with LocalStaging() as server:
        yield server


def load(names: frozenset[str]) -> None:
    """Import what the kit's fixtures of these names and their users need, which takes a while."""
    if names & {"staging", "staging_user"}:
        import jwt  # noqa: F401 - signs tokens

        from netra_testkit.clients import availability, chat, connecting, staging  # noqa: F401 - ask a deployment
    if "local_staging" in names:
        from netra_testkit.local import staging as _  # noqa: F401 - serves one


def _prepare(request: pytest.FixtureRequest) -> None:
    from netra_testkit.pytest_plugin.reachability import require

    run, item = run_of(request.config), request.node
    run.note_use(item)
    run.note_taken(item)
    require(run)


def _pool(pytest_config: pytest.Config, config: StagingConfig) -> SuitePool:
    from netra_testkit.pytest_plugin.suite_pool import SuitePool

    if _POOL not in pytest_config.stash:
        pytest_config.stash[_POOL] = SuitePool(config.users, environment=config.environment)
    return pytest_config.stash[_POOL]
