"""The states of a connection: a legal way through, and a step that is none."""

from __future__ import annotations

from netra_testkit import ConnectionState, IllegalStep, step

state = ConnectionState.CONNECTING
for target in ("accepted", "authenticated", "services_ready", "processing_ready", "idle"):
    state = step(state, ConnectionState(target))
    print("->", state)
assert state is ConnectionState.IDLE

try:
    step(state, ConnectionState.ACCEPTED)
except IllegalStep as error:
    refused = error
else:
    raise SystemExit("an illegal step was accepted")
print(refused)
assert "degraded" in refused.legal
