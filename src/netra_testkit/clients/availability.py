"""Whether the configured deployment answers at all: asked once, remembered with the evidence."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netra_testkit.errors import CallFailed, Cause, DeadlineExceeded
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    import httpx

    from netra_testkit.clients.calls import Call
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.exchange import Exchange
    from netra_testkit.clients.pool import Pool

__all__ = ["Availability", "is_staging_available", "remembered", "staging_availability"]

# Half a second of the five is left for importing what it takes.
WITHIN = 4.5
# The thread is bounded itself; whoever asked waits so much longer for its word.
AFTERWARDS = 0.25
LARGEST_BODY = 64 * 1024
EXCERPT = 200
OK = 200
UNHEALTHY = 503

_one_at_a_time = threading.Lock()
_remembered: list[Availability] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """One answer to whether a deployment is there, and what it rests on.

    Attributes:
        available: Whether its health endpoint said that it is healthy.
        url: What was asked.
        evidence: What came back, or what did not; masked and bounded.
        cause: Whose fault it is that it is not available; None when it is.
        elapsed: How long the answer took, in seconds.
    """

    available: bool
    url: str
    evidence: str
    cause: Cause | None
    elapsed: float


def is_staging_available() -> bool:
    """Whether the configured deployment says that it is healthy; probed once per process.

    Answers within 5 s, also inside a running event loop, which waits for it.

    Raises:
        ConfigurationError: What is configured cannot be used.
    """
    return staging_availability().available


def staging_availability() -> Availability:
    """What `is_staging_available` answers, with the evidence; probed once per process.

    Raises:
        ConfigurationError: What is configured cannot be used.
    """
    from netra_testkit.settings.config import StagingConfig

    with _one_at_a_time:
        if not _remembered:
            config = StagingConfig()
            ca_file = None if config.ca_file is None else str(config.ca_file)
            _remembered.append(probe(config.health_endpoint, ca_file=ca_file))
        return _remembered[0]


def remembered() -> Availability | None:
    """What this process was answered, None before it asked; asks nobody and does not wait."""
    return _remembered[0] if _remembered else None


def probe(url: str, *, ca_file: str | None = None, within: float = WITHIN) -> Availability:
    """Ask a health endpoint once, in a thread of its own that nobody waits for longer.

    Neither a resolver that hangs nor an answer that drips can hold up the caller or the end of
    the process.

    Args:
        url: The health endpoint.
        ca_file: Certificates of an authority of one's own.
        within: The bound in seconds.
    """
    start = time.monotonic()
    answers: queue.SimpleQueue[tuple[str, Cause | None] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_ask(url, ca_file, within))
        except Exception as unforeseen:  # noqa: BLE001 - raised in the caller, who waits for it
            answers.put(unforeseen)

    threading.Thread(target=ask, name="netra-availability", daemon=True).start()
    try:
        answer = answers.get(timeout=within + AFTERWARDS)
    except queue.Empty:
        answer = (f"no answer within {within:g} s", Cause.UNDECIDED)
    if isinstance(answer, Exception):
        raise answer
    evidence, cause = answer
    return Availability(
        available=cause is None,
        url=url,
        evidence=evidence,
        cause=cause,
        elapsed=time.monotonic() - start,
    )


def _ask(url: str, ca_file: str | None, within: float) -> tuple[str, Cause | None]:
    """What the endpoint said, and whose fault that is; None where it is healthy."""
    import httpx

    from netra_testkit.clients.call_ids import new_ids
    from netra_testkit.clients.calls import Call
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.pool import Pool

    headers = {"accept-encoding": "identity", "user-agent": "netra-testkit"}
    call = Call(method="GET", url=httpx.URL(url), headers=headers, ids=new_ids())
    # A loop of its own: whoever asks may be inside of one.
    return asyncio.run(_asked(call, Pool(ca_file=ca_file), Deadline.after(within)))


async def _asked(call: Call, pool: Pool, deadline: Deadline) -> tuple[str, Cause | None]:
    from netra_testkit.clients.exchange import Exchange

    exchange = Exchange(call, pool)
    try:
        async with deadline.guard(phase="http", waiting_for="answer"), exchange:
            body = await _start_of(exchange)
    except DeadlineExceeded as late:
        exchange.explain(late)
        began = exchange.heard_at is not None
        said = "the answer began, and did not end" if began else "no answer"
        return f"{said} within {deadline.limit:g} s", late.cause
    except CallFailed as failed:
        sentence = str(failed).partition("\n")[0]
        return mask(f"{type(failed).__name__}: {sentence}")[:EXCERPT], failed.cause
    finally:
        pool.close()
        # The loop frees the sockets in its next turn, and this is its last one.
        await asyncio.sleep(0)
    return _judged(exchange.status or 0, exchange.headers, body)


async def _start_of(exchange: Exchange) -> bytes:
    body = b""
    async with contextlib.aclosing(exchange.pieces()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > LARGEST_BODY:
                break
    return body[:LARGEST_BODY]


def _judged(status: int, headers: httpx.Headers, body: bytes) -> tuple[str, Cause | None]:
    from netra_testkit.clients.statuses import refusal

    said = mask(body[: EXCERPT * 4].decode("utf-8", "replace"))[:EXCERPT]
    evidence = f"HTTP {status}: {said}"
    try:
        health, is_json = json.loads(body), True
    except (ValueError, RecursionError):
        health, is_json = None, False
    word = health.get("status") if isinstance(health, dict) else None
    # Who says of itself that it is unhealthy is there, unlike whoever a gateway speaks for.
    if status != OK and (status, word) != (UNHEALTHY, "unhealthy"):
        refused = refusal(
            status=status,
            method="GET",
            path="/health",
            headers=headers,
            body=body,
            request_id="",
            trace_id="",
            now=time.time(),
        )
        return evidence, refused.cause
    if not is_json:
        return f"{evidence} (not JSON: another service or a proxy answers)", Cause.INFRASTRUCTURE
    if word == "healthy":
        return evidence, None
    return f"{evidence} (not healthy)", Cause.PRODUCT
