"""LocalStaging: started, reached, restarted, reset and stopped."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from contextlib import ExitStack
from secrets import token_urlsafe
from socket import create_connection
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.local.bare import ALICE, bearer, call, receive_until, send, socket

from netra_testkit.clients.availability import probe
from netra_testkit.clients.staging import Staging
from netra_testkit.errors import (
    AuthRefused,
    ConfigurationError,
    ContractBroken,
    DeadlineExceeded,
    Misuse,
)
from netra_testkit.local import server as running
from netra_testkit.local.faults import Fault
from netra_testkit.local.options import EventForm, Limits, Refusal, Welcome
from netra_testkit.local.staging import USERS, LocalStaging
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.wire.contract import Ending
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.safety.jsonable import JsonValue

READY_WITHIN = 1.5
STOPPED_WITHIN = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStaging]:
    with LocalStaging(pace=0) as started:
        yield started


def live(server: LocalStaging) -> int:
    return call(server, "GET", "/health/live").status_code


def test_it_answers_as_soon_as_it_has_started(server: LocalStaging) -> None:
    began = time.monotonic()
    with LocalStaging(pace=0) as another:
        assert time.monotonic() - began < READY_WITHIN
        assert (live(another), live(server)) == (200, 200)


def test_it_is_on_loopback_and_on_a_port_of_its_own(server: LocalStaging) -> None:
    with LocalStaging() as other:
        assert other.port != server.port
        assert other.url == f"http://127.0.0.1:{other.port}"
        assert live(other) == live(server) == 200


def test_a_stopped_one_answers_nobody_and_stays_stopped() -> None:
    with LocalStaging() as server:
        pass
    with pytest.raises(httpx.ConnectError):
        live(server)
    server.stop()
    assert "stopped" in repr(server)


def test_it_is_not_started_twice(server: LocalStaging) -> None:
    with pytest.raises(Misuse, match="started twice"):
        server.start()
    assert live(server) == 200


def test_nobody_knows_its_port_before_it_has_started() -> None:
    server = LocalStaging()
    with pytest.raises(Misuse, match="before its first start"):
        _ = server.port
    with pytest.raises(Misuse):
        server.config()


def test_a_port_may_be_given() -> None:
    with LocalStaging() as first:
        port = first.port
    with LocalStaging(port=port) as second:
        assert second.port == port
        assert second.url.endswith(f":{port}")


def test_a_taken_port_fails_in_the_caller(server: LocalStaging) -> None:
    with pytest.raises(ConfigurationError, match="cannot be bound"):
        LocalStaging(port=server.port).start()


def test_what_it_knows_outlives_a_restart_on_the_same_port() -> None:
    with LocalStaging(faults=[Fault("degraded")]) as server:
        port, secret = server.port, server.config().jwt_secret()
        made = call(server, "POST", "/api/threads", user=ALICE, json={"title": "kept"})
        server.restart()
        assert (server.port, server.config().jwt_secret()) == (port, secret)
        kept = call(server, "GET", f"/api/threads/{made.json()['id']}", user=ALICE)
        assert kept.json()["title"] == "kept"
        assert [each.kind for each in server.faults.faults] == ["degraded"]


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_it_forgets_when_told_to_and_faults_stay(running: bool) -> None:  # noqa: FBT001 - a parameter
    server = LocalStaging(faults=[Fault("e2e-off")])
    with server:
        made = call(server, "POST", "/api/threads", user=ALICE, json={"title": "gone"})
        path = f"/api/threads/{made.json()['id']}"
        if running:
            server.reset()
    if not running:
        server.reset()
    assert server.received.requests == ()
    with server:
        assert call(server, "GET", path, user=ALICE).status_code == 404
        assert [each.kind for each in server.faults.faults] == ["e2e-off"]
        assert log_in(server).status_code == 200


def test_one_that_is_blocked_says_that_it_could_not_forget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocked, let_go = threading.Event(), threading.Event()

    def block(*_: object, **__: object) -> None:
        blocked.set()
        let_go.wait()

    with LocalStaging() as server, ExitStack() as stack:
        stack.callback(let_go.set)
        made = call(server, "POST", "/api/threads", user=ALICE, json={"title": "kept"})
        with monkeypatch.context() as patch, create_connection(("127.0.0.1", server.port)) as raw:
            patch.setattr(server.faults, "strike", block)
            raw.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert blocked.wait(5)
            patch.setattr(running, "STOPPED_WITHIN", 0.1)
            with pytest.raises(DeadlineExceeded) as late:
                server.reset()
        let_go.set()
        # What was given up is not done behind the caller's back.
        assert call(server, "GET", f"/api/threads/{made.json()['id']}", user=ALICE).is_success
        server.reset()
        assert server.received.requests == ()
    failure = late.value
    assert (failure.phase, failure.limit, failure.has_peer) == ("reset", 0.1, False)
    assert failure.hint.startswith("Something blocks its thread")


def log_in(server: LocalStaging) -> httpx.Response:
    user = server.config().users[0]
    assert user.password is not None
    body = {"email": user.email, "password": user.password.reveal()}
    return call(server, "POST", "/auth/login", json=body)


def test_its_users_have_a_password(server: LocalStaging) -> None:
    answer = log_in(server)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == server.config().users[0].user_id


def test_its_configuration_reaches_it_whatever_the_process_has_for_others(
    server: LocalStaging, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "NETRA_BASE_URL": "http://localhost:1",
        "NETRA_WEBSOCKET_URL": "ws://localhost:1/other",
        "NETRA_AUTH_URL": "http://localhost:1",
        "NETRA_EXPECTED_REVISION": "another",
        "STAGING_TEST_JWT_TOKEN": "a-token-for-elsewhere",
        "JWT_SECRET_LOCAL": token_urlsafe(48),
    }.items():
        monkeypatch.setenv(name, value)
    config = server.config()
    assert config.environment is Environment.LOCAL
    assert {config.base_url, config.auth_url, config.frontend_url} == {server.url}
    assert config.api_url == f"{server.url}/api"
    assert config.websocket_url == f"ws://127.0.0.1:{server.port}/ws"
    assert config.expected_revision is None
    assert config.sealed_test_jwt_token is None
    assert config.jwt_secret().source == "an embedded staging"
    assert len(config.users) == USERS
    assert config.allow_registration


def test_an_argument_of_the_configuration_may_be_another(server: LocalStaging) -> None:
    assert server.config(retry_count=2, allow_registration=False).retry_count == 2
    assert server.config(users=[ALICE]).users == (ALICE,)


def test_the_secret_is_its_own_and_shown_nowhere(
    server: LocalStaging, caplog: pytest.LogCaptureFixture
) -> None:
    with LocalStaging() as other:
        mine, others = server.config().jwt_secret(), other.config().jwt_secret()
        assert mine != others
        shown = repr((server, other, vars(server), server.config(), server.received.requests))
    for secret in (mine, others):
        assert secret.reveal() not in shown
        assert secret.reveal() not in caplog.text


@pytest.mark.parametrize("kind", [str, JwtSecret], ids=["text", "JwtSecret"])
def test_a_secret_may_be_given(kind: type[Any]) -> None:
    value = token_urlsafe(48)
    secret = value if kind is str else JwtSecret.of(value, source="a test")
    with LocalStaging(secret=secret) as server:
        assert server.config().jwt_secret().reveal() == value
        assert call(server, "GET", "/auth/me", user=ALICE).status_code == 200


def test_a_token_of_another_one_is_refused(server: LocalStaging) -> None:
    with LocalStaging() as other:
        answer = call(server, "GET", "/auth/me", headers=bearer(other))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "options",
    [
        {"welcome": "hello"},
        {"refusal": "politely"},
        {"event_form": "round"},
        {"pace": -1},
        {"secret": "short"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_argument_that_cannot_be_used_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        LocalStaging(**options)


def test_it_behaves_as_it_is_told() -> None:
    server = LocalStaging(
        seed=3,
        welcome="system_message",
        thread_handshake=False,
        refusal="close",
        event_form="flat",
        pace=0.5,
        limits=Limits(requests=1),
    )
    options = server.options
    assert (options.seed, options.thread_handshake, options.pace) == (3, False, 0.5)
    assert options.welcome is Welcome.SYSTEM_MESSAGE
    assert options.refusal is Refusal.CLOSE
    assert options.event_form is EventForm.FLAT
    assert options.limits.requests == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com"])  # noqa: S104 - what is refused
def test_it_is_not_bound_elsewhere_unless_told_so(host: str) -> None:
    with pytest.raises(ConfigurationError, match="allow_remote=True") as refused:
        LocalStaging(host=host)
    assert refused.value.hint == "Leave the host out to listen on loopback only."


def test_bound_elsewhere_it_warns_and_is_reached_from_here() -> None:
    with pytest.warns(RuntimeWarning, match="whoever reaches it"):
        server = LocalStaging(host="0.0.0.0", allow_remote=True)  # noqa: S104 - what is warned of
    with server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert live(server) == 200


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_every_name_of_loopback_will_do(host: str) -> None:
    try:
        server = LocalStaging(host=host).start()
    except ConfigurationError:
        pytest.skip(f"this machine has no {host}")
    with ExitStack() as stack:
        stack.callback(server.stop)
        assert live(server) == 200
        assert server.config().base_url == server.url


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "netra_testkit.local.application", None)
    with pytest.raises(ConfigurationError, match=r"netra-testkit\[local\]"):
        LocalStaging().start()


async def test_it_stops_in_time_with_open_streams_and_rude_clients() -> None:
    server = LocalStaging().start()
    address = ("127.0.0.1", server.port)
    silent = create_connection(address)
    half = create_connection(address)
    half.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
    stream = create_connection(address)
    stream.sendall(b"GET /api/events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert stream.recv(12) == b"HTTP/1.1 200"
    deaf = create_connection(address)
    async with socket(server) as polite:
        await receive_until(polite, "connection_established")
        # A client that neither reads nor answers a closing frame.
        token = bearer(server)["Authorization"]
        deaf.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            + f"Authorization: {token}\r\n\r\n".encode()
        )
        assert deaf.recv(12) == b"HTTP/1.1 101"
        began = time.monotonic()
        await asyncio.to_thread(server.stop)
        took = time.monotonic() - began
    for raw in (silent, half, stream, deaf):
        raw.close()
    assert took < STOPPED_WITHIN
    assert server.received.open_connections == ()
    assert not [each for each in threading.enumerate() if each.name.endswith(f"-{server.port}")]


async def test_a_socket_is_told_that_the_server_goes() -> None:
    server = LocalStaging().start()
    async with socket(server) as connection:
        await receive_until(connection, "connection_established")
        await asyncio.to_thread(server.stop)
        await connection.wait_closed()
    assert connection.close_code == 1012


async def test_the_real_clients_reach_it(server: LocalStaging) -> None:
    staging = Staging(server.config())
    assert (await staging.health()).is_ready
    async with staging.user() as alice, alice.chat() as chat:
        run = await chat.run_agent("triage", "Where does my budget go?")
    run.assert_delivered()
    assert alice.identity is not None
    assert {each.user for each in server.received.events if each.run_id == run.run_id} == {
        alice.identity.user_id
    }


async def test_the_real_clients_do_not_take_an_unhealthy_one_for_ready(
    server: LocalStaging,
) -> None:
    server.faults.add(Fault("degraded", level="unhealthy"))
    staging = Staging(server.config())
    assert not (await staging.health()).is_ready
    with pytest.raises(DeadlineExceeded) as late:
        await staging.wait_until_ready(within=0.1)
    assert late.value.phase == "ready"
    assert "status 'unhealthy'" in str(late.value)
    assert "clickhouse_db is not connected" in str(late.value)
    seen = probe(server.config().health_endpoint)
    assert not seen.available
    assert "clickhouse_db is not connected" in seen.evidence
    server.faults.clear()
    assert (await staging.wait_until_ready(within=5)).is_ready


@pytest.mark.parametrize("form", EventForm)
async def test_the_real_clients_see_that_a_run_failed(form: EventForm) -> None:
    with LocalStaging(pace=0, event_form=form, faults=[Fault("failed-run")]) as server:
        async with Staging(server.config()).user() as alice:
            async with alice.chat() as chat:
                run = await chat.run_agent("supervisor", "Where does my budget go?")
            request: dict[str, JsonValue] = {"content": "Where does my budget go?"}
            async with alice.http.stream("POST", "/api/chat/stream", json=request) as events:
                kinds = [Frame.decode(each.data).type async for each in events]
    assert (run.ending, run.error_code) == (Ending.FAILED, "AGENT_FAILED")
    with pytest.raises(ContractBroken):
        run.assert_delivered()
    assert kinds[-2:] == [MessageType.AGENT_ERROR, MessageType.STREAM_ERROR]


async def test_the_real_clients_are_refused_with_a_bad_token(server: LocalStaging) -> None:
    staging = Staging(server.config())
    async with staging.user() as user:
        mallory = user.with_token(staging.bad_tokens.expired())
        with pytest.raises(AuthRefused):
            async with mallory.chat():
                pass


async def test_a_frame_that_came_is_known_to_the_server(server: LocalStaging) -> None:
    async with socket(server) as connection:
        await send(connection, "ping")
        await receive_until(connection, "pong")
        frames = [each for each in server.received.frames if each.user == ALICE.user_id]
    assert [each.type_name for each in frames] == ["ping"]
