from __future__ import annotations

import io
import json
import math
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.safety import redaction
from netra_testkit.safety.trace import Trace

if TYPE_CHECKING:
    from pathlib import Path

LONG = 65_536


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def read(trace: Trace) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a trace says about itself, and its records."""
    about, *records = [json.loads(line) for line in trace.lines()]
    return about, records


def texts(trace: Trace) -> list[str]:
    return [record["text"] for record in read(trace)[1]]


def a_secret() -> str:
    secret = secrets.token_urlsafe(48)
    redaction.register(secret, label="token")
    return secret


def test_a_record_says_when_and_what_with_its_facts() -> None:
    clock = Clock()
    trace = Trace(clock=clock)
    clock.now += 1.25
    trace.record("response", "ok", status=200, seconds=0.5, user="ann", retried=False, body=None)
    [line] = trace.tail(1)
    assert line == (
        '{"at": 1.25, "kind": "response", "text": "ok", "status": 200, "seconds": 0.5,'
        ' "user": "ann", "retried": false, "body": null}'
    )


def test_a_record_needs_no_text() -> None:
    trace = Trace(clock=Clock())
    trace.record("wait", seconds=0.5)
    assert read(trace)[1] == [{"at": 0.0, "kind": "wait", "text": "", "seconds": 0.5}]


def test_a_record_may_say_that_it_happened_earlier() -> None:
    clock = Clock()
    trace = Trace(clock=clock)
    clock.now += 9
    trace.record("frame", at=1003.0)
    assert read(trace)[1][0]["at"] == 3.0


def test_the_records_come_in_the_order_in_which_they_were_made() -> None:
    trace = Trace()
    for number in range(5):
        trace.record("frame", str(number))
    assert texts(trace) == ["0", "1", "2", "3", "4"]


def test_the_default_clock_goes_forward() -> None:
    trace = Trace()
    trace.record("frame")
    trace.record("frame")
    first, second = (record["at"] for record in read(trace)[1])
    assert 0.0 <= first <= second < 60.0


def test_the_first_line_says_when_it_began_and_what_it_holds() -> None:
    trace = Trace(clock=Clock(), wall_clock=lambda: 1_700_000_000.5)
    trace.record("frame", "a")
    assert read(trace)[0] == {
        "kind": "trace",
        "began_at": 1_700_000_000.5,
        "records": 1,
        "lost": 0,
        "lost_bytes": 0,
    }


def test_an_empty_trace_says_so() -> None:
    about, records = read(Trace())
    assert about["records"] == 0
    assert records == []


def test_when_there_are_too_many_records_the_oldest_go_and_are_counted() -> None:
    trace = Trace(max_records=3)
    for text in ("a", "bb", "ccc", "dddd", "eeeee"):
        trace.record("frame", text)
    about, records = read(trace)
    assert [record["text"] for record in records] == ["ccc", "dddd", "eeeee"]
    assert (about["records"], about["lost"], about["lost_bytes"]) == (3, 2, 3)
    assert (trace.lost, trace.lost_bytes) == (2, 3)


def test_when_the_texts_are_too_large_the_oldest_go_and_are_counted() -> None:
    trace = Trace(max_bytes=10)
    for text in ("aaaa", "bbbb", "cccc"):
        trace.record("frame", text)
    assert texts(trace) == ["bbbb", "cccc"]
    assert (trace.lost, trace.lost_bytes) == (1, 4)


def test_exactly_as_much_as_allowed_is_kept() -> None:
    trace = Trace(max_records=2, max_bytes=8)
    trace.record("frame", "aaaa")
    trace.record("frame", "bbbb")
    assert (texts(trace), trace.lost) == (["aaaa", "bbbb"], 0)


def test_a_text_that_is_not_ascii_is_counted_at_its_widest() -> None:
    trace = Trace(max_bytes=8)
    trace.record("frame", "ab")
    trace.record("frame", "aé")
    assert texts(trace) == ["aé"]
    trace.record("frame", "x")
    assert (trace.lost, trace.lost_bytes) == (2, 2 + 8)


def test_a_text_larger_than_everything_allowed_is_a_loss_like_any_other() -> None:
    trace = Trace(max_bytes=3)
    trace.record("frame", "abcd")
    assert (texts(trace), trace.lost, trace.lost_bytes) == ([], 1, 4)


@given(
    sizes=st.lists(st.integers(min_value=0, max_value=300), max_size=60),
    max_records=st.integers(min_value=1, max_value=20),
    max_bytes=st.integers(min_value=1, max_value=1000),
)
def test_nothing_is_kept_beyond_the_bounds_and_nothing_is_lost_unsaid(
    sizes: list[int], max_records: int, max_bytes: int
) -> None:
    trace = Trace(max_records=max_records, max_bytes=max_bytes)
    for size in sizes:
        trace.record("frame", "x" * size)
    kept = texts(trace)
    assert len(kept) <= max_records
    assert sum(map(len, kept)) <= max_bytes
    assert len(kept) + trace.lost == len(sizes)
    assert sum(map(len, kept)) + trace.lost_bytes == sum(sizes)
    assert [len(text) for text in kept] == sizes[len(sizes) - len(kept) :]


def test_of_a_very_long_text_the_beginning_is_kept_and_the_rest_counted() -> None:
    trace = Trace()
    trace.record("frame", "word " * LONG)
    [record] = read(trace)[1]
    assert LONG - 5 <= len(record["text"]) <= LONG
    assert record["text"] == ("word " * LONG)[: len(record["text"])]
    assert len(record["text"]) + record["cut"] == 5 * LONG


def test_a_text_of_the_longest_length_is_kept_whole() -> None:
    trace = Trace()
    trace.record("frame", "x" * LONG)
    [record] = read(trace)[1]
    assert len(record["text"]) == LONG
    assert "cut" not in record


def test_a_secret_on_the_border_of_a_long_text_is_not_cut_in_two() -> None:
    secret = f"{secrets.token_urlsafe(6)}! {secrets.token_urlsafe(6)}"
    redaction.register(secret, label="password")
    trace = Trace()
    trace.record("frame", " " * (LONG - 11) + secret + " " * 100)
    assert secret[:8] not in texts(trace)[0]


def test_a_token_on_the_border_that_becomes_known_later_is_not_cut_in_two() -> None:
    later = secrets.token_urlsafe(12)
    trace = Trace()
    trace.record("frame", " " * (LONG - 11) + later + " " * 100)
    redaction.register(later, label="later")
    assert later[:8] not in texts(trace)[0]


def test_secrets_are_masked_when_the_trace_is_written() -> None:
    secret = a_secret()
    later = secrets.token_urlsafe(48)
    trace = Trace()
    trace.record("request", f"Authorization: Bearer {secret}", query=f"token={later}")
    redaction.register(later, label="later")
    written = "".join(trace.lines()) + "".join(trace.tail(1))
    assert secret not in written
    assert later not in written


def test_a_secret_that_json_would_spell_differently_is_masked_too() -> None:
    secret = secrets.token_urlsafe(32) + '"\\é' + secrets.token_urlsafe(16)
    redaction.register(secret, label="password")
    trace = Trace()
    trace.record("frame", f"password: {secret}")
    [line] = trace.tail(1)
    assert secret not in json.loads(line)["text"]
    assert secret[:32] not in line


@pytest.mark.parametrize(("count", "expected"), [(0, []), (-1, []), (2, ["c", "d"]), (9, "abcd")])
def test_the_tail_is_the_last_records(count: int, expected: list[str]) -> None:
    trace = Trace()
    for text in "abcd":
        trace.record("frame", text)
    assert [json.loads(line)["text"] for line in trace.tail(count)] == list(expected)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
def test_a_number_that_json_does_not_know_is_written_as_text(number: float) -> None:
    trace = Trace()
    trace.record("wait", seconds=number)
    [line] = trace.tail(1)
    assert json.loads(line, parse_constant=pytest.fail)["seconds"] == str(number)


@given(text=st.text(alphabet=st.characters(), max_size=50))
def test_any_text_is_one_line_of_ascii(text: str) -> None:
    trace = Trace()
    trace.record("frame", text)
    [line] = trace.tail(1)
    assert line.isascii()
    assert line.splitlines() == [line]
    # Another test may have made a secret of the same words.
    assert json.loads(line)["text"] == redaction.mask(text)


def test_a_lone_surrogate_can_be_written(tmp_path: Path) -> None:
    trace = Trace()
    trace.record("frame", "\ud800")
    trace.write(tmp_path / "trace.ndjson")
    assert "\\ud800" in (tmp_path / "trace.ndjson").read_text("utf-8")


def test_a_trace_is_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "trace.ndjson"
    path.write_text("what was there before\n" * 100)
    trace = Trace()
    trace.record("frame", "a")
    trace.record("frame", "b")
    trace.write(path)
    written = path.read_bytes()
    assert written.endswith(b"\n")
    assert b"\r" not in written
    assert tuple(written.decode().splitlines()) == trace.lines()


def test_a_trace_is_written_to_a_path_in_words(tmp_path: Path) -> None:
    Trace().write(str(tmp_path / "trace.ndjson"))
    assert (tmp_path / "trace.ndjson").exists()


def test_a_trace_is_written_to_an_open_stream() -> None:
    stream = io.StringIO()
    trace = Trace()
    trace.record("frame", "a")
    trace.write(stream)
    assert stream.getvalue() == "".join(f"{line}\n" for line in trace.lines())


def test_recording_goes_on_while_the_trace_is_read() -> None:
    trace = Trace()
    trace.record("frame", "a")
    for line in trace.lines():
        trace.record("note", line)
    assert len(texts(trace)) == 3


def test_what_was_read_does_not_change_with_what_is_recorded_later() -> None:
    trace = Trace()
    lines = trace.lines()
    trace.record("frame", "a")
    assert len(lines) == 1


def test_its_repr_shows_no_text() -> None:
    trace = Trace(max_records=1)
    trace.record("frame", "a")
    trace.record("frame", "b")
    assert repr(trace) == "<Trace: 1 records, 1 lost>"
