"""One answer, one refusal and one server that says nothing, each in time."""

import asyncio

from netra_testkit import DeadlineExceeded, HttpClient, StagingConfig, UnexpectedStatus


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer /health with 200 and /missing with 404, and never answer anything else."""
    while path := (await reader.readline()).split(b" ")[1:2]:
        await reader.readuntil(b"\r\n\r\n")
        status = {b"/health": b"200 OK", b"/missing": b"404 Not Found"}.get(path[0])
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\n{}" % status if status else b"")
    writer.close()


async def main() -> None:
    """Ask for each."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, HttpClient(StagingConfig(environment="local", base_url=root)) as http:
        print(await http.get("/health"))
        for path, error in {"/missing": UnexpectedStatus, "/silent": DeadlineExceeded}.items():
            try:
                raise SystemExit(f"answered: {await http.get(path, within=0.2)}")
            except error as failed:
                print(failed)


asyncio.run(main())
