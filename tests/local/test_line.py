"""The transport in between, over one that keeps what it is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.local.below import Below

from netra_testkit.local import line
from netra_testkit.local.faults import Fault
from netra_testkit.local.line import Line

MUCH = 70_000


class Above(asyncio.Protocol):
    """What a protocol was told, in order."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def data_received(self, data: bytes) -> None:
        self.told.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(exc)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class Between:
    """A line under some faults, with what is above and below it."""

    def __init__(self, *faults: Fault) -> None:
        self.below = Below()
        self.above = Above()
        struck = {fault.kind: fault for fault in faults}
        self.line = Line(self.below, struck, asyncio.get_running_loop())
        self.line.set_protocol(self.above)


async def until(between: Between, done: list[str]) -> None:
    async with asyncio.timeout(3):
        while between.below.done != done:  # noqa: ASYNC110 - a turn of the loop is what it needs
            await asyncio.sleep(0.001)


async def test_it_passes_on_what_concerns_the_socket() -> None:
    between = Between()
    line, below = between.line, between.below
    assert line.get_protocol() is between.above
    assert line.get_extra_info("socket", "none") == "none"
    line.pause_reading()
    assert (line.is_reading(), below.reading) == (False, False)
    line.resume_reading()
    assert line.is_reading()
    line.abort()
    assert below.done == ["abort"]
    assert line.is_closing()


async def test_what_waits_counts_as_not_sent() -> None:
    between = Between(Fault("latency", latency=60_000))
    between.line.write(bytearray(b"abc"))
    assert between.line.get_write_buffer_size() == 8
    between.line.abort()


async def test_a_protocol_is_paused_while_much_waits() -> None:
    between = Between(Fault("bandwidth", rate=1))
    between.line.write(b"x" * MUCH)
    assert between.above.told == ["pause"]
    between.line.write(b"x")
    assert between.above.told == ["pause"]
    between.line.heal()
    between.line.write(b"y")
    assert between.above.told == ["pause", "resume"]
    assert between.below.sent == b"x" * (MUCH + 1) + b"y"


async def test_nothing_is_sent_while_the_socket_is_full() -> None:
    between = Between()
    between.line.fill(full=True)
    between.line.write(b"x")
    assert (between.below.sent, between.above.told) == (b"", ["pause"])
    between.line.close()
    assert between.below.done == []
    between.line.fill(full=False)
    assert (between.below.sent, between.above.told) == (b"x", ["pause", "resume"])
    assert between.below.done == ["close"]


async def test_many_pieces_leave_the_loop_its_turns() -> None:
    between = Between(Fault("slicer", average_size=1, size_variation=0, delay=0))
    between.line.write(b"x" * 200)
    assert len(between.below.sent) < 200
    between.line.close()
    await until(between, ["close"])
    assert between.below.sent == b"x" * 200


async def test_a_close_waits_for_what_was_written() -> None:
    between = Between(Fault("latency", latency=20), Fault("slow_close", delay=20))
    between.line.write(b"x")
    between.line.close()
    between.line.write(b"too late")
    between.line.close()
    assert between.below.done == []
    await until(between, ["close"])
    assert between.below.sent == b"x"


@pytest.mark.parametrize("how", ["close", "abort", "lost"])
async def test_nobody_hears_what_comes_after_the_end(how: str) -> None:
    between = Between()
    between.line.receive(b"before")
    if how == "lost":
        between.line.lost(None)
    else:
        getattr(between.line, how)()
    between.line.receive(b"after")
    assert between.above.told == ([b"before", None] if how == "lost" else [b"before"])


async def test_a_lost_connection_ends_what_waits() -> None:
    between = Between(Fault("latency", latency=5))
    error = ConnectionResetError()
    between.line.write(b"x")
    between.line.lost(error)
    between.line.close()
    await asyncio.sleep(0.02)
    assert (between.below.sent, between.below.done) == (b"", [])
    assert between.above.told == [error]


async def test_a_farewell_closes_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "_FAREWELL_SECONDS", 0.05)
    between = Between(Fault("close-frame", phase="upgrade", code=401))
    between.line.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    assert between.below.done == ["eof"]
    assert between.below.sent.endswith(b"\x88\x02\x01\x91")
    assert between.line.is_closing()
    await until(between, ["eof", "close"])


@pytest.mark.parametrize(
    "fault",
    [Fault("slow_close", delay=60_000), Fault("latency", latency=60_000), Fault("limit_data")],
    ids=str,
)
async def test_healing_ends_what_holds_a_close_up(fault: Fault) -> None:
    between = Between(fault)
    between.line.write(b"x")
    between.line.close()
    between.line.heal()
    assert between.below.sent == b"x"
    assert between.below.done[-1] == "close"


async def test_healing_leaves_an_open_connection_open() -> None:
    between = Between(Fault("limit_data", bytes=3), Fault("slow_close", delay=60_000))
    between.line.heal()
    between.line.write(b"abcdef")
    assert (between.below.sent, between.below.done) == (b"abcdef", [])
    between.line.close()
    assert between.below.done == ["close"]


async def test_nothing_more_is_written_once_the_client_is_gone() -> None:
    between = Between(Fault("slicer", average_size=1, size_variation=0, delay=0))

    def write(data: bytes) -> None:
        assert not between.below.closing
        between.below.sent += data
        between.below.closing = True

    between.below.write = write  # type: ignore[method-assign] - a client that leaves in between
    between.line.write(b"several pieces")
    assert between.below.sent == b"s"
