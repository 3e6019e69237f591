from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from netra_testkit.errors import Cause, MalformedFrame, WireError
from netra_testkit.safety.redaction import register
from netra_testkit.wire.excerpts import EXCERPT_LENGTH, excerpt
from netra_testkit.wire.frames import DEFAULT_MAX_DEPTH, DEFAULT_MAX_SIZE, Frame

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("data").joinpath("malformed.json").read_text("utf-8")
)


def refusal(data: str | bytes, **limits: int) -> MalformedFrame:
    with pytest.raises(MalformedFrame) as caught:
        Frame.decode(data, **limits)
    return caught.value


def nested(depth: int, brackets: str = "[]") -> str:
    """A frame with so many objects and lists within one another."""
    opening, closing = ('{"a":', "}") if brackets == "{}" else ("[", "]")
    inner = opening * (depth - 2) + "1" + closing * (depth - 2)
    return f'{{"type": "ping", "data": {{"x": {inner}}}}}'


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_what_is_no_frame_is_refused_with_reason_and_place(case: dict[str, Any]) -> None:
    error = refusal(case["text"])
    assert error.reason.startswith(case["reason"])
    assert error.position == case["position"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_excerpt_shows_what_came(case: dict[str, Any]) -> None:
    shown = case["text"].encode("unicode_escape").decode()
    assert refusal(case["text"]).excerpt.replace("\\", "") == shown.replace("\\", "")


def test_a_malformed_frame_is_a_value_error_of_the_products() -> None:
    error = refusal("hello")
    assert isinstance(error, WireError)
    assert isinstance(error, ValueError)
    assert error.cause is Cause.PRODUCT


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"\xff", 0),
        (b'{"type": "\xc3\xa9\xff"}', 11),
        ('{"type": "ping"}'.encode("utf-16"), 0),
        (b'{"type": "\xed\xa0\xbd"}', 10),
    ],
    ids=["a byte", "after two bytes of one character", "UTF-16", "a surrogate"],
)
def test_bytes_that_are_not_utf_8_are_refused(data: bytes, position: int) -> None:
    error = refusal(data)
    assert (error.reason, error.position) == ("its bytes are not UTF-8", position)
    assert error.excerpt


def test_a_byte_order_mark_is_refused_in_bytes_too() -> None:
    assert refusal('{"type": "ping"}'.encode("utf-8-sig")).position == 0


def test_a_number_with_too_many_digits_is_refused_where_it_stands() -> None:
    error = refusal('{"type": "ping", "a": [12, "' + "7" * 6000 + '", ' + "9" * 5000 + "]}")
    assert error.reason == "a number with too many digits"
    assert error.position == 28 + 6000 + 3


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_the_deepest_frame_allowed_is_read(brackets: str) -> None:
    assert Frame.decode(nested(DEFAULT_MAX_DEPTH, brackets)).type_name == "ping"
    assert Frame.decode(nested(9, brackets), max_depth=9).type_name == "ping"


@pytest.mark.parametrize("brackets", ["[]", "{}"])
@pytest.mark.parametrize("limit", [2, 9, DEFAULT_MAX_DEPTH])
def test_a_frame_one_level_deeper_is_refused_where_it_is_too_deep(
    limit: int, brackets: str
) -> None:
    text = nested(limit + 1, brackets)
    error = refusal(text, max_depth=limit)
    assert error.reason == f"it is nested deeper than {limit}"
    opened = text[: error.position].count("[") + text[: error.position].count("{")
    assert opened == limit
    assert error.position is not None
    assert text[error.position] == ("[" if brackets == "[]" and limit > 1 else "{")


def test_many_brackets_beside_one_another_are_not_deep() -> None:
    text = json.dumps({"type": "batch", "data": {"items": [{"a": []}] * 1000}})
    assert len(Frame.decode(text).body["items"]) == 1000  # type: ignore[arg-type] # a list


def test_brackets_in_text_are_not_deep() -> None:
    text = json.dumps({"type": "chat", "data": {"content": '"[{' * 1000, "x": [[]]}})
    assert Frame.decode(text).type_name == "chat"
    assert refusal(text, max_depth=3).position == text.rindex("[")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_bomb_of_brackets_is_refused_and_never_a_recursion_error(opening: str) -> None:
    text = '{"type": "ping", "data": ' + opening * 100_000
    assert refusal(text).reason == f"it is nested deeper than {DEFAULT_MAX_DEPTH}"
    limitless = refusal(text, max_depth=10**9)
    assert limitless.reason == "it is nested deeper than the interpreter can follow here"


def test_the_largest_frame_allowed_is_read() -> None:
    text = '{"type": "ping"}'
    assert Frame.decode(text.ljust(DEFAULT_MAX_SIZE)).type_name == "ping"
    assert Frame.decode(text, max_size=len(text)).type_name == "ping"


@pytest.mark.parametrize("form", ["text", "bytes"])
@pytest.mark.parametrize("text", ['{"type": "ping"}', '{"type": "é€😀"}'], ids=["ASCII", "more"])
def test_a_frame_one_byte_larger_is_refused(text: str, form: str) -> None:
    data = text if form == "text" else text.encode()
    size = len(text.encode())
    assert Frame.decode(data, max_size=size).raw == text
    error = refusal(data, max_size=size - 1)
    assert error.reason == f"it is larger than the {size - 1} bytes allowed"
    assert error.position is None
    assert error.excerpt.startswith('{"type": ')


def test_a_frame_far_too_large_is_refused_before_it_is_read() -> None:
    error = refusal("[" * (DEFAULT_MAX_SIZE + 1))
    assert error.reason.startswith("it is larger")
    assert len(error.excerpt) == EXCERPT_LENGTH


def test_an_excerpt_is_bounded_and_lies_around_the_place() -> None:
    text = '{"type": "ping", "data": "' + "a" * 5000 + "\n" + "b" * 5000 + '"}'
    error = refusal(text)
    assert len(error.excerpt) == EXCERPT_LENGTH
    assert error.excerpt.startswith("…aaa")
    assert error.excerpt.endswith("bbb…")
    assert "a\\nb" in error.excerpt


@pytest.mark.parametrize(
    ("position", "begins", "ends"),
    [(0, "0", "…"), (5_000, "…", "…"), (9_999, "…", "9")],
    ids=["beginning", "middle", "end"],
)
def test_an_ellipsis_marks_where_an_excerpt_is_cut(position: int, begins: str, ends: str) -> None:
    shown = excerpt("0" * 5_000 + "9" * 5_000, position)
    assert (shown[0], shown[-1], len(shown)) == (begins, ends, EXCERPT_LENGTH)


def test_a_short_text_is_shown_as_it_is() -> None:
    text = "x" * EXCERPT_LENGTH
    assert [excerpt(text, position) for position in (0, 100, 199)] == [text] * 3


@pytest.mark.parametrize("padding", [0, 50, 95, 1000], ids=lambda count: f"{count} before")
def test_a_live_secret_is_masked_in_an_excerpt(padding: int) -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a test")
    text = '{"type": "ping", "data": "' + "a" * padding + secret + "\n" + '"}' + "b" * 500
    shown = refusal(text).excerpt
    assert shown
    assert [secret[at : at + 12] for at in range(53) if secret[at : at + 12] in shown] == []


def test_a_secret_around_the_place_is_masked_in_an_excerpt() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a test")
    text = "a" * 1000 + secret + "b" * 1000
    for position in range(1000 - 150, 1000 + 200, 7):
        shown = excerpt(text, position)
        assert len(shown) <= EXCERPT_LENGTH
        assert [secret[at : at + 12] for at in range(53) if secret[at : at + 12] in shown] == []
