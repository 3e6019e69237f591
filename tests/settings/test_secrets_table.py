"""Every way in which the secret's variables can be set, against a table written by hand."""

from __future__ import annotations

import itertools
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from netra_testkit.errors import ConfigurationError
from netra_testkit.settings.secrets import JwtSecret, resolve_jwt_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.broad

# Which of its three variables hold something usable, and what must come of it. "*" is either.
TABLE = """
environment | own | key | legacy | outcome
staging     | yes | *   | *      | JWT_SECRET_STAGING
staging     | no  | yes | *      | JWT_SECRET_KEY
staging     | no  | no  | yes    | JWT_SECRET warned
staging     | no  | no  | no     | error
production  | yes | *   | *      | JWT_SECRET_PRODUCTION
production  | no  | yes | *      | JWT_SECRET_KEY
production  | no  | no  | *      | error
development | yes | *   | *      | JWT_SECRET_DEVELOPMENT
development | no  | yes | *      | JWT_SECRET_KEY
development | no  | no  | yes    | JWT_SECRET warned
development | no  | no  | no     | random
test        | yes | *   | *      | JWT_SECRET_TEST
test        | no  | yes | *      | JWT_SECRET_KEY
test        | no  | no  | yes    | JWT_SECRET warned
test        | no  | no  | no     | random
local       | yes | *   | *      | JWT_SECRET_LOCAL
local       | no  | *   | *      | error
"""

# Which variables each environment says that it looked at, in this order.
LOOKED_AT = {
    "staging": ["own", "key", "legacy"],
    "production": ["own", "key"],
    "development": ["own", "key", "legacy"],
    "test": ["own", "key", "legacy"],
    "local": ["own"],
}

SPELLINGS = {
    "local": "local",
    "development": "development",
    "dev": "development",
    "local-dev": "development",
    "test": "test",
    "testing": "test",
    "staging": "staging",
    "stage": "staging",
    "stg": "staging",
    "production": "production",
    "prod": "production",
    " Production\n": "production",
    "STG ": "staging",
    "qa": "unknown",
    "jwt_secret_staging": "unknown",
    " ": "unknown",
}

MARKERS: list[tuple[str, ...]] = [
    (),
    ("K_SERVICE",),
    ("GOOGLE_CLOUD_PROJECT",),
    ("GCP_PROJECT_ID",),
    ("KUBERNETES_SERVICE_HOST",),
    ("K_SERVICE", "GOOGLE_CLOUD_PROJECT", "GCP_PROJECT_ID", "KUBERNETES_SERVICE_HOST"),
]

USABLE = {"good", "padded"}
QUALITIES = ["short", "blank", "placeholder", "padded", "good"]
SAID = {
    "unset": "is unset",
    "short": "is too short (31 bytes, at least 32 are needed)",
    "blank": "is blank",
    "placeholder": "is a placeholder",
}
PLACEHOLDER = " Your-Secret-Key-Change-In-Production "


def values() -> dict[str, dict[str, str]]:
    """For each of the variables a value of each quality, all of them different."""
    return {
        kind: {
            "short": f" {secrets.token_hex(16)[:31]}  ",
            "blank": " \t\n",
            "placeholder": PLACEHOLDER,
            "padded": f"\t {secrets.token_urlsafe(24)[:32]} \n",
            "good": secrets.token_urlsafe(24)[:32],
        }
        for kind in ("own", "key", "legacy", "foreign")
    }


VALUES = values()
RAW = {
    text.strip()
    for qualities in VALUES.values()
    for quality, text in qualities.items()
    if quality != "blank"
} | {PLACEHOLDER.strip().casefold()}


@dataclass(frozen=True)
class Row:
    """One way of setting the variables."""

    environment: str
    own: str
    key: str
    legacy: str
    foreign: str

    def names(self) -> dict[str, str]:
        own = f"JWT_SECRET_{self.environment.upper()}"
        foreign = "JWT_SECRET_STAGING" if own != "JWT_SECRET_STAGING" else "JWT_SECRET_PRODUCTION"
        return {"own": own, "key": "JWT_SECRET_KEY", "legacy": "JWT_SECRET", "foreign": foreign}

    def variables(self) -> dict[str, str]:
        return {
            name: VALUES[kind][getattr(self, kind)]
            for kind, name in self.names().items()
            if getattr(self, kind) != "unset"
        }


@dataclass
class Outcome:
    """What came, or must come, of one row."""

    source: str | None
    value: str | None
    passed_over: list[str]
    warned_of: list[str]
    complaints: list[str]


def parsed_table() -> dict[tuple[str, bool, bool, bool], str]:
    either = {"yes": [True], "no": [False], "*": [True, False]}
    found: dict[tuple[str, bool, bool, bool], str] = {}
    for line in TABLE.strip().splitlines()[1:]:
        environment, own, key, legacy, outcome = (each.strip() for each in line.split("|"))
        for combination in itertools.product(either[own], either[key], either[legacy]):
            assert (environment, *combination) not in found, line
            found[environment, *combination] = outcome
    return found


EXPECTED = parsed_table()


def expected_of(row: Row) -> Outcome:
    names = row.names()
    verdict, _, warned = EXPECTED[
        row.environment, row.own in USABLE, row.key in USABLE, row.legacy in USABLE
    ].partition(" ")
    looked_at = [(names[kind], getattr(row, kind)) for kind in LOOKED_AT[row.environment]]
    if verdict.startswith("JWT_SECRET"):
        chosen = next(kind for kind, name in names.items() if name == verdict)
        before = list(itertools.takewhile(lambda each: each[0] != verdict, looked_at))
        return Outcome(
            source=verdict,
            value=VALUES[chosen][getattr(row, chosen)].strip(),
            passed_over=[name for name, quality in before if quality != "unset"],
            warned_of=[verdict] if warned else [],
            complaints=[],
        )
    passed_over = [name for name, quality in looked_at if quality != "unset"]
    if verdict == "random":
        source = f"random for this process ({row.environment})"
        return Outcome(source, None, passed_over, [row.environment], [])
    complaints = [f"{name} {SAID[quality]}" for name, quality in looked_at]
    if row.environment in {"staging", "production"}:
        complaints.append("no provider was given")
    if row.environment == "production" and row.legacy not in {"unset", "blank"}:
        complaints.append("JWT_SECRET is set, but it is a legacy name that production never reads")
    return Outcome(None, None, passed_over, [], complaints)


class Records(logging.Filter):
    """Keeps what is logged, and lets none of it pass: there is too much for a report."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, str]] = []

    def filter(self, record: logging.LogRecord) -> bool:
        self.kept.append((record.levelno, record.getMessage()))
        return False

    def about(self, level: int) -> list[str]:
        """What each message of this level begins with: the name that it is about."""
        return [message.split()[0] for found, message in self.kept if found == level]


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    kept = Records()
    logger = logging.getLogger("netra_testkit")
    # Whatever another test installed would mask a record before it is looked at here.
    monkeypatch.setattr(logger, "filters", [kept])
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield kept
    logger.setLevel(level)


def resolved(environ: Mapping[str, str], environment: str | None) -> JwtSecret | ConfigurationError:
    try:
        return resolve_jwt_secret(environ, environment=environment)
    except ConfigurationError as error:
        return error


def check(row: Row, records: Records, environ: Mapping[str, str], environment: str | None) -> None:
    """Resolve, compare with what the table says, and look for any value in what was written."""
    records.kept.clear()
    found = resolved(environ, environment)
    expected = expected_of(row)
    where = (row, environment, environ.keys())
    if isinstance(found, JwtSecret):
        assert expected.source == found.source, where
        assert expected.value is None or expected.value == found.reveal(), where
    else:
        (problem,) = found.problems
        assert expected.source is None, (where, str(found))
        assert problem.source == ", ".join(
            row.names()[kind] for kind in LOOKED_AT[row.environment]
        ), where
        said = problem.remedy.partition(" (now ")[2].removesuffix(")").split("; ")
        assert said == expected.complaints, where
        assert f"JWT_SECRET_{row.environment.upper()}" in problem.remedy.partition(" (now ")[0]
    assert records.about(logging.ERROR) == expected.passed_over, where
    assert records.about(logging.WARNING) == expected.warned_of, where
    assert len(records.kept) == len(expected.passed_over) + len(expected.warned_of), where
    check_nothing_shown(f"{found!r} {found} {records.kept}", where)


def check_nothing_shown(text: str, where: tuple[object, ...]) -> None:
    assert not [raw for raw in RAW if raw in text], where


def check_refused(
    records: Records, environ: Mapping[str, str], environment: str | None, about: str
) -> None:
    records.kept.clear()
    found = resolved(environ, environment)
    where = (environ.get("ENVIRONMENT"), environment, environ.keys())
    assert isinstance(found, ConfigurationError), where
    (problem,) = found.problems
    assert problem.field == "environment", where
    assert about in problem.remedy, where
    assert records.kept == [], where
    check_nothing_shown(f"{found!r} {found}", where)


def rows(environment: str) -> Iterator[Row]:
    states = ["unset", *QUALITIES]
    # What belongs to another environment counts for nothing, so two states of it are enough.
    for own, key, legacy in itertools.product(states, repeat=3):
        for foreign in ("unset", "good"):
            yield Row(environment, own, key, legacy, foreign)


def test_the_table_is_complete() -> None:
    assert len(EXPECTED) == 5 * 2**3


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_variable_environment_decides(spelling: str, records: Records) -> None:
    environment = SPELLINGS[spelling]
    counted = 0
    for row, markers in itertools.product(
        rows("staging" if environment == "unknown" else environment), MARKERS
    ):
        environ = {
            **row.variables(),
            **dict.fromkeys(markers, "something"),
            "ENVIRONMENT": spelling,
        }
        if environment == "unknown":
            about = "is not an environment" if spelling.strip() else "is blank"
            check_refused(records, environ, None, about)
        elif environment == "local":
            check_refused(records, environ, None, "'local' has two meanings")
        else:
            check(row, records, environ, None)
        counted += 1
    assert counted == 6**3 * 2 * len(MARKERS)


def test_nothing_set_is_development_except_in_a_cloud(records: Records) -> None:
    counted = 0
    for row, markers in itertools.product(rows("development"), MARKERS):
        environ = {**row.variables(), **dict.fromkeys(markers, "something")}
        if markers:
            check_refused(records, environ, None, f"{' and '.join(markers)} says that this is")
        else:
            check(row, records, environ, None)
        counted += 1
    assert counted == 6**3 * 2 * len(MARKERS)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_argument_decides_whatever_the_variables_say(spelling: str, records: Records) -> None:
    environment = SPELLINGS[spelling]
    everything_else = {**dict.fromkeys(MARKERS[-1], "something"), "ENVIRONMENT": "qa"}
    counted = 0
    for row, ambient in itertools.product(
        rows("staging" if environment == "unknown" else environment), ({}, everything_else)
    ):
        environ = {**row.variables(), **ambient}
        if environment == "unknown":
            about = "is not an environment" if spelling.strip() else "is blank"
            check_refused(records, environ, spelling, about)
        else:
            check(row, records, environ, spelling)
        counted += 1
    assert counted == 6**3 * 2 * 2
