"""What the embedded staging remembers, as a whole."""

from __future__ import annotations

import subprocess
import sys

from tests.local.standing_clock import StandingClock

from netra_testkit.local.state import State
from netra_testkit.local.state.runs import RunStatus


def test_a_reset_forgets_everything() -> None:
    state = State(clock=StandingClock())
    account = state.accounts.register("ann@example.com", "a password")
    thread = state.threads.create(account.user_id)
    run = state.runs.start(account.user_id, "triage")
    flow = state.codes.begin()
    state.sessions.revoke("token", expires_at=2_000)
    state.limits.take(account.user_id, "a route", requests=1, window=10)
    state.limits.take(account.user_id, "a route", requests=1, window=10)
    state.reset()
    assert state.accounts.of_id(account.user_id) is None
    assert state.accounts.check("ann@example.com", "a password") is None
    assert state.threads.get(account.user_id, thread.thread_id) is None
    assert state.runs.of(account.user_id) == ()
    assert run.status is RunStatus.STOPPED
    assert state.codes.verifier(flow.state) is None
    assert not state.sessions.is_revoked("token")
    assert state.limits.refused == 0
    assert state.limits.take(account.user_id, "a route", requests=1, window=10).allowed


def test_it_stands_without_a_web_framework() -> None:
    check = (
        "import netra_testkit.local.state, sys; print({'starlette', 'uvicorn'} & {*sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True, text=True)  # noqa: S603 - our own words
    assert said.stdout.strip() == "set()"
