"""How a WebSocket ended: 1011 received and 1011 sent are two different findings."""

from __future__ import annotations

from netra_testkit import Cause, CloseCode, Closing

crashed = Closing(code=CloseCode(1011), reason="boom", closed_by="server")
keepalive = Closing(code=CloseCode(1011), reason="keepalive ping timeout", closed_by="client")
refused = Closing(code=CloseCode(4401), reason="expired", closed_by="server")

for ended in (crashed, keepalive, refused):
    cause = ended.cause(welcomed=False)
    print(f"{ended.code.name} by the {ended.closed_by} ({ended.reason}): {cause}")

assert crashed.cause(welcomed=True) is Cause.PRODUCT
assert keepalive.cause(welcomed=True) is Cause.UNDECIDED
assert refused.is_refusal(welcomed=False)

for number in (1000, 1006, 1012, 4999, 401):
    code = CloseCode(number)
    print(f"{number} {code.category}: sendable={code.sendable} retry={code.worth_one_retry}")
assert CloseCode(1012).worth_one_retry
