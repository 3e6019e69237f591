"""A started server and the barest clients of it: httpx and websockets, none of our own."""

from __future__ import annotations

import json
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect as connect_socket

from netra_testkit.local.staging import LocalStaging
from netra_testkit.settings.bad_tokens import BadTokens
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.tokens import mint_access_token
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.client import connect as Connecting  # noqa: N812 - the type

ALICE = StagingUser("local-alice", "alice@example.com")
BOB = StagingUser("local-bob", "bob@example.com")
WITHIN = 5.0
# Reading the authorities of the system takes longer than the request, and nothing is encrypted.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStaging]:
    """One server for the tests of a module; import it where it is used."""
    with LocalStaging(pace=0) as started:
        yield started


def mint(server: LocalStaging, user: StagingUser = ALICE, *, lifetime: float = 900.0) -> str:
    """An access token that this server accepts."""
    secret = server.config().jwt_secret()
    return mint_access_token(secret, user=user, environment=Environment.LOCAL, lifetime=lifetime)


@cache
def bad_tokens(server: LocalStaging, user: StagingUser = ALICE) -> Mapping[str, str]:
    """One bad token of each kind, which this server is to refuse."""
    return dict(BadTokens(server.config().jwt_secret(), user, Environment.LOCAL))


def bearer(server: LocalStaging, user: StagingUser = ALICE) -> dict[str, str]:
    """The header that a user sends."""
    return {"Authorization": f"Bearer {mint(server, user)}"}


def client(
    server: LocalStaging, user: StagingUser | None = None, **options: Any
) -> httpx.AsyncClient:
    """A client for ``async with``: of a user, or of nobody."""
    headers = {} if user is None else bearer(server, user)
    return httpx.AsyncClient(
        base_url=server.url,
        headers=headers,
        timeout=WITHIN,
        trust_env=False,
        verify=NO_AUTHORITIES,
        **options,
    )


def call(
    server: LocalStaging,
    method: str,
    path: str,
    *,
    user: StagingUser | None = None,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> httpx.Response:
    """One request on a connection of its own."""
    own = {} if user is None else bearer(server, user)
    with httpx.Client(
        base_url=server.url, timeout=WITHIN, trust_env=False, verify=NO_AUTHORITIES
    ) as one:
        return one.request(method, path, headers={**own, **(headers or {})}, **options)


def socket(
    server: LocalStaging,
    user: StagingUser | None = ALICE,
    *,
    query: str = "",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Connecting:
    """A WebSocket for ``async with``: of a user, or of nobody."""
    own = {} if user is None else bearer(server, user)
    return connect_socket(
        f"{server.config().websocket_url}{query}",
        additional_headers={**own, **(headers or {})},
        proxy=None,
        compression=None,
        open_timeout=WITHIN,
        close_timeout=0.5,
        **options,
    )


async def receive(connection: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    import asyncio

    async with asyncio.timeout(WITHIN):
        frame: dict[str, Any] = json.loads(await connection.recv())
    return frame


async def receive_until(connection: ClientConnection, type_name: str) -> list[dict[str, Any]]:
    """Every frame up to and with the first of this type."""
    frames = [await receive(connection)]
    while frames[-1]["type"] != type_name:
        frames.append(await receive(connection))
    return frames


async def send(connection: ClientConnection, type_name: str, **payload: Any) -> None:
    """Send a frame in the usual form."""
    await connection.send(json.dumps({"type": type_name, "payload": payload}))
