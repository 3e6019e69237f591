"""The ids that a call carries, so that it is found in the server's log."""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CallIds", "ids_in", "new_ids", "new_uuid", "traceparent"]

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
# What the seventeenth digit of a UUID of the usual variant becomes.
VARIANTS = {f"{digit:x}": "89ab"[digit % 4] for digit in range(16)}


class CallIds(TypedDict):
    """The ids of one call, as the errors of the kit take them."""

    request_id: str
    trace_id: str


def new_ids() -> CallIds:
    """Ids that no other call has."""
    return {"request_id": secrets.token_hex(16), "trace_id": secrets.token_hex(16)}


def new_uuid() -> str:
    """A random UUID (version 4) as text; every message has one, and those of `uuid` cost more."""
    digits = os.urandom(16).hex()
    variant = VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


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
