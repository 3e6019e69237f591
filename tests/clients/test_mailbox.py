from __future__ import annotations

import asyncio
import json

import pytest

from netra_testkit.clients import mailbox
from netra_testkit.clients.mailbox import Mailbox
from netra_testkit.errors import MalformedFrame
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.types import MessageType


def frame(kind: str, text: str = "") -> Frame:
    return Frame.decode(json.dumps({"type": kind, "data": {"content": text}}))


def test_frames_are_taken_in_the_order_in_which_they_came() -> None:
    box = Mailbox()
    for kind in ("ping", "pong", "ack"):
        box.put(frame(kind))
    taken = [box.take(), box.take(), box.take(), box.take()]
    assert [each and each.type_name for each in taken] == ["ping", "pong", "ack", None]


def test_a_wanted_frame_is_taken_and_the_others_stay_in_order() -> None:
    box = Mailbox()
    for kind in ("ping", "ack", "pong", "ack"):
        box.put(frame(kind))
    assert box.take(lambda each: each.type is MessageType.ACK) is not None
    assert [each.type_name for each in box.drain() if isinstance(each, Frame)] == [
        "ping",
        "pong",
        "ack",
    ]
    assert len(box) == 0


def test_a_frame_that_could_not_be_read_is_raised_where_it_stands() -> None:
    box = Mailbox()
    box.put(frame("ping"))
    box.put(MalformedFrame(reason="no JSON", excerpt="{"))
    box.put(frame("pong"))
    assert box.next() is not None
    assert box.next() is None
    with pytest.raises(MalformedFrame):
        box.take()
    last = box.next()
    assert last is not None
    assert last.type is MessageType.PONG
    assert box.next() is None


def test_an_unreadable_frame_is_met_also_by_who_looks_for_another() -> None:
    box = Mailbox()
    box.put(MalformedFrame(reason="no JSON", excerpt="{"))
    with pytest.raises(MalformedFrame):
        box.take(lambda _: False)


async def test_whoever_waits_is_woken_by_an_arrival_and_by_a_wake() -> None:
    box = Mailbox()
    box.wake()
    for happen in (lambda: box.put(frame("ping")), box.wake):
        arrival = box.arrival()
        assert not arrival.done()
        happen()
        async with asyncio.timeout(1):
            await arrival
        box.wake()
    assert len(box) == 1


@pytest.mark.parametrize("fast", [True, False], ids=["next", "take"])
def test_reading_goes_on_when_half_is_taken(
    fast: bool,  # noqa: FBT001 - a parameter of the table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox, "MOST_FRAMES", 4)
    box, went_on = Mailbox(), []
    for _ in range(4):
        assert not box.full
        box.put(frame("ping"))
    assert box.full
    box.when_half_empty(lambda: went_on.append(len(box)))
    assert box.waits_for_room
    while len(box):
        assert (box.next() if fast else box.take()) is not None
    assert went_on == [2]
    assert not box.waits_for_room


def test_few_large_frames_fill_it_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_CHARACTERS", 1_000)
    box, went_on = Mailbox(), []
    box.put(frame("ping", "x" * 600))
    assert not box.full
    box.put(frame("ping", "x" * 600))
    assert box.full
    box.when_half_empty(lambda: went_on.append(len(box)))
    box.next()
    assert went_on == []
    box.drain()
    assert went_on == [0]
