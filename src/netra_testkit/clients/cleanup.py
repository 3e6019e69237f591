"""Deleting what a test made on a deployment: as far as it goes, bounded, and said."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.ledger import taken_back
from netra_testkit.errors import NetraError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netra_testkit.clients.http import HttpClient
    from netra_testkit.clients.response import Response
    from netra_testkit.safety.trace import Trace

__all__ = ["THREADS", "delete_threads", "made_thread"]

THREADS = "/api/threads"
SUCCESS = range(200, 300)
GONE = frozenset({404, 410})
AT_ONCE = 5


def made_thread(response: Response) -> str | None:
    """The id of the thread that a POST made; None when it made none or names none."""
    # The answer of a refused POST may name a thread that others made.
    if response.status not in SUCCESS:
        return None
    try:
        body = response.json()
    except NetraError:
        return None
    made = body.get("id") if isinstance(body, dict) else None
    # An id of dots alone would be a path to something else.
    return made if isinstance(made, str) and made.strip(".") else None


async def delete_threads(
    http: HttpClient, made: Iterable[str], trace: Trace, *, within: float
) -> None:
    """Delete threads; what became of each is recorded, and none of it is raised.

    Bounded by `within` for all of them together; safe to cancel.
    """
    deadline = Deadline.after(within)
    slots = asyncio.Semaphore(AT_ONCE)

    async def delete(thread_id: str) -> None:
        path = f"{THREADS}/{quote(thread_id, safe='')}"
        async with slots:
            try:
                answer = await http.delete(path, expect=None, within=deadline)
            except NetraError as failed:
                taken_back(failed)
                said = f"stays: {type(failed).__name__}"
            else:
                said = _said(answer.status)
        trace.record("cleanup", f"thread {thread_id} {said}")

    async with asyncio.TaskGroup() as group:
        for each in dict.fromkeys(made):
            group.create_task(delete(each))


def _said(status: int) -> str:
    if status in SUCCESS:
        return "is deleted"
    return "was not found" if status in GONE else f"stays: HTTP {status}"
