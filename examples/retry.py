"""A retry that is asked for, spares nobody the truth, and shows in the record."""

from __future__ import annotations

import asyncio

from netra_testkit import Attempt, Deadline, RetryPolicy, ServiceUnavailable

ASKED = 0.1
failures = [ServiceUnavailable(status=503, method="GET", path="/health", retry_after=ASKED)]
retried: list[Attempt] = []


async def health(deadline: Deadline) -> str:
    """Answer at the second attempt, as a deployment does that is still coming up."""
    if failures:
        raise failures.pop()
    return f"healthy, with {deadline.remaining:.1f} s to spare"


policy = RetryPolicy(attempts=3, base=0.05)
answer = asyncio.run(
    policy.run(health, deadline=Deadline.after(5), idempotent=True, on_retry=retried.append)
)
print(answer)
for attempt in retried:
    print(f"attempt {attempt.number} failed ({attempt.cause}), waited {attempt.waited:.2f} s")
assert len(retried) == 1
assert retried[0].waited >= ASKED
