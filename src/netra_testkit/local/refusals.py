"""What the platform says when it refuses: one error, one body."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CutOff", "PlatformError", "ProxyPage", "error_body"]


class PlatformError(Exception):
    """An answer that is a refusal; raised by a handler, sent by the application.

    Args:
        status: The HTTP status.
        error_code: The platform's name of it, in capitals.
        message: What is wrong, for a reader.
        details: Facts beside it, such as the fields that are wrong.
        headers: Further headers of the answer, such as Retry-After.
    """

    status: int
    error_code: str
    message: str
    details: Mapping[str, Any]
    headers: Mapping[str, str]

    def __init__(
        self,
        status: int,
        error_code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {error_code}: {message}")
        self.status = status
        self.error_code = error_code
        self.message = message
        self.details = MappingProxyType(dict(details or {}))
        self.headers = MappingProxyType(dict(headers or {}))


class ProxyPage(PlatformError):
    """A refusal by whatever stands before the platform: a page of its own, and no error body."""


class CutOff(Exception):
    """Raised by a handler whose connection is to end where it stands, without another byte."""


def error_body(
    error: PlatformError, *, request_id: str, trace_id: str, timestamp: float
) -> dict[str, Any]:
    """The body of a refusal.

    Args:
        error: What is wrong.
        request_id: The request's.
        trace_id: The request's.
        timestamp: When it was refused, in seconds since the epoch.
    """
    return {
        "error": True,
        "error_code": error.error_code,
        "message": error.message,
        "trace_id": trace_id,
        "request_id": request_id,
        "timestamp": timestamp,
        "details": dict(error.details),
    }
