from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rude.framing import Opcode, accept_key, close_frame, frame, message, read_frame, unmasked
from websockets.utils import accept_key as accept_key_of_the_library


@given(
    payload=st.binary(max_size=300),
    opcode=st.sampled_from(Opcode),
    final=st.booleans(),
    masked=st.booleans(),
)
def test_what_is_written_is_read(
    payload: bytes,
    opcode: Opcode,
    final: bool,  # noqa: FBT001 - hypothesis passes it by name
    masked: bool,  # noqa: FBT001 - hypothesis passes it by name
) -> None:
    data = frame(payload, opcode, final=final, masked=masked)
    assert read_frame(io.BytesIO(data).read) == (opcode, final, payload)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_each_form_of_a_length_is_read(size: int) -> None:
    assert read_frame(io.BytesIO(frame(b"x" * size)).read) == (Opcode.TEXT, True, b"x" * size)


def test_a_frame_may_lie_about_its_length() -> None:
    assert frame(b"x", claimed_length=1000) == b"\x81\x7e\x03\xe8x"


def test_a_frame_may_set_reserved_bits() -> None:
    assert frame(b"", reserved=7)[0] == 0xF1


@given(payload=st.binary(max_size=50), key=st.binary(min_size=4, max_size=4))
def test_masking_twice_is_not_masking(payload: bytes, key: bytes) -> None:
    assert unmasked(unmasked(payload, key), key) == payload


@given(key=st.text(max_size=30))
def test_the_key_of_an_upgrade_is_answered_as_a_library_does(key: str) -> None:
    assert accept_key(key) == accept_key_of_the_library(key)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(None, b"\x88\x00"), (401, b"\x88\x02\x01\x91"), (0, b"\x88\x02\x00\x00")],
)
def test_a_close_may_have_any_code_or_none(code: int | None, expected: bytes) -> None:
    assert close_frame(code) == expected


def test_a_message_is_json() -> None:
    assert message({"type": "ping"}) == b'\x81\x10{"type": "ping"}'
