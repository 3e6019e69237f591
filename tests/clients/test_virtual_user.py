from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from tests.clients.deployment import (
    PEOPLE,
    Answer,
    Asked,
    Deployment,
    deployment,
    free,
    recorded,
    staged,
)

from netra_testkit.clients import virtual_user
from netra_testkit.clients.virtual_user import VirtualUser
from netra_testkit.errors import (
    AuthRefused,
    ClientClosed,
    DeadlineExceeded,
    InvalidBound,
    Misuse,
    NotEnoughUsers,
    UsersBusy,
)
from netra_testkit.safety.trace import Trace
from netra_testkit.settings.config import StagingConfig
from netra_testkit.settings.leases import UserPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

EVERYBODY = {user.user_id for user in PEOPLE}


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async with deployment() as running:
        yield running


async def test_a_user_is_leased_for_the_block_and_given_back(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    alice = staging.user()
    assert alice.identity is None
    assert free(staging) == EVERYBODY
    async with alice:
        assert alice.identity in PEOPLE
        assert alice.name == alice.identity.user_id
        assert free(staging) == EVERYBODY - {alice.name}
        assert (await alice.http.get("/me")).json() == {"user": alice.name}
    assert free(staging) == EVERYBODY
    assert recorded(staging, "lease") == [alice.name]


async def test_a_user_is_given_back_when_the_block_fails(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    with pytest.raises(ZeroDivisionError):
        async with staging.user():
            raise ZeroDivisionError
    assert free(staging) == EVERYBODY


async def test_a_user_is_given_back_when_entering_fails(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)

    class Broken(StagingConfig):
        @property
        def e2e_headers(self) -> dict[str, str]:
            raise LookupError("no headers")

    config = there.config(announce_e2e=True)
    broken = Broken(
        environment="local",
        base_url=config.base_url,
        websocket_url=config.websocket_url,
        announce_e2e=True,
    )
    user = VirtualUser(broken, lease=staging.pool.lease, session="s", trace=Trace())
    with pytest.raises(LookupError):
        await user.__aenter__()
    assert free(staging) == EVERYBODY


async def test_a_named_user_can_be_asked_for(there: Deployment, tmp_path: Path) -> None:
    async with staged(there, tmp_path).user(PEOPLE[1]) as bob:
        assert bob.identity == PEOPLE[1]


async def test_readers_share_a_user(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path, known=1)
    async with staging.user(shared=True) as one, staging.user(shared=True) as two:
        assert one.name == two.name


async def test_whoever_waits_too_long_is_told_who_holds_the_users(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path, known=1)
    async with staging.user():
        started = time.monotonic()
        with pytest.raises(UsersBusy, match="ann is held by process"):
            await staging.user(within=0.2).__aenter__()
        assert 0.15 < time.monotonic() - started < 0.7
    assert free(staging) == {"ann"}


async def test_whoever_is_cancelled_while_waiting_holds_nobody(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path, known=1)
    async with staging.user():
        waiting = asyncio.create_task(staging.user().__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert free(staging) == {"ann"}


async def test_the_time_to_wait_begins_with_the_block(there: Deployment, tmp_path: Path) -> None:
    waiting = staged(there, tmp_path).user(within=0.05)
    await asyncio.sleep(0.1)
    async with waiting as alice:
        assert alice.identity is not None


async def test_a_deadline_that_has_passed_leases_nobody(there: Deployment, tmp_path: Path) -> None:
    from netra_testkit.clients.deadline import Deadline

    staging = staged(there, tmp_path)
    deadline = Deadline.after(0.01)
    await asyncio.sleep(0.02)
    with pytest.raises(DeadlineExceeded, match="no identity within"):
        await staging.user(within=deadline).__aenter__()
    assert free(staging) == EVERYBODY


async def test_bad_bounds_and_missing_users_are_refused_at_once(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path, known=0)
    with pytest.raises(InvalidBound):
        staging.user(within=0)
    with pytest.raises(NotEnoughUsers):
        staging.user()
    assert there.asked == []


async def test_a_user_is_entered_once_and_used_inside_its_block_only(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    alice = staging.user()
    with pytest.raises(ClientClosed, match="http of a VirtualUser outside its block"):
        _ = alice.http
    with pytest.raises(ClientClosed, match="chat of a VirtualUser outside its block"):
        alice.chat()
    async with alice:
        with pytest.raises(Misuse, match="entered twice"):
            await alice.__aenter__()
    with pytest.raises(ClientClosed):
        _ = alice.http
    with pytest.raises(Misuse, match="entered twice"):
        await alice.__aenter__()
    assert free(staging) == EVERYBODY


async def test_anonymous_sends_no_token_anywhere(there: Deployment, tmp_path: Path) -> None:
    async with staged(there, tmp_path).anonymous() as nobody:
        assert (nobody.identity, nobody.name) == (None, "anonymous")
        with pytest.raises(AuthRefused):
            await nobody.http.get("/me")
        with pytest.raises(AuthRefused):
            await nobody.chat().__aenter__()
    assert there.tokens == [None]
    assert there.chat_tokens == [None]


async def test_a_given_token_is_sent_over_http_and_chat(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    bad = staging.bad_tokens.expired()
    async with staging.user().with_token(bad) as mallory:
        with pytest.raises(AuthRefused):
            await mallory.http.get("/me")
        with pytest.raises(AuthRefused):
            await mallory.chat().__aenter__()
    assert there.tokens == there.chat_tokens == [bad]


async def test_a_token_given_in_the_middle_counts_from_then_on(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as alice:
        await alice.http.get("/me")
        alice.with_token(staging.bad_tokens.wrong_secret())
        with pytest.raises(AuthRefused):
            await alice.http.get("/me")


async def test_a_token_may_be_given_to_nobody(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    async with staging.user() as alice, alice.chat():
        good = there.chat_tokens[0]
        assert good is not None
        async with staging.anonymous().with_token(good) as thief:
            assert (await thief.http.get("/me")).json() == {"user": alice.name}


async def test_a_token_that_is_no_text_is_refused(there: Deployment, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="with_token\\(\\) of a NoneType"):
        staged(there, tmp_path).anonymous().with_token(None)  # type: ignore[arg-type] # on purpose


async def test_each_chat_connection_has_a_token_of_its_own(
    there: Deployment, tmp_path: Path
) -> None:
    async with staged(there, tmp_path).user() as alice:
        async with alice.chat() as chat:
            assert chat.identity == alice.identity
            (await chat.run_agent("triage", "hello")).assert_delivered()
        async with alice.chat():
            pass
    assert len(set(there.chat_tokens)) == 2
    subjects = {claims.subject for claims in map(there.claims, there.chat_tokens) if claims}
    assert subjects == {alice.name}


@pytest.mark.parametrize(
    ("later", "anew"),
    [
        pytest.param(0, False, id="at once"),
        pytest.param(599, False, id="while it is fresh"),
        pytest.param(600, True, id="before it expires"),
        pytest.param(-1, True, id="when the clock was set back"),
    ],
)
async def test_http_calls_share_a_token_until_it_grows_old(
    later: int,
    anew: bool,  # noqa: FBT001 - a column of the table
    there: Deployment,
) -> None:
    now = [time.time()]
    pool = UserPool(PEOPLE, environment=there.config().environment)
    user = VirtualUser(
        there.config(), lease=pool.lease, session="s", trace=Trace(), clock=lambda: now[0]
    )
    async with user as alice:
        await alice.http.get("/me")
        now[0] += later
        await alice.http.get("/me", expect=None)
    first, second = there.tokens
    assert (first != second) is anew


async def test_what_calls_took_is_summed_up_and_cleaning_up_is_no_call(
    there: Deployment, tmp_path: Path
) -> None:
    async with staged(there, tmp_path).user() as alice:
        assert alice.heard_at is None
        await alice.http.post("/api/threads", json={})
        with pytest.raises(AuthRefused):
            await alice.with_token("none").http.get("/me")
        assert alice.heard_at is not None
    assert [each.name for each in alice.latency.samples] == ["POST /api/threads", "GET /me"]
    assert alice.latency.identities == 1
    assert alice.latency.failures == {"authentication": 1}


async def test_everything_works_in_a_loop_of_ones_own(tmp_path: Path) -> None:
    def script() -> str:
        async def main() -> str:
            async with (
                deployment() as there,
                staged(there, tmp_path).user() as alice,
                alice.chat() as chat,
            ):
                await alice.http.post("/api/threads", json={})
                return (await chat.run_agent("triage", "hello")).outcome

        return asyncio.run(main())

    assert await asyncio.to_thread(script) == "delivered"


async def test_a_hanging_clean_up_is_cut_and_the_user_given_back(
    there: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert virtual_user.LEAVING == 1.0
    monkeypatch.setattr(virtual_user, "LEAVING", 0.2)

    async def hang(asked: Asked) -> Answer | None:
        if asked.method == "DELETE":
            await asyncio.sleep(60)
        return None

    there.hook = hang
    staging = staged(there, tmp_path)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block's end must not hide it
        async with staging.user() as alice:
            for _ in range(12):
                await alice.http.post("/api/threads", json={})
            started = time.monotonic()
            raise ZeroDivisionError
    assert time.monotonic() - started < 0.7
    assert len(recorded(staging, "cleanup")) == 12
    assert all(each.endswith("stays: DeadlineExceeded") for each in recorded(staging, "cleanup"))
    assert free(staging) == EVERYBODY


async def test_cancelling_skips_the_clean_up_and_gives_the_user_back(
    there: Deployment, tmp_path: Path
) -> None:
    cleaning = asyncio.Event()

    async def hang(asked: Asked) -> Answer | None:
        if asked.method == "DELETE":
            cleaning.set()
            await asyncio.sleep(60)
        return None

    there.hook = hang
    staging = staged(there, tmp_path)

    async def test() -> None:
        async with staging.user() as alice:
            await alice.http.post("/api/threads", json={})

    running = asyncio.create_task(test())
    await cleaning.wait()
    started = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - started < 0.5
    assert free(staging) == EVERYBODY
