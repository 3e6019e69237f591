"""From nothing to a welcome: the upgrade, what it carries, and what may come instead."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from netra_testkit.clients.call_ids import traceparent
from netra_testkit.clients.connecting import upgraded
from netra_testkit.clients.hearing import EXCERPT
from netra_testkit.clients.ledger import note_socket
from netra_testkit.errors import (
    AuthRefused,
    Cause,
    DeadlineExceeded,
    HandshakeFailed,
    ServerClosed,
)
from netra_testkit.wire.frames import DEFAULT_MAX_SIZE

if TYPE_CHECKING:
    from netra_testkit.clients.connection import Connection
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.settings.config import StagingConfig

__all__ = ["Opening"]


class Opening:
    """Opens one connection.

    Args:
        config: Where the deployment is, and how long to wait.
        token: The access token; None for anonymous.
        announce: Whether to announce a test.
        session: What groups the calls of one run in the server's log.
    """

    __slots__ = ("_announce", "_config", "_session", "_token")

    def __init__(
        self, config: StagingConfig, *, token: str | None, announce: bool, session: str | None
    ) -> None:
        self._config = config
        self._token = token
        self._announce = announce
        self._session = session or secrets.token_hex(8)

    async def connect(self, connection: Connection, deadline: Deadline) -> None:
        """Ask for the upgrade. Bounded; the connection keeps every socket that is made.

        Raises:
            ConnectionFailed: There was no connection.
            AuthRefused: The credentials were refused.
            HandshakeFailed: The answer was no upgrade.
            DeadlineExceeded: It did not come in time.
        """
        config = self._config
        note_socket()
        try:
            async with deadline.guard(
                phase="connect",
                waiting_for="upgrade to a WebSocket",
                heard=connection.heard_at,
                cause=Cause.INFRASTRUCTURE,
                **connection.ids,
            ):
                await upgraded(
                    config.websocket_url,
                    keep=connection.keep,
                    token=self._token,
                    headers=self._headers(connection),
                    ca_file=None if config.ca_file is None else str(config.ca_file),
                    grace=config.timeouts.close,
                    largest_message=DEFAULT_MAX_SIZE,
                    ids=connection.ids,
                )
        except DeadlineExceeded as expired:
            if expired.last_activity is not None:
                expired.cause = Cause.UNDECIDED
            raise

    async def welcomed(self, connection: Connection, deadline: Deadline) -> None:
        """Wait until the server has said that the connection is ready. Bounded.

        Raises:
            AuthRefused: The credentials were refused by a close.
            HandshakeFailed: The welcome said: not ready.
            ServerClosed: The server closed before the welcome.
            DeadlineExceeded: It did not come in time.
        """
        handshake = connection.handshake
        try:
            async with deadline.guard(
                phase="welcome",
                waiting_for="welcome",
                heard=connection.heard_at,
                **connection.ids,
            ):
                while not handshake.ready:
                    if connection.ending is not None:
                        raise _refusal(connection)
                    await connection.woken(connection.hearing.progress, deadline)
        except DeadlineExceeded:
            if handshake.refused:
                raise _refusal(connection) from None
            if handshake.unready:
                raise HandshakeFailed(
                    phase="welcome",
                    reason="the server said that the connection is not ready",
                    frames=connection.hearing.excerpts,
                    cause=Cause.PRODUCT,
                    **connection.ids,
                ) from None
            raise

    def _headers(self, connection: Connection) -> dict[str, str]:
        headers = {
            "X-Request-ID": connection.ids["request_id"],
            "traceparent": traceparent(connection.ids["trace_id"]),
            "X-Test-Session": self._session,
        }
        if self._announce:
            headers |= self._config.e2e_headers
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers


def _refusal(connection: Connection) -> AuthRefused | ServerClosed:
    ending, code = connection.ending, connection.handshake.error_code
    if ending is not None and not ending.is_refusal(welcomed=False, error_code=code):
        return connection.closed_error("welcome")
    return AuthRefused(
        via="close",
        close_code=None if ending is None else int(ending.code),
        error_code=code,
        evidence=" ".join(connection.hearing.excerpts)[-EXCERPT:],
        **connection.ids,
    )
