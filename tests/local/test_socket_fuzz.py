from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.local.bare import WITHIN, receive, socket

from netra_testkit.local.staging import LocalStaging
from netra_testkit.wire.types import MESSAGE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST = "the last one"
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=5), LEAVES)
KEYS = st.sampled_from(
    [
        "agent",
        "message",
        "content",
        "context",
        "run_id",
        "thread_id",
        "message_id",
        "title",
        "action",
        "id",
        "jsonrpc",
        "event",
        "timestamp",
        "payload",
        "data",
    ]
)
BODIES = st.dictionaries(KEYS, VALUES, max_size=5)
NAMES = st.sampled_from(sorted(set(MESSAGE_TYPES) - {"disconnect"})) | st.text(max_size=10)
DOCUMENTS = st.builds(
    lambda name, beside, key, body: {"type": name, **beside, key: body},
    NAMES,
    BODIES,
    st.sampled_from(["payload", "data", "beside"]),
    BODIES,
)
FRAMES = DOCUMENTS.map(json.dumps) | st.text(max_size=30) | st.binary(max_size=30)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0) as started:
        yield started


async def survives(server: LocalStaging, frames: list[Any]) -> None:
    async with socket(server) as connection:
        for each in frames:
            try:
                await connection.send(each)
            except UnicodeEncodeError:
                await connection.send(each.encode("utf-8", "surrogatepass"))
        await connection.send(json.dumps({"type": "ping", "message_id": LAST}))
        async with asyncio.timeout(WITHIN):
            while (await receive(connection)).get("message_id") != LAST:
                pass


@given(frames=st.lists(FRAMES, max_size=15))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_client_sends_the_next_ping_is_answered(
    server: LocalStaging, frames: list[Any]
) -> None:
    asyncio.run(survives(server, frames))
