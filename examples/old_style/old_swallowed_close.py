"""The old way: whatever ends the connection counts as a graceful close."""


async def test_agent_flow_over_websocket(staging):
    events = []
    try:
        async with staging.user() as user, user.chat() as chat:
            run = await chat.run_agent("triage", "Where does my budget go?")
            events.extend(run.events)
    except Exception as e:
        print(f"connection closed gracefully: {e}")
    print(f"received {len(events)} events")
    assert isinstance(events, list)
