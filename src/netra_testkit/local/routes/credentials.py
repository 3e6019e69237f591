"""The pair of tokens that whoever comes in is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netra_testkit.errors import ConfigurationError
from netra_testkit.local.access import Refused
from netra_testkit.settings.tokens import LIFETIME, verify_token
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from netra_testkit.local.state.accounts import Account
    from netra_testkit.local.world import World

__all__ = ["credentials_for"]


def credentials_for(world: World, account: Account) -> dict[str, Any]:
    """What a log-in is answered with; logging out makes both tokens dead.

    Args:
        world: The server that mints the tokens.
        account: Whose they are.

    Raises:
        PlatformError: The account came with a token that names nobody a token can be minted for.
    """
    try:
        user = StagingUser(account.user_id, account.email, account.permissions)
    except ConfigurationError:
        raise Refused.because("VALIDATION_FAILED").as_error() from None
    access, refresh = world.gate.mint_access(user), world.gate.mint_refresh(user)
    kept = verify_token(
        refresh,
        world.gate.secret,
        environment=world.environment,
        token_type="refresh",  # noqa: S106 - a type
        now=world.clock,
    )
    claims = verify_token(access, world.gate.secret, environment=world.environment, now=world.clock)
    world.state.sessions.pair(claims.token_id, kept.token_id, expires_at=kept.expires_at)
    return {
        "access_token": access,
        "refresh_token": refresh,
        "token_type": "Bearer",
        "expires_in": int(LIFETIME),
        "user": {"id": account.user_id, "email": account.email},
    }
