from __future__ import annotations

import pytest

from netra_testkit.clients import mailbox
from netra_testkit.clients.hearing import Hearing


@pytest.mark.parametrize("kept", ['{"type": "ack"}', "not JSON"])
def test_reading_stops_once_however_much_comes_after(
    kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MOST_FRAMES", 2)
    said: list[str] = []
    hearing = Hearing(
        thread_id=None,
        extra_aliases={},
        trace=None,
        witness=None,
        answer=lambda kind, _: said.append(kind),
        pause=lambda: said.append("pause"),
        resume=lambda: said.append("resume"),
    )
    hearing.take('{"type": "connection_established"}')
    for _ in range(4):  # TLS hands on what it has also after a pause
        hearing.take(kept)
    assert (said, len(hearing.inbox)) == (["pause"], 4)
    assert len(hearing.inbox.drain()) == 4
    assert said == ["pause", "resume"]


def test_of_what_came_only_the_last_is_remembered_for_errors() -> None:
    hearing = Hearing(
        thread_id=None,
        extra_aliases={},
        trace=None,
        witness=None,
        answer=lambda *_: None,
        pause=lambda: None,
        resume=lambda: None,
    )
    for number in range(12):
        hearing.take(f'{{"type": "ack", "message_id": "{number}"}}')
    frames = [f'{{"type": "ack", "message_id": "{number}"}}' for number in range(2, 12)]
    assert list(hearing.excerpts) == frames
    hearing.take("not JSON")
    assert list(hearing.excerpts[:-1]) == frames[1:]
    assert "not JSON" in hearing.excerpts[-1]
