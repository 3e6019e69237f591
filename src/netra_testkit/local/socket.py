"""The WebSocket of the platform: who is let in, welcomed and served until one side leaves."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from starlette.websockets import WebSocketState

from netra_testkit.local.access import Refused, bearer_of
from netra_testkit.local.carriers import carrier_in, chosen_subprotocol, token_of
from netra_testkit.local.connections import Connection, connections_of
from netra_testkit.local.conversation import Conversation
from netra_testkit.local.options import Refusal
from netra_testkit.local.refusals import CutOff, PlatformError
from netra_testkit.local.run_delivery import RunDelivery
from netra_testkit.local.sending import error_document, text_of
from netra_testkit.local.truth import exchange_of
from netra_testkit.local.welcome import handshake_response, welcome
from netra_testkit.local.world import world_of
from netra_testkit.safety.jsonable import safe_state
from netra_testkit.safety.redaction import KIT_LOGGER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.websockets import WebSocket

    from netra_testkit.local.world import World
    from netra_testkit.settings.tokens import Claims

__all__ = ["endpoint"]

PATH: Final = "/ws"
_POLICY_VIOLATION: Final = 1008
_TRY_AGAIN_LATER: Final = 1013
_DEAF_FOR: Final = 0.1
_UPGRADE_STATUSES = MappingProxyType(
    {1008: 403, 4001: 403, 4002: 403, 4401: 401, 4403: 403, 1012: 503, 1013: 503, 1014: 502}
)

_log = logging.getLogger(KIT_LOGGER)


class _Over(Exception):
    """The socket has ended, and with it all that was done for it."""


async def endpoint(websocket: WebSocket) -> None:
    """Serve one socket until one side leaves.

    Its runs end with it. A peer that reads nothing for five seconds is given up; one that vanishes
    is noticed by the protocol's own pings. Cancelled when the server stops.

    Args:
        websocket: The socket, not accepted yet.

    Raises:
        PlatformError: The upgrade is refused.
        CutOff: The peer was given up.
    """
    world = world_of(websocket)
    claims = _judged(world, websocket)
    if isinstance(claims, PlatformError):
        await _refuse(world, websocket, claims)
        return
    user = claims.subject
    exchange = exchange_of(websocket)
    exchange.subject = user
    world.state.accounts.ensure(claims)
    _refuse_upgrade(world, user)
    connection = Connection(
        websocket,
        connection_id=exchange.connection_id,
        user_id=user,
        thread_id=f"thread_{uuid.uuid4()}",
    )
    connections = connections_of(websocket)
    if connections.count(user) >= world.options.limits.connections_per_user:
        await _refuse(world, websocket, _too_many(world))
        return
    with connections.joined(connection):
        await websocket.accept(subprotocol=_subprotocol(world, websocket))
        _log_state(world, websocket, user)
        await _welcome(world, websocket, connection)
        try:
            async with asyncio.TaskGroup() as tasks:
                runs = RunDelivery(world, connection, connections, tasks)
                conversation = Conversation(world, exchange, connection, runs, tasks)
                tasks.create_task(_give_up(connection))
                await _serve(websocket, conversation)
        except* _Over:
            pass
    if connection.stalled.is_set():
        raise CutOff


def _judged(world: World, websocket: WebSocket) -> Claims | PlatformError:
    token = token_of(
        bearer=bearer_of(websocket),
        subprotocols=websocket.scope["subprotocols"],
        query=websocket.query_params.get("token"),
    )
    claims = world.gate.verify(token, route=PATH, phase="upgrade")
    if isinstance(claims, Refused):
        # The other way round than over HTTP: 401 asks for credentials, 403 has judged them.
        return PlatformError(401 if token is None else 403, claims.error_code, claims.message)
    return claims


def _too_many(world: World) -> PlatformError:
    most = world.options.limits.connections_per_user
    message = f"A user has at most {most} connections."
    return PlatformError(
        429, "CONNECTION_LIMIT_EXCEEDED", message, {"limit": most}, {"Retry-After": "1"}
    )


async def _refuse(world: World, websocket: WebSocket, error: PlatformError) -> None:
    if world.options.refusal is Refusal.UPGRADE:
        raise error
    await websocket.accept(subprotocol=chosen_subprotocol(websocket.scope["subprotocols"]))
    document = error_document(error.error_code, error.message, at=world.clock())
    await websocket.send_text(text_of(document))
    limited = error.status == 429  # noqa: PLR2004 - too many of them
    await websocket.close(_TRY_AGAIN_LATER if limited else _POLICY_VIOLATION, error.error_code)


def _refuse_upgrade(world: World, user: str) -> None:
    fault = world.board.strike("close", phase="upgrade", user=user)
    if fault is not None:
        status = _UPGRADE_STATUSES.get(int(str(fault.options["code"])), 500)
        reason = str(fault.options["reason"]) or "The upgrade failed."
        raise PlatformError(status, "UPGRADE_FAILED", reason)


def _subprotocol(world: World, websocket: WebSocket) -> str | None:
    offered = websocket.scope["subprotocols"]
    carrier = carrier_in(offered)
    if carrier is not None and world.board.strike("token-echo"):
        return carrier
    return chosen_subprotocol(offered)


def _log_state(world: World, websocket: WebSocket, user: str) -> None:
    state: object = websocket.application_state
    if not world.board.strike("enum-in-log", user=user):
        state = safe_state(state)
    _log.debug("socket of %s: %s", user, json.dumps({"state": state}))


async def _welcome(world: World, websocket: WebSocket, connection: Connection) -> None:
    user = connection.user_id
    if world.board.strike("early-frames-lost", user=user):
        await _lose_frames(websocket)
    await _close_when(world, connection, "before-welcome")
    if not world.board.strike("no-welcome", user=user):
        await connection.send(
            welcome(
                world.options.welcome,
                connection_id=connection.connection_id,
                user_id=user,
                limits=world.options.limits,
                at=world.clock(),
                ready=world.board.strike("not-ready", user=user) is None,
            )
        )
        if world.options.thread_handshake:
            await connection.send(
                handshake_response(
                    thread_id=connection.thread_id,
                    connection_id=connection.connection_id,
                    at=world.clock(),
                )
            )
    await _close_when(world, connection, "after-welcome")


async def _close_when(world: World, connection: Connection, phase: str) -> None:
    fault = world.board.strike("close", phase=phase, user=connection.user_id)
    if fault is not None:
        await connection.close_as(fault)


async def _lose_frames(websocket: WebSocket) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_DEAF_FOR):
            async for _ in _frames(websocket):
                pass


async def _serve(websocket: WebSocket, conversation: Conversation) -> None:
    async for data in _frames(websocket):
        await conversation.hear(data)
    raise _Over


async def _frames(websocket: WebSocket) -> AsyncIterator[str | bytes]:
    """The frames of a client, until it or the server has closed the socket."""
    while websocket.client_state is WebSocketState.CONNECTED:
        message = await websocket.receive()
        if message["type"] == "websocket.receive":
            text: str | None = message.get("text")
            yield message["bytes"] if text is None else text


async def _give_up(connection: Connection) -> None:
    await connection.stalled.wait()
    raise _Over
