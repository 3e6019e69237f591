"""What becomes of an error that nobody answered for, and of one that somebody did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.pytest_plugin.honest_suites import AGAIN, ANSWERED, DROPPED, ENDED, Against
from tests.pytest_plugin.small_deployment import small_deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pytest_plugin.suites import Suite


@pytest.fixture
def against(suite: Suite) -> Iterator[Against]:
    with small_deployment() as (root, _):
        yield Against(suite, root)


# Errors that nobody answered for


def test_an_error_that_was_dropped_fails_the_test(against: Against) -> None:
    ran = against.run_all(DROPPED)
    assert ran.ended("FAILED") == sorted(DROPPED)
    said = "errors: an error left a call of the kit and nothing came of it:\n  "
    assert str(ran.result.stdout).count(said) == len(DROPPED)


def test_an_error_that_was_answered_for_is_no_finding(against: Against) -> None:
    ran = against.run_all(ANSWERED, "-rA")
    assert ran.ended("PASSED") == sorted(ANSWERED)
    ran.result.stdout.no_fnmatch_line("*netra honesty*")


def test_an_error_that_ended_the_test_is_said_once(against: Against) -> None:
    ran = against.run_all(ENDED, "--junitxml=it.xml")
    assert ran.ended("FAILED") == sorted(ENDED)
    assert "netra.honesty" not in (against.suite.pytester.path / "it.xml").read_text("utf-8")
    ran.result.stdout.no_fnmatch_line("*nothing came of it*")


def test_a_subtest_that_failed_answers_for_its_error(against: Against) -> None:
    source = """
        def test_it(staging, subtests):
            with subtests.test("one"):
                asyncio.run(get(staging))
    """
    ran = against.run(source)
    assert ran.result.ret == 1
    ran.result.stdout.no_fnmatch_line("*nothing came of it*")


def test_beside_another_failure_it_is_said_in_a_section(against: Against) -> None:
    source = """
        async def test_it(staging):
            with contextlib.suppress(AuthRefused):
                await get(staging)
            assert False, "the real reason"
    """
    ran = against.run(source)
    ran.outcomes(failed=1)
    ran.said("the real reason", "Captured netra honesty call", "errors: an error left a call")


def test_several_are_said_together_with_what_to_do(against: Against) -> None:
    source = """
        async def test_it(staging):
            for path in ("/refused", "/busy"):
                with contextlib.suppress(NetraError):
                    await get(staging, path)
    """
    ran = against.run(source)
    ran.outcomes(failed=1)
    ran.said(
        "errors: 2 errors left calls of the kit and nothing came of them:",
        ". AuthRefused: Credentials refused via http (HTTP 401)",
        ". ServiceUnavailable: GET /busy answered 503",
        "staging.expecting(AuthRefused, ServiceUnavailable).",
    )


def test_an_error_is_that_of_the_test_it_was_dropped_for(against: Against) -> None:
    dropped = {
        "setup": """
        @pytest.fixture
        async def prepared(staging):
            with contextlib.suppress(AuthRefused):
                await get(staging)

        async def test_it(prepared):
            pass
        """,
        "skipping-setup": """
        @pytest.fixture
        async def prepared(staging):
            try:
                await get(staging)
            except AuthRefused:
                pytest.skip("no access today")

        async def test_it(prepared):
            pass
        """,
        "teardown": """
        @pytest.fixture
        def tidied(staging):
            yield
            with contextlib.suppress(AuthRefused):
                asyncio.run(get(staging))

        def test_it(staging, tidied):
            asyncio.run(get(staging, "/health"))
        """,
        # Neither its teardown nor the next test says it again.
        "call": DROPPED["suppress"]
        + """
        async def test_another(staging):
            await get(staging, "/health")
        """,
    }
    ran = against.run_all(dropped, "-rA")
    ran.outcomes(passed=2, failed=2, errors=2)
    assert ran.ended("FAILED") == ["call", "setup"]
    assert ran.ended("ERROR") == ["skipping-setup", "teardown"]
    assert ran.ended("PASSED") == ["call", "teardown"]
    said = "errors: an error left a call of the kit and nothing came of it:\n"
    assert str(ran.result.stdout).count(said) == len(dropped)
    ran.said("ERROR at teardown of test_it")


def test_what_ended_a_phase_answers_for_its_error(against: Against) -> None:
    ended = {
        "expected": """
        @pytest.mark.xfail(raises=AuthRefused, strict=True)
        async def test_it(staging):
            await get(staging)
        """,
        "setup": """
        @pytest.fixture
        async def prepared(staging):
            await get(staging)

        async def test_it(prepared):
            pass
        """,
        "teardown": """
        @pytest.fixture
        def tidied(staging):
            yield
            asyncio.run(get(staging))

        def test_it(staging, tidied):
            asyncio.run(get(staging, "/health"))
        """,
        "plain-skip": """
        async def test_it(staging):
            pytest.skip("not today")
        """,
    }
    ran = against.run_all(ended, "-rA")
    ran.outcomes(passed=1, errors=2, skipped=1, xfailed=1)
    assert ran.ended("ERROR") == ["setup", "teardown"]
    assert ran.ended("PASSED") == ["teardown"]
    ran.result.stdout.no_fnmatch_line("*nothing came of it*")


def test_a_test_that_does_not_concern_the_kit_is_left_alone(against: Against) -> None:
    source = """
        from netra_testkit.clients.staging import Staging

        async def test_it():
            with contextlib.suppress(AuthRefused):
                await get(Staging())

        def test_unawaited():
            async def nobody():
                pass
            with pytest.raises(Exception):
                raise OSError

        def test_fails():
            assert False, "its own"
    """
    ran = against.run(source)
    ran.outcomes(passed=2, failed=1)
    ran.result.stdout.no_fnmatch_line("*nothing came of it*")


def test_a_place_that_is_strict_is_watched(against: Against) -> None:
    source = """
        from netra_testkit.clients.staging import Staging

        async def test_it():
            with contextlib.suppress(AuthRefused):
                await get(Staging())
    """
    against.suite.environ(NETRA_STRICT="true")
    against.run(source).outcomes(failed=1)


@pytest.mark.broad
def test_workers_see_the_same(against: Against) -> None:
    source = """
        async def test_dropped(staging):
            with contextlib.suppress(AuthRefused):
                await get(staging)

        async def test_expected(staging):
            with pytest.raises(AuthRefused):
                await get(staging)

        async def test_silent(staging):
            pass

        async def test_again(staging):
            from netra_testkit.clients.retry import RetryPolicy
            again = RetryPolicy().without_waits()
            assert (await get(staging, "/once", retry=again)).attempts == 2
    """
    conftest = """
        def pytest_runtest_logreport(report):
            for name, said in report.user_properties:
                if report.when == "call":
                    print(f"<{name}: {said}>")
    """
    ran = against.run(source, "-s", "-p", "no:randomly", workers=1, conftest=conftest)
    ran.outcomes(failed=2, passed=2)
    for line in (
        "<netra.honesty: errors>",
        "<netra.honesty: contact>",
        "<netra.retried: ServiceUnavailable: GET /once answered 503*>",
    ):
        ran.said(line)


# Awaited


def test_a_coroutine_test_that_nobody_awaited_fails(against: Against) -> None:
    source = """
        class Case(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def take(self, staging):
                self.staging = staging

            async def test_it(self):
                await get(self.staging)
    """
    ran = against.run(source, "-W", "ignore")
    ran.outcomes(failed=1)
    ran.said("awaited: Case.test_it is a coroutine that nobody awaited, so nothing in it ran.")


# Retried


def test_a_pass_after_a_retry_can_be_seen(against: Against) -> None:
    ran = against.run(AGAIN, "--junitxml=it.xml")
    ran.outcomes(passed=1)
    written = (against.suite.pytester.path / "it.xml").read_text("utf-8")
    assert 'name="netra.retried" value="ServiceUnavailable: GET /once answered 503' in written


def test_a_pass_after_another_run_can_be_seen(against: Against) -> None:
    conftest = """
        def pytest_runtest_call(item):
            item.execution_count = 2
    """
    source = """
        async def test_it(staging):
            await get(staging, "/health")
    """
    against.suite.ini("asyncio_mode = auto", "netra_honesty = retried=failure")
    ran = against.run(source, conftest=conftest)
    ran.outcomes(failed=1)
    ran.said("retried: the test passed only after retries:", "attempt 2 of the test")


# Older pytest


def test_below_the_pytest_it_needs_it_says_so(
    against: Against, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(pytest, "RaisesGroup")
    ran = against.run(DROPPED["suppress"], "--junitxml=it.xml")
    ran.outcomes(passed=1)
    written = (against.suite.pytester.path / "it.xml").read_text("utf-8")
    assert '<property name="netra.errors" value="not observable"' in written
