"""Suites of tests that take too long, whatever they do about it, and of tests that are in time."""

from __future__ import annotations

# What a coroutine test can do about being cancelled, and a plain test about nothing at all.
LATE = {
    "awaits": """
    async def test_it():
        await asyncio.sleep(30)
    """,
    "swallows": """
    async def test_it():
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass
    """,
    "swallows_and_skips": """
    async def test_it():
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pytest.skip("it was cancelled")
    """,
    "swallows_and_fails": """
    async def test_it():
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            assert False
    """,
    "swallows_for_ever": """
    async def test_it():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
    """,
    "swallows_even_its_end": """
    async def test_it():
        while True:
            try:
                await asyncio.Event().wait()
            except BaseException:
                if done:
                    return
                done.append(True)

    done = []
    """,
    "blocks_its_loop": """
    async def test_it():
        while True:
            pass
    """,
    "catches_every_exception": """
    def test_it():
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                pass
    """,
    "runs_a_loop": """
    def test_it():
        asyncio.run(asyncio.Event().wait())
    """,
    "ends_late": """
    def test_it():
        time.sleep(0.15)
    """,
    "fails_late": """
    def test_it():
        time.sleep(0.15)
        assert False
    """,
    "examples": """
    from hypothesis import given, settings, strategies

    @given(strategies.booleans())
    @settings(deadline=None, database=None)
    async def test_it(value):
        await asyncio.sleep(30)
    """,
    "unittest": """
    class TestIt(unittest.IsolatedAsyncioTestCase):
        async def test_it(self):
            await asyncio.sleep(30)
    """,
    "unittest_blocks": """
    class TestIt(unittest.TestCase):
        def test_it(self):
            while True:
                pass
    """,
    # Cleaning up has a moment of its own.
    "cleans_up": """
    @pytest.fixture
    async def cleans_up():
        yield
        await asyncio.sleep(0.02)

    async def test_it(cleans_up):
        await asyncio.sleep(30)
    """,
}
# Where a fixture takes all the time of its test.
SLOW = {
    "coroutine": ("setup", "async def slow(): await asyncio.sleep(30)"),
    "generator": ("setup", "async def slow(): await asyncio.sleep(30); yield"),
    "generator_end": ("teardown", "async def slow(): yield; await asyncio.sleep(30)"),
    "late": ("setup", "def slow(): time.sleep(0.15)"),
    "blocked": ("setup", "def slow():\n        while True: pass"),
    "blocked_end": ("teardown", "def slow():\n        yield\n        while True: pass"),
}
IN_TIME = {
    "awaits": """
    async def test_it():
        await asyncio.sleep(0.01)
    """,
    "times_out_itself": """
    async def test_it():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(30)
        assert not asyncio.current_task().cancelling()
    """,
    "cancels_another": """
    async def test_it():
        task = asyncio.create_task(asyncio.sleep(30))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    """,
    "has_fixtures": """
    @pytest.fixture
    async def given():
        await asyncio.sleep(0.001)
        return 1

    @pytest.fixture
    async def made(given):
        await asyncio.sleep(0.001)
        yield given
        await asyncio.sleep(0.001)

    class TestIt:
        @pytest.fixture
        async def of_a_class(self):
            yield type(self).__name__

        async def test_it(self, made, of_a_class):
            assert (made, of_a_class) == (1, "TestIt")
    """,
    "plain": """
    def test_it():
        assert True
    """,
}
