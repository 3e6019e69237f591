"""A chat whose every call ends in time: an error names what never came."""

import asyncio

from websockets.asyncio.server import ServerConnection, serve

from netra_testkit import ChatClient, DeadlineExceeded, StagingConfig


async def talk(server: ServerConnection) -> None:
    """Welcome whoever comes, start the run, and never end it."""
    await server.send('{"type": "connection_established", "data": {"connection_id": "c-1"}}')
    async for _ in server:
        await server.send('{"type": "agent_started", "data": {"agent": "triage"}}')


async def main() -> None:
    """Ask for a run that never ends."""
    async with serve(talk, "127.0.0.1", 0) as server:
        root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with ChatClient(StagingConfig(environment="local", base_url=root)) as chat:
            try:
                await chat.run_agent("triage", "Where does my budget go?", within=0.3)
                raise AssertionError("a run that never ends was delivered")
            except DeadlineExceeded as late:
                print(late)


asyncio.run(main())
