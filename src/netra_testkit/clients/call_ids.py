"""The ids that a call carries, so that it is found in the server's log."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CallIds", "ids_in", "new_ids", "traceparent"]

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class CallIds(TypedDict):
    """The ids of one call, as the errors of the kit take them."""

    request_id: str
    trace_id: str


def new_ids() -> CallIds:
    """Ids that no other call has."""
    return {"request_id": secrets.token_hex(16), "trace_id": secrets.token_hex(16)}


def ids_in(headers: Mapping[str, str], otherwise: CallIds) -> CallIds:
    """The ids that headers in lower case say, where a caller has set them."""
    traced = TRACEPARENT.match(headers.get("traceparent", ""))
    return {
        "request_id": headers.get("x-request-id", otherwise["request_id"]),
        "trace_id": traced[1] if traced else otherwise["trace_id"],
    }


def traceparent(trace_id: str) -> str:
    """The W3C header that asks the platform to log under this trace."""
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"
