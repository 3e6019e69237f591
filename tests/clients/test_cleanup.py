from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.deployment import Answer, Asked, Deployment, deployment, recorded, staged

from netra_testkit.clients.cleanup import delete_threads, made_thread
from netra_testkit.clients.response import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async with deployment() as running:
        yield running


def response(content: bytes, status: int = 200) -> Response:
    return Response(
        status=status,
        headers={},
        content=content,
        elapsed=0.1,
        method="POST",
        path="/api/threads",
        request_id="r",
        trace_id="t",
    )


@pytest.mark.parametrize(
    ("body", "status", "made"),
    [
        pytest.param({"id": "t-1"}, 200, "t-1", id="made"),
        pytest.param({"id": "t-1"}, 201, "t-1", id="made, said with 201"),
        pytest.param({"id": "t-1"}, 409, None, id="refused, with the id of another's"),
        pytest.param({"id": 7}, 200, None, id="a number"),
        pytest.param({"id": ""}, 200, None, id="an empty id"),
        pytest.param({"id": ".."}, 200, None, id="a path"),
        pytest.param({}, 200, None, id="no id"),
        pytest.param(["t-1"], 200, None, id="a list"),
    ],
)
def test_the_id_of_a_thread_that_was_made(body: Any, status: int, made: str | None) -> None:
    assert made_thread(response(json.dumps(body).encode(), status)) == made


def test_a_body_that_is_not_json_names_no_thread() -> None:
    assert made_thread(response(b"<html>")) is None


async def test_threads_made_in_a_block_are_deleted_at_its_end(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as alice:
        for _ in range(8):
            await alice.http.post("/api/threads", json={})
        assert len(there.threads) == 8
    assert there.threads == {}
    assert sorted(recorded(staging, "cleanup")) == [f"thread t-{n} is deleted" for n in range(8)]


async def test_the_block_s_own_failure_is_what_comes_out(there: Deployment, tmp_path: Path) -> None:
    async def crash(asked: Asked) -> Answer | None:
        return (500, b"<html>") if asked.method == "DELETE" else None

    there.hook = crash
    staging = staged(there, tmp_path)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block's end must not hide it
        async with staging.user() as alice:
            await alice.http.post("/api/threads", json={})
            raise ZeroDivisionError
    assert recorded(staging, "cleanup") == ["thread t-0 stays: HTTP 500"]


async def test_what_became_of_each_thread_is_recorded(there: Deployment, tmp_path: Path) -> None:
    async def mixed(asked: Asked) -> Answer | None:
        return (403, {"detail": "no"}) if asked.path.endswith("mine") else None

    there.hook = mixed
    staging = staged(there, tmp_path)
    there.threads["t-9"] = "ann"
    async with staging.user() as alice:
        made = ["t-9", "t-9", "deleted-already", "mine"]
        await delete_threads(alice.http, made, staging.trace, within=1.0)
    assert sorted(recorded(staging, "cleanup")) == [
        "thread deleted-already was not found",
        "thread mine stays: HTTP 403",
        "thread t-9 is deleted",
    ]
    assert len(there.paths("DELETE")) == 3


async def test_an_id_that_looks_like_a_path_is_no_way_out(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as alice:
        await delete_threads(alice.http, ["../users/me?all=1"], staging.trace, within=1.0)
    assert there.paths("DELETE") == ["/api/threads/..%2Fusers%2Fme%3Fall%3D1"]


async def test_a_connection_that_breaks_is_recorded_and_the_others_are_deleted(
    there: Deployment, tmp_path: Path
) -> None:
    async def break_one(asked: Asked) -> Answer | None:
        if asked.path.endswith("t-0"):
            raise ConnectionResetError
        return None

    there.hook = break_one
    staging = staged(there, tmp_path)
    started = time.monotonic()
    async with staging.user() as alice:
        for _ in range(3):
            await alice.http.post("/api/threads", json={})
    assert time.monotonic() - started < 1.0
    assert sorted(recorded(staging, "cleanup")) == [
        "thread t-0 stays: ConnectionFailed",
        "thread t-1 is deleted",
        "thread t-2 is deleted",
    ]
