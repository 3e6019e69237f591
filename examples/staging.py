"""A staging as a test holds it: readiness, a crowd of leased users, and its latency."""

import asyncio
import secrets

from netra_testkit import Staging, StagingConfig


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request: healthy."""
    while await reader.read(65536):
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status": "healthy"}')
    writer.close()


async def main() -> None:
    """Let five users call at the same time."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    secret = secrets.token_urlsafe(48)
    staging = Staging(StagingConfig(environment="local", base_url=root, jwt_secret=secret))
    print("health:", (await staging.wait_until_ready(within=5)).status)
    async with staging.users(5, within=10) as crowd:
        await crowd.each(lambda user: user.http.get("/api/threads"))
    print(crowd.latency)
    assert (crowd.latency.n, crowd.latency.identities) == (5, 5)
    server.close()


asyncio.run(main())
