"""The honest twin: one place, one status, and what has to stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netra_testkit import Staging


async def test_the_servers_of_tools_are_listed(staging: Staging) -> None:
    """Every server of tools is connected and offers some."""
    async with staging.anonymous() as nobody:
        servers = (await nobody.http.get("/api/mcp/servers")).json()["data"]
    assert servers
    assert all(server["status"] == "connected" for server in servers)
    assert all(server["capabilities"]["tools"] for server in servers)
