"""One line of JSON for each record, with an enum and a secret in it."""

from __future__ import annotations

import enum
import io
import json
import logging

from netra_testkit import CloudLoggingFormatter, JwtSecret

State = enum.Enum("State", ["CONNECTED"])

secret = JwtSecret.generate("this example").reveal()
handler = logging.StreamHandler(written := io.StringIO())
handler.setFormatter(CloudLoggingFormatter())
logger = logging.getLogger("backend")
logger.addHandler(handler)

logger.warning("socket is %s", State.CONNECTED, extra={"state": State.CONNECTED, "key": secret})

line = json.loads(written.getvalue())
print(json.dumps(line, indent=2))
assert (line["severity"], line["message"]) == ("WARNING", "socket is connected")
assert line["state"] == "connected"
assert secret not in written.getvalue()
