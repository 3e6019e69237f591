"""A test on the event loop of another library learns at once that the clients are of asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

# What drives coroutines is asyncio's no more than trio is.
CONFTEST = """
    import inspect
    import pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        test = pyfuncitem.obj
        names = pyfuncitem._fixtureinfo.argnames
        driven = test(**{name: pyfuncitem.funcargs[name] for name in names})
        with pytest.raises(StopIteration):
            while True:
                driven.send(None)
        return True
"""


def test_a_client_is_not_opened_there(suite: Suite) -> None:
    suite.conftest(CONFTEST).files(
        test_it="""
        async def test_user(staging):
            async with staging.user(): pass

        async def test_anonymous(staging):
            async with staging.anonymous(): pass
        """
    )
    result = suite.run("--env", "local", "-p", "no:asyncio")
    result.assert_outcomes(failed=2)
    said = result.stdout.str()
    assert said.count("WrongLoop: opening an HttpClient where no event loop of asyncio runs") >= 2
    result.stdout.fnmatch_lines(["FAILED (test) *::test_user*", "FAILED (test) *::test_anonymous*"])
