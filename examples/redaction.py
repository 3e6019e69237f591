"""A secret, a token cut in the middle, and a log line: nothing of them can be read."""

from __future__ import annotations

import logging
import secrets
import sys

from netra_testkit import install, mask, register

secret = secrets.token_urlsafe(48)
register(secret, label="JWT_SECRET_STAGING")

print("As a whole:       ", mask(f"signed with {secret}"))
print("Cut in the middle:", mask(f"token={secret[:16]}...{secret[-16:]}"))
print("In a query:       ", mask("wss://example.com/ws?token=a1b2c3d4e5"))

install()
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="%(name)s: %(message)s")
logging.getLogger("websockets.client").debug("> Authorization: Bearer %s", secret)

assert secret[:12] not in mask(f"{secret[:16]}...")
