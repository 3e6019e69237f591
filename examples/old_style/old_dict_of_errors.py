"""The old way: every failure is written into a dict, and the dict is counted."""

ENDPOINTS = {
    "threads": "/api/threads",
    "messages": "/api/chat/messages",
    "agents": "/api/agents/status",
}


async def test_core_endpoints(staging):
    results = {}
    async with staging.user() as user:
        for name, path in ENDPOINTS.items():
            try:
                response = await user.http.get(path)
                results[name] = {"success": True, "status": response.status}
            except Exception as e:
                results[name] = {"success": False, "error": str(e)}
    assert len(results) == len(ENDPOINTS), "not every endpoint was tested"
