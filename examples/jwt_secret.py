"""Find the secret that tokens are signed with, and see why two services disagree."""

from __future__ import annotations

import secrets

from netra_testkit import ConfigurationError, compare_secrets, diagnose_secrets, resolve_jwt_secret

backend = {"JWT_SECRET_STAGING": secrets.token_urlsafe(48)}
auth = {"JWT_SECRET_KEY": secrets.token_urlsafe(48), "AUTH_JWT_SECRET": "changeme"}

mine = resolve_jwt_secret(backend, environment="staging")
theirs = resolve_jwt_secret(auth, environment="staging")
print("Its value is never shown:", mine)
assert mine.reveal() not in f"{mine!r} {mine}"

comparison = compare_secrets({"backend": mine, "auth": theirs.fingerprint})
print("\nDo they share it?", comparison)
assert not comparison.agree

print("\nWhy not?", diagnose_secrets({**backend, **auth}, "staging"))

try:
    resolve_jwt_secret({"JWT_SECRET_KEY": "too-short"}, environment="staging")
except ConfigurationError as refused:
    said = str(refused)
else:
    raise SystemExit("a short secret was accepted")
print(f"\nAnd without a usable one:\n{said}")
assert "too-short" not in said
