"""The old way: a test is real when it takes its time."""

import asyncio
import time


async def test_agent_answers(staging):
    started = time.time()
    result = {"endpoint": f"{staging.config.api_url}/agents/triage", "success": True}
    await asyncio.sleep(0.15)  # the network
    duration = time.time() - started
    assert result["success"]
    assert duration > 0.1, f"fake test: only {duration:.3f} s"
