"""An event stream that ends as it should, and one that is cut off."""

import asyncio

from netra_testkit import HttpClient, StagingConfig, StreamTruncated

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
START, END = b'data: {"type": "stream_start"}\n\n: ping\n\n', b'data: {"type": "stream_end"}\n\n'


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Stream two events, of which /cut gets only the first."""
    writer.write(HEAD + START + (b"" if b"/cut" in await reader.readuntil(b"\r\n\r\n") else END))
    writer.close()


async def main() -> None:
    """Read both."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, HttpClient(StagingConfig(environment="local", base_url=root)) as http:
        for path in ("/api/chat/stream", "/cut"):
            try:
                async with http.stream("POST", path, json={}, within=5) as events:
                    print([event.frame().type_name async for event in events])
            except StreamTruncated as cut:
                print(cut)


asyncio.run(main())
