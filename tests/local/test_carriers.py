from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.local.carriers import carrier_in, chosen_subprotocol, token_of

SEGMENT = st.text("ABCxyz019_-", min_size=1, max_size=20)
TOKENS = st.builds("{}.{}.{}".format, SEGMENT, SEGMENT, SEGMENT)
RAW = ("jwt.staging.", "jwt-auth.local.", "bearer.production.", "staging-auth.", "jwt.")
PLAIN = ("jwt-auth.", "bearer.", "Bearer.", "JWT-AUTH.")


def encoded(token: str) -> str:
    return "jwt." + base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


@given(token=TOKENS, prefix=st.sampled_from([*RAW, *PLAIN]))
def test_a_raw_token_is_found_behind_every_prefix(prefix: str, token: str) -> None:
    assert token_of(bearer=None, subprotocols=[prefix + token], query=None) == token


@given(token=TOKENS)
def test_an_encoded_token_is_found(token: str) -> None:
    offered = ["jwt-auth", encoded(token)]
    assert token_of(bearer=None, subprotocols=offered, query=None) == token


@pytest.mark.parametrize(
    ("bearer", "subprotocols", "query", "expected"),
    [
        ("a.b.c", ["jwt.d.e.f"], "g.h.i", "a.b.c"),
        (None, ["jwt.d.e.f"], "g.h.i", "d.e.f"),
        (None, ["chat", "jwt-auth"], "g.h.i", "g.h.i"),
        ("", ["jwt.d.e.f"], "g.h.i", ""),
        (None, [], None, None),
    ],
    ids=["header", "subprotocol", "query", "unreadable-header", "nothing"],
)
def test_the_header_counts_before_the_subprotocol_and_that_before_the_query(
    bearer: str | None, subprotocols: list[str], query: str | None, expected: str | None
) -> None:
    assert token_of(bearer=bearer, subprotocols=subprotocols, query=query) == expected


@pytest.mark.parametrize("carrier", ["jwt.", "jwt.a+b", "jwt.A", "jwt._w", "jwt.ä"])
def test_what_cannot_be_decoded_is_an_empty_token(carrier: str) -> None:
    assert token_of(bearer=None, subprotocols=[carrier], query=None) == ""


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["jwt-auth", "jwt.abc"], "jwt-auth"),
        (["chat", "jwt-auth"], "jwt-auth"),
        (["jwt.abc", "chat", "other"], "chat"),
        (["v12.stomp"], "v12.stomp"),
        (["jwt.abc"], None),
        (["x.eyJhbGciOiJIUzI1NiJ9.y.z"], None),
        (["n" * 65], None),
        (["Bearer.local.a.b.c"], None),
        ([], None),
    ],
)
def test_the_choice(offered: list[str], chosen: str | None) -> None:
    assert chosen_subprotocol(offered) == chosen


@given(
    offered=st.lists(
        st.one_of(
            TOKENS.map(encoded),
            st.tuples(st.sampled_from([*RAW, *PLAIN]), TOKENS).map("".join),
            st.sampled_from(["jwt-auth", "chat"]),
        )
    )
)
def test_what_is_chosen_was_offered_and_carries_no_token(offered: list[str]) -> None:
    chosen = chosen_subprotocol(offered)
    assert chosen is None or (chosen in offered and carrier_in([chosen]) is None)
