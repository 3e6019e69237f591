from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.fuzz_frames import exercise

from netra_testkit.wire.types import MESSAGE_TYPES

SEEDS = sorted((Path(__file__).parents[1] / "fuzz" / "seeds" / "frames").iterdir())

# Names that mean something make more of the decoder run than random ones.
NAMES = st.sampled_from(
    [
        *("type", "event", "event_type", "original_agent_event_type", "payload", "data", "id"),
        *("jsonrpc", "method", "params", "result", "error", "code", "message", "error_code"),
        *("message_id", "run_id", "timestamp", "server_id", "agent", "tool", "content"),
    ]
)
TYPES = st.sampled_from([*MESSAGE_TYPES, "Execute Agent", "unheard_of", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | TYPES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | st.text(), inner, max_size=4)
        | st.fixed_dictionaries({"type": TYPES, "data": inner})
    ),
    max_leaves=20,
)
FRAMES = st.builds(dict, st.dictionaries(NAMES, VALUES), type=TYPES | VALUES, data=VALUES | TYPES)


@given(VALUES | FRAMES)
def test_any_json_value_is_a_frame_or_a_wire_error(value: object) -> None:
    text = json.dumps(value)
    exercise(text)
    exercise(text.encode())


@given(st.text(st.characters()))
@example("\ud800")
@example('{"type": "\\ud800", "run_id": "\\udfff", "timestamp": "\\ud800"}')
def test_any_text_is_a_frame_or_a_wire_error(text: str) -> None:
    exercise(text)


@given(st.binary())
def test_any_bytes_are_a_frame_or_a_wire_error(data: bytes) -> None:
    exercise(data)


@given(FRAMES, st.data())
def test_any_frame_cut_or_changed_is_a_frame_or_a_wire_error(
    frame: dict[str, object], data: st.DataObject
) -> None:
    text = json.dumps(frame)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    exercise(text[:start] + data.draw(st.text(max_size=3)) + text[end:])


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_every_seed_of_the_fuzzer_is_a_frame_or_a_wire_error(seed: Path) -> None:
    exercise(seed.read_bytes())
