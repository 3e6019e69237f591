"""An embedded staging: a real server on loopback, a user, an agent run, and a fault on demand."""

import asyncio

from netra_testkit import Fault, LocalStaging, Staging


async def ask(staging: Staging) -> str:
    """Let an agent answer, and say how its run went."""
    async with staging.user() as alice, alice.chat() as chat:
        run = await chat.run_agent("triage", "Where does my budget go?")
    return f"{run.outcome}, {len(run.events)} events, missing: {', '.join(run.missing) or 'none'}"


with LocalStaging() as server:
    staging = Staging(server.config())
    print("listening on", server.url)
    healthy = asyncio.run(ask(staging))
    print("healthy:", healthy)
    server.faults.add(Fault("lost-event", type="agent_thinking"))
    broken = asyncio.run(ask(staging))
    print("with a lost event:", broken)
    sent = {each.user for each in server.received.events}
    print("events were sent to", ", ".join(sorted(map(str, sent))))
    assert healthy.startswith("delivered")
    assert "agent_thinking" in broken
