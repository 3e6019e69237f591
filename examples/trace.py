"""The flight recorder: what was said, bounded, with its losses counted and its tokens masked."""

from __future__ import annotations

import json

from netra_testkit import Environment, JwtSecret, StagingUser, Trace, mint_access_token

secret = JwtSecret.generate("this example")
ann = StagingUser(user_id="demo-user-001", email="demo-user-001@example.com")
token = mint_access_token(secret, user=ann, environment=Environment.LOCAL)

trace = Trace(max_records=3)
trace.record("wait", seconds=0.05)
trace.record("request", f"GET /api/threads Authorization: Bearer {token}", user=ann.user_id)
trace.record("response", '{"data": []}', status=200, seconds=0.031)
trace.record("frame", '{"type": "agent_started"}', direction="in")

for line in trace.lines():
    print(line)

about = json.loads(trace.lines()[0])
assert (about["records"], about["lost"]) == (3, 1)
assert token not in "".join(trace.lines())
