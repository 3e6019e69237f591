"""A validated configuration and a minted, verified token for the embedded environment."""

from __future__ import annotations

from netra_testkit import (
    BadTokens,
    Environment,
    JwtSecret,
    StagingConfig,
    StagingUser,
    TokenInvalid,
    mint_access_token,
    verify_token,
)

print("Where staging is, and which source said so:\n")
print(StagingConfig().explain())

secret = JwtSecret.generate("this demo")
ann = StagingUser(user_id="demo-user-001", email="demo-user-001@example.com")
token = mint_access_token(secret, user=ann, environment=Environment.LOCAL)
claims = verify_token(token, secret, environment=Environment.LOCAL)
print(f"\nA secret made just now: {secret!r}")
print(
    f"A token minted with it and verified: {claims.subject}, {claims.email}, {claims.environment}"
)

print("\nWhat a verifier must refuse, and on what ground it did:\n")
for name, bad in BadTokens(secret, ann, Environment.LOCAL):
    try:
        verify_token(bad, secret, environment=Environment.LOCAL)
    except TokenInvalid as refused:
        print(f"  {name:<24} {refused.reason}{f' ({refused.claim})' if refused.claim else ''}")
    else:
        raise SystemExit(f"{name} was accepted")
