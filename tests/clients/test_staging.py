from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.chat_server import eventually
from tests.clients.deployment import (
    Answer,
    Asked,
    Deployment,
    deployment,
    free,
    recorded,
    staged,
)
from tests.clients.http_server import nothing_left

from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.staging import Staging
from netra_testkit.errors import (
    AuthRefused,
    Cause,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidBound,
    ServiceUnavailable,
    UnusableBody,
)
from netra_testkit.settings.bad_tokens import BAD_TOKENS
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.secrets import JwtSecret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

STARTING: Answer = (503, {"status": "unhealthy", "message": "starting", "details": {}})


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async with deployment() as running:
        yield running


def nowhere() -> StagingConfig:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        root = f"http://127.0.0.1:{listener.getsockname()[1]}"
    return StagingConfig(
        environment="local", base_url=root, jwt_secret=JwtSecret.generate("a test")
    )


def test_it_describes_staging_when_nothing_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NETRA_ENVIRONMENT", "NETRA_TEST_USERS", "NETRA_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    staging = Staging()
    assert staging.config == StagingConfig()
    assert staging.pool.known == staging.config.users
    assert staging.run_id != Staging().run_id


def test_an_alias_that_contradicts_the_table_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="execute_agent"):
        Staging(StagingConfig(extra_aliases={"execute_agent": "ping"}))


async def test_every_call_of_a_run_says_so(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as alice:
        await alice.http.get("/me")
    await staging.health()
    assert {each.headers["x-test-session"] for each in there.asked} == {staging.run_id}
    assert len(recorded(staging, "http")) == 2


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_each_bad_token_is_refused_over_http_and_chat(
    name: str, there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    tokens = dict(staging.bad_tokens)
    assert tokens.keys() == BAD_TOKENS.keys()
    async with staging.user().with_token(tokens[name]) as mallory:
        with pytest.raises(AuthRefused):
            await mallory.http.get("/me")
        with pytest.raises(AuthRefused):
            await mallory.chat().__aenter__()
    sent = there.tokens + there.chat_tokens
    assert [each and each.strip() for each in sent] == [tokens[name]] * 2


def test_bad_tokens_need_a_secret_and_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JWT_SECRET", "JWT_SECRET_KEY", "JWT_SECRET_STAGING", "JWT_SECRET_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError):
        _ = Staging(StagingConfig(users=())).bad_tokens


async def test_a_staging_without_users_has_bad_tokens_too(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path, known=0)
    async with staging.anonymous().with_token(staging.bad_tokens.tampered()) as mallory:
        with pytest.raises(AuthRefused):
            await mallory.http.get("/me")


async def test_health_is_what_the_deployment_says(there: Deployment, tmp_path: Path) -> None:
    health = await staged(there, tmp_path).health()
    assert (health.status, health.revision, health.is_ready) == ("healthy", "r-1", True)
    assert there.tokens == [None]


async def test_a_503_of_the_platform_s_own_is_health_too(there: Deployment, tmp_path: Path) -> None:
    there.health = STARTING
    health = await staged(there, tmp_path).health()
    assert (health.status, health.message, health.is_ready) == ("unhealthy", "starting", False)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        pytest.param(b"<html>no healthy upstream</html>", Cause.DEPLOYMENT, id="a gateway's page"),
        pytest.param([], Cause.DEPLOYMENT, id="no object"),
        pytest.param({"detail": "overloaded"}, Cause.PRODUCT, id="the platform's error"),
        pytest.param({"status": "healthy"}, Cause.DEPLOYMENT, id="healthy, says the body"),
    ],
)
async def test_a_503_that_does_not_say_unhealthy_is_a_failure(
    body: Any, cause: Cause, there: Deployment, tmp_path: Path
) -> None:
    there.health = (503, body)
    with pytest.raises(ServiceUnavailable) as caught:
        await staged(there, tmp_path).health()
    assert caught.value.cause is cause
    assert caught.value.request_id == there.asked[0].headers["x-request-id"]


async def test_a_page_is_no_health(there: Deployment, tmp_path: Path) -> None:
    there.health = (200, b"<html>")
    with pytest.raises(UnusableBody):
        await staged(there, tmp_path).health()


@pytest.mark.parametrize("within", [0, -1, float("nan"), float("inf"), True, "1"])
async def test_a_bound_that_is_none_is_refused_before_any_request(
    within: Any, there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    with pytest.raises(InvalidBound):
        staging.users(2, within=within)
    with pytest.raises(InvalidBound):
        staging.user(within=within)
    with pytest.raises(InvalidBound):
        await staging.health(within=within)
    with pytest.raises(InvalidBound):
        await staging.wait_until_ready(within=within)
    assert there.asked == []


async def test_a_ready_deployment_is_asked_once(there: Deployment, tmp_path: Path) -> None:
    started = time.monotonic()
    health = await staged(there, tmp_path).wait_until_ready(within=5)
    assert health.is_ready
    assert time.monotonic() - started < 1
    assert there.paths("GET") == ["/health"]


NOT_READY: dict[str, Answer] = {
    "unhealthy": STARTING,
    "a gateway": (503, b"<html>"),
    "a 500": (500, {"detail": "crashed"}),
    "a part fails": (200, {"status": "healthy", "redis_db": False, "revision": "r-1"}),
    "the old revision": (200, {"status": "healthy", "revision": "r-0"}),
}


async def looks_until_ready(first: Answer, tmp_path: Path) -> tuple[str | None, int]:
    """Which revision is ready that first answers so, and how often it was asked."""
    async with deployment() as there:
        there.health = first

        async def come_up(_: Asked) -> Answer | None:
            if len(there.asked) == 3:
                there.health = (200, {"status": "healthy", "revision": "r-1"})
            return None

        there.hook = come_up
        staging = staged(there, tmp_path, expected_revision="r-1")
        health = await staging.wait_until_ready(within=5)
        return health.revision, len(there.asked)


async def test_it_is_asked_until_it_is_ready(tmp_path: Path) -> None:
    found = await asyncio.gather(
        *(looks_until_ready(first, tmp_path) for first in NOT_READY.values()),
        return_exceptions=True,
    )
    assert dict(zip(NOT_READY, found, strict=True)) == dict.fromkeys(NOT_READY, ("r-1", 3))


LAST_SEEN: dict[str, tuple[Answer, str, Cause]] = {
    "unhealthy": (
        STARTING,
        "status 'unhealthy' (failing: status: it says unhealthy: starting)",
        Cause.PRODUCT,
    ),
    "another revision": (
        (200, {"status": "healthy", "revision": "r-0"}),
        "revision 'r-0' where 'r-1' is expected",
        Cause.DEPLOYMENT,
    ),
    "no revision": (
        (200, {"status": "healthy"}),
        "revision None where 'r-1' is expected",
        Cause.DEPLOYMENT,
    ),
    "a gateway": ((503, b"<html>"), "GET /health answered 503: <html>", Cause.DEPLOYMENT),
    "a page": (
        (200, b"<html>"),
        "GET /health answered 200 with a body that is not JSON: <html>",
        Cause.PRODUCT,
    ),
}


async def given_up(there: Deployment, staging: Staging) -> tuple[str, Cause]:
    """What was last seen of a deployment that never is ready, and whose fault that is."""
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        await staging.wait_until_ready(within=0.3)
    assert 0.3 <= time.monotonic() - started < 0.8
    failure = caught.value
    assert (failure.phase, failure.limit) == ("ready", 0.3)
    assert failure.last_activity is not None
    assert failure.request_id in {each.headers["x-request-id"] for each in there.asked}
    assert failure.log_filter is not None
    return failure.waiting_for, failure.cause


async def test_giving_up_says_what_was_last_seen(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as running:
        there = [await running.enter_async_context(deployment()) for _ in LAST_SEEN]
        for each, (said, _, _) in zip(there, LAST_SEEN.values(), strict=True):
            each.health = said
        # Made before anything is timed.
        stagings = [staged(each, tmp_path, expected_revision="r-1") for each in there]
        found = await asyncio.gather(*map(given_up, there, stagings), return_exceptions=True)
    assert dict(zip(LAST_SEEN, found, strict=True)) == {
        name: (f"ready deployment; last seen: {seen}", cause)
        for name, (_, seen, cause) in LAST_SEEN.items()
    }


def starts_and_then_hangs(there: Deployment) -> None:
    """Let a deployment say once that it is starting, and nothing more."""
    there.health = STARTING

    async def hang(_: Asked) -> Answer | None:
        if len(there.asked) > 1:
            await asyncio.sleep(60)
        return None

    there.hook = hang


async def test_a_last_look_that_was_cut_short_does_not_hide_the_one_before(
    there: Deployment, tmp_path: Path
) -> None:
    starts_and_then_hangs(there)
    with pytest.raises(DeadlineExceeded, match="it says unhealthy: starting"):
        await staged(there, tmp_path).wait_until_ready(within=0.4)
    assert len(there.asked) == 2


async def test_a_timer_that_is_early_does_not_hide_it_either(
    there: Deployment, tmp_path: Path
) -> None:
    starts_and_then_hangs(there)
    deadline = Deadline.after(0.2, clock=lambda: time.monotonic() * 0.9)
    with pytest.raises(DeadlineExceeded, match="it says unhealthy: starting"):
        await staged(there, tmp_path).wait_until_ready(within=deadline)


async def test_a_deployment_that_never_answers_was_never_heard(
    there: Deployment, tmp_path: Path
) -> None:
    async def hang(_: Asked) -> Answer | None:
        await asyncio.sleep(60)
        return None

    there.hook = hang
    with pytest.raises(DeadlineExceeded) as caught:
        await staged(there, tmp_path).wait_until_ready(within=0.2)
    assert "last seen: http: no answer to GET /health" in str(caught.value)
    assert caught.value.last_activity is None
    assert caught.value.cause is Cause.INFRASTRUCTURE


async def test_a_deployment_that_answered_half_was_heard() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    staging = Staging(StagingConfig(environment="local", base_url=root))
    with pytest.raises(DeadlineExceeded) as caught:
        await staging.wait_until_ready(within=0.2)
    server.close()
    assert caught.value.last_activity is not None
    assert caught.value.cause is Cause.PRODUCT


async def test_nobody_listening_is_waited_for_too() -> None:
    with pytest.raises(DeadlineExceeded, match="last seen: No connection to 127") as caught:
        await Staging(nowhere()).wait_until_ready(within=0.3)
    assert caught.value.cause is Cause.INFRASTRUCTURE
    assert caught.value.last_activity is None


async def test_a_deadline_that_has_passed_asks_nobody(there: Deployment, tmp_path: Path) -> None:
    deadline = Deadline.after(0.01)
    await asyncio.sleep(0.02)
    with pytest.raises(DeadlineExceeded, match="last seen: nothing"):
        await staged(there, tmp_path).wait_until_ready(within=deadline)
    assert there.asked == []


async def test_waiting_can_be_cancelled_and_leaves_nothing(
    there: Deployment, tmp_path: Path
) -> None:
    there.health = STARTING
    staging = staged(there, tmp_path)
    async with nothing_left():
        waiting = asyncio.create_task(staging.wait_until_ready())
        await eventually(lambda: bool(there.asked))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_whole_test_leaves_nothing_behind(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as warm, warm.chat():
        await warm.http.get("/me")
    async with nothing_left():
        await staging.wait_until_ready()
        async with staging.user() as alice, alice.chat() as chat:
            await alice.http.post("/api/threads", json={})
            (await chat.run_agent("triage", "hello")).assert_delivered()
        async with staging.users(3) as crowd:
            await crowd.each(lambda user: user.http.get("/me"))
        there.sockets.clear()
    assert free(staging) == {"ann", "bob", "cid"}


async def test_where_nobody_listens_there_is_no_floor() -> None:
    async with Staging(nowhere()).users(2) as crowd:
        assert crowd.latency.floor is None
        with pytest.raises(ExceptionGroup) as caught:
            await crowd.each(lambda user: user.http.get("/health"))
    assert {type(each) for each in caught.value.exceptions} == {ConnectionFailed}


async def test_behind_a_proxy_there_is_no_floor(
    there: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", there.root)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    config = StagingConfig(jwt_secret=there.secret)
    staging = Staging(config, pool=staged(there, tmp_path).pool)
    sought: list[object] = []

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        sought.append(host)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with staging.users(2) as crowd:
        assert crowd.latency.floor is None
    assert sought == []
