"""The resolver inside a service: it verifies with the tests' secret, or it does not start."""

import secrets

from netra_testkit import Environment, LocalStaging, TokenInvalid, resolve_jwt_secret, verify_token

# Once, when the service starts; without a usable secret this raises and says what to set.
environ = {"JWT_SECRET_LOCAL": secrets.token_urlsafe(48)}
secret = resolve_jwt_secret(environ, environment="local")
print("The service logs its fingerprint:", secret.fingerprint)


def subject_of(token: str) -> str:
    """Who sends a request; a token that is in any doubt is nobody's."""
    try:
        return verify_token(token, secret, environment=Environment.LOCAL).subject
    except TokenInvalid as invalid:
        return f"nobody ({invalid.reason})"


for shared in (True, False):
    with LocalStaging(secret=environ["JWT_SECRET_LOCAL"] if shared else None) as server:
        tests = server.config()
    print("\nThe tests' fingerprint:", tests.jwt_secret().fingerprint)
    subject = subject_of(tests.create_test_jwt_token())
    print("Their token is of:", subject)
    assert (tests.jwt_secret().fingerprint == secret.fingerprint) is shared
    assert (subject == tests.users[0].user_id) is shared
