"""What each primitive loads, seen in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.broad

STANDARD: frozenset[str] = frozenset()
SETTINGS = frozenset(
    {
        "annotated_types",
        "dotenv",
        "pydantic",
        "pydantic_core",
        "pydantic_settings",
        "typing_extensions",
        "typing_inspection",
    }
)

# httpx looks for what its command line would use, and loads it where it is installed.
COMMAND_LINE = {"click", "markdown_it", "mdurl", "pygments", "rich"}
HTTP = frozenset(
    {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "sniffio", "typing_extensions"}
    | COMMAND_LINE
)

# The import, and which packages beside the standard library it may load.
TABLE = {
    "import netra_testkit": STANDARD,
    "from netra_testkit import NetraError": STANDARD,
    "from netra_testkit import StagingConfig; StagingConfig()": SETTINGS,
    "from netra_testkit import Environment": STANDARD,
    "from netra_testkit import resolve_jwt_secret as resolve; resolve({}, environment='test')": (
        STANDARD
    ),
    "from netra_testkit import compare_secrets, diagnose_secrets": STANDARD,
    "from netra_testkit import safe_state; safe_state(1)": STANDARD,
    "from netra_testkit import to_jsonable; to_jsonable({1})": STANDARD,
    "from netra_testkit import CloudLoggingFormatter, SafeExtrasFilter": STANDARD,
    "from netra_testkit import install, mask; install(); mask('')": STANDARD,
    "from netra_testkit import MessageType; MessageType.parse('execute_agent')": STANDARD,
    'from netra_testkit import Frame; Frame.decode(\'{"type": "ping"}\')': STANDARD,
    "from netra_testkit import AgentRun, RunContract": STANDARD,
    "from netra_testkit import CloseCode": STANDARD,
    "from netra_testkit import SseParser; SseParser().feed(b'data: 1')": STANDARD,
    "from netra_testkit import Health": STANDARD,
    "from netra_testkit import ConnectionState": STANDARD,
    "from netra_testkit import StagingUser, UserPool": STANDARD,
    "from netra_testkit import mint_access_token, BadTokens": STANDARD,
    "from netra_testkit import Timeouts, Budgets": STANDARD,
    "from netra_testkit import Deadline, RetryPolicy; RetryPolicy()": STANDARD,
    "from netra_testkit import Trace": STANDARD,
    "from netra_testkit import is_staging_available": SETTINGS,
    "from netra_testkit import HttpClient": HTTP,
    "from netra_testkit import ChatClient": STANDARD | {"websockets"},
    "from netra_testkit import Staging; Staging()": SETTINGS | HTTP,
}

# One after another in one interpreter: what none of them may load, the first to load it shows.
PROBE = """
import json, sys
known = set(sys.modules)
strangers = {}
for statement in json.loads(sys.argv[1]):
    exec(statement, {})
    loaded = {name.partition(".")[0] for name in set(sys.modules) - known}
    known.update(sys.modules)
    # The standard library's own build settings have a name for each platform.
    strangers[statement] = sorted(
        name
        for name in loaded - set(sys.stdlib_module_names) - {"netra_testkit"}
        if not name.startswith("_sysconfigdata")
    )
print(json.dumps(strangers))
"""


@pytest.mark.parametrize(
    "allowed", dict.fromkeys(TABLE.values()), ids=lambda each: f"{len(each)} packages"
)
def test_a_primitive_loads_only_what_it_needs(allowed: frozenset[str]) -> None:
    statements = [each for each, needs in TABLE.items() if needs == allowed]
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", PROBE, json.dumps(statements)],
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = json.loads(done.stdout)
    assert loaded.keys() == set(statements)
    assert {each: names for each, names in loaded.items() if set(names) - allowed} == {}


def test_importing_the_package_loads_none_of_its_modules() -> None:
    probe = (
        "import sys, netra_testkit\n"
        "print([name for name in sys.modules if name.startswith('netra_testkit.')])\n"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", probe], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
