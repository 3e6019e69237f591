"""The file through which another process reaches a running server."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netra_testkit.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netra_testkit.settings.config import StagingConfig

__all__ = ["variables_of", "written"]

_MARK: Final = "# Written by `netra-testkit serve`, and removed when it ends."


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


@contextlib.contextmanager
def written(path: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """A file of variables for its owner's eyes only, there as long as the block runs.

    Args:
        path: Where; what is there already is replaced only when an earlier server left it.
        variables: What it says.

    Raises:
        ConfigurationError: It cannot be written, or the file is somebody else's.
    """
    lines = [_MARK, *(f"{name}={_quoted(value)}" for name, value in variables.items()), ""]
    try:
        _guard(path)
        # Whoever waits for the file never sees a part of it; it is made with mode 0600.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write("\n".join(lines))
        Path(name).replace(path)
    except OSError as error:
        raise _refused(f"{path} cannot be written ({error.strerror}).") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _guard(path: Path) -> None:
    if path.is_dir():
        raise _refused(f"{path} is a directory.")
    if path.exists():
        with path.open("rb") as opened:
            mark = opened.read(len(_MARK))
        if mark != _MARK.encode():
            raise _refused(f"{path} is not one of this command's; name another, or remove it.")


def _refused(remedy: str) -> ConfigurationError:
    return ConfigurationError(
        problems=(Problem("env file", "--write-env", remedy),),
        hint="Name a file that need not exist, in a directory that does.",
    )
