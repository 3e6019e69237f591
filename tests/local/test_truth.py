"""What a server knows of itself, and what of that it shows."""

from __future__ import annotations

import threading
from secrets import token_urlsafe

import pytest
from starlette.requests import HTTPConnection

from netra_testkit.local.notes import Counts
from netra_testkit.local.truth import EXCHANGE, LONGEST, Exchange, ServerTruth, exchange_of
from netra_testkit.safety.redaction import register


def an_exchange(subject: str | None = None) -> Exchange:
    return Exchange(request_id="r", trace_id="t", connection_id="c", subject=subject)


@pytest.fixture
def truth() -> ServerTruth:
    return ServerTruth(clock=lambda: 7.0)


def test_a_request_is_kept_with_its_answer(truth: ServerTruth) -> None:
    truth.add_request(
        an_exchange("ann"), method="GET", path="/x", status=200, headers=((b"Accept", b"*/*"),)
    )
    (seen,) = truth.requests
    assert (seen.method, seen.path, seen.status, seen.user) == ("GET", "/x", 200, "ann")
    assert (seen.request_id, seen.trace_id, seen.at) == ("r", "t", 7.0)
    assert dict(seen.headers) == {"accept": "*/*"}


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "Sec-WebSocket-Protocol", "X-E2E-Bypass-Key"]
)
def test_a_header_that_is_a_credential_shows_nothing(truth: ServerTruth, name: str) -> None:
    headers = ((name.encode(), b"anything"),)
    truth.add_request(an_exchange(), method="GET", path="/x", status=200, headers=headers)
    assert dict(truth.requests[0].headers) == {name.lower(): "***"}


def test_a_live_secret_is_masked_wherever_it_is(truth: ServerTruth) -> None:
    secret = token_urlsafe(48)
    register(secret, label="a test's secret")
    headers = ((b"x-note", f"it is {secret}".encode()),)
    exchange = an_exchange()
    path = f"/x/{secret}"
    truth.add_request(exchange, method="GET", path=path, status=200, headers=headers)
    truth.open_connection(exchange, path="/ws", headers=headers)
    truth.add_frame(exchange, type_name="ping", raw=f'{{"type":"ping","note":"{secret}"}}')
    (frame,) = truth.frames
    shown = repr((truth.requests, truth.requests[0].path, truth.connections, frame, frame.raw))
    assert secret not in shown
    assert truth.requests[0].path.startswith("/x/")
    assert shown.count("it is") == 2
    assert frame.type_name == "ping"
    assert frame.raw.startswith('{"type":"ping","note":"')


def test_a_frame_is_masked_only_when_its_text_is_read(truth: ServerTruth) -> None:
    truth.add_frame(an_exchange(), type_name="ping", raw="1")
    truth.add_frame(an_exchange(), type_name="ping", raw="1")
    first, second = truth.frames
    assert first == second
    assert truth.frames[0] is first


def test_headers_are_a_mapping(truth: ServerTruth) -> None:
    headers = ((b"A", b"1"), (b"B", b"2"))
    truth.add_request(an_exchange(), method="GET", path="/x", status=200, headers=headers)
    shown = truth.requests[0].headers
    assert (len(shown), list(shown), shown["a"]) == (2, ["a", "b"], "1")
    assert shown == {"a": "1", "b": "2"}
    assert repr(shown) == "{'a': '1', 'b': '2'}"
    assert "c" not in shown


def test_a_header_sent_twice_is_one_list(truth: ServerTruth) -> None:
    headers = ((b"x-a", b"1"), (b"x-a", b"2"))
    truth.add_request(an_exchange(), method="GET", path="/x", status=200, headers=headers)
    assert truth.requests[0].headers["x-a"] == "1, 2"


def test_a_socket_is_open_until_it_is_closed(truth: ServerTruth) -> None:
    exchange = an_exchange()
    truth.open_connection(exchange, path="/ws", headers=((b"host", b"h"),))
    exchange.subject = "ann"
    (opened,) = truth.open_connections
    assert (opened.user, opened.path, opened.closed_at, opened.close_code) == (
        "ann",
        "/ws",
        None,
        None,
    )
    assert truth.connections == (opened,)
    truth.close_connection(exchange, code=1000)
    assert truth.open_connections == ()
    (closed,) = truth.connections
    assert (closed.connection_id, closed.user, closed.closed_at, closed.close_code) == (
        "c",
        "ann",
        7.0,
        1000,
    )
    assert dict(closed.headers) == {"host": "h"}


def test_frames_runs_and_events_are_kept_in_their_order(truth: ServerTruth) -> None:
    truth.add_frame(an_exchange("ann"), type_name=None, raw="no json")
    truth.add_run(run_id="1", user="ann", agent="triage")
    for name in ("agent_started", "agent_completed"):
        truth.add_event(run_id="1", user="ann", type_name=name, connection_id="c")
    (frame,) = truth.frames
    assert (frame.connection_id, frame.user, frame.type_name, frame.raw) == (
        "c",
        "ann",
        None,
        "no json",
    )
    (run,) = truth.runs
    assert (run.run_id, run.user, run.agent, run.at) == ("1", "ann", "triage", 7.0)
    assert [each.type_name for each in truth.events] == ["agent_started", "agent_completed"]
    assert {(each.run_id, each.user, each.connection_id) for each in truth.events} == {
        ("1", "ann", "c")
    }


def test_clearing_keeps_the_sockets_that_are_open(truth: ServerTruth) -> None:
    gone, stays = an_exchange(), Exchange(request_id="r", trace_id="t", connection_id="d")
    for each in (gone, stays):
        truth.open_connection(each, path="/ws", headers=())
    truth.close_connection(gone, code=1000)
    truth.add_request(gone, method="GET", path="/", status=200, headers=())
    truth.add_frame(gone, type_name="ping", raw="")
    truth.add_run(run_id="1", user="ann", agent="triage")
    truth.add_event(run_id="1", user="ann", type_name="ping", connection_id=None)
    truth.clear()
    assert [each.connection_id for each in truth.connections] == ["d"]
    assert (truth.requests, truth.frames, truth.runs, truth.events) == ((), (), (), ())


def test_the_latest_are_kept(truth: ServerTruth) -> None:
    for number in range(LONGEST + 1):
        truth.add_run(run_id=str(number), user="ann", agent="triage")
    assert len(truth.runs) == LONGEST
    assert truth.runs[0].run_id == "1"


def test_all_of_it_is_counted(truth: ServerTruth) -> None:
    assert truth.counts == Counts(connections=0, open=0, identified=0, users=0, frames=0, runs={})
    for name, user in [("a", "ann"), ("b", "ann"), ("c", "ben"), ("d", None)]:
        exchange = Exchange(request_id="r", trace_id="t", connection_id=name, subject=user)
        truth.open_connection(exchange, path="/ws", headers=())
        truth.add_frame(exchange, type_name="ping", raw="")
        if name in "cd":
            truth.close_connection(exchange, code=1000)
    truth.add_run(run_id="1", user="ann", agent="triage")
    assert truth.counts == Counts(
        connections=4, open=2, identified=3, users=1, frames=4, runs={"triage": 1}
    )
    truth.clear()
    assert truth.counts == Counts(connections=2, open=2, identified=2, users=1, frames=0, runs={})


def test_who_is_known_only_after_the_upgrade_counts_too(truth: ServerTruth) -> None:
    exchange = an_exchange()
    truth.open_connection(exchange, path="/ws", headers=())
    assert (truth.counts.identified, truth.counts.users) == (0, 0)
    exchange.subject = "ann"
    assert (truth.counts.identified, truth.counts.users) == (1, 1)
    truth.close_connection(exchange, code=1000)
    assert (truth.counts.identified, truth.counts.users) == (1, 0)


def test_what_is_no_longer_kept_stays_counted(truth: ServerTruth) -> None:
    exchange = an_exchange("ann")
    for _ in range(LONGEST + 1):
        truth.open_connection(exchange, path="/ws", headers=())
        truth.close_connection(exchange, code=1000)
        truth.add_frame(exchange, type_name="ping", raw="")
        truth.add_run(run_id="1", user="ann", agent="triage")
    assert truth.counts == Counts(
        connections=LONGEST + 1,
        open=0,
        identified=LONGEST + 1,
        users=0,
        frames=LONGEST + 1,
        runs={"triage": LONGEST + 1},
    )


def test_counts_say_what_was_and_do_not_change(truth: ServerTruth) -> None:
    before = truth.counts
    truth.add_run(run_id="1", user="ann", agent="triage")
    assert before.runs == {}
    with pytest.raises(TypeError):
        before.runs["triage"] = 2  # type: ignore[index]


def test_threads_may_write_while_one_reads(truth: ServerTruth) -> None:
    def write() -> None:
        for _ in range(500):
            truth.add_event(run_id="1", user="ann", type_name="ping", connection_id=None)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for each in writers:
        each.start()
    while any(each.is_alive() for each in writers):
        assert len(truth.events) <= 2000
    assert len(truth.events) == 2000


def test_a_handler_finds_what_is_known_of_its_request() -> None:
    exchange = an_exchange()
    scope = {"type": "http", "headers": [], EXCHANGE: exchange}
    assert exchange_of(HTTPConnection(scope)) is exchange
