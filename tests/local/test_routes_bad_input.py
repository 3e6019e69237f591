"""Whatever is sent, the answer is a refusal and never a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.local.bare import ALICE
from tests.local.route_rows import ROWS, Row
from tests.local.web import Web, said_wrong, served

if TYPE_CHECKING:
    from collections.abc import Iterator

WITH_BODY = [row for row in ROWS if row.body]
ONE_MIB = 2**20
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with served() as served_here:
        yield served_here


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param(b"", 422, id="nothing"),
        pytest.param(b"{", 422, id="half an object"),
        pytest.param(b"null", 422, id="null"),
        pytest.param(b"[]", 422, id="a list"),
        pytest.param(b'"text"', 422, id="a text"),
        pytest.param(b"1", 422, id="a number"),
        pytest.param(b'{"message": NaN}', 422, id="not a number"),
        pytest.param(b"\xff\xfe{}", 422, id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"message": "hello"}', 422, id="a byte order mark"),
        pytest.param(b'{"message": "\xff"}', 422, id="not UTF-8"),
        pytest.param(b'{"message": "\\ud800"}', 422, id="half a surrogate pair"),
        pytest.param(b'{"message": "\\u0000"}', 422, id="NUL"),
        pytest.param(b'{"message": 1' + b"0" * 5000 + b"}", 422, id="a huge number"),
        pytest.param(b'{"message": ' + b"[" * 10**5 + b"]" * 10**5 + b"}", 422, id="deep"),
        pytest.param(b'{"message": "' + b"x" * ONE_MIB + b'"}', 413, id="too large"),
        pytest.param(b"\0" * 100, 422, id="zeros"),
    ],
)
@pytest.mark.parametrize("path", ["/api/agents/execute", "/api/mcp/tools/call", "/auth/login"])
def test_a_body_that_cannot_be_read_is_refused(
    web: Web, path: str, content: bytes, status: int
) -> None:
    answer = web("POST", path, content=content)
    assert answer.status_code == status
    assert said_wrong(answer) in {"VALIDATION_ERROR", "PAYLOAD_TOO_LARGE"}
    assert web("GET", "/health").status_code == 200


def test_a_body_without_end_is_cut(web: Web) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 256 * ONE_MIB:
            sent += ONE_MIB
            yield b" " * ONE_MIB

    try:
        assert web("POST", "/auth/login", content=endless()).status_code == 413
    except httpx.TransportError:
        # Who goes on writing may find the connection gone before reading why.
        assert sent < 256 * ONE_MIB
    assert web("GET", "/health").status_code == 200


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(b'{"a": "\\u0000"}', id="NUL in a value"),
        pytest.param(b'{"\\u0000": 1}', id="NUL in a key"),
        pytest.param(b'{"a": "\\udfff"}', id="half a surrogate pair in a value"),
        pytest.param(b'{"\\udfff": 1}', id="half a surrogate pair in a key"),
        pytest.param(b'{"a": [1e999]}', id="infinity"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", id="a huge number"),
        pytest.param(b'{"a":' * 60 + b"1" + b"}" * 60, id="deep"),
    ],
)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/agents/execute", "context"),
        ("/api/threads", "metadata"),
        ("/api/chat/messages", "metadata"),
    ],
)
def test_what_cannot_be_given_back_is_not_taken(
    web: Web, path: str, name: str, context: bytes
) -> None:
    text = b'{"message": "hello", "content": "hello", "' + name.encode() + b'": ' + context + b"}"
    answer = web("POST", path, user=ALICE, content=text)
    assert (answer.status_code, said_wrong(answer)) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "metadata",
    [{"a": [1, 2.5, None, True, "text"]}, {"": {}}, {"n": 10**300}, {"e": "\U0001f389"}, {}],
    ids=str,
)
def test_what_json_can_carry_is_given_back(web: Web, metadata: dict[str, Any]) -> None:
    made = web("POST", "/api/threads", user=ALICE, json={"metadata": metadata}).json()
    assert made["metadata"] == metadata


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat/messages", {}),
        ("/api/chat/messages", {"content": ""}),
        ("/api/chat/messages", {"content": " \n"}),
        ("/api/chat/messages", {"content": "x" * 8001}),
        ("/api/chat/messages", {"thread_id": 1, "content": "x"}),
        ("/api/chat/messages", {"thread_id": "", "content": "x"}),
        ("/api/chat/messages", {"thread_id": "x" * 300, "content": "x"}),
        ("/api/chat/messages", {"content": ["x"]}),
        ("/api/threads", {"title": None}),
        ("/api/threads", {"title": "x" * 1025}),
        ("/api/threads", {"metadata": []}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_body_is_told_what_is_wrong(web: Web, path: str, body: dict[str, Any]) -> None:
    answer = web("POST", path, user=ALICE, json=body)
    assert (answer.status_code, said_wrong(answer)) == (422, "VALIDATION_ERROR")
    [problem] = answer.json()["details"]["problems"]
    assert problem["field"] in {"content", "thread_id", "title", "metadata"}
    assert problem["problem"]


def test_the_longest_message_is_taken(web: Web) -> None:
    answer = web("POST", "/api/chat/messages", user=ALICE, json={"content": "x" * 8000})
    assert answer.status_code == 200


def test_a_query_that_is_too_long_is_refused(web: Web) -> None:
    answer = web("GET", "/api/chat/messages", user=ALICE, params={"thread_id": "x" * 1025})
    assert (answer.status_code, said_wrong(answer)) == (422, "VALIDATION_ERROR")


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["agent_x", "thread_x", "fail:planner", "data", "a@b", "\ud800", "\0"])
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
names = st.sampled_from(
    sorted({name for row in WITH_BODY for name in row.body or ()} | {"arguments", "metadata"})
)
bodies = st.dictionaries(names, values, max_size=5) | values
queries = st.dictionaries(
    st.sampled_from(["page", "page_size", "thread_id", "provider", "code", "state"]),
    st.text(st.characters(codec="utf-8"), max_size=20),
    max_size=3,
)
segments = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(
    row=st.sampled_from(ROWS),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
    | st.none(),
    body=bodies | st.binary(max_size=40),
    query=queries,
    segment=segments,
    known=st.booleans(),
)
def test_nothing_makes_it_fail(
    web: Web,
    row: Row,
    method: str | None,
    body: Any,
    query: dict[str, str],
    segment: str,
    *,
    known: bool,
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = row.path.partition("?")[0].replace("{thread}", quote(segment, safe=""))
    answer = web(
        method or row.method,
        path,
        user=ALICE if known else None,
        content=content,
        params=query,
    )
    assert answer.status_code < 500 or row.path == "/auth/e2e/test-auth"
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert said_wrong(answer)
