"""What the embedded staging remembers: which agents run, and how they are stopped."""

from __future__ import annotations

import asyncio
import threading

import pytest
from tests.local.standing_clock import StandingClock

from netra_testkit.local.state import State
from netra_testkit.local.state.runs import Runs, RunStatus


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


def test_a_run_is_its_owners_alone(clock: StandingClock) -> None:
    runs = Runs(clock=clock)
    run = runs.start("ann", "triage", thread_id="plans", run_id="run-1")
    assert runs.get(run.agent_id, "ann") is run
    assert runs.get("run-1", "ann") is run
    assert runs.get(run.agent_id, "bob") is None
    assert runs.get(run.agent_id, None) is None
    assert (runs.of("ann"), runs.of("bob")) == ((run,), ())


def test_a_run_of_nobody_known_is_found_by_its_name_and_never_listed(clock: StandingClock) -> None:
    runs = Runs(clock=clock)
    run = runs.start(None, "triage")
    assert (runs.get(run.agent_id, None), runs.get(run.agent_id, "ann")) == (run, None)
    assert (runs.of(None), runs.running) == ((), (run,))


def test_the_latest_run_of_a_name_counts(clock: StandingClock) -> None:
    runs = Runs(clock=clock)
    runs.start("ann", "triage", run_id="run-1")
    latest = runs.start("ann", "triage", run_id="run-1")
    assert runs.get("run-1", "ann") is latest


def test_what_a_run_sends_is_counted(clock: StandingClock) -> None:
    run = Runs(clock=clock).start(None, "triage")
    clock.now = 1_001
    run.touch()
    assert (run.message_count, run.last_activity, run.started) == (1, 1_001, 1_000)


def test_a_run_ends_once(clock: StandingClock) -> None:
    run = Runs(clock=clock).start("ann", "triage")
    assert run.end(RunStatus.COMPLETED)
    assert not run.end(RunStatus.FAILED)
    assert not run.stop()
    assert (run.status, run.is_running) == (RunStatus.COMPLETED, False)


async def test_stopping_cancels_the_task(clock: StandingClock) -> None:
    run = Runs(clock=clock).start("ann", "triage")
    run.task = asyncio.create_task(asyncio.Event().wait())
    assert run.stop(RunStatus.CANCELLED)
    with pytest.raises(asyncio.CancelledError):
        await run.task
    assert run.status is RunStatus.CANCELLED


async def test_another_thread_may_stop_it(clock: StandingClock) -> None:
    state = State(clock=clock)
    run = state.runs.start("ann", "triage")
    run.task = asyncio.create_task(asyncio.Event().wait())
    other = threading.Thread(target=state.reset)
    other.start()
    with pytest.raises(asyncio.CancelledError):
        await run.task
    other.join()
    assert run.status is RunStatus.STOPPED


def test_a_run_outlives_the_loop_of_its_task(clock: StandingClock) -> None:
    run = Runs(clock=clock).start("ann", "triage")

    async def give_it_a_task() -> None:
        run.task = asyncio.create_task(asyncio.sleep(0))
        await run.task

    asyncio.run(give_it_a_task())
    assert run.stop()


def test_all_are_stopped_at_once(clock: StandingClock) -> None:
    runs = Runs(clock=clock)
    started = [runs.start(owner, "triage") for owner in ("ann", "bob", None)]
    assert set(runs.running) == set(started)
    runs.stop_all()
    assert runs.running == ()
    assert {run.status for run in started} == {RunStatus.STOPPED}


def test_of_those_that_ended_the_latest_are_remembered(clock: StandingClock) -> None:
    runs = Runs(clock=clock)
    still_running = runs.start("ann", "triage")
    for _ in range(110):
        latest = runs.start("ann", "triage")
        latest.end(RunStatus.COMPLETED)
    kept = runs.of("ann")
    assert (kept[0], kept[-1]) == (still_running, latest)
    assert len(kept) == 102
