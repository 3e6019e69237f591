from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.broad

PROBE = """
import json, sys
before = set(sys.modules)
from netra_testkit.settings.config import StagingConfig
config = StagingConfig()
{body}
print(json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""
WHAT_IT_TAKES = {
    "annotated_types",
    "dotenv",
    "netra_testkit",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "typing_extensions",
    "typing_inspection",
}


def loaded_by(body: str) -> set[str]:
    """Everything outside the standard library that a fresh interpreter loads."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", PROBE.format(body=body)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "JWT_SECRET_STAGING": "s" * 40},
    )
    loaded = set(json.loads(done.stdout)) - set(sys.stdlib_module_names)
    # Of the standard library too, under a name that differs from platform to platform.
    return {name for name in loaded if not name.startswith("_sysconfigdata")}


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize(
    ("body", "more"),
    [
        ("config.explain(); config.jwt_secret(); config.get_headers()", set()),
        ("config.create_test_jwt_token()", {"jwt", "cryptography"}),
    ],
    ids=["using it", "minting a token"],
)
def test_a_configuration_loads_only_what_it_needs(body: str, more: set[str]) -> None:
    loaded = loaded_by(body)
    assert loaded <= WHAT_IT_TAKES | more
    assert {"pydantic_settings", "netra_testkit"} <= loaded
    assert ("jwt" in loaded) is ("jwt" in more)
