"""What a test needs of the kit is imported before its deadline begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite


SAYS_WHAT_IS_LOADED = """
    import pytest, sys

    # Further inside than the wrapper that begins the deadline, and before any fixture.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(item):
        from netra_testkit.pytest_plugin.deadlines import WATCH

        assert WATCH in item.config.stash
        names = ["clients.chat", "clients.staging", "clients.availability", "local.staging"]
        loaded = [each for each in names if f"netra_testkit.{each}" in sys.modules]
        print("<loaded", *loaded, "jwt" in sys.modules, ">")
        return (yield)
"""
WANTED = {
    "staging": "*<loaded clients.chat clients.staging clients.availability True >*",
    "local_staging": "*<loaded local.staging False >*",
}


@pytest.mark.broad
def test_the_first_test_pays_for_no_import(suite: Suite) -> None:
    # Nobody is there; what is asked is what there was before anybody could be.
    suite.environ(NETRA_ENVIRONMENT="local", NETRA_BASE_URL="http://127.0.0.1:9")
    started = {
        fixture: suite.start(
            fixture, "-s", conftest=SAYS_WHAT_IS_LOADED, test_it=f"def test_it({fixture}): pass"
        )
        for fixture in WANTED
    }
    for fixture, wanted in WANTED.items():
        started[fixture]().stdout.fnmatch_lines(wanted)
