from __future__ import annotations

import asyncio

import httpcore
import httpx
import pytest
from tests.clients.http_server import nothing_left, serving

from netra_testkit.clients import pool as pools
from netra_testkit.clients.pool import MOST_IDLE, Network, Pool
from netra_testkit.errors import ConnectionFailed


async def ask(pool: Pool, url: str) -> int:
    async with pool:
        response = await pool.send(httpx.Request("GET", url))
        await response.aread()
        await response.aclose()
        return response.status_code


async def test_connections_are_kept_up_to_a_number() -> None:
    async with nothing_left(), serving() as served:
        pool, url = Pool(), f"http://127.0.0.1:{served.port}/x"
        for _ in range(2):
            assert set(await asyncio.gather(*(ask(pool, url) for _ in range(40)))) == {200}
        assert 40 < served.connections <= 80 - MOST_IDLE
        pool.close()


async def test_a_failure_abandons_a_pool_and_the_last_call_cuts_it() -> None:
    async with nothing_left(), serving() as served:
        pool, url = Pool(), f"http://127.0.0.1:{served.port}/x"
        await ask(pool, url)
        async with pool:
            with pytest.raises(ConnectionFailed):
                await ask(pool, "http://127.0.0.1:9/")
            assert pool.abandoned
            assert pool.in_use
            assert await ask(pool, url) == 200
            assert served.connections == 1
        assert not pool.in_use
        assert not pool.closed


async def test_a_connection_that_opens_after_the_cut_is_cut() -> None:
    async with nothing_left(), serving() as served:
        network = Network(lambda _host, _port: ["127.0.0.1"])
        opening = asyncio.create_task(network.connect_tcp("somewhere.invalid", served.port))
        await asyncio.sleep(0)
        network.abort()
        with pytest.raises(httpcore.ConnectError, match="cut meanwhile"):
            await opening


async def test_a_host_without_an_address_is_said() -> None:
    network = Network(lambda _host, _port: [])
    with pytest.raises(ConnectionFailed) as failed:
        await network.connect_tcp("somewhere.invalid", 80)
    assert failed.value.phase == "name"


async def test_a_connection_is_not_used_again_when_the_server_may_have_closed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert pools.KEPT_ALIVE_FOR < 5
    monkeypatch.setattr(pools, "KEPT_ALIVE_FOR", 0.05)
    async with nothing_left(), serving() as served:
        pool, url = Pool(), f"http://127.0.0.1:{served.port}/x"
        await ask(pool, url)
        await asyncio.sleep(0.1)
        await ask(pool, url)
        assert served.connections == 2
        pool.close()
