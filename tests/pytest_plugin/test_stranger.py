"""A suite that asks for nothing has the same outcomes, exit code and output with the plugin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytest_plugin.suites import Suite

CONFTEST = """
    import pytest

    def pytest_addoption(parser):
        parser.addoption("--env", default="local")
        parser.addoption("--phase", type=int)

    def pytest_configure(config):
        config.addinivalue_line("markers", "priority(name): of the suite")

    @pytest.fixture
    def staging(): return "a place of theirs"

    @pytest.fixture
    def broken(): raise OSError("broken")
"""
TESTS = """
    import asyncio, os, unittest, warnings
    import pytest

    def test_passes(staging): assert staging == "a place of theirs"
    def test_fails(): assert {"a": 1} == {"a": 2}
    def test_errs(broken): pass
    def test_skips(): pytest.skip("why")
    def test_warns(): warnings.warn("beware", UserWarning)
    def test_prints(record_property):
        record_property("name", "value")
        print("said")

    @pytest.mark.xfail
    def test_expected(): assert 0

    @pytest.mark.xfail(strict=True)
    def test_unexpected(): pass

    @pytest.mark.priority("high")
    def test_of_priority(request): assert request.config.getoption("--env") in ("local", "chrome")

    @pytest.mark.unknown_to_all
    def test_of_unknown_mark(): pass

    @pytest.mark.asyncio
    async def test_async(): await asyncio.sleep(0)

    class TestClass(unittest.TestCase):
        def test_method(self): self.assertRaises(ValueError, int, "x")

    @pytest.mark.parametrize("number", range(3))
    def test_many(number): assert number < 2
"""
pytestmark = pytest.mark.broad
TIMES = re.compile(r"\d+\.\d+s")
# Where nothing but the kit is loaded, the line is pytest's word for the kit alone.
PLUGINS = re.compile(r"^plugins:.*\n", re.MULTILINE)


def told(result: pytest.RunResult) -> str:
    return PLUGINS.sub("", TIMES.sub("0s", "\n".join(result.outlines))) + "\n".join(result.errlines)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-v", "-rA", "--env", "chrome", "--phase=3"),
        ("-x", "-q", "--env=staging"),
        ("--collect-only", "-q"),
        ("--strict-markers",),
        ("-p", "nothing_like_that"),
        ("--priority", "1"),
        ("-k", "nothing"),
        ("test_missing.py",),
    ],
    ids=lambda words: " ".join(words) or "plain",
)
def test_nothing_changes(suite: Suite, words: tuple[str, ...]) -> None:
    suite.conftest(CONFTEST).files(test_it=TESTS, test_broken="import nothing_like_that")
    arguments = () if "-x" in words else ("--continue-on-collection-errors",)
    if words == ("--priority", "1"):
        suite.conftest(f"{CONFTEST}\n    pytest_plugins = ['others']\n")
        suite.files(others="def pytest_addoption(parser): parser.addoption('--priority')")
    # Here the plugin is loaded twice, which pytest says; a fresh process does without.
    fresh = words == ()
    once = () if fresh else ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    without = suite.run(*arguments, *once, *words, subprocess=fresh, installed=False)
    with_it = suite.run(*arguments, *once, *words, subprocess=fresh)
    assert told(with_it) == told(without)
    assert with_it.ret == without.ret


def test_nothing_changes_in_what_is_recorded(suite: Suite) -> None:
    suite.conftest(CONFTEST).files(test_it=TESTS)
    recorded = []
    for installed in (False, True):
        suite.run("--junit-xml=report.xml", installed=installed)
        text = suite.pytester.path.joinpath("report.xml").read_text("utf-8")
        recorded.append(re.sub(r'(time|timestamp)="[^"]*"', "", text))
    assert recorded[0] == recorded[1]


def test_nothing_of_the_kit_is_loaded_but_the_plugin(suite: Suite) -> None:
    suite.files(
        test_it="""
        import sys

        def test_it():
            heavy = {"httpx", "websockets", "pydantic", "jwt", "tenacity", "asyncio"}
            if sys.version_info >= (3, 14):
                heavy.remove("asyncio")  # pytest loads pdb, which imports it there
            assert not heavy & set(sys.modules)
            kit = {each.split(".")[1] for each in sys.modules if each.startswith("netra_testkit.")}
            assert kit == {"pytest_plugin"}
        """
    )
    quiet = ("-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:timeout")
    result = suite.run(*quiet, subprocess=True)
    result.assert_outcomes(passed=1)
