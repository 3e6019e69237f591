from __future__ import annotations

import dataclasses
import pickle
import traceback

import pytest

from netra_testkit import errors
from netra_testkit.errors import (
    AlreadyReading,
    AuthRefused,
    CallFailed,
    Cause,
    ClientClosed,
    ConfigurationError,
    ConnectionFailed,
    ContractBroken,
    DeadlineExceeded,
    HandshakeFailed,
    IllegalStep,
    InvalidBound,
    IsolationBreach,
    MalformedFrame,
    Misuse,
    NetraError,
    NotEnoughUsers,
    NothingFailed,
    Problem,
    RateLimited,
    RequestRefused,
    ServerClosed,
    ServiceUnavailable,
    StreamTruncated,
    TokenInvalid,
    Unencodable,
    UnexpectedFrame,
    UnexpectedStatus,
    UnknownMessageType,
    UnusableBody,
    UsersBusy,
    WireError,
    WrongLoop,
)

PROBLEM = Problem("base_url", "NETRA_BASE_URL", "use https")
REFUSED = {"status": 429, "method": "GET", "path": "/api/threads"}

# Error, the builtin a caller would expect, and what its text must say.
TABLE: list[tuple[NetraError, type[BaseException], str]] = [
    (NetraError(), Exception, "NetraError"),
    (
        ConfigurationError(problems=(PROBLEM,)),
        ValueError,
        "base_url (from NETRA_BASE_URL): use https",
    ),
    (ConfigurationError(problems=(PROBLEM, PROBLEM)), ValueError, "2 problems"),
    (NotEnoughUsers(needed=20, known=3), ValueError, "20 identities needed, 3 known"),
    (UsersBusy(holders=("ann: worker 1",), limit=2.5), TimeoutError, "within 2.5 s"),
    (UsersBusy(holders=(), limit=1), TimeoutError, "Held now: nothing"),
    (Misuse(what="that cannot work"), RuntimeError, "that cannot work"),
    (ClientClosed(what="the client is closed"), RuntimeError, "the client is closed"),
    (AlreadyReading(what="receive is waiting"), RuntimeError, "receive is waiting"),
    (WrongLoop(what="another loop"), RuntimeError, "another loop"),
    (InvalidBound(value="nan"), ValueError, "within=nan"),
    (WireError(), ValueError, "WireError"),
    (
        UnknownMessageType(name="run_agent", nearest=("start_agent",)),
        ValueError,
        "Use start_agent.",
    ),
    (UnknownMessageType(name="zzz"), ValueError, "MESSAGE_TYPES lists every name."),
    (MalformedFrame(reason="no type", excerpt="{}", position=3), ValueError, "at character 3: {}"),
    (MalformedFrame(reason="no type", excerpt="{}"), ValueError, "no type: {}"),
    (Unencodable(path="payload.items[3]", reason="NaN"), ValueError, "payload.items[3]"),
    (
        IllegalStep(origin="closed", target="idle", legal=("connecting",)),
        ValueError,
        "connecting",
    ),
    (TokenInvalid(reason="expired"), ValueError, "not valid: expired"),
    (TokenInvalid(reason="claim", claim="env"), ValueError, "claim (env)"),
    (CallFailed(request_id="r-1"), Exception, 'jsonPayload.request_id="r-1"'),
    (
        DeadlineExceeded(phase="agent", limit=5, elapsed=5.01, waiting_for="agent_completed"),
        TimeoutError,
        "no agent_completed within 5 s (ended after 5.01 s; the peer was never heard)",
    ),
    (
        DeadlineExceeded(
            phase="agent", limit=5, elapsed=5.01, waiting_for="an event", last_activity=4.2
        ),
        TimeoutError,
        "last heard 4.20 s before",
    ),
    (
        DeadlineExceeded(
            phase="call", limit=5, elapsed=5.01, waiting_for="end of the test", has_peer=False
        ),
        TimeoutError,
        "call: no end of the test within 5 s (ended after 5.01 s)\n",
    ),
    (
        ConnectionFailed(phase="name", target="api:443", reason="no such host"),
        ConnectionError,
        "No connection to api:443, name failed: no such host",
    ),
    (
        ConnectionFailed(phase="answer", target="api:443", reason="reset"),
        ConnectionError,
        "The connection to api:443 broke before its answer ended: reset",
    ),
    (
        HandshakeFailed(phase="upgrade", reason="not ready", status=500, frames=("{}",)),
        ConnectionError,
        "upgrade (HTTP 500): not ready\n  < {}",
    ),
    (HandshakeFailed(phase="welcome", reason="not ready"), ConnectionError, "at welcome: not"),
    (
        ServerClosed(code=1011, reason="boom", closed_by="server", phase="agent", trace_id="ab"),
        ConnectionError,
        'Closed by the server with 1011 (boom) during agent\ntrace id: ab\nlogs: trace=~"ab"',
    ),
    (
        ServerClosed(code=1006, reason="", closed_by="transport", phase="welcome"),
        ConnectionError,
        "by the transport with 1006 during welcome",
    ),
    (
        RequestRefused(type="switch_thread", error_code="NOT_FOUND", text="no such thread"),
        Exception,
        "switch_thread was refused (NOT_FOUND): no such thread",
    ),
    (
        RequestRefused(type="switch_thread", error_code=None, text="", excerpt="{}"),
        Exception,
        "(no error code): {}",
    ),
    (
        UnexpectedFrame(type="agent_started", excerpt="{}", waited=0.5),
        AssertionError,
        "agent_started came within 0.50 s where none was to: {}",
    ),
    (StreamTruncated(events=3, last_id="7"), ConnectionError, "after 3 events, the last with id 7"),
    (StreamTruncated(events=0), ConnectionError, "after 0 events"),
    (
        AuthRefused(via="close", close_code=1008, error_code="NO_TOKEN", evidence="{…}"),
        PermissionError,
        "via close (close code 1008, error code NO_TOKEN): {…}",
    ),
    (AuthRefused(via="http"), PermissionError, "via http (no code)"),
    (
        UnexpectedStatus(status=500, method="GET", path="/health", excerpt="oops"),
        Exception,
        "GET /health answered 500: oops",
    ),
    (
        UnusableBody(status=200, method="GET", path="/health", reason="no JSON", excerpt="<html>"),
        ValueError,
        "GET /health answered 200 with no JSON: <html>",
    ),
    (
        UnusableBody(status=200, method="GET", path="/health", reason="too much"),
        ValueError,
        "with too much\n",
    ),
    (RateLimited(**REFUSED, retry_after=3.0), Exception, "GET /api/threads answered 429"),
    (ServiceUnavailable(status=503, method="GET", path="/"), Exception, "wait_until_ready()"),
    (
        ContractBroken(run=None, violations=("v",), timeline="a timeline"),
        AssertionError,
        "a timeline",
    ),
    (IsolationBreach(run=None, violations=(), timeline="crossed"), AssertionError, "crossed"),
    (NothingFailed(expected=("AuthRefused",)), AssertionError, "AuthRefused was expected"),
]
IDS = [f"{type(error).__name__}-{number}" for number, (error, _, _) in enumerate(TABLE)]


def test_the_table_holds_every_error() -> None:
    kinds = {
        kind for name in errors.__all__ if issubclass(kind := getattr(errors, name), NetraError)
    }
    assert kinds == {type(error) for error, _, _ in TABLE}


@pytest.mark.parametrize(("error", "builtin", "said"), TABLE, ids=IDS)
def test_the_text_is_built_from_the_facts_and_ends_with_cause_and_hint(
    error: NetraError, builtin: type[BaseException], said: str
) -> None:
    text = str(error)
    assert isinstance(error, builtin)
    assert said in text
    assert f"\ncause: {error.cause}" in text
    assert not error.hint or text.endswith(f"\nhint: {error.hint}")


@pytest.mark.parametrize("error", [row[0] for row in TABLE], ids=IDS)
def test_an_error_survives_pickling_with_all_its_facts(error: NetraError) -> None:
    error.add_note("seen in the first test")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert dataclasses.asdict(copy) == dataclasses.asdict(error)
    assert str(copy) == str(error)
    assert copy.__notes__ == ["seen in the first test"]


def test_an_error_is_named_as_it_is_imported() -> None:
    for kind in (type(each) for each, _, _ in TABLE):
        assert kind.__module__ == "netra_testkit.errors"
        assert pickle.loads(pickle.dumps(kind)) is kind  # noqa: S301 - our own bytes
    error = ClientClosed(what="closed")
    assert traceback.format_exception_only(error)[0].startswith("netra_testkit.errors.ClientClosed")


def test_an_error_without_notes_has_none_after_pickling() -> None:
    copy = pickle.loads(pickle.dumps(ClientClosed(what="closed")))  # noqa: S301 - our own bytes
    assert not hasattr(copy, "__notes__")


@pytest.mark.parametrize("kind", [each for each, _, _ in TABLE if type(each) is not NetraError])
def test_every_error_but_the_abstract_ones_says_what_to_do_next(kind: NetraError) -> None:
    abstract = {WireError, CallFailed, Misuse}
    assert (type(kind) in abstract) is (kind.hint == "")


def test_the_cause_can_be_given_with_the_evidence() -> None:
    error = ServerClosed(
        code=1011, reason="", closed_by="client", phase="idle", cause=Cause.UNDECIDED
    )
    assert error.cause is Cause.UNDECIDED


def test_errors_are_told_apart_by_identity() -> None:
    assert ClientClosed(what="a") != ClientClosed(what="a")
    assert len({ClientClosed(what="a"), ClientClosed(what="a")}) == 2
