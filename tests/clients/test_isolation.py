from __future__ import annotations

import json
from typing import Any

import pytest

from netra_testkit.clients.isolation import Isolation
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.runs import AgentRun


def frame(kind: str = "agent_started", **data: Any) -> Frame:
    return Frame.decode(json.dumps({"type": kind, "data": {"agent": "triage", **data}}))


def ann_runs() -> Isolation:
    isolation = Isolation()
    isolation.witness("ann").started(AgentRun("triage", run_id="r-ann"))
    return isolation


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param(frame(run_id="r-ann"), id="an event of another's run"),
        pytest.param(frame(run_id="r-ann", user_id="bob"), id="relabelled as one's own"),
        pytest.param(frame("agent_response", run_id="r-ann"), id="any frame of another's run"),
        pytest.param(frame(user_id="ann"), id="an event addressed to another"),
        pytest.param(frame(run_id="r-bob", user_id="ann"), id="of one's own run, to another"),
    ],
)
def test_what_is_another_s_is_a_breach(heard: Frame) -> None:
    isolation = ann_runs()
    isolation.witness("bob").heard(heard)
    breach = isolation.found()
    assert breach is not None
    assert str(breach).startswith("1 frame came to the wrong user:\n  - bob was sent what is ann's")
    assert breach.violations == isolation.breaches
    assert breach.cause == "product"


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param(frame(run_id="r-ann", user_id="ann"), id="one's own"),
        pytest.param(frame(), id="nobody's"),
        pytest.param(frame(run_id="r-unknown"), id="of a run that nobody here started"),
        pytest.param(frame("user_typing", user_id="bob"), id="a frame that names its author"),
    ],
)
def test_what_is_not_another_s_is_none(heard: Frame) -> None:
    isolation = ann_runs()
    isolation.witness("ann").heard(heard)
    assert isolation.found() is None
    assert isolation.breaches == ()
    assert isolation.heard_at == heard.received_at


def test_a_run_without_an_id_is_nobody_s() -> None:
    isolation = Isolation()
    isolation.witness("ann").started(AgentRun("triage"))
    isolation.witness("bob").heard(frame())
    assert isolation.found() is None


def test_a_breach_is_told_once() -> None:
    isolation = ann_runs()
    isolation.heard(frame(run_id="r-ann"), "bob")
    assert isolation.found() is not None
    assert isolation.found() is None
    isolation.heard(frame(run_id="r-ann"), "cid")
    again = isolation.found()
    assert again is not None
    assert "2 frames came to the wrong user" in str(again)


def test_a_flood_of_breaches_is_counted_and_not_kept() -> None:
    isolation = ann_runs()
    for _ in range(1000):
        isolation.heard(frame(run_id="r-ann", text="x" * 10_000), "bob")
    breach = isolation.found()
    assert breach is not None
    assert isolation.count == 1000
    assert len(breach.violations) == 100
    assert "1000 frames came" in str(breach)
    assert "  and 990 more" in str(breach)
    assert len(str(breach)) < 4000


def test_a_token_in_a_stray_frame_is_masked() -> None:
    isolation = ann_runs()
    token = "eyJhbGciOiJIUzI1NiJ9." + "a" * 40 + "." + "b" * 43
    isolation.heard(frame(run_id="r-ann", token=token), "bob")
    assert "a" * 12 not in str(isolation.found())
