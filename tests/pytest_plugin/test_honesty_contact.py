"""A test that uses staging has to ask it something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.honest_suites import Against
from tests.pytest_plugin.small_deployment import small_deployment

from netra_testkit.pytest_plugin import contact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pytest_plugin.suites import Suite


SILENT = {
    "nothing": """
        async def test_it(staging):
            pass
    """,
    "only-looked-at": """
        def test_it(staging):
            assert staging.config.base_url
    """,
    "in-the-kits-own-setup": """
        def test_it(staging, staging_user):
            assert staging_user.user_id
    """,
    "opened-and-not-used": """
        async def test_it(staging):
            async with staging.anonymous():
                pass
    """,
    "dynamic": """
        def test_it(request):
            request.getfixturevalue("staging")
            request.getfixturevalue("staging_user")
    """,
    "teardown-only": """
        @pytest.fixture
        def tidied(staging):
            yield
            asyncio.run(get(staging, "/health"))

        def test_it(staging, tidied):
            pass
    """,
    "took-its-time": """
        async def test_it(staging):
            await asyncio.sleep(0.05)
    """,
}

IN_CONTACT = {
    "a-client": """
        async def test_it(staging):
            await get(staging, "/health")
    """,
    "a-health": """
        async def test_it(staging):
            assert (await staging.health()).is_ready
    """,
    "bare-httpx": """
        def test_it(staging):
            assert httpx.get(staging.config.health_endpoint, trust_env=False).status_code == 200
    """,
    "bare-httpx-async": """
        async def test_it(staging):
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(staging.config.health_endpoint)).status_code == 200
    """,
    "a-fixture-of-the-suites": """
        @pytest.fixture
        async def answer(staging):
            return await get(staging, "/health")

        def test_it(answer):
            assert answer.status == 200
    """,
    "a-thread": """
        async def test_it(staging):
            await asyncio.to_thread(httpx.get, staging.config.health_endpoint, trust_env=False)
    """,
    "nobody-there": """
        async def test_it(staging):
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.1", 9), timeout=1)
    """,
    "without-staging": """
        def test_it(staging_config):
            assert staging_config.base_url
    """,
}


@pytest.fixture
def against(suite: Suite) -> Iterator[Against]:
    with small_deployment() as (root, _):
        yield Against(suite, root)


# Contact


def test_a_test_that_asks_nothing_fails(against: Against) -> None:
    ran = against.run_all(SILENT)
    assert ran.ended("FAILED") == sorted(SILENT)
    said = "\ncontact: the test uses staging, sent no request and opened no socket."
    assert str(ran.result.stdout).count(said) == len(SILENT)


def test_a_test_that_asks_something_is_no_finding(against: Against) -> None:
    assert against.run_all(IN_CONTACT, "-rA").ended("PASSED") == sorted(IN_CONTACT)


def test_where_nothing_can_be_seen_it_says_so(
    against: Against, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact, "FOREIGN_LOOPS", ("asyncio",))
    ran = against.run(SILENT["nothing"], "--junitxml=it.xml")
    ran.outcomes(passed=1)
    written = (against.suite.pytester.path / "it.xml").read_text("utf-8")
    assert '<property name="netra.contact" value="not observable"' in written


def test_a_fixture_of_the_suites_own_with_that_name_is_no_staging(against: Against) -> None:
    source = """
        @pytest.fixture
        def staging():
            return 1

        @pytest.mark.priority(1)
        def test_it(staging):
            assert staging == 1
    """
    against.run(source).outcomes(passed=1)
