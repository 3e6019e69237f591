"""The honest twin: the answer is looked at, and only what takes too long is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netra_testkit import Staging


async def test_an_agent_answers_in_time(staging: Staging) -> None:
    """There is a result, and it comes within five seconds."""
    request = {"message": "Save some budget"}
    async with staging.user() as alice:
        answer = await alice.http.post("/api/agents/triage", json=request, within=5)
    assert answer.json()["status"] == "success"
    assert answer.json()["response"]
