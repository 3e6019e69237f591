from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import (
    ALICE,
    BOB,
    bad_tokens,
    bearer,
    client,
    mint,
    receive,
    receive_until,
    send,
    socket,
)
from tests.local.worlds import until
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netra_testkit.local import connections
from netra_testkit.local.options import Limits
from netra_testkit.local.staging import LocalStaging
from netra_testkit.settings.bad_tokens import BAD_TOKENS
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.tokens import mint_refresh_token, mint_service_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

E2E = {
    "X-Test-Type": "E2E",
    "X-Test-Environment": "staging",
    "X-E2E-Test": "true",
    "X-Test-Mode": "true",
}


def encoded(token: str) -> str:
    return base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


def by_header(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def by_query(token: str) -> dict[str, Any]:
    return {"query": f"?token={token}"}


def by_subprotocol(*names: str) -> Callable[[str], dict[str, Any]]:
    def carry(token: str) -> dict[str, Any]:
        filled = [each.replace("BASE64", encoded(token)).replace("TOKEN", token) for each in names]
        return {"subprotocols": filled}

    return carry


CARRIERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "header": by_header,
    "query": by_query,
    "jwt.BASE64": by_subprotocol("jwt-auth", "jwt.BASE64"),
    "jwt.BASE64-alone": by_subprotocol("jwt.BASE64"),
    **{
        name: by_subprotocol(name)
        for name in (
            "jwt.staging.TOKEN",
            "jwt-auth.local.TOKEN",
            "bearer.development.TOKEN",
            "staging-auth.TOKEN",
            "jwt.TOKEN",
            "jwt-auth.TOKEN",
            "bearer.TOKEN",
        )
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0) as started:
        yield started


@pytest.fixture(scope="module")
def closing() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0, refusal="close") as started:
        yield started


async def refused_status(server: LocalStaging, **options: Any) -> int:
    try:
        async with socket(server, None, **options):
            return 101
    except InvalidStatus as refused:
        body = json.loads(refused.response.body or b"{}")
        assert body["error"] is True
        assert body["error_code"]
        return refused.response.status_code


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_token_travels_on_every_carrier(server: LocalStaging, carrier: str) -> None:
    token = mint(server)
    options = CARRIERS[carrier](token)
    async with socket(server, None, **options) as connection:
        first = await receive(connection)
        assert first["data"]["user_id"] == ALICE.user_id
        offered = options.get("subprotocols", [])
        assert connection.subprotocol == ("jwt-auth" if "jwt-auth" in offered else None)
        assert token not in json.dumps(first)


async def test_a_name_without_a_token_is_chosen_when_jwt_auth_is_not_offered(
    server: LocalStaging,
) -> None:
    offered = [f"jwt.{encoded(mint(server))}", "chat"]
    async with socket(server, None, subprotocols=offered) as connection:
        assert connection.subprotocol == "chat"


@pytest.mark.parametrize("headers", [{}, E2E], ids=["plain", "announced"])
async def test_without_a_token_the_upgrade_is_refused(
    server: LocalStaging, headers: dict[str, str]
) -> None:
    assert await refused_status(server, headers=headers) == 401


@pytest.mark.broad
@pytest.mark.parametrize("headers", [{}, E2E], ids=["plain", "announced"])
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_every_bad_token_is_refused_on_every_carrier(
    server: LocalStaging, carrier: str, headers: dict[str, str]
) -> None:
    statuses = {}
    for name, token in bad_tokens(server).items():
        options = CARRIERS[carrier](token)
        own = {**options.pop("headers", {}), **headers}
        statuses[name] = await refused_status(server, headers=own, **options)
    assert statuses == dict.fromkeys(BAD_TOKENS, 403)


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "nonsense"])
async def test_an_unreadable_header_is_refused_whatever_comes_beside_it(
    server: LocalStaging, header: str
) -> None:
    query = f"?token={mint(server)}"
    assert await refused_status(server, headers={"Authorization": header}, query=query) == 403


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("header", "query"),
        ("header", "jwt.BASE64"),
        ("jwt.TOKEN", "query"),
        ("jwt.BASE64", "query"),
    ],
)
async def test_a_good_token_does_not_help_a_bad_one(
    server: LocalStaging, bad: str, good: str
) -> None:
    tokens = bad_tokens(server)
    for token in ("", "x", tokens["expired"], tokens["wrong_secret"]):
        options = {**CARRIERS[good](mint(server)), **CARRIERS[bad](token)}
        assert await refused_status(server, **options) == 403


@pytest.mark.parametrize("carrier", ["header", "query", "jwt.BASE64"])
async def test_only_an_access_token_lets_anybody_in(server: LocalStaging, carrier: str) -> None:
    secret = server.config().jwt_secret()
    for token in (
        mint_refresh_token(secret, user=ALICE, environment=Environment.LOCAL),
        mint_service_token(secret, service="backend", environment=Environment.LOCAL),
    ):
        assert await refused_status(server, **CARRIERS[carrier](token)) == 403


async def test_no_log_has_a_credential_in_it(
    server: LocalStaging, caplog: pytest.LogCaptureFixture
) -> None:
    nobodys = secrets.token_urlsafe(48)
    caplog.set_level(logging.DEBUG)
    known = mint(server)
    for token in (known, nobodys):
        for carry in CARRIERS.values():
            options = carry(token)
            with contextlib.suppress(InvalidStatus):
                async with socket(server, None, **options):
                    pass
    with contextlib.suppress(InvalidStatus):
        async with socket(server, None, headers={"Authorization": nobodys}, subprotocols=[nobodys]):
            pass
    ours = [each.getMessage() for each in caplog.records if not is_of_a_client(each)]
    assert any("/ws" in each for each in ours)
    assert not [each for each in ours if nobodys in each or known in each]


def is_of_a_client(record: logging.LogRecord) -> bool:
    return record.name.startswith(("websockets.client", "httpx", "httpcore"))


@pytest.mark.parametrize("name", [None, *BAD_TOKENS])
async def test_a_refusal_can_come_after_the_upgrade(
    closing: LocalStaging, name: str | None
) -> None:
    options = {} if name is None else by_header(bad_tokens(closing)[name])
    async with socket(closing, None, **options) as connection:
        refusal = await receive(connection)
        assert refusal["type"] == "error_message"
        codes = {"malformed": "INVALID_FORMAT", "expired": "TOKEN_EXPIRED"}
        reason = "" if name is None else codes.get(BAD_TOKENS[name], "VALIDATION_FAILED")
        assert refusal["error_code"] == (reason or "NO_TOKEN")
        with pytest.raises(ConnectionClosed) as closed:
            await receive(connection)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


async def test_a_good_token_is_let_in_where_refusals_come_after_the_upgrade(
    closing: LocalStaging,
) -> None:
    async with socket(closing) as connection:
        assert (await receive(connection))["type"] == "connection_established"


async def test_a_logged_out_token_is_refused(server: LocalStaging) -> None:
    headers = bearer(server, BOB)
    async with client(server) as http:
        left = await http.post("/auth/logout", headers=headers)
    assert left.status_code == 200
    assert await refused_status(server, headers=headers) == 403


@pytest.mark.parametrize("form", ["connection_established", "system_message"])
async def test_both_welcomes(form: str) -> None:
    with LocalStaging(pace=0, welcome=form) as server:
        async with socket(server) as connection:
            first = await receive(connection)
            assert first["type"] == form
            data = first["data"]
            assert data["connection_ready"] is True
            assert data["user_id"] == ALICE.user_id
            opened = server.received.open_connections
            assert [each.connection_id for each in opened] == [data["connection_id"]]
            assert opened[0].user == ALICE.user_id
            assert (form == "system_message") is (data.get("event") == "connection_established")


async def test_the_thread_handshake(server: LocalStaging) -> None:
    async with socket(server) as connection:
        assert (await receive(connection))["type"] == "connection_established"
        offered = await receive(connection)
        assert offered["type"] == "handshake_response"
        thread_id = offered["data"]["thread_id"]
        await send(connection, "handshake_acknowledged", thread_id=thread_id, timestamp=1.0)
        complete = await receive(connection)
        assert complete["type"] == "handshake_complete"
        assert complete["data"]["thread_id"] == thread_id
        await send(connection, "user_message", content="hello")
        assert (await receive(connection))["data"]["thread_id"] == thread_id


async def test_a_client_that_acknowledges_nothing_is_served_all_the_same(
    server: LocalStaging,
) -> None:
    async with socket(server) as connection:
        await send(connection, "start_agent", agent="data", message="hello")
        types = [each["type"] for each in await receive_until(connection, "agent_completed")]
        assert types[:3] == ["connection_established", "handshake_response", "agent_started"]


async def test_without_the_thread_handshake_an_acknowledgement_is_acknowledged() -> None:
    with LocalStaging(pace=0, thread_handshake=False) as server:
        async with socket(server) as connection:
            assert (await receive(connection))["type"] == "connection_established"
            await send(connection, "handshake_acknowledged", thread_id="t")
            answer = await receive(connection)
            assert answer["type"] == "ack"
            assert answer["data"]["received_type"] == "handshake_acknowledged"


@pytest.mark.parametrize("refusal", ["upgrade", "close"])
async def test_a_user_has_a_limited_number_of_connections(refusal: str) -> None:
    limits = Limits(connections_per_user=2)
    with LocalStaging(pace=0, limits=limits, refusal=refusal) as server:
        async with socket(server) as one, socket(server) as two:
            await receive(one)
            await receive(two)
            if refusal == "upgrade":
                assert await refused_status(server, headers=bearer(server)) == 429
            else:
                async with socket(server) as three:
                    assert (await receive(three))["error_code"] == "CONNECTION_LIMIT_EXCEEDED"
                    with pytest.raises(ConnectionClosed) as closed:
                        await receive(three)
                    assert closed.value.rcvd is not None
                    assert closed.value.rcvd.code == 1013
            async with socket(server, BOB) as other:
                assert (await receive(other))["data"]["user_id"] == BOB.user_id
        await until(lambda: not server.received.open_connections)
        async with socket(server) as again:
            await receive(again)


async def test_a_peer_that_vanishes_ends_its_connection_and_its_runs() -> None:
    with LocalStaging(pace=0.02) as server:
        async with socket(server) as connection:
            await send(connection, "start_agent", agent="supervisor", message="x", run_id="r")
            await receive_until(connection, "agent_thinking")
            connection.transport.abort()
        await until(lambda: not server.received.open_connections)
        async with socket(server) as again:
            await send(again, "agent_status_request")
            frames = await receive_until(again, "agent_status_update")
            [agent] = frames[-1]["data"]["agents"]
            assert (agent["run_id"], agent["status"]) == ("r", "cancelled")


@pytest.mark.parametrize("asks_on", [True, False], ids=["asks-on", "asks-no-more"])
async def test_a_peer_that_never_reads_is_given_up(
    monkeypatch: pytest.MonkeyPatch, *, asks_on: bool
) -> None:
    monkeypatch.setattr(connections, "SEND_WITHIN", 0.1)
    with LocalStaging(pace=0) as server:
        async with client(server, ALICE) as http:
            body = {"content": "x" * 8000}
            thread_id = (await http.post("/api/chat/messages", json=body)).json()["message"][
                "thread_id"
            ]
            for _ in range(29):
                await http.post(f"/api/threads/{thread_id}/messages", json=body)
        async with socket(server, max_queue=1) as rude, asyncio.timeout(10):
            asked = 0
            while server.received.open_connections:
                await send(rude, "get_thread_history", thread_id=thread_id)
                asked += 1

                def heard_or_given_up(asked: int = asked) -> bool:
                    received = server.received
                    return len(received.frames) >= asked or not received.open_connections

                await (asyncio.sleep(0) if asks_on else until(heard_or_given_up))
            rude.transport.abort()
        assert server.received.connections[-1].close_code == 1006
        async with socket(server) as again:
            assert (await receive(again))["type"] == "connection_established"
