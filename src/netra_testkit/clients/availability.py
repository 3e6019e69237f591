"""Whether the configured deployment answers at all: asked once, remembered with the evidence."""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netra_testkit.errors import Cause
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    import httpx

__all__ = ["Availability", "is_staging_available", "staging_availability"]

# Half a second of the five is left for importing what it takes.
WITHIN = 4.5
# So much later a thread that nobody waits for any more gives up by itself.
AFTERWARDS = 0.5
LARGEST_BODY = 64 * 1024
EXCERPT = 200
OK = 200

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
    heard = threading.Event()

    def ask() -> None:
        try:
            answers.put(_ask(url, ca_file, start + within + AFTERWARDS, heard))
        except Exception as unforeseen:  # noqa: BLE001 - raised in the caller, who waits for it
            answers.put(unforeseen)

    threading.Thread(target=ask, name="netra-availability", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, start + within - time.monotonic()))
    except queue.Empty:
        began = heard.is_set()
        said = "the answer began, and did not end" if began else "no answer"
        answer = (
            f"{said} within {within:g} s",
            Cause.PRODUCT if began else Cause.INFRASTRUCTURE,
        )
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


def _ask(
    url: str, ca_file: str | None, deadline: float, heard: threading.Event
) -> tuple[str, Cause | None]:
    """What the endpoint said, and whose fault that is; None where it is healthy."""
    import httpx

    from netra_testkit.clients.proxies import proxy_for
    from netra_testkit.clients.tls import tls_context

    context = tls_context(ca_file)
    try:
        with (
            httpx.Client(
                verify=context,
                proxy=proxy_for(url),
                trust_env=False,
                timeout=WITHIN + AFTERWARDS,
            ) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            heard.set()
            body = _start_of(response, deadline)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        said = mask(f"{type(error).__name__}: {error}")[:EXCERPT]
        return said, Cause.INFRASTRUCTURE
    return _judged(response.status_code, response.headers, body)


def _start_of(response: httpx.Response, deadline: float) -> bytes:
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if time.monotonic() > deadline:
            raise TimeoutError("the answer did not end in time")
        if len(body) > LARGEST_BODY:
            break
    return body[:LARGEST_BODY]


def _judged(status: int, headers: httpx.Headers, body: bytes) -> tuple[str, Cause | None]:
    from netra_testkit.clients.statuses import refusal

    said = mask(body[: EXCERPT * 4].decode("utf-8", "replace"))[:EXCERPT]
    evidence = f"HTTP {status}: {said}"
    if status != OK:
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
    try:
        health = json.loads(body)
    except (ValueError, RecursionError):
        return f"{evidence} (not JSON: another service or a proxy answers)", Cause.INFRASTRUCTURE
    if isinstance(health, dict) and health.get("status") == "healthy":
        return evidence, None
    return f"{evidence} (not healthy)", Cause.PRODUCT
