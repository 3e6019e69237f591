"""An HTTP answer that is not the one asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from netra_testkit.errors.calls import CallFailed
from netra_testkit.errors.root import Cause

__all__ = ["RateLimited", "ServiceUnavailable", "UnexpectedStatus", "UnusableBody"]


@dataclass(kw_only=True, eq=False)
class UnexpectedStatus(CallFailed):
    """An HTTP status that the caller did not ask for.

    Attributes:
        status: The status.
        method: The request's method.
        path: The request's path, without its query.
        headers: The answer's headers, masked.
        excerpt: A bounded, masked piece of the body.
    """

    status: int
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    excerpt: str = ""
    hint: str = "Name the status in expect= when it is the one wanted."

    def _sentence(self) -> str:
        said = f": {self.excerpt}" if self.excerpt else ""
        return f"{self.method} {self.path} answered {self.status}{said}"


@dataclass(kw_only=True, eq=False)
class RateLimited(UnexpectedStatus):
    """429: too many requests.

    Attributes:
        retry_after: Seconds the server asked to wait, None when it did not say.
    """

    retry_after: float | None = None
    hint: str = "Wait as long as retry_after says, or spread the load over more users."


@dataclass(kw_only=True, eq=False)
class ServiceUnavailable(UnexpectedStatus):
    """502, 503 or 504: nobody served the request.

    Attributes:
        retry_after: Seconds the server asked to wait, None when it did not say.
    """

    retry_after: float | None = None
    hint: str = "Wait for the deployment with wait_until_ready(), or read its start-up log."


@dataclass(kw_only=True, eq=False)
class UnusableBody(CallFailed, ValueError):
    """An HTTP answer whose body is not what the caller asked for.

    Attributes:
        status: The answer's status.
        method: The request's method.
        path: The request's path, without its query.
        reason: What is wrong with the body.
        excerpt: A bounded, masked piece of it.
    """

    status: int
    method: str
    path: str
    reason: str
    excerpt: str = ""
    cause: Cause = Cause.PRODUCT
    hint: str = "Compare the body with the endpoint's schema."

    def _sentence(self) -> str:
        said = f": {self.excerpt}" if self.excerpt else ""
        return f"{self.method} {self.path} answered {self.status} with {self.reason}{said}"
