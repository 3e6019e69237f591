"""A suite with a configuration of its own."""

import httpx
import pytest
from websockets.asyncio.client import connect

from staging_test_config import STAGING_CONFIG, get_staging_config, is_staging_available

pytestmark = pytest.mark.skipif(not is_staging_available(), reason="staging is not there")


async def test_threads_are_listed() -> None:
    """The API knows the caller."""
    config = get_staging_config()
    headers = config.get_headers(include_auth=True)
    async with httpx.AsyncClient(headers=headers, timeout=config.timeout) as client:
        answer = await client.get(f"{config.backend_url}/api/threads")
    assert answer.status_code == httpx.codes.OK
    assert answer.json()["threads"] == []


async def test_the_socket_says_welcome() -> None:
    """The WebSocket knows the caller."""
    headers = STAGING_CONFIG.get_websocket_headers()
    async with connect(STAGING_CONFIG.websocket_url, additional_headers=headers) as socket:
        assert "connection" in await socket.recv()
