from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from tests.clients.chat_server import eventually
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
from tests.clients.http_server import nothing_left

from netra_testkit.clients import crowd as crowds
from netra_testkit.clients.crowd import Crowd, leased_together
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.isolation import Isolation
from netra_testkit.clients.staging import Staging
from netra_testkit.clients.virtual_user import VirtualUser
from netra_testkit.errors import (
    AuthRefused,
    ClientClosed,
    DeadlineExceeded,
    IsolationBreach,
    Misuse,
    NotEnoughUsers,
    UsersBusy,
)
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.leases import UserPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path
    from types import TracebackType

EVERYBODY = {user.user_id for user in PEOPLE}


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async with deployment() as running:
        yield running


def fail() -> NoReturn:
    raise ZeroDivisionError


async def who(user: VirtualUser) -> str:
    answer = (await user.http.get("/me")).json()
    assert isinstance(answer, dict)
    return str(answer["user"])


def stray_to_ann(user: str, kind: str, event: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    return None if user == "ann" or kind != "agent_thinking" else ("ann", event)


async def everybody_runs(user: VirtualUser, meeting: asyncio.Barrier) -> str:
    async with user.chat() as chat:
        await meeting.wait()
        run = await chat.run_agent("triage", "hello")
        await meeting.wait()
        return run.outcome


async def test_everybody_has_an_identity_and_acts_at_the_same_time(there: Deployment) -> None:
    meeting = asyncio.Barrier(20)

    async def act(user: VirtualUser) -> str:
        await meeting.wait()
        return await who(user)

    async with Staging(there.config()).users(20, within=10) as crowd:
        names = await crowd.each(act)
        assert names == [user.name for user in crowd.users]
    assert len(set(names)) == 20
    assert crowd.users == ()


async def test_the_latency_of_all_is_summed_up_beside_the_floor(there: Deployment) -> None:
    async with Staging(there.config()).users(5) as crowd:
        await crowd.each(who)
        assert crowd.latency.n == 5
    latency = crowd.latency
    assert (latency.n, latency.identities, latency.p95) == (5, 5, None)
    assert latency.floor is not None
    assert 0 < latency.floor < 1


async def test_more_than_exist_are_refused_before_any_request(
    there: Deployment, tmp_path: Path
) -> None:
    with pytest.raises(NotEnoughUsers, match="20 identities needed, 3 known"):
        staged(there, tmp_path).users(20)
    assert there.asked == []


@pytest.mark.parametrize("count", [0, -1, True, 2.0, "3", None])
async def test_a_count_that_is_none_is_refused(
    count: Any, there: Deployment, tmp_path: Path
) -> None:
    with pytest.raises(Misuse, match=r"users\("):
        staged(there, tmp_path).users(count)


async def test_everybody_gets_to_the_end_when_somebody_fails(
    there: Deployment, tmp_path: Path
) -> None:
    ended: list[str] = []

    async def act(user: VirtualUser) -> None:
        if user.name == "ann":
            await user.with_token("none").http.get("/me")
        if user.name == "bob":
            raise ZeroDivisionError
        await asyncio.sleep(0.05)
        ended.append(user.name)

    staging = staged(there, tmp_path)
    async with staging.users(3) as crowd:
        with pytest.raises(ExceptionGroup, match="2 of 3 users failed") as caught:
            await crowd.each(act)
    assert ended == ["cid"]
    said = {type(each): each.__notes__ for each in caught.value.exceptions}
    assert said[ZeroDivisionError] == ["This was bob."]
    assert said[AuthRefused] == ["This was ann."]
    assert free(staging) == EVERYBODY


async def test_a_function_that_fails_before_it_awaits_is_one_failure_of_many(
    there: Deployment, tmp_path: Path
) -> None:
    def act(user: VirtualUser) -> Any:
        if user.name == "bob":
            raise LookupError
        return who(user)

    async with staged(there, tmp_path).users(3) as crowd:
        with pytest.raises(ExceptionGroup, match="1 of 3 users failed"):
            await crowd.each(act)
        assert crowd.latency.n == 2


async def test_a_user_who_cancels_itself_is_a_failure(there: Deployment, tmp_path: Path) -> None:
    async def act(user: VirtualUser) -> None:
        if user.name == "bob":
            raise asyncio.CancelledError

    async with staged(there, tmp_path).users(3) as crowd:
        with pytest.raises(BaseExceptionGroup) as caught:
            await crowd.each(act)
    [failure] = caught.value.exceptions
    assert isinstance(failure, asyncio.CancelledError)
    assert failure.__notes__ == ["This was bob."]


async def test_a_crowd_is_bounded_when_somebody_hangs(there: Deployment, tmp_path: Path) -> None:
    async def act(user: VirtualUser) -> None:
        await who(user)
        if user.name == "bob":
            async with user.chat():
                await asyncio.sleep(60)

    staging = staged(there, tmp_path)
    async with nothing_left():
        started = time.monotonic()
        async with staging.users(3, within=0.5) as crowd:
            with pytest.raises(DeadlineExceeded) as caught:
                await crowd.each(act)
        assert time.monotonic() - started < 1.0
    assert "no end of 1 of 3 users (bob) within 0.5 s" in str(caught.value)
    assert caught.value.last_activity is not None
    assert free(staging) == EVERYBODY


async def test_a_crowd_is_bounded_when_a_cancellation_is_swallowed(
    there: Deployment, tmp_path: Path
) -> None:
    freed = asyncio.Event()

    async def act(user: VirtualUser) -> None:
        await user.http.post("/api/threads", json={})
        while user.name == "bob" and not freed.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await freed.wait()
        raise ZeroDivisionError

    async def hang(asked: Asked) -> Answer | None:
        if asked.method == "DELETE":
            await freed.wait()
        return None

    there.hook = hang
    staging = staged(there, tmp_path)
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: reported.append(said))
    async with nothing_left():
        started = time.monotonic()
        with pytest.raises(ExceptionGroup, match="3 of 3 users failed") as caught:
            async with staging.users(3, within=0.5) as crowd:
                await crowd.each(act)
        took = time.monotonic() - started
        freed.set()
    assert took < 1.0
    gc.collect()
    assert reported == []
    kinds = [type(each) for each in caught.value.exceptions]
    assert kinds == [ZeroDivisionError, ZeroDivisionError, DeadlineExceeded]
    assert caught.value.exceptions[-1].__notes__ == ["bob goes on: it swallowed its cancellation."]
    assert free(staging) == EVERYBODY
    assert len(recorded(staging, "cleanup")) == 3


async def test_whoever_ends_only_because_it_was_cut_is_late(
    there: Deployment, tmp_path: Path
) -> None:
    async def act(_: VirtualUser) -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "done"

    async with staged(there, tmp_path).users(3, within=0.5) as crowd:
        over = time.monotonic() + 0.5
        with pytest.raises(DeadlineExceeded, match="3 of 3 users") as caught:
            await crowd.each(act)
        assert not hasattr(caught.value, "__notes__")
        await eventually(lambda: time.monotonic() >= over)  # some loops count in milliseconds
        begun: list[str] = []

        async def begin(user: VirtualUser) -> None:
            begun.append(user.name)

        with pytest.raises(DeadlineExceeded, match="3 of 3 users"):
            await crowd.each(begin)
        assert begun == []


async def test_the_names_of_very_many_are_cut_short(there: Deployment) -> None:
    now = 0.0
    deadline = Deadline(limit=1.0, started_at=0.0, clock=lambda: now)
    async with Staging(there.config()).users(20, within=deadline) as crowd:
        now = 1.0
        with pytest.raises(DeadlineExceeded, match=r"20 of 20 users \((\S+ ){5}…\)"):
            await crowd.each(who)


async def test_cancelling_cancels_everybody(there: Deployment, tmp_path: Path) -> None:
    cancelled: list[str] = []
    acting = asyncio.Barrier(4)

    async def act(user: VirtualUser) -> None:
        await acting.wait()
        if user.name == "ann":
            raise ZeroDivisionError
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(user.name)
            raise

    staging = staged(there, tmp_path)

    async def test() -> None:
        async with staging.users(3) as crowd:
            await crowd.each(act)

    async with nothing_left():
        running = asyncio.create_task(test())
        await acting.wait()
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert set(cancelled) == {"bob", "cid"}
    assert free(staging) == EVERYBODY


async def test_a_crowd_is_entered_once_and_acts_inside_its_block_only(
    there: Deployment, tmp_path: Path
) -> None:
    crowd = staged(there, tmp_path).users(2)
    with pytest.raises(ClientClosed):
        await crowd.each(who)
    async with crowd:
        with pytest.raises(Misuse, match="entered twice"):
            await crowd.__aenter__()
    with pytest.raises(ClientClosed):
        await crowd.each(who)


async def test_the_time_of_a_crowd_begins_with_its_block(there: Deployment, tmp_path: Path) -> None:
    crowd = staged(there, tmp_path).users(2, within=0.2)
    await asyncio.sleep(0.1)
    entered = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        async with crowd:
            await crowd.each(lambda _: asyncio.sleep(60))
    assert time.monotonic() - entered >= 0.199  # some loops count in milliseconds


async def test_two_crowds_that_need_everybody_take_turns(there: Deployment, tmp_path: Path) -> None:
    async def test(staging: Staging) -> int:
        async with staging.users(3, within=10) as crowd:
            await asyncio.sleep(0.02)
            return len(await crowd.each(who))

    both = [staged(there, tmp_path), staged(there, tmp_path)]
    async with asyncio.timeout(15):
        assert (
            await asyncio.gather(*(test(staging) for staging in both for _ in range(3))) == [3] * 6
        )


async def test_whoever_does_not_get_everybody_holds_nobody(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    async with staging.user(PEOPLE[0]):
        waiting = asyncio.create_task(staging.users(3, within=0.6).__aenter__())
        await asyncio.sleep(0.05)
        for _ in range(10):
            async with staging.user(PEOPLE[1], within=0.3), staging.user(PEOPLE[2], within=0.3):
                await asyncio.sleep(0.01)
        with pytest.raises(UsersBusy) as caught:
            await waiting
    assert caught.value.limit == 0.6
    [holder] = caught.value.holders
    assert holder.startswith("ann is held by process")
    assert free(staging) == EVERYBODY


async def test_an_interrupted_lease_of_many_leaves_nobody_held(tmp_path: Path) -> None:
    pool = UserPool(PEOPLE, environment=Environment.STAGING, endless=False, directory=tmp_path)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block's end must not hide it
        async with leased_together(pool, 3, Deadline.after(5)) as users:
            assert set(users) == set(PEOPLE)
            raise ZeroDivisionError
    async with leased_together(pool, 3, Deadline.after(1)):
        pass


@pytest.mark.parametrize("known_run", [True, False], ids=["by run_id", "by user_id"])
async def test_an_event_that_reaches_another_user_is_a_breach(
    known_run: bool,  # noqa: FBT001 - a column of the table
    there: Deployment,
    tmp_path: Path,
) -> None:
    def stray(user: str, kind: str, event: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        strayed = stray_to_ann(user, kind, event)
        if strayed is None:
            return None
        left_out = "user_id" if known_run else "run_id"
        return "ann", {name: each for name, each in strayed[1].items() if name != left_out}

    there.stray = stray
    meeting = asyncio.Barrier(3)
    async with staged(there, tmp_path).users(3) as crowd:
        with pytest.raises(IsolationBreach, match="2 frames came to the wrong user") as caught:
            await crowd.each(lambda user: everybody_runs(user, meeting))
    assert "ann was sent what is bob's" in str(caught.value)
    assert "ann was sent what is cid's" in str(caught.value)


async def test_a_breach_is_said_beside_the_failures(there: Deployment, tmp_path: Path) -> None:
    there.stray = stray_to_ann
    meeting = asyncio.Barrier(3)

    async def act(user: VirtualUser) -> None:
        await everybody_runs(user, meeting)
        raise ZeroDivisionError

    async with staged(there, tmp_path).users(3) as crowd:
        with pytest.raises(ExceptionGroup, match="3 of 3 users failed") as caught:
            await crowd.each(act)
    assert isinstance(caught.value.exceptions[-1], IsolationBreach)


async def test_no_breach_is_found_where_everybody_hears_what_is_theirs(
    there: Deployment, tmp_path: Path
) -> None:
    meeting = asyncio.Barrier(3)
    async with staged(there, tmp_path).users(3) as crowd:
        outcomes = await crowd.each(lambda user: everybody_runs(user, meeting))
    assert outcomes == ["delivered"] * 3


async def run_outside_each(crowd: Crowd) -> None:
    ann = next(user for user in crowd.users if user.name == "ann")
    bob = next(user for user in crowd.users if user.name == "bob")
    async with ann.chat() as hers, bob.chat() as his:
        await his.run_agent("triage", "hello")
        await hers.expect("agent_thinking")


async def test_a_breach_that_no_call_has_said_is_said_at_the_end(
    there: Deployment, tmp_path: Path
) -> None:
    there.stray = stray_to_ann
    with pytest.raises(IsolationBreach, match="1 frame came to the wrong user"):
        async with staged(there, tmp_path).users(3) as crowd:
            await run_outside_each(crowd)


async def test_a_breach_beside_the_block_s_own_failure_is_a_note_on_it(
    there: Deployment, tmp_path: Path
) -> None:
    there.stray = stray_to_ann
    with pytest.raises(ZeroDivisionError) as caught:  # noqa: PT012 - the block's end must not hide it
        async with staged(there, tmp_path).users(3) as crowd:
            await run_outside_each(crowd)
            fail()
    [note] = caught.value.__notes__
    assert note.startswith("When the crowd was left: 1 frame came to the wrong user")


class Clinging(VirtualUser):
    """A user whose leaving fails, once all is given back."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, error, traceback)
        if self.name == "bob":
            raise LookupError("bob clings")


def clinging(staging: Staging, isolation: Isolation) -> Crowd:
    @contextlib.asynccontextmanager
    async def people(
        deadline: Deadline, leaving: Callable[[], float]
    ) -> AsyncIterator[Sequence[VirtualUser]]:
        del deadline, leaving
        yield [
            Clinging(
                staging.config,
                lease=staging.pool.lease,
                session=staging.run_id,
                trace=staging.trace,
                isolation=isolation,
            )
            for _ in range(3)
        ]

    async def floor(_: Deadline) -> None:
        return None

    return Crowd(people, within=5, isolation=isolation, floor=floor)


async def test_whoever_cannot_be_let_go_keeps_nobody_else(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path)
    with pytest.raises(ExceptionGroup, match="1 of 3 users could not be let go") as caught:
        async with clinging(staging, Isolation()) as crowd:
            await crowd.each(lambda user: user.http.post("/api/threads", json={}))
    assert [str(each) for each in caught.value.exceptions] == ["bob clings"]
    assert there.threads == {}
    assert free(staging) == EVERYBODY
    assert crowd.latency.floor is None


async def test_a_failed_leaving_and_a_breach_are_both_said(
    there: Deployment, tmp_path: Path
) -> None:
    there.stray = stray_to_ann
    staging = staged(there, tmp_path)
    with pytest.raises(ExceptionGroup) as caught:
        async with clinging(staging, Isolation()) as crowd:
            await run_outside_each(crowd)
    assert [type(each) for each in caught.value.exceptions] == [LookupError, IsolationBreach]


async def test_a_failed_leaving_does_not_hide_the_block_s_own_failure(
    there: Deployment, tmp_path: Path
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        async with clinging(staged(there, tmp_path), Isolation()):
            raise ZeroDivisionError
    assert caught.value.__notes__ == ["When the crowd was left: bob clings"]


async def test_cancelling_the_leaving_gives_everybody_back(
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
        async with staging.users(3) as crowd:
            await crowd.each(lambda user: user.http.post("/api/threads", json={}))

    running = asyncio.create_task(test())
    await cleaning.wait()
    running.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - started < 0.3
    assert free(staging) == EVERYBODY


async def test_leaving_is_one_bound_for_all_together(
    there: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert crowds.LEAVING == 1.0
    monkeypatch.setattr(crowds, "LEAVING", 0.3)

    async def hang(asked: Asked) -> Answer | None:
        if asked.method == "DELETE":
            await asyncio.sleep(60)
        return None

    there.hook = hang
    staging = staged(there, tmp_path)
    async with staging.users(3) as crowd:
        await crowd.each(lambda user: user.http.post("/api/threads", json={}))
        started = time.monotonic()
    assert 0.299 <= time.monotonic() - started < 0.8
