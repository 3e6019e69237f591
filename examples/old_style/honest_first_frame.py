"""The honest twin: the whole run is read, and held to its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netra_testkit import Staging


async def test_an_agent_says_all_that_it_does(staging: Staging) -> None:
    """All five kinds of event come, and every tool that began also ended."""
    async with staging.user() as alice, alice.chat() as chat:
        run = await chat.run_agent("triage", "Where does my budget go?")
        run.assert_delivered()
