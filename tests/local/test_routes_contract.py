"""Every endpoint, row by row: what it answers, to whom, and whom it refuses."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Route
from tests.local.bare import ALICE, bad_tokens
from tests.local.route_rows import ADMIN, CREDENTIALS, NONE, OPTIONAL, REQUIRED, ROWS, Row
from tests.local.web import Web, said_wrong, served

from netra_testkit.local.routes import all_routes
from netra_testkit.settings.bad_tokens import BAD_TOKENS
from netra_testkit.settings.users import StagingUser

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

ROOT = StagingUser("local-root", "root@example.com", ("read", "admin"))
ANNOUNCED = {
    "X-Test-Type": "E2E",
    "X-Test-Environment": "staging",
    "X-E2E-Test": "true",
    "X-Test-Mode": "true",
    "X-E2E-Bypass-Key": "anything",
}
STREAMS = {"/api/agents/stream", "/api/chat/stream", "/api/events/stream"}
GUARDED = [row for row in ROWS if row.auth in {REQUIRED, ADMIN}]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with served() as served_here:
        yield served_here


def called(web: Web, row: Row, user: StagingUser | None = None, **options: Any) -> httpx.Response:
    """Call a row with whatever its placeholders stand for."""
    filled: dict[str, str] = {"new": f"row-{next(_numbers)}@example.com"}
    if "{thread}" in f"{row.path}{row.body}":
        owner = user or ALICE
        filled["thread"] = web("POST", "/api/threads", user=owner).json()["id"] if owner else ""
    if "{agent}" in str(row.body):
        started = web("POST", "/api/agents/start", user=user, json={})
        filled["agent"] = started.json()["agent_id"]
    if row.path == "/auth/login" or "{refresh}" in str(row.body):
        web("POST", "/auth/register", json=CREDENTIALS)
        tokens = web("POST", "/auth/login", json=CREDENTIALS).json()
        filled["refresh"] = tokens["refresh_token"]
    path = row.path.format_map({"thread": "", **filled})
    if row.body is not None:
        options["json"] = {
            name: value.format_map(filled) if isinstance(value, str) else value
            for name, value in row.body.items()
        }
    return web(row.method, path, user=user, **options)


def caller(row: Row) -> StagingUser | None:
    return {REQUIRED: ALICE, ADMIN: ROOT}.get(row.auth)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_answers_as_said(web: Web, row: Row) -> None:
    answer = called(web, row, caller(row))
    assert answer.status_code == row.status
    if row.keys:
        assert set(row.keys.split()) <= answer.json().keys()
    for path, keys in row.within.items():
        part = answer.json()
        for step in path.split():
            part = part[step]
        assert set(keys.split()) <= part.keys()
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.auth == OPTIONAL], ids=str)
def test_where_credentials_are_optional_good_ones_do(web: Web, row: Row) -> None:
    assert called(web, row, ALICE).status_code == row.status


@pytest.mark.parametrize("row", [row for row in ROWS if row.auth == NONE], ids=str)
def test_where_none_are_needed_bad_ones_do_no_harm(web: Web, row: Row) -> None:
    answer = called(web, row, headers={"Authorization": "Bearer no-token"})
    assert answer.status_code == row.status


@pytest.mark.parametrize("headers", [{}, ANNOUNCED], ids=["plain", "announced"])
@pytest.mark.parametrize("row", GUARDED, ids=str)
def test_without_credentials_nobody_comes_in(web: Web, row: Row, headers: dict[str, str]) -> None:
    answer = called(web, row, headers=headers)
    assert answer.status_code == 403
    assert said_wrong(answer) in {"NO_TOKEN", "FORBIDDEN"}


@pytest.mark.broad
@pytest.mark.parametrize("headers", [{}, ANNOUNCED], ids=["plain", "announced"])
@pytest.mark.parametrize("row", GUARDED, ids=str)
def test_no_bad_token_is_let_in(web: Web, row: Row, headers: dict[str, str]) -> None:
    assert let_in(web, row, headers) == {}


@pytest.mark.parametrize("row", [row for row in ROWS if row.auth == OPTIONAL], ids=str)
def test_a_bad_token_is_refused_also_where_none_is_needed(web: Web, row: Row) -> None:
    assert let_in(web, row, ANNOUNCED) == {}


def let_in(web: Web, row: Row, headers: dict[str, str]) -> dict[str, int]:
    """The bad tokens that were not refused, and what was answered."""
    tokens = bad_tokens(web.server, ROOT if row.auth == ADMIN else ALICE)
    assert tokens.keys() == BAD_TOKENS.keys()
    answers = {
        name: web(row.method, row.path, token=token, headers=headers).status_code
        for name, token in tokens.items()
    }
    return {name: status for name, status in answers.items() if status != 401}


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "{token}", "Token {token}"])
def test_what_is_no_bearer_token_is_refused(web: Web, header: str) -> None:
    given = header.format(token=web.token())
    answer = web("GET", "/auth/me", headers={"Authorization": given})
    assert answer.status_code == 401


def test_a_permission_is_not_given_by_being_known(web: Web) -> None:
    answer = web("GET", "/api/config", user=ALICE)
    assert (answer.status_code, said_wrong(answer)) == (403, "FORBIDDEN")


def test_the_rows_leave_no_route_out() -> None:
    routes = [each for each in all_routes() if isinstance(each, Route)]
    missing = [
        f"{method} {each.path}"
        for each in routes
        for method in each.methods or ()
        if method != "HEAD"
        and each.path not in STREAMS
        and not any(
            row.method == method
            and each.path_regex.match(row.path.partition("?")[0].format(thread="x", agent="x"))
            for row in ROWS
        )
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/health", {"GET", "HEAD"}),
        ("/auth/login", {"GET", "HEAD", "POST"}),
        ("/api/threads", {"GET", "HEAD", "POST"}),
        ("/api/threads/any", {"GET", "HEAD", "PUT", "DELETE"}),
        ("/api/agents/start", {"POST"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(web: Web, path: str, allowed: set[str]) -> None:
    answer = web("PATCH", path)
    assert (answer.status_code, said_wrong(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", ["/", "/api", "/api/threads/", "/nowhere", "/api/threads/a/b"])
def test_an_unknown_path_is_not_found(web: Web, path: str) -> None:
    answer = web("GET", path, user=ALICE)
    assert (answer.status_code, said_wrong(answer)) == (404, "NOT_FOUND")


def test_a_head_is_answered_as_a_get_without_its_body(web: Web) -> None:
    answer = web("HEAD", "/health")
    assert (answer.status_code, answer.content) == (200, b"")
