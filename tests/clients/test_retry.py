from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.retry import Attempt, RetryPolicy
from netra_testkit.errors import (
    AuthRefused,
    Cause,
    ClientClosed,
    ConfigurationError,
    ConnectionFailed,
    HandshakeFailed,
    NetraError,
    RateLimited,
    ServerClosed,
    ServiceUnavailable,
    StreamTruncated,
    UnexpectedStatus,
)
from netra_testkit.safety import redaction

if TYPE_CHECKING:
    from collections.abc import Callable


def refused() -> ConnectionFailed:
    return ConnectionFailed(phase="tcp", target="127.0.0.1:9", reason="refused")


def broken() -> ConnectionFailed:
    return ConnectionFailed(phase="answer", target="127.0.0.1:9", reason="reset")


def limited(retry_after: float | None = None) -> RateLimited:
    return RateLimited(status=429, method="GET", path="/", retry_after=retry_after)


def unavailable(status: int = 503, retry_after: float | None = None) -> ServiceUnavailable:
    return ServiceUnavailable(status=status, method="GET", path="/", retry_after=retry_after)


def closed(code: int) -> ServerClosed:
    return ServerClosed(code=code, reason="", closed_by="server", phase="receive")


def expired() -> NetraError:
    return Deadline.after(5).exceeded(phase="receive", waiting_for="an answer")


@dataclass
class World:
    """A clock, a sleep on it, and calls that fail as told and take as long as told."""

    failures: list[BaseException] = field(default_factory=list)
    takes: float = 0.0
    now: float = 1000.0
    slept: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def call(self, deadline: Deadline) -> str:
        self.left.append(deadline.remaining)
        self.now += self.takes
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def run(
        self,
        policy: RetryPolicy | None = None,
        *,
        within: float = 60.0,
        idempotent: bool = True,
        jitter: float = 1.0,
    ) -> str:
        policy = dataclasses.replace(
            policy or RetryPolicy(), sleep=self.sleep, random=lambda: jitter
        )
        return await policy.run(
            self.call,
            deadline=Deadline.after(within, clock=self.clock),
            idempotent=idempotent,
            on_retry=self.attempts.append,
        )


async def test_a_call_that_succeeds_is_made_once() -> None:
    world = World()
    assert await world.run() == "answer"
    assert (len(world.left), world.slept, world.attempts) == (1, [], [])


async def test_a_call_that_fails_once_succeeds_on_the_second_attempt() -> None:
    world = World([refused()])
    assert await world.run() == "answer"
    assert len(world.left) == 2


WORTH_IT: dict[str, Callable[[], BaseException]] = {
    "no connection": refused,
    "a connection that broke before its answer": broken,
    "429": limited,
    "502": lambda: unavailable(502),
    "503": lambda: unavailable(503),
    "504": lambda: unavailable(504),
    "close 1012": lambda: closed(1012),
    "close 1013": lambda: closed(1013),
    "close 1014": lambda: closed(1014),
}

NOT_WORTH_IT: dict[str, Callable[[], BaseException]] = {
    "500": lambda: UnexpectedStatus(status=500, method="GET", path="/"),
    "501 said to be unavailable": lambda: unavailable(501),
    "404": lambda: UnexpectedStatus(status=404, method="GET", path="/"),
    **{
        f"close {code}": lambda code=code: closed(code)  # type: ignore[misc]
        for code in (1000, 1001, 1002, 1006, 1007, 1008, 1009, 1011, 4001)
    },
    "an expired deadline": expired,
    "refused credentials": lambda: AuthRefused(via="http", status=401),
    "a failed handshake": lambda: HandshakeFailed(phase="upgrade", reason="503", status=503),
    "a truncated stream": lambda: StreamTruncated(events=3),
    "misuse": lambda: ClientClosed(what="closed"),
    "an assertion": lambda: AssertionError("no"),
    "any other error": lambda: OSError("no"),
    "an interrupt": KeyboardInterrupt,
}


@pytest.mark.parametrize("failure", WORTH_IT.values(), ids=WORTH_IT)
async def test_what_may_be_gone_by_then_is_retried(failure: Callable[[], BaseException]) -> None:
    world = World([failure()])
    assert await world.run() == "answer"


@pytest.mark.parametrize("failure", NOT_WORTH_IT.values(), ids=NOT_WORTH_IT)
async def test_nothing_else_is_retried(failure: Callable[[], BaseException]) -> None:
    raised = failure()
    world = World([raised])
    with pytest.raises(type(raised)) as out:
        await world.run()
    assert out.value is raised
    assert (len(world.left), world.slept, world.attempts) == (1, [], [])


@pytest.mark.parametrize(
    "failure",
    [each for name, each in WORTH_IT.items() if name != "no connection"],
    ids=[name for name in WORTH_IT if name != "no connection"],
)
async def test_what_may_have_been_executed_is_not_executed_twice(
    failure: Callable[[], BaseException],
) -> None:
    raised = failure()
    world = World([raised])
    with pytest.raises(type(raised)) as out:
        await world.run(idempotent=False)
    assert out.value is raised
    assert len(world.left) == 1


@pytest.mark.parametrize("phase", ["name", "tcp", "tls", "proxy"])
async def test_what_was_surely_not_executed_is_retried_in_any_case(
    phase: Literal["name", "tcp", "tls", "proxy"],
) -> None:
    world = World([ConnectionFailed(phase=phase, target="127.0.0.1:9", reason="no")])
    assert await world.run(idempotent=False) == "answer"


@pytest.mark.parametrize(
    ("policy", "failure"),
    [
        (RetryPolicy(statuses=frozenset({429})), unavailable),
        (RetryPolicy(statuses=frozenset({503})), limited),
        (RetryPolicy(close_codes=frozenset({1012})), lambda: closed(1013)),
        (RetryPolicy(statuses=frozenset(), close_codes=frozenset()), lambda: closed(1012)),
    ],
    ids=["only 429", "only 503", "only 1012", "only connections"],
)
async def test_a_policy_may_retry_less(
    policy: RetryPolicy, failure: Callable[[], BaseException]
) -> None:
    with pytest.raises(NetraError):
        await World([failure()]).run(policy)
    assert await World([refused()]).run(policy) == "answer"


async def test_the_last_failure_is_raised_as_it_was_raised() -> None:
    failures: list[BaseException] = [refused(), unavailable(), limited(), unavailable()]
    last = failures[2]
    with pytest.raises(RateLimited) as out:
        await World(failures).run(RetryPolicy(attempts=3))
    assert out.value is last
    assert (out.value.__cause__, out.value.__context__) == (None, None)


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_there_are_no_more_attempts_than_allowed(attempts: int) -> None:
    world = World([refused() for _ in range(99)])
    with pytest.raises(ConnectionFailed):
        await world.run(RetryPolicy(attempts=attempts))
    assert len(world.left) == attempts
    assert len(world.slept) == attempts - 1


async def test_the_waits_double_up_to_the_longest() -> None:
    world = World([refused() for _ in range(5)])
    await world.run(RetryPolicy(attempts=6, base=0.5, longest=3.0))
    assert world.slept == [0.5, 1.0, 2.0, 3.0, 3.0]


async def test_the_jitter_may_shorten_a_wait_to_nothing() -> None:
    world = World([refused(), refused()])
    await world.run(jitter=0.0)
    assert world.slept == [0.0, 0.0]


@given(
    jitter=st.floats(min_value=0.0, max_value=1.0, exclude_max=True),
    base=st.floats(min_value=1e-3, max_value=10.0),
    within=st.floats(min_value=1e-3, max_value=100.0),
    takes=st.floats(min_value=0.0, max_value=5.0),
    asked=st.one_of(st.none(), st.floats(min_value=-1.0, max_value=50.0)),
)
def test_no_wait_outlives_the_deadline_or_falls_short_of_what_was_asked(
    jitter: float, base: float, within: float, takes: float, asked: float | None
) -> None:
    world = World([limited(asked) for _ in range(4)], takes=takes)
    policy = RetryPolicy(attempts=5, base=base, longest=max(base, 2.0))
    with contextlib.suppress(RateLimited):
        asyncio.run(world.run(policy, within=within, jitter=jitter))
    assert world.now - 1000.0 <= within + takes + 1e-6
    assert all(left > 0.0 for left in world.left)
    assert all(slept >= (asked or 0.0) for slept in world.slept)


async def test_what_a_server_asks_for_comes_before_the_jitter() -> None:
    world = World([limited(retry_after=2.0)])
    await world.run(RetryPolicy(base=0.5))
    assert world.slept == [2.5]


@pytest.mark.parametrize("asked", [None, 0.0, -3.0, float("nan")])
async def test_a_server_that_asks_for_nothing_sensible_asks_for_nothing(
    asked: float | None,
) -> None:
    world = World([unavailable(retry_after=asked)])
    await world.run(RetryPolicy(base=0.5))
    assert world.slept == [0.5]


@pytest.mark.parametrize("asked", [10.0, 11.0, float("inf")])
async def test_a_longer_wait_than_is_left_raises_at_once(asked: float) -> None:
    raised = limited(asked)
    world = World([raised])
    with pytest.raises(RateLimited) as out:
        await world.run(within=10.0)
    assert out.value is raised
    assert (len(world.left), world.slept, world.attempts) == (1, [], [])


async def test_a_wait_leaves_half_of_what_is_left_to_the_next_attempt() -> None:
    world = World([refused()])
    await world.run(RetryPolicy(base=60.0, longest=60.0), within=10.0)
    assert world.slept == [5.0]
    assert world.left == [10.0, 5.0]


async def test_a_wait_that_was_asked_for_leaves_half_of_the_rest() -> None:
    world = World([limited(retry_after=4.0)])
    await world.run(RetryPolicy(base=60.0, longest=60.0), within=10.0)
    assert world.slept == [7.0]


async def test_the_waits_of_very_many_attempts_stay_finite() -> None:
    world = World([refused() for _ in range(1200)])
    assert await world.run(RetryPolicy(attempts=1201), jitter=0.0) == "answer"
    assert world.slept == [0.0] * 1200


async def test_each_attempt_gets_what_is_left() -> None:
    world = World([refused(), refused()], takes=2.0)
    await world.run(RetryPolicy(base=1.0), within=10.0)
    assert world.left == [10.0, 7.0, 3.0]


async def test_nothing_is_attempted_when_nothing_is_left() -> None:
    raised = refused()
    world = World([raised], takes=10.0)
    with pytest.raises(ConnectionFailed) as out:
        await world.run(within=10.0)
    assert out.value is raised
    assert len(world.left) == 1


async def test_each_retried_attempt_is_recorded() -> None:
    world = World([refused(), unavailable(retry_after=2.0)])
    await world.run(RetryPolicy(base=0.5))
    assert world.attempts == [
        Attempt(1, "ConnectionFailed: No connection to 127.0.0.1:9, tcp failed: refused", 0.5),
        Attempt(2, "ServiceUnavailable: GET / answered 503", 3.0),
    ]


async def test_a_record_is_one_bounded_line_without_a_secret() -> None:
    secret = secrets.token_urlsafe(48)
    redaction.register(secret, label="token")
    failure = unavailable()
    failure.excerpt = f"token {secret} " + "x" * 1000
    world = World([failure])
    await world.run()
    [attempt] = world.attempts
    assert secret not in attempt.cause
    assert "\n" not in attempt.cause
    assert len(attempt.cause) <= 200


async def test_a_policy_records_nothing_when_nobody_listens() -> None:
    world = World([refused()])
    policy = RetryPolicy(sleep=world.sleep)
    answer = await policy.run(
        world.call, deadline=Deadline.after(60, clock=world.clock), idempotent=True
    )
    assert answer == "answer"


async def test_a_policy_without_waits_waits_for_nothing() -> None:
    world = World([limited(retry_after=3600.0), refused()])
    policy = RetryPolicy(attempts=3, base=60.0, longest=60.0).without_waits()
    assert await world.run(policy, within=10.0) == "answer"
    assert world.slept == [0.0, 0.0]
    assert [each.waited for each in world.attempts] == [0.0, 0.0]


def test_a_policy_without_waits_is_otherwise_the_same() -> None:
    policy = RetryPolicy(attempts=7, statuses=frozenset({503}))
    assert policy.without_waits() == dataclasses.replace(policy, waits=False)


async def test_it_really_waits() -> None:
    world = World([refused()])
    started = time.monotonic()
    policy = RetryPolicy(base=0.05, random=lambda: 1.0)
    await policy.run(world.call, deadline=Deadline.after(60), idempotent=True)
    assert time.monotonic() - started > 0.03


async def test_a_cancellation_during_an_attempt_comes_out() -> None:
    entered = asyncio.Event()

    async def call(deadline: Deadline) -> None:
        del deadline
        entered.set()
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(
        RetryPolicy().run(call, deadline=Deadline.after(60), idempotent=True)
    )
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_during_a_wait_comes_out() -> None:
    waiting = asyncio.Event()
    world = World([refused()])
    policy = RetryPolicy(base=60.0, longest=60.0, random=lambda: 1.0)
    task = asyncio.create_task(
        policy.run(
            world.call,
            deadline=Deadline.after(60),
            idempotent=True,
            on_retry=lambda _attempt: waiting.set(),
        )
    )
    await waiting.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(world.left) == 1


NOT_POLICIES: dict[str, tuple[dict[str, object], set[str]]] = {
    "no attempt": ({"attempts": 0}, {"attempts"}),
    "a part of an attempt": ({"attempts": 1.5}, {"attempts"}),
    "a truth of attempts": ({"attempts": True}, {"attempts"}),
    "a base of nothing": ({"base": 0.0}, {"base"}),
    "a base of no number": ({"base": float("nan")}, {"base"}),
    "a base in words": ({"base": "1"}, {"base"}),
    "a truth of a base": ({"base": True}, {"base"}),
    "no longest": ({"longest": float("inf")}, {"longest"}),
    "a longest below base": ({"base": 2.0, "longest": 1.0}, {"longest"}),
    "a 500": ({"statuses": frozenset({500, 503})}, {"statuses"}),
    "a close 1011": ({"close_codes": frozenset({1011})}, {"close_codes"}),
    "everything wrong": (
        {
            "attempts": -1,
            "base": -1.0,
            "longest": -1.0,
            "statuses": frozenset({200}),
            "close_codes": frozenset({1000}),
        },
        {"attempts", "base", "longest", "statuses", "close_codes"},
    ),
}


@pytest.mark.parametrize(("arguments", "wrong"), NOT_POLICIES.values(), ids=NOT_POLICIES)
def test_a_policy_that_cannot_be_is_refused(arguments: dict[str, object], wrong: set[str]) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        RetryPolicy(**arguments)  # type: ignore[arg-type]
    assert {each.field for each in refusal.value.problems} == wrong
    assert refusal.value.cause is Cause.CONFIGURATION


def test_any_collection_of_statuses_will_do() -> None:
    policy = RetryPolicy(statuses=[503], close_codes=(1012,))  # type: ignore[arg-type]
    assert (policy.statuses, policy.close_codes) == (frozenset({503}), frozenset({1012}))


def test_tenacity_is_loaded_by_the_first_use_and_not_before() -> None:
    program = """
import asyncio, json, sys
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.retry import RetryPolicy

async def call(deadline):
    return 1

policy = RetryPolicy()
before = "tenacity" in sys.modules
asyncio.run(policy.run(call, deadline=Deadline.after(5), idempotent=True))
print(json.dumps([before, "tenacity" in sys.modules]))
"""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == [False, True]
