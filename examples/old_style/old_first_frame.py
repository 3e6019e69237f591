"""The old way: something came back, so the agent works."""


async def test_agent_events(staging):
    async with staging.user() as user, user.chat() as chat:
        await chat.send("start_agent", {"agent": "triage", "message": "Where does my budget go?"})
        frame = await chat.receive()
        print(f"received: {frame.type_name}")
        assert frame is not None
