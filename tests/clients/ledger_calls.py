"""Calls whose failures a ledger enters, and what it then holds."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.http_server import Request, answer, serving

from netra_testkit.clients.http import HttpClient
from netra_testkit.clients.retry import RetryPolicy
from netra_testkit.errors import (
    AuthRefused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.clients.ledger import Ledger


AGAIN = RetryPolicy(attempts=3).without_waits()
STATUSES = {"/refused": 401, "/busy": 503, "/late": 429, "/gone": 404}
SSE = b'data: {"type": "agent_thinking"}\n\n'


def kinds(ledger: Ledger) -> list[str]:
    return [entry.kind for entry in ledger.entries.values()]


def statuses() -> Callable[[Request], bytes]:
    """An answer by path, with one that is busy once."""
    asked: list[str] = []

    def say(request: Request) -> bytes:
        asked.append(request.target)
        if request.target == "/once":
            return answer(b"", 503 if asked.count("/once") == 1 else 200)
        return answer(b"", STATUSES.get(request.target, 200))

    return say


@contextlib.asynccontextmanager
async def calling(say: Any = None) -> Any:
    async with serving(say or statuses()) as served, HttpClient(served.config) as http:
        yield http


async def refused(http: HttpClient) -> AuthRefused:
    with pytest.raises(AuthRefused) as raised:
        await http.get("/refused")
    return raised.value
