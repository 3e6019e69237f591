"""The honest twin: two people, and what is one's is not there for the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netra_testkit import Staging


async def test_nobody_reads_anothers_thread(staging: Staging) -> None:
    """Its owner finds a thread; for anybody else there is none."""
    async with staging.user() as alice, staging.user() as bob:
        thread = (await alice.http.post("/api/threads", json={"title": "Mine"})).json()
        path = f"/api/threads/{thread['id']}"
        assert (await alice.http.get(path)).json()["title"] == "Mine"
        await bob.http.get(path, expect=404)
