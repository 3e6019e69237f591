"""What transport faults do to bytes, without a clock and without a socket."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.local.faults import Fault
from netra_testkit.local.toxics import (
    Bandwidth,
    CloseFrame,
    Course,
    Latency,
    Piece,
    Slicer,
    course_of,
)

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
WELCOME = b'\x81\x02{"type": "connection_established"}'
STARTED = b'\x81\x02{"type": "agent_started"}'


def shaped(kind: str, *pieces: Piece, **options: Any) -> list[Piece]:
    shapes = {"latency": Latency, "bandwidth": Bandwidth, "slicer": Slicer}
    return list(shapes[kind](Fault(kind, **options)).shape(pieces))


def test_latency_holds_every_piece_up_equally() -> None:
    pieces = shaped("latency", Piece(1, b"a"), Piece(2, b"b"), latency=500)
    assert pieces == [(1.5, b"a"), (2.5, b"b")]


def test_jitter_varies_it_and_keeps_the_order() -> None:
    came = [Piece(n / 1000, b"x") for n in range(100)]
    pieces = shaped("latency", *came, latency=10, jitter=30)
    held = [piece.due - before.due for piece, before in zip(pieces, came, strict=True)]
    assert len(set(held)) > 10
    assert all(0 <= each <= 0.04 for each in held)
    assert pieces == sorted(pieces, key=lambda piece: piece.due)
    assert pieces == shaped("latency", *came, latency=10, jitter=30)
    assert pieces != shaped("latency", *came, latency=10, jitter=30, seed=1)


def test_bandwidth_spreads_bytes_over_time() -> None:
    pieces = shaped("bandwidth", Piece(0, b"x" * 5000), Piece(9, b"y" * 1000), rate=1)
    assert b"".join(piece.data for piece in pieces) == b"x" * 5000 + b"y" * 1000
    assert max(len(piece.data) for piece in pieces) == 20
    assert pieces[0].due == pytest.approx(0.02)
    assert pieces[249].due == pytest.approx(5)
    assert pieces[-1].due == pytest.approx(10)


def test_a_very_narrow_line_passes_byte_by_byte() -> None:
    assert [due for due, _ in shaped("bandwidth", Piece(0, b"abc"), rate=0.001)] == [1, 2, 3]


def test_the_slicer_cuts_with_a_delay_between() -> None:
    pieces = shaped("slicer", Piece(1, b"abcdef"), average_size=2, size_variation=0, delay=500_000)
    assert pieces == [(1, b"ab"), (1.5, b"cd"), (2, b"ef")]


def test_the_slicer_varies_its_sizes_and_sends_no_empty_piece() -> None:
    pieces = shaped("slicer", Piece(0, b"x" * 1000), average_size=5, size_variation=9)
    sizes = {len(piece.data) for piece in pieces}
    assert min(sizes) == 1
    assert max(sizes) <= 14
    assert len(sizes) > 5


def test_a_course_without_stages_lets_everything_pass_at_once() -> None:
    course = Course()
    course.offer(b"a", 1)
    course.offer(b"", 1)
    assert (course.waiting, course.due) == (1, 1)
    assert course.take(1, most=9) == [b"a"]
    assert (course.waiting, course.due) == (0, None)
    assert not course.spent


def test_a_course_gives_what_is_due_and_no_more_than_asked() -> None:
    course = course_of({"latency": Fault("latency", latency=1000)})
    for name in (b"a", b"b", b"c"):
        course.offer(name, 0)
    course.offer(b"d", 5)
    assert course.take(0.9, most=9) == []
    assert course.take(1, most=2) == [b"a", b"b"]
    assert course.take(1, most=9) == [b"c"]
    assert course.due == 6


def test_a_course_ends_at_its_limit() -> None:
    course = course_of({"limit_data": Fault("limit_data", bytes=5)})
    course.offer(b"abc", 0)
    assert not course.spent
    course.offer(b"defg", 0)
    assert course.spent
    course.offer(b"h", 0)
    assert b"".join(course.take(0, most=9)) == b"abcde"


def test_a_limit_of_nothing_is_spent_from_the_beginning() -> None:
    assert course_of({"limit_data": Fault("limit_data", bytes=0)}).spent


def test_what_is_on_its_way_can_be_had_at_once() -> None:
    course = course_of({"bandwidth": Fault("bandwidth", rate=1)})
    course.offer(b"x" * 40_000, 0)
    first = course.take(0.05, most=9)
    assert b"".join(first) == b"x" * 40
    assert course.rest() == b"x" * (40_000 - 40)
    assert (course.waiting, course.due, course.rest()) == (0, None, b"")


stage_faults = st.fixed_dictionaries(
    {},
    optional={
        "latency": st.builds(
            lambda latency, jitter: Fault("latency", latency=latency, jitter=jitter),
            st.floats(0, 100),
            st.floats(0, 100),
        ),
        "bandwidth": st.builds(lambda rate: Fault("bandwidth", rate=rate), st.floats(0.1, 100)),
        "slicer": st.builds(
            lambda size, variation: Fault("slicer", average_size=size, size_variation=variation),
            st.integers(1, 100),
            st.integers(0, 100),
        ),
    },
)


@given(stage_faults, st.lists(st.binary(max_size=200), max_size=8))
def test_no_stage_loses_adds_or_reorders_a_byte(
    faults: dict[str, Fault], writes: list[bytes]
) -> None:
    course = course_of(faults)
    dues = []
    received = b""
    for moment, write in enumerate(writes):
        course.offer(write, moment / 100)
    while (due := course.due) is not None:
        dues.append(due)
        assert course.take(due - 1e-6, most=1) == []
        received += b"".join(course.take(due, most=1))
    assert received == b"".join(writes)
    assert course.waiting == 0
    assert all(one <= other for one, other in itertools.pairwise(dues))


def cuts(phase: str, *writes: bytes) -> list[tuple[bytes, bool]]:
    frame = CloseFrame(Fault("close-frame", code=1005, phase=phase))
    return [frame.cut(write) for write in writes]


FRAME = b"\x88\x02\x03\xed"


@pytest.mark.parametrize(
    ("phase", "writes", "sent"),
    [
        ("upgrade", [ACCEPTED], [(ACCEPTED + FRAME, True)]),
        ("upgrade", [b"HTTP/1.1 200 OK", WELCOME], [(b"HTTP/1.1 200 OK", False), (WELCOME, False)]),
        ("before-welcome", [ACCEPTED, WELCOME], [(ACCEPTED, False), (FRAME, True)]),
        (
            "after-welcome",
            [ACCEPTED, STARTED, WELCOME],
            [(ACCEPTED, False), (STARTED, False), (WELCOME + FRAME, True)],
        ),
        (
            "mid-run",
            [ACCEPTED, WELCOME, STARTED],
            [(ACCEPTED, False), (WELCOME, False), (STARTED + FRAME, True)],
        ),
    ],
    ids=["upgrade", "http", "before-welcome", "after-welcome", "mid-run"],
)
def test_a_close_frame_is_cut_in_at_its_phase(
    phase: str, writes: list[bytes], sent: list[tuple[bytes, bool]]
) -> None:
    assert cuts(phase, *writes) == sent


def test_the_longest_reason_just_fits_a_frame() -> None:
    frame = CloseFrame(Fault("close-frame", phase="upgrade", reason="\N{SNOWMAN}" * 41))
    said, _ = frame.cut(ACCEPTED)
    assert said[len(ACCEPTED) + 1] == len(said) - len(ACCEPTED) - 2 == 125
