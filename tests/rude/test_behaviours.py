"""Each behaviour does what its name says, seen with plain sockets."""

from __future__ import annotations

import socket
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.rude.answering import BOMB_SIZE
from tests.rude.answers import ANSWERS
from tests.rude.behaviour import Client, Phase, Protocol
from tests.rude.behaviours import BEHAVIOURS, meeting, rude
from tests.rude.closings import CLOSINGS, CODES
from tests.rude.connections import CONNECTIONS
from tests.rude.conversations import CONVERSATIONS
from tests.rude.expected import Meeting, meetings
from tests.rude.framing import Opcode, close_frame
from tests.rude.probe import CLOSE, OPENINGS, PING, START, Probe, probing
from tests.rude.seen import APART, SEEN, WELCOMED
from tests.rude.server import Pace
from tests.rude.streams import STREAMS
from tests.rude.upgrades import UPGRADES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AT_ONCE = 16
QUICK = Pace(interval=0.005, late=0.15)
LATE = Pace(late=0.5)
CLOSED = b"\x88\x02\x03\xe8"
OTHERS = {name: each for name, each in BEHAVIOURS.items() if each not in CLOSINGS}
FAMILIES = (CONNECTIONS, ANSWERS, UPGRADES, CONVERSATIONS, STREAMS, CLOSINGS)


def approach(probe: Probe, name: str) -> None:
    """Come to the phase in which a behaviour begins."""
    behaviour = BEHAVIOURS[name]
    if name.endswith(" at once"):
        return
    probe.say(OPENINGS[behaviour.speaks])
    match behaviour.phase:
        case Phase.RUN:
            probe.hear_until(WELCOMED)
            probe.say(START)
        case Phase.CLOSE:
            probe.hear_until(WELCOMED)
            probe.say(CLOSE)


def test_there_are_enough_behaviours_and_no_name_is_given_twice() -> None:
    assert len(OTHERS) >= 30
    assert len(BEHAVIOURS) == sum(map(len, FAMILIES))


def test_every_behaviour_is_looked_at() -> None:
    assert {*SEEN, *APART} == set(OTHERS)


def look_at_each(look: Callable[[str], None], names: Iterable[str]) -> None:
    """Look at behaviours sixteen at a time, as most of it is waiting, and say all that is wrong."""

    def wrong(name: str) -> str:
        try:
            look(name)
        except Exception as failed:  # noqa: BLE001 - said of all behaviours at once
            return f"{name}: {type(failed).__name__}: {str(failed).partition(chr(10))[0]}"
        return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = [each for each in pool.map(wrong, names) if each]
    assert not said, "\n".join(said)


def seen(name: str) -> None:
    goes_on, *marks = SEEN[name]
    with rude(BEHAVIOURS[name], QUICK) as server, probing(server) as probe:
        approach(probe, name)
        for mark in marks:
            assert isinstance(mark, bytes)
            probe.hear_until(mark)
        if "bomb" in name:
            probe.hear_to_the_length()
        assert getattr(probe, str(goes_on))(), f"not {goes_on}, heard {probe.heard[-200:]!r}"


def test_each_behaviour_does_what_its_name_says() -> None:
    look_at_each(seen, SEEN)


def test_every_behaviour_says_what_it_does_and_meets_somebody() -> None:
    for name, behaviour in BEHAVIOURS.items():
        assert behaviour.name == name
        assert behaviour.description.endswith(".")
        assert behaviour.clients


def test_everybody_meets_connections_and_answers_and_some_meet_more() -> None:
    counted = {client: len(meeting(client)) for client in Client}
    everybody = len(CONNECTIONS) + len(ANSWERS)
    assert counted == {
        Client.HTTP: everybody,
        Client.STREAM: everybody + len(STREAMS),
        Client.CHAT: everybody + len(UPGRADES) + len(CONVERSATIONS) + len(CLOSINGS),
    }


def test_a_meeting_is_a_behaviour_a_client_and_one_of_its_coroutines() -> None:
    found = meetings({Client.HTTP: ("get", "post"), Client.STREAM: ("stream",)})
    assert len(found) == 2 * len(meeting(Client.HTTP)) + len(meeting(Client.STREAM))
    assert Meeting("refuses", Client.HTTP, "post") in found


def test_a_port_that_refuses_refuses() -> None:
    with rude(BEHAVIOURS["refuses"]) as server, pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), 5.0)


@pytest.mark.skipif("never completes" not in BEHAVIOURS, reason="only Linux can be made to")
def test_a_connection_that_never_completes_is_neither_taken_nor_refused() -> None:
    with rude(BEHAVIOURS["never completes"]) as server, pytest.raises(TimeoutError):
        socket.create_connection((server.host, server.port), 0.1)


@pytest.mark.parametrize("name", ["never reads", "never reads frames"])
def test_what_is_said_to_somebody_who_never_reads_blocks(name: str) -> None:
    with rude(BEHAVIOURS[name]) as server, probing(server) as probe:
        approach(probe, name)
        probe.connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            probe.say(b"x" * 64 * 2**20)


def test_an_early_reset_does_not_wait_for_the_whole_request() -> None:
    with rude(BEHAVIOURS["resets in the request"]) as server, probing(server) as probe:
        probe.say(b"GET /healt")
        assert probe.resets()


@pytest.mark.parametrize(
    ("name", "window"), [("a gzip bomb", 31), ("a deflate bomb", 15), ("a bomb for a stream", 31)]
)
def test_a_bomb_is_small_and_becomes_large(name: str, window: int) -> None:
    with rude(BEHAVIOURS[name]) as server, probing(server) as probe:
        approach(probe, name)
        probe.hear_to_the_length()
    body = probe.heard.partition(b"\r\n\r\n")[2]
    assert len(body) < 70_000
    inflater, size = zlib.decompressobj(window), 0
    while body:
        size += len(inflater.decompress(body, 2**20))
        body = inflater.unconsumed_tail
    assert size == BOMB_SIZE
    assert inflater.eof


# What is heard before the silence and what after it.
SILENCES = {
    "answers late": (b"", b"healthy"),
    "welcomes late": (b"\r\n\r\n", WELCOMED),
    "answers a close late": (WELCOMED, CLOSED),
    "answers messages late": (WELCOMED, b'"message_id": "m-1"'),
}


def late(name: str) -> None:
    before, after = SILENCES[name]
    with rude(BEHAVIOURS[name], LATE) as server, probing(server) as probe:
        approach(probe, name)
        probe.hear_until(before)
        if name == "answers messages late":
            probe.say(START)
        assert probe.is_silent(), "not silent before"
        probe.hear_until(after)


def test_what_is_late_comes_after_a_silence() -> None:
    look_at_each(late, SILENCES)


def test_after_one_good_answer_the_second_request_is_reset() -> None:
    name = "answers once and resets"
    with rude(BEHAVIOURS[name], QUICK) as server, probing(server) as probe:
        approach(probe, name)
        probe.hear_until(b"healthy")
        probe.say(OPENINGS[Protocol.HTTP])
        assert probe.resets()


def test_each_step_of_a_redirect_leads_to_another() -> None:
    with rude(BEHAVIOURS["redirects onwards"]) as server, probing(server) as probe:
        for step in range(3):
            probe.say(OPENINGS[Protocol.HTTP])
            probe.hear_until(f"Location: /step/{step}".encode())


@pytest.mark.parametrize("name", ["silent", "no welcome", "a run without an event"])
def test_who_is_polite_otherwise_answers_pings_and_closes(name: str) -> None:
    with rude(BEHAVIOURS[name]) as server, probing(server) as probe:
        approach(probe, name)
        probe.say(PING + CLOSE)
        probe.hear_until(b"\x8a\x0dare you there" + CLOSED)
        assert probe.ends()


def test_who_answers_somebody_else_does_not_name_the_message_that_was_sent() -> None:
    with rude(BEHAVIOURS["answers somebody else"]) as server, probing(server) as probe:
        approach(probe, "answers somebody else")
        probe.hear_until(WELCOMED)
        probe.say(START)
        probe.hear_until(b'"message_id": "another"')


def test_every_code_closes_in_every_phase() -> None:
    phases = {each.phase for each in CLOSINGS}
    assert phases == {Phase.WELCOME, Phase.RECEIVE, Phase.RUN, Phase.CLOSE}
    assert len(CLOSINGS) == len(phases) * len(CODES)
    assert {401, 1005, 1006, 1015, 5000} <= {each.code for each in CLOSINGS}


def test_a_close_in_a_run_waits_for_the_run() -> None:
    [behaviour] = [each for each in CLOSINGS if (each.phase, each.code) == (Phase.RUN, 1011)]
    with rude(behaviour) as server, probing(server) as probe:
        probe.say(OPENINGS[behaviour.speaks])
        probe.hear_until(WELCOMED)
        assert probe.is_silent()


def carried(name: str) -> None:
    behaviour = BEHAVIOURS[name]
    expected = [] if behaviour.phase is Phase.WELCOME else [Opcode.TEXT]
    with rude(behaviour) as server, probing(server) as probe:
        probe.say(OPENINGS[behaviour.speaks])
        for opcode in expected:
            assert probe.hear_frame()[0] is opcode, "no welcome"
        if behaviour.phase in {Phase.RUN, Phase.CLOSE}:
            probe.say(START if behaviour.phase is Phase.RUN else CLOSE)
        opcode, final, payload = probe.hear_frame()
    assert (opcode, final) == (Opcode.CLOSE, True)
    assert close_frame(behaviour.code, b"told to").endswith(payload), payload
    assert (len(payload) == 0) is (behaviour.code is None), payload


def test_each_close_carries_its_code() -> None:
    look_at_each(carried, (each.name for each in CLOSINGS))
