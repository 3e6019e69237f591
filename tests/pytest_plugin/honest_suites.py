"""Suites that stand up to the honesty checks and suites that do not, and how they are run."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, NamedTuple

import tenacity

from netra_testkit import pytest_plugin
from netra_testkit.clients import retry, staging

if TYPE_CHECKING:
    import pytest
    from tests.pytest_plugin.suites import Suite

# What the inner suites import stays imported between them.
LOADED = (retry, staging, tenacity)
HEAD = """
import asyncio
import contextlib
import socket
import unittest

import httpx
import pytest

from netra_testkit.errors import *
from netra_testkit.errors import AuthRefused, NetraError, ServiceUnavailable


async def get(staging, path="/refused", **options):
    async with staging.anonymous() as nobody:
        return await nobody.http.get(path, **options)

"""


class Ran(NamedTuple):
    """A suite that has run."""

    result: pytest.RunResult

    def outcomes(self, **expected: int) -> None:
        self.result.assert_outcomes(**expected)

    def ended(self, how: str) -> list[str]:
        """The sources whose one test ended so."""
        found = re.findall(
            rf"^{how}(?: \([^)]*\))? test_(\w+)\.py::", str(self.result.stdout), re.MULTILINE
        )
        return sorted(name.replace("_", "-") for name in found)

    def said(self, *lines: str) -> None:
        self.result.stdout.fnmatch_lines([f"*{line}*" for line in lines])


class Against:
    """Suites that run against a small deployment."""

    def __init__(self, suite: Suite, root: str) -> None:
        self.suite = suite.environ(NETRA_ENVIRONMENT="local", NETRA_BASE_URL=root)
        self.suite.ini("asyncio_mode = auto")

    def run(self, source: str, *arguments: str, workers: int = 0, conftest: str = "") -> Ran:
        """Run one module."""
        if conftest:
            self.suite.conftest(HEAD + textwrap.dedent(conftest))
        return self.run_all({"it": source}, *arguments, workers=workers)

    def run_all(self, sources: dict[str, str], *arguments: str, workers: int = 0) -> Ran:
        """Run a module for each source in one run."""
        named = {f"test_{name.replace('-', '_')}": text for name, text in sources.items()}
        self.suite.files(**{name: HEAD + textwrap.dedent(text) for name, text in named.items()})
        room = "netra_testkit.pytest_plugin.honesty"
        given = () if "honesty" in pytest_plugin.ROOMS else ("-p", room)
        return Ran(self.suite.run(*given, *arguments, workers=workers))


DROPPED = {
    "suppress": """
        async def test_it(staging):
            with contextlib.suppress(AuthRefused):
                await get(staging)
    """,
    "bare-except": """
        async def test_it(staging):
            try:
                await get(staging)
            except:
                pass
    """,
    "except-and-look": """
        async def test_it(staging):
            try:
                await get(staging)
            except AuthRefused as refused:
                assert refused.status == 401
    """,
    "raises-exception": """
        async def test_it(staging):
            with pytest.raises(Exception, match="401"):
                await get(staging)
    """,
    "raises-base-exception": """
        async def test_it(staging):
            with pytest.raises((BaseException, ValueError)):
                await get(staging)
    """,
    "raises-group-exception": """
        async def test_it(staging):
            with pytest.RaisesGroup(Exception):
                async with asyncio.TaskGroup() as group:
                    group.create_task(get(staging))
    """,
    "gather-return-exceptions": """
        async def test_it(staging):
            answers = await asyncio.gather(get(staging), return_exceptions=True)
            assert len(answers) == 1
    """,
    "gather-the-second": """
        async def test_it(staging):
            with pytest.raises(AuthRefused):
                await asyncio.gather(get(staging), get(staging))
            await asyncio.sleep(0.1)
    """,
    "task-nobody-asks": """
        async def test_it(staging):
            task = asyncio.create_task(get(staging))
            await asyncio.wait([task])
            assert task.done()
    """,
    "expected-another": """
        async def test_it(staging):
            with staging.expecting(ServiceUnavailable):
                for path in ("/refused", "/busy"):
                    with contextlib.suppress(NetraError):
                        await get(staging, path)
    """,
    "another-error-caught": """
        async def test_it(staging):
            with contextlib.suppress(AuthRefused):
                await get(staging)
            with pytest.raises(ServiceUnavailable):
                await get(staging, "/busy")
    """,
    "sync-test": """
        def test_it(staging):
            with contextlib.suppress(AuthRefused):
                asyncio.run(get(staging))
    """,
    "skip-over-it": """
        async def test_it(staging):
            try:
                await get(staging)
            except AuthRefused:
                pytest.skip("no access today")
    """,
    "dynamic-fixture": """
        def test_it(request):
            staging = request.getfixturevalue("staging")
            with contextlib.suppress(AuthRefused):
                asyncio.run(get(staging))
    """,
    "client-of-ones-own": """
        from netra_testkit.clients.staging import Staging

        @pytest.mark.priority(1)
        async def test_it():
            with contextlib.suppress(AuthRefused):
                await get(Staging())
    """,
}


ANSWERED = {
    "raises": """
        async def test_it(staging):
            with pytest.raises(AuthRefused):
                await get(staging)
    """,
    "raises-builtin": """
        async def test_it(staging):
            with pytest.raises((OSError, ValueError), match="401"):
                await get(staging)
    """,
    "raises-group-by-type": """
        async def test_it(staging):
            with pytest.raises(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    group.create_task(get(staging))
    """,
    "raises-group": """
        async def test_it(staging):
            with pytest.RaisesGroup(AuthRefused, pytest.RaisesExc(ServiceUnavailable)):
                async with asyncio.TaskGroup() as group:
                    for path in ("/refused", "/busy"):
                        group.create_task(both(staging, path))

        async def both(staging, path):
            try:
                await get(staging, path)
            except NetraError:
                failed.append(path)
                while len(failed) < 2:
                    await asyncio.sleep(0)
                raise

        failed = []
    """,
    "nested-raises-group": """
        async def test_it(staging):
            with pytest.RaisesGroup(pytest.RaisesGroup(AuthRefused)):
                async with asyncio.TaskGroup() as outer:
                    outer.create_task(inner(staging))

        async def inner(staging):
            async with asyncio.TaskGroup() as group:
                group.create_task(get(staging))
    """,
    "raised-as-another-from": """
        async def test_it(staging):
            with pytest.raises(LookupError):
                try:
                    await get(staging)
                except AuthRefused as refused:
                    raise LookupError("nobody") from refused
    """,
    "raised-as-another-from-none": """
        async def test_it(staging):
            with pytest.raises(LookupError):
                try:
                    await get(staging)
                except AuthRefused:
                    raise LookupError("nobody") from None
    """,
    "caught-then-raised-later": """
        async def test_it(staging):
            [refused] = await asyncio.gather(get(staging), return_exceptions=True)
            with pytest.raises(AuthRefused):
                raise refused
    """,
    "expecting": """
        async def test_it(staging):
            with staging.expecting(AuthRefused, ServiceUnavailable) as expected:
                answers = await asyncio.gather(
                    get(staging), get(staging, "/busy"), return_exceptions=True
                )
            assert len(answers) == len(expected) == 2
    """,
    "expecting-in-a-fixture": """
        @pytest.fixture
        def provoked(staging):
            with staging.expecting(AuthRefused) as expected:
                yield expected

        async def test_it(staging, provoked):
            with contextlib.suppress(AuthRefused):
                await get(staging)
    """,
    "unittest": """
        @pytest.mark.usefixtures("staging")
        class Case(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def take(self, staging):
                self.staging = staging

            def test_it(self):
                with self.assertRaises(AuthRefused):
                    asyncio.run(get(self.staging))
    """,
    "unittest-regex": """
        class Case(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def take(self, staging):
                self.staging = staging

            def test_it(self):
                with self.assertRaisesRegex((AuthRefused, LookupError), "401"):
                    asyncio.run(get(self.staging))
    """,
    "not-one-of-the-four": """
        async def test_it(staging):
            with contextlib.suppress(RateLimited):
                await get(staging, "/late")
    """,
    "by-status": """
        async def test_it(staging):
            assert (await get(staging, expect=401)).status == 401
    """,
    "deadline-expected": """
        async def test_it(staging):
            with pytest.raises(TimeoutError):
                await get(staging, "/slow", within=0.05)
    """,
}


ENDED = {
    "itself": """
        async def test_it(staging):
            await get(staging)
    """,
    "as-another": """
        async def test_it(staging):
            try:
                await get(staging)
            except AuthRefused as refused:
                raise AssertionError("nobody may come in") from refused
    """,
    "in-a-group": """
        async def test_it(staging):
            async with asyncio.TaskGroup() as group:
                group.create_task(get(staging))
    """,
    "not-what-was-expected": """
        async def test_it(staging):
            with pytest.raises(AuthRefused, match="teapot"):
                await get(staging)
    """,
    "unittest": """
        class Case(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def take(self, staging):
                self.staging = staging

            def test_it(self):
                asyncio.run(get(self.staging))
    """,
}

AGAIN = """
    from netra_testkit.clients.retry import RetryPolicy

    async def test_it(staging):
        again = RetryPolicy().without_waits()
        assert (await get(staging, "/once", retry=again)).attempts == 2
"""
