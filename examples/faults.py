"""Break the embedded staging on purpose, and see it."""

from __future__ import annotations

import http.client

from netra_testkit import FAULTS, Fault, LocalStaging


def health(server: LocalStaging) -> str:
    """What a client sees of the server."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3)
    try:
        connection.request("GET", "/health")
        return f"HTTP {connection.getresponse().status}"
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


with LocalStaging() as server:
    for spec in ("status:status=503,retry_after=10", "down", "reset_peer"):
        server.faults.add(Fault.parse(spec))
        seen = health(server)
        print(f"{spec}: {seen}")
        assert seen != "HTTP 200"
        server.faults.clear()
print(f"{len(FAULTS)} faults are in the catalogue")
