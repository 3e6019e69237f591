"""Mint a token, read it back, and see every bad one refused."""

from netra_testkit import (
    BadTokens,
    Environment,
    JwtSecret,
    StagingUser,
    TokenInvalid,
    mint_access_token,
    verify_token,
)

staging = Environment.STAGING
secret = JwtSecret.generate("an example")
alice = StagingUser("alice", "alice@example.com")

token = mint_access_token(secret, user=alice, environment=staging)
claims = verify_token(token, secret, environment=staging)
assert claims.subject == "alice"
print(f"{claims.subject} may {', '.join(claims.permissions)} on {claims.environment}")

for name, bad_token in BadTokens(secret, alice, staging):
    try:
        verify_token(bad_token, secret, environment=staging)
    except TokenInvalid as refusal:
        print(f"{name:<20} refused: {refusal.reason}")
    else:
        raise AssertionError(name)
