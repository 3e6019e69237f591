"""The honest twin: the first failure ends the test, and says whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netra_testkit import Staging


async def test_a_user_sees_what_is_theirs(staging: Staging) -> None:
    """Threads, messages and agents are listed for their owner."""
    async with staging.user() as alice:
        thread = (await alice.http.post("/api/threads", json={"title": "Mine"})).json()
        threads = (await alice.http.get("/api/threads")).json()["threads"]
        assert thread["id"] in {each["id"] for each in threads}
        assert (await alice.http.get("/api/chat/messages")).json()["messages"] == []
        assert (await alice.http.get("/api/agents/status")).json() == []
