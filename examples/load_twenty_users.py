"""Twenty users at once, each with an identity of their own, and what they waited."""

import asyncio

from netra_testkit import LatencySummary, LocalStaging, Staging, VirtualUser


async def work(user: VirtualUser) -> str:
    """What one user does: make a thread, and let an agent answer in it."""
    thread = (await user.http.post("/api/threads", json={"title": user.name})).json()
    async with user.chat(thread_id=thread["id"]) as chat:
        run = await chat.run_agent("triage", f"What may {user.name} save?")
        run.assert_delivered()
    return run.run_id


async def main(staging: Staging) -> LatencySummary:
    """Let them all work; what is heard of another user's run is an error."""
    async with staging.users(20, within=30) as crowd:
        runs = await crowd.each(work)
        print(f"{len(set(runs))} runs, each delivered to its own user")
        return crowd.latency


with LocalStaging() as server:
    latency = asyncio.run(main(Staging(server.config())))
print(latency)
assert (latency.n, latency.identities) == (20, 20)
assert not latency.failures
