"""The embedded staging of a run: started once, in the controller, and pointed to by a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from netra_testkit.pytest_plugin.run import put

if TYPE_CHECKING:
    import pytest

    from netra_testkit.pytest_plugin.run import Run
    from netra_testkit.settings.secrets import JwtSecret

__all__ = ["start"]

ENV_FILE = "NETRA_ENV_FILE"
SECRET_VARIABLE = "JWT_SECRET_LOCAL"  # noqa: S105 - the name of a variable
_NAMES_LOCAL = frozenset({"NETRA_ENVIRONMENT=local", "NETRA_ENVIRONMENT='local'"})


def start(config: pytest.Config, run: Run) -> None:
    """Start it where none is pointed to yet; what prevents that is kept in `run.problem`.

    Args:
        config: The run's; stops it at the end.
        run: Whose environment is local.
    """
    if run.problem is not None or _is_pointed_to():
        return
    from netra_testkit.errors import ConfigurationError

    try:
        from netra_testkit.local.env_file import as_text, variables_of
        from netra_testkit.local.staging import LocalStaging

        server = LocalStaging(secret=_given_secret()).start()
        config.add_cleanup(server.stop)
        before = os.environ.get(ENV_FILE)
        config.add_cleanup(lambda: put(ENV_FILE, before))
        # The file of another environment has no say in this one.
        put(ENV_FILE, None)
        put(ENV_FILE, _written(config, as_text(variables_of(server.config()))))
    except ConfigurationError as refused:
        run.problem = str(refused.problems[0])
    except ImportError as missing:
        run.problem = (
            f"the embedded staging needs the extra `local` ({missing}): "
            "pip install 'netra-testkit[local]'"
        )


def _given_secret() -> JwtSecret | None:
    """The secret that the environment names, which counts more than the one of a file."""
    from netra_testkit.settings.secrets import JwtSecret

    value = os.environ.get(SECRET_VARIABLE, "").strip()
    return JwtSecret.of(value, source=SECRET_VARIABLE) if value else None


def _is_pointed_to() -> bool:
    """Whether a worker's controller, or whoever called us, has one running."""
    if os.environ.get("NETRA_BASE_URL", "").strip():
        return True
    named = os.environ.get(ENV_FILE, "").strip()
    if not named:
        return False
    try:
        lines = Path(named).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return False
    return any(line.replace(" ", "").replace('"', "'") in _NAMES_LOCAL for line in lines)


def _written(config: pytest.Config, text: str) -> str:
    """The name of a file with this text, for its owner's eyes only, until the run ends."""
    handle, name = tempfile.mkstemp(prefix="netra-local-", suffix=".env")
    config.add_cleanup(lambda: Path(name).unlink(missing_ok=True))
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
    return name
