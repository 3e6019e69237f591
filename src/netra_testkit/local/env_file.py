"""What a file of variables says of an embedded staging, so that another process reaches it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netra_testkit.settings.config import StagingConfig

__all__ = ["as_text", "variables_of"]


def variables_of(config: StagingConfig) -> dict[str, str]:
    """The variables from which another process makes the same configuration.

    Args:
        config: Of the embedded staging.
    """
    users = [
        {
            "user_id": user.user_id,
            "email": user.email,
            "permissions": user.permissions,
            "password": None if user.password is None else user.password.reveal(),
        }
        for user in config.users
    ]
    return {
        "NETRA_ENVIRONMENT": str(config.environment),
        "NETRA_BASE_URL": config.base_url,
        "NETRA_API_URL": config.api_url,
        "NETRA_WEBSOCKET_URL": config.websocket_url,
        "NETRA_AUTH_URL": config.auth_url,
        "NETRA_FRONTEND_URL": config.frontend_url,
        "NETRA_ALLOW_REGISTRATION": str(config.allow_registration).lower(),
        "NETRA_TEST_USERS": json.dumps(users),
        "JWT_SECRET_LOCAL": config.jwt_secret().reveal(),
    }


def as_text(variables: Mapping[str, str]) -> str:
    """Variables as the lines of a file from which they are read as they are.

    Args:
        variables: Their values by name.
    """
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    # Readers replace ${name} within quotes too: by a default where it has one, here its dollar.
    return f"'{escaped.replace('${', '${:-$}{')}'"
