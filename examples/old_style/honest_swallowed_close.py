"""The honest twin: a close that was not asked for ends the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netra_testkit import Staging


async def test_a_connection_lasts_as_long_as_its_run(staging: Staging) -> None:
    """All events come, and then the connection is still there."""
    async with staging.user() as alice, alice.chat() as chat:
        run = await chat.run_agent("triage", "Where does my budget go?")
        run.assert_delivered()
        assert await chat.ping() > 0
