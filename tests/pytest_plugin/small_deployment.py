"""A deployment in a thread, for suites that run in a process or a loop of their own."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES = {"/refused": 401, "/busy": 503, "/late": 429}
HEALTHY = b'{"status": "healthy"}'


@contextlib.contextmanager
def small_deployment() -> Iterator[tuple[str, Counter[str]]]:
    """Where it is, and how often each path was asked for.

    `/once` is busy at first, `/slow` says nothing as long as the block lasts.
    """
    asked: Counter[str] = Counter()
    left = threading.Event()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked[self.path] += 1
            if self.path == "/slow":
                left.wait()
                return
            busy = self.path == "/once" and asked[self.path] == 1
            self.send_response(503 if busy else STATUSES.get(self.path, 200))
            self.send_header("Content-Length", str(len(HEALTHY)))
            self.end_headers()
            self.wfile.write(HEALTHY)

        def log_message(self, *_: object) -> None:
            """Nothing is written beside the suites' own output."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            left.set()
            server.shutdown()
            thread.join()
