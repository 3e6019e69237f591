"""What a deployment says of itself, and how far that can be believed."""

from __future__ import annotations

from netra_testkit import Health, WebSocketHealth

health = Health.parse({"status": "healthy", "version": "1.0.0", "core_db": "connected"})
print(f"/health: ready={health.is_ready}, version {health.version}, Redis {health.redis_db}")
assert health.is_ready
assert health.redis_db is None

counts = {"active_connections": 0, "total_connections": 0, "messages_processed": 0}
answer = {
    "status": "healthy",
    "metrics": {"websocket": {**counts, "error_rate": 0.0}},
    "e2e_testing": {"enabled": False},
}
sockets = WebSocketHealth.parse(answer)
print(f"/ws/health: ready={sockets.is_ready}, error rate {sockets.error_rate}")
for finding in sockets.findings(own_socket_open=True):
    print(f"  {finding}")
assert sockets.is_ready is None
assert sockets.error_rate is None
