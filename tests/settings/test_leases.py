"""No two tests hold the same user at once, in one process or in several."""

from __future__ import annotations

import asyncio
import math
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from netra_testkit.errors import (
    ConfigurationError,
    InvalidBound,
    Misuse,
    NotEnoughUsers,
    UsersBusy,
)
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.leases import UserPool
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.tokens import mint_access_token
from netra_testkit.settings.users import KNOWN_USERS, StagingUser

if TYPE_CHECKING:
    from pathlib import Path

ALICE = StagingUser("alice", "alice@example.com")
BOB = StagingUser("bob", "bob@example.com")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def pool(directory: Path) -> UserPool:
    return UserPool(KNOWN_USERS, environment=Environment.STAGING, directory=directory)


@pytest.fixture
def alone(directory: Path) -> UserPool:
    return UserPool([ALICE], environment=Environment.STAGING, directory=directory)


def twin_of(pool: UserPool, directory: Path) -> UserPool:
    """The pool that another worker would make of the same configuration."""
    return UserPool(pool.known, environment=pool.environment, directory=directory)


def test_a_lease_gives_a_known_user(pool: UserPool) -> None:
    lease = pool.lease()
    with lease as user:
        assert user in KNOWN_USERS
        assert lease.user is user


def test_leases_at_the_same_time_give_different_users(pool: UserPool) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(pool.lease(within=0.1)) for _ in KNOWN_USERS]
    assert sorted(user.user_id for user in held) == [user.user_id for user in KNOWN_USERS]


def test_two_pools_on_one_machine_keep_apart(pool: UserPool, directory: Path) -> None:
    other = twin_of(pool, directory)
    with pool.lease() as one, other.lease() as two, pool.lease() as three:
        assert len({one, two, three}) == 3


def test_two_environments_do_not_meet(alone: UserPool, directory: Path) -> None:
    other = UserPool([ALICE], environment=Environment.TEST, endless=False, directory=directory)
    with alone.lease(within=0.1) as one, other.lease(within=0.1) as two:
        assert one == two == ALICE


@pytest.mark.parametrize("failure", [None, ValueError("the test fails")], ids=["end", "error"])
def test_a_user_is_free_again_when_the_block_ends(
    alone: UserPool, failure: Exception | None
) -> None:
    def use() -> None:
        with alone.lease(within=0.1):
            if failure is not None:
                raise failure

    if failure is None:
        use()
    else:
        with pytest.raises(ValueError, match="the test fails"):
            use()
    with alone.lease(within=0.1) as user:
        assert user is ALICE


def test_a_named_user_is_leased(pool: UserPool) -> None:
    with pool.lease(KNOWN_USERS[1]) as user:
        assert user is KNOWN_USERS[1]


def test_a_named_user_is_held_by_one_alone(pool: UserPool) -> None:
    with pool.lease(KNOWN_USERS[1]), pytest.raises(UsersBusy) as caught:
        pool.lease(KNOWN_USERS[1], within=0.01).__enter__()
    (holder,) = caught.value.holders
    assert holder.startswith(f"{KNOWN_USERS[1].user_id} is held by process")


def test_readers_share_one_user_and_leave_the_others_free(pool: UserPool) -> None:
    with ExitStack() as stack:
        readers = {stack.enter_context(pool.lease(shared=True, within=0.1)) for _ in range(10)}
        assert len(readers) == 1
        alone = {stack.enter_context(pool.lease(within=0.1)) for _ in range(2)}
        assert not alone & readers


def test_a_user_that_is_read_is_not_leased_alone(alone: UserPool) -> None:
    with alone.lease(shared=True), pytest.raises(UsersBusy) as caught:
        alone.lease(within=0.01).__enter__()
    (holder,) = caught.value.holders
    assert holder.startswith(f"alice is shared by readers, the latest process {os.getpid()}")


def test_a_user_that_is_leased_alone_is_not_read(alone: UserPool) -> None:
    with alone.lease(), pytest.raises(UsersBusy):
        alone.lease(shared=True, within=0.01).__enter__()


def test_who_waits_in_vain_is_told_who_holds_what(pool: UserPool) -> None:
    with (
        pool.lease(purpose="checking the budget"),
        pool.lease(purpose="running agents"),
        pool.lease(purpose=""),
        pytest.raises(UsersBusy) as caught,
    ):
        pool.lease(within=0.01).__enter__()
    since = r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
    expected = [
        f"staging-e2e-user-001 is held by process {os.getpid()}, {since}",
        f"staging-e2e-user-002 is held by process {os.getpid()} for running agents, {since}",
        f"staging-e2e-user-003 is held by process {os.getpid()} for checking the budget, {since}",
    ]
    assert len(caught.value.holders) == 3
    for pattern, holder in zip(expected, caught.value.holders, strict=True):
        assert re.fullmatch(pattern, holder)
    assert "within 0.01 s" in str(caught.value)


def test_the_running_test_is_the_purpose_when_none_is_given(alone: UserPool) -> None:
    with alone.lease(), pytest.raises(UsersBusy) as caught:
        alone.lease(within=0.01).__enter__()
    assert "test_the_running_test_is_the_purpose_when_none_is_given" in caught.value.holders[0]


def test_a_purpose_is_masked_and_fits_on_a_line(alone: UserPool) -> None:
    secret = JwtSecret.generate("a test")
    token = mint_access_token(secret, user=ALICE, environment=Environment.STAGING)
    with alone.lease(purpose=f"a\n b {token} {'c' * 1000}"), pytest.raises(UsersBusy) as caught:
        alone.lease(within=0.01).__enter__()
    (holder,) = caught.value.holders
    assert token.split(".")[1][:40] not in holder
    assert " for a b " in holder
    assert len(holder) < 450


def test_a_holder_that_left_no_note_is_still_told_of(alone: UserPool, directory: Path) -> None:
    with alone.lease():
        (path,) = directory.iterdir()
        path.write_bytes(b"")
        with pytest.raises(UsersBusy) as caught:
            alone.lease(within=0.01).__enter__()
    assert caught.value.holders == ("alice is held",)


def test_the_file_of_a_user_does_not_say_who_it_is(alone: UserPool, directory: Path) -> None:
    with alone.lease():
        (path,) = directory.iterdir()
    assert re.fullmatch(r"[0-9a-f]{32}\.lock", path.name)


def test_waiting_is_bounded(alone: UserPool) -> None:
    with alone.lease():
        begun = time.monotonic()
        with pytest.raises(UsersBusy):
            alone.lease(within=0.1).__enter__()
        assert 0.1 <= time.monotonic() - begun < 0.6


async def test_waiting_is_bounded_in_a_loop_that_goes_on_meanwhile(alone: UserPool) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with alone.lease():
        begun = time.monotonic()
        with pytest.raises(UsersBusy):
            await alone.lease(within=0.1).__aenter__()
        assert 0.1 <= time.monotonic() - begun < 0.6
    ticking.cancel()
    assert ticks > 10


async def test_who_waits_gets_the_user_once_it_is_free(alone: UserPool) -> None:
    async def wait() -> StagingUser:
        async with alone.lease(within=10) as user:
            return user

    async with alone.lease():
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting is ALICE


def test_a_thread_that_waits_gets_the_user_once_it_is_free(alone: UserPool) -> None:
    found: list[StagingUser] = []

    def wait() -> None:
        with alone.lease(within=10) as user:
            found.append(user)

    waiting = threading.Thread(target=wait)
    with alone.lease():
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
    waiting.join(10)
    assert found == [ALICE]


async def test_who_is_cancelled_while_waiting_holds_nothing(alone: UserPool) -> None:
    async def wait() -> None:
        async with alone.lease(within=10):
            pytest.fail("it was cancelled before")

    async with alone.lease():
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with alone.lease(within=0.1) as user:
        assert user is ALICE


async def test_who_is_cancelled_inside_gives_the_user_back(alone: UserPool) -> None:
    inside = asyncio.Event()

    async def use() -> None:
        async with alone.lease():
            inside.set()
            await asyncio.Event().wait()

    using = asyncio.create_task(use())
    await inside.wait()
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    async with alone.lease(within=0.1) as user:
        assert user is ALICE


def test_a_lease_tells_its_user_inside_its_block_only(alone: UserPool) -> None:
    lease = alone.lease()
    with pytest.raises(Misuse, match="holds no user"):
        _ = lease.user
    with lease:
        assert lease.user is ALICE
    with pytest.raises(Misuse, match="holds no user"):
        _ = lease.user


def test_a_lease_is_not_entered_twice_at_once(pool: UserPool) -> None:
    lease = pool.lease()
    with lease as user, pytest.raises(Misuse, match="already holds"):
        lease.__enter__()
    with lease, pool.lease(within=0.1) as other:
        assert user != other


def test_leaving_a_lease_that_was_never_entered_does_nothing(alone: UserPool) -> None:
    assert alone.lease().__exit__(None, None, None) is None


@pytest.mark.parametrize("within", [0, -1, math.inf, math.nan], ids=str)
def test_nothing_waits_for_ever(pool: UserPool, within: float) -> None:
    with pytest.raises(InvalidBound):
        pool.lease(within=within)


@pytest.mark.parametrize(("count", "enough"), [(0, True), (3, True), (4, False), (20, False)])
def test_more_users_than_exist_are_refused_before_anything_begins(
    pool: UserPool, directory: Path, count: int, *, enough: bool
) -> None:
    if enough:
        assert pool.need(count) is None
    else:
        with pytest.raises(NotEnoughUsers, match=f"{count} identities needed, 3 known") as caught:
            pool.need(count)
        assert (caught.value.needed, caught.value.known) == (count, 3)
    assert not directory.exists()


def test_a_pool_without_users_is_refused_at_once(directory: Path) -> None:
    pool = UserPool([], environment=Environment.STAGING, directory=directory)
    with pytest.raises(NotEnoughUsers, match="1 identities needed, 0 known"):
        pool.lease()


@pytest.mark.parametrize(
    "twin",
    [StagingUser("alice", "other@example.com"), StagingUser("other", "ALICE@example.com")],
    ids=["user_id", "email"],
)
def test_one_identity_never_stands_for_two(twin: StagingUser) -> None:
    with pytest.raises(ConfigurationError, match="occurs twice"):
        UserPool([ALICE, twin], environment=Environment.STAGING)
    pool = UserPool([ALICE], environment=Environment.STAGING)
    with pytest.raises(ConfigurationError, match="occurs twice"):
        pool.add(twin)
    assert pool.known == (ALICE,)


def test_a_user_that_was_added_is_known_and_leased(alone: UserPool) -> None:
    alone.add(BOB)
    assert alone.known == (ALICE, BOB)
    alone.need(2)
    with alone.lease(within=0.1) as one, alone.lease(within=0.1) as two:
        assert {one, two} == {ALICE, BOB}


@pytest.mark.parametrize(
    ("environment", "endless"),
    [
        (Environment.LOCAL, True),
        (Environment.DEVELOPMENT, True),
        (Environment.TEST, True),
        (Environment.STAGING, False),
        (Environment.PRODUCTION, False),
    ],
)
def test_where_users_are_made_up(environment: Environment, *, endless: bool) -> None:
    assert UserPool([], environment=environment).endless is endless


def endless_pool(directory: Path, *known: StagingUser) -> UserPool:
    return UserPool(known, environment=Environment.LOCAL, directory=directory)


def test_an_endless_pool_never_makes_anybody_wait(directory: Path) -> None:
    pool = endless_pool(directory, ALICE)
    pool.need(10_000)
    with ExitStack() as stack:
        held = [stack.enter_context(pool.lease(within=0.1)) for _ in range(200)]
    assert held[0] is ALICE
    assert len({user.user_id for user in held}) == 200


def test_a_made_up_user_is_used_once(directory: Path) -> None:
    pool = endless_pool(directory)
    with pool.lease() as one:
        pass
    with pool.lease() as two:
        assert one != two


def test_two_pools_make_up_different_users(directory: Path) -> None:
    with endless_pool(directory).lease() as one, endless_pool(directory).lease() as two:
        assert one != two


def test_a_made_up_user_is_held_by_one_alone(directory: Path) -> None:
    pool = endless_pool(directory)
    with pool.lease(purpose="the first") as user, pytest.raises(UsersBusy) as caught:
        pool.lease(user, within=0.01).__enter__()
    (holder,) = caught.value.holders
    assert re.match(f"{user.user_id} is held by process .* for the first", holder)
    with pool.lease(user, within=0.1) as again:
        assert again is user


def test_many_threads_draw_different_users(directory: Path) -> None:
    pool = endless_pool(directory)
    start = threading.Barrier(8)
    drawn: list[str] = []

    def draw() -> None:
        start.wait()
        for _ in range(50):
            with pool.lease() as user:
                drawn.append(user.user_id)

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 400


@pytest.mark.skipif(sys.platform == "win32", reason="fork is not known there")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_up_users_of_its_own(directory: Path) -> None:
    pool = endless_pool(directory)
    with pool.lease():
        pass
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with pool.lease() as user:
                os.write(writing, user.user_id.encode())
        finally:
            os._exit(0)
    os.close(writing)
    theirs = os.read(reading, 200).decode()
    os.close(reading)
    os.waitpid(child, 0)
    with pool.lease() as user:
        assert theirs.startswith("local-e2e-user-")
        assert user.user_id != theirs


# Each line is one write to a file opened for appending, so lines stand in the order in which
# they were written, whoever wrote them.
CONTEND = """
import os, sys, threading
from pathlib import Path
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.leases import UserPool
from netra_testkit.settings.users import KNOWN_USERS

directory, log, threads, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
pool = UserPool(KNOWN_USERS, environment=Environment.STAGING, directory=directory)
journal = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
failed = []

def contend(number):
    who = f"{os.getpid()}-{number}"
    try:
        for turn in range(rounds):
            with pool.lease(within=60, shared=turn % 5 == 4) as user:
                how = "read" if turn % 5 == 4 else "hold"
                os.write(journal, f"begin {how} {user.user_id} {who}\\n".encode())
                for _ in range(3):
                    os.write(journal, f"within {how} {user.user_id} {who}\\n".encode())
                os.write(journal, f"end {how} {user.user_id} {who}\\n".encode())
    except BaseException as error:
        failed.append(error)
        raise

print("ready", flush=True)
sys.stdin.readline()
workers = [threading.Thread(target=contend, args=(number,)) for number in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
sys.exit(bool(failed))
"""


def breaches(lines: list[str]) -> list[str]:
    """The lines at which somebody used a user that somebody else held."""
    holders: dict[str, Counter[tuple[str, str]]] = {}
    found = []
    for line in lines:
        step, how, user, who = line.split()
        present = holders.setdefault(user, Counter())
        present[how, who] += step == "begin"
        others = [key for key in +present if key[1] != who]
        if others and (how == "hold" or any(other == "hold" for other, _ in others)):
            found.append(line)
        present[how, who] -= step == "end"
    return found


def test_the_check_for_breaches_finds_them() -> None:
    lines = ["begin hold u a", "begin hold u b", "end hold u a", "end hold u b"]
    assert breaches(lines) == ["begin hold u b", "end hold u a"]
    assert breaches(["begin read u a", "begin read u b", "end read u a", "end read u b"]) == []
    assert breaches(["begin read u a", "begin hold u b"]) == ["begin hold u b"]
    assert breaches(["begin hold u a", "end hold u a", "begin hold u b"]) == []


@pytest.mark.broad
def test_processes_and_threads_never_hold_the_same_user_at_once(
    directory: Path, tmp_path: Path
) -> None:
    processes, threads, rounds = 4, 3, 10
    log = tmp_path / "journal"
    command = [sys.executable, "-c", CONTEND, str(directory), str(log), str(threads), str(rounds)]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - this interpreter and the text above
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(processes)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        assert [worker.wait(90) for worker in workers] == [0] * processes
    lines = log.read_text().splitlines()
    assert len(lines) == processes * threads * rounds * 5
    assert len({line.split()[3] for line in lines}) == processes * threads
    assert breaches(lines) == []


HOLD = """
import sys
from pathlib import Path
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.leases import UserPool
from netra_testkit.settings.users import KNOWN_USERS

pool = UserPool(KNOWN_USERS[:1], environment=Environment.STAGING, directory=Path(sys.argv[1]))
with pool.lease(purpose="a worker that will be killed", shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["alone", "shared"])
def test_a_killed_worker_leaves_no_lease_behind(directory: Path, how: str) -> None:
    pool = UserPool(KNOWN_USERS[:1], environment=Environment.STAGING, directory=directory)
    with subprocess.Popen(  # noqa: S603 - this interpreter and the text above
        [sys.executable, "-c", HOLD, str(directory), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "held\n"
        with pytest.raises(UsersBusy, match=f"process {worker.pid} for a worker that will be"):
            pool.lease(within=0.01).__enter__()
        worker.kill()
        worker.wait()
        with pool.lease(within=0.2) as user:
            assert user == KNOWN_USERS[0]


def test_a_lease_is_not_pickled(alone: UserPool) -> None:
    import pickle

    with alone.lease() as _, pytest.raises(TypeError):
        pickle.dumps(alone)


def test_the_default_directory_is_shared_by_every_pool_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    user = StagingUser(f"user-{secrets.token_hex(8)}", f"{secrets.token_hex(8)}@example.com")
    pools = [UserPool([user], environment=Environment.STAGING) for _ in range(2)]
    with pools[0].lease(), pytest.raises(UsersBusy):
        pools[1].lease(within=0.01).__enter__()
