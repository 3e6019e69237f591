"""From an HTTP status that nobody asked for to the error that says whose fault it is."""

from __future__ import annotations

import json
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from netra_testkit.errors import (
    AuthRefused,
    CallFailed,
    Cause,
    RateLimited,
    ServiceUnavailable,
    UnexpectedStatus,
)
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PRIVATE_HEADERS", "masked_headers", "refusal", "retry_after"]

EXCERPT = 300
PRIVATE_HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-e2e-bypass-key"}
)


def refusal(
    *,
    status: int,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    request_id: str,
    trace_id: str,
    now: float,
) -> CallFailed:
    """The error for a status outside what was expected, with the cause by its evidence.

    A body in the platform's own error form proves that the platform answered. A gateway's 502,
    503 or 504 without it means that nothing came up behind the gateway.
    """
    text = body[: EXCERPT * 4].decode("utf-8", "replace")
    excerpt = mask(text)[:EXCERPT]
    platform = _platform_body(body)
    known: dict[str, Any] = {"request_id": request_id, "trace_id": trace_id}
    if status in {401, 403}:
        code = (platform or {}).get("error_code")
        return AuthRefused(
            via="http",
            status=status,
            error_code=code if isinstance(code, str) else None,
            evidence=excerpt,
            **known,
        )
    known |= {
        "status": status,
        "method": method,
        "path": path,
        "headers": masked_headers(headers),
        "excerpt": excerpt,
    }
    if status == 429:  # noqa: PLR2004 - a status is clearest as its number
        return RateLimited(retry_after=retry_after(headers, now=now), **known)
    if status in {502, 503, 504}:
        cause = Cause.DEPLOYMENT if platform is None else Cause.PRODUCT
        return ServiceUnavailable(retry_after=retry_after(headers, now=now), cause=cause, **known)
    crashed = status >= 500 and platform is not None  # noqa: PLR2004 - see above
    return UnexpectedStatus(cause=Cause.PRODUCT if crashed else Cause.UNDECIDED, **known)


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as they may be shown: credentials and cookies by name only, the rest masked."""
    return {name: _shown(name.lower(), value) for name, value in headers.items()}


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that a Retry-After asks for, given in seconds or as a date; None without one."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        asked = parsedate_to_datetime(value)
        # "-0000" is a time of no zone, which an HTTP date never is: it is read as UTC.
        zoned = asked if asked.tzinfo else asked.replace(tzinfo=UTC)
        return max(0.0, zoned.timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _shown(name: str, value: str) -> str:
    if name in PRIVATE_HEADERS:
        return "[masked]"
    if name == "location":
        # The query of a redirect may be a code that signs somebody in.
        place, asked, _ = value.partition("?")
        return mask(place) + ("?[masked]" if asked else "")
    return mask(value)


def _platform_body(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and (
        "detail" in value or "error_code" in value or "trace_id" in value
    ):
        return value
    return None
