"""From a URL and a token to an upgraded WebSocket, or a typed error that says what refused."""

from __future__ import annotations

import base64
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from netra_testkit.clients.proxies import proxy_for
from netra_testkit.clients.resolving import resolve
from netra_testkit.clients.socket import Socket
from netra_testkit.clients.statuses import refusal
from netra_testkit.clients.tls import tls_context
from netra_testkit.errors import (
    AuthRefused,
    CallFailed,
    Cause,
    ConnectionFailed,
    HandshakeFailed,
    UnexpectedStatus,
)
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from websockets.exceptions import InvalidStatus

    from netra_testkit.clients.call_ids import CallIds

__all__ = ["JWT_SUBPROTOCOL", "subprotocols_for", "upgraded"]

JWT_SUBPROTOCOL = "jwt-auth"


def subprotocols_for(token: str) -> list[str]:
    """The subprotocols that carry a token: a plain name to choose, and the token encoded."""
    encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    return [JWT_SUBPROTOCOL, f"jwt.{encoded}"]


async def upgraded(
    url: str,
    *,
    keep: Callable[[Socket], None],
    token: str | None,
    headers: Mapping[str, str],
    ca_file: str | None,
    grace: float,
    largest_message: int,
    ids: CallIds,
) -> None:
    """Open a WebSocket. Bounded by the guard the caller is inside of; safe to cancel.

    Args:
        url: Where.
        keep: Is given each socket before anything is sent on it; the last one is open.
        token: The access token; None for anonymous.
        headers: The headers of the upgrade.
        ca_file: Authorities of one's own.
        grace: How long the peer has to close its side, in seconds.
        largest_message: The most bytes of a message.
        ids: The ids of this call.

    Raises:
        ConnectionFailed: There was no connection.
        AuthRefused: 401 or 403 at the upgrade.
        ServiceUnavailable: 502, 503 or 504 at the upgrade.
        RateLimited: 429 at the upgrade.
        HandshakeFailed: Anything else that is no upgrade.
    """
    from websockets.exceptions import (
        InvalidHandshake,
        InvalidProxyMessage,
        InvalidProxyStatus,
        InvalidStatus,
        ProxyError,
        SecurityError,
    )

    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    target = f"{parts.hostname}:{port}"

    latest: Socket | None = None

    def kept(socket: Socket) -> None:
        nonlocal latest
        latest = socket
        keep(socket)

    options: dict[str, Any] = {
        "additional_headers": dict(headers),
        "subprotocols": None if token is None else subprotocols_for(token),
        "user_agent_header": "netra-testkit",
        "compression": None,
        "proxy": proxy_for(url),
        "open_timeout": None,
        "close_timeout": grace,
        "max_size": largest_message,
        "create_connection": partial(Socket, grace=grace, keep=kept, largest=largest_message),
        "ssl": tls_context(ca_file) if secure else None,
    }
    try:
        await _connected(url, parts.hostname or "", port, secure=secure, options=options)
    except InvalidStatus as answered:
        raise _refused(answered, url, ids) from None
    except (ProxyError, InvalidProxyMessage, InvalidProxyStatus) as refused:
        raise ConnectionFailed(
            phase="proxy", target=target, reason=mask(str(refused)), **ids
        ) from None
    except (InvalidHandshake, SecurityError, ValueError, EOFError) as wrong:
        if latest is not None and latest.heard_at is None:
            raise ConnectionFailed(
                phase="answer", target=target, reason="it ended without a word", **ids
            ) from None
        raise HandshakeFailed(
            phase="upgrade", reason=mask(str(wrong)), cause=Cause.UNDECIDED, **ids
        ) from None
    except ssl.SSLError as refused:
        raise ConnectionFailed(phase="tls", target=target, reason=str(refused), **ids) from None
    except CallFailed as failed:
        failed.request_id, failed.trace_id = ids["request_id"], ids["trace_id"]
        raise
    except OSError as refused:
        raise ConnectionFailed(phase="tcp", target=target, reason=str(refused), **ids) from None


async def _connected(
    url: str, host: str, port: int, *, secure: bool, options: dict[str, Any]
) -> None:
    from websockets.asyncio.client import connect

    class Connect(connect):
        """Follows no redirect: the subprotocols carry the token wherever it leads."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    if options["proxy"] is not None:
        await Connect(url, **options)
        return
    if secure:
        options["server_hostname"] = host
    failure: OSError | None = None
    # A host may announce IPv6 where no route leads; IPv4 is tried first.
    for address in sorted(await resolve(host, port), key=lambda each: ":" in each):
        try:
            await Connect(url, host=address, port=port, **options)
        except ConnectionError as refused:
            failure = refused
        else:
            return
    raise failure or ConnectionFailed(phase="tcp", target=f"{host}:{port}", reason="no address")


def _refused(answered: InvalidStatus, url: str, ids: CallIds) -> CallFailed:
    answer = answered.response
    headers = {name.lower(): value for name, value in answer.headers.raw_items()}
    failure = refusal(
        status=answer.status_code,
        method="GET",
        path=urlsplit(url).path,
        headers=headers,
        body=bytes(answer.body or b""),
        **ids,
        now=time.time(),
    )
    if isinstance(failure, AuthRefused):
        failure.via = "upgrade"
    elif type(failure) is UnexpectedStatus:
        return HandshakeFailed(
            phase="upgrade",
            reason=f"the server answered the upgrade with {answer.status_code}",
            status=answer.status_code,
            frames=(failure.excerpt,) if failure.excerpt else (),
            cause=failure.cause,
            **ids,
        )
    return failure
