"""Masking against a slow reference that knows no index: every window of every form, one by one."""

from __future__ import annotations

import base64
import re
import string

from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.safety.pieces import HEADER, WINDOW, alike, forms, survivors, windows

from netra_testkit.safety.redaction import Registry

# Few letters, so that pieces of a secret come about by chance.
crowded = st.text("ab-/", min_size=WINDOW, max_size=40)
random_secrets = st.text(
    string.ascii_letters + string.digits + "-_", min_size=WINDOW, max_size=80
) | st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=WINDOW, max_size=40)
tokens = st.binary(min_size=8, max_size=60).map(
    lambda data: f"{HEADER}.{base64.urlsafe_b64encode(data).decode().rstrip('=')}.{data.hex()}"
)
any_text = st.text(st.characters(), max_size=60)


def expected(text: str, known: set[str]) -> str:
    """A text with every character masked that stands in one of the windows."""
    hidden = [False] * len(text)
    for at in range(len(text) - WINDOW + 1):
        if alike(text[at : at + WINDOW]) in known:
            hidden[at : at + WINDOW] = [True] * WINDOW
    marked = "".join("\0" if hide else each for each, hide in zip(text, hidden, strict=True))
    return re.sub("\0+", "[masked SECRET]", marked)


@st.composite
def pieces(draw: st.DrawFn, secrets: st.SearchStrategy[str]) -> tuple[str, str]:
    """A secret, and a text with pieces of its forms in it."""
    secret = draw(secrets)
    text = draw(any_text)
    for _ in range(draw(st.integers(1, 4))):
        form = draw(st.sampled_from(sorted(forms(secret))))
        start = draw(st.integers(0, len(form) - 1))
        end = draw(st.integers(start + 1, len(form)))
        text += form[start:end] + draw(any_text)
    return secret, text


@given(pieces(random_secrets | tokens))
def test_no_piece_of_a_secret_survives(given_one: tuple[str, str]) -> None:
    secret, text = given_one
    registry = Registry()
    registry.register(secret, label="SECRET")
    assert survivors(registry.mask(text), secret) == []


@given(pieces(random_secrets), st.lists(random_secrets | tokens, max_size=30))
def test_no_piece_survives_among_many_secrets(
    given_one: tuple[str, str], others: list[str]
) -> None:
    secret, text = given_one
    registry = Registry()
    for each in (*others, secret, *others):
        registry.register(each, label="SECRET")
    assert survivors(registry.mask(text), secret) == []


@given(st.lists(crowded, min_size=1, max_size=3), st.text("ab-/\n", max_size=120))
@example(["abababababab"], "ab" * 30)
@example(["a" * 12, "a" * 20], "a" * 11 + "\n" + "a" * 40)
@example(["aaaaaaaaaaab", "baaaaaaaaaaa"], "aaaaaaaaaaabaaaaaaaaaaa")
def test_exactly_the_pieces_are_masked(secrets: list[str], text: str) -> None:
    registry = Registry()
    for each in secrets:
        registry.register(each, label="SECRET")
    known = windows(form for each in secrets for form in forms(each))
    assert registry.mask(text) == expected(text, known)


@given(random_secrets | tokens, st.text(st.characters(exclude_characters="+./=?["), max_size=200))
def test_text_without_a_piece_is_unchanged(secret: str, text: str) -> None:
    assume(not survivors(text, secret))
    registry = Registry()
    registry.register(secret, label="SECRET")
    assert registry.mask(text) == text


@given(pieces(tokens), any_text)
def test_the_header_stays(given_one: tuple[str, str], before: str) -> None:
    secret, text = given_one
    registry = Registry()
    registry.register(secret, label="SECRET")
    assert HEADER in registry.mask(f"{before}{HEADER}{text}")


fragments = st.sampled_from(
    [
        "Bearer ",
        "bearer\t",
        "eyJ",
        HEADER,
        "jwt.",
        "ZXlK",
        "?token=",
        "&a_token=",
        ".",
        "[masked",
        "[masked SECRET]",
        "[masked JWT]",
        "[masked]",
        " ",
        "]",
        "=",
        "abc1",
    ]
)


@given(
    st.lists(
        st.tuples(random_secrets | crowded | tokens | st.just("masked"), fragments), max_size=4
    ),
    st.lists(fragments | st.text(max_size=12) | st.integers(0, 3), max_size=20),
    st.integers(4, 30),
)
def test_masking_twice_is_masking_once(
    secrets: list[tuple[str, str]], parts: list[str | int], size: int
) -> None:
    registry = Registry()
    for secret, label in secrets:
        registry.register(secret, label=label)
    chosen = [secret for secret, _ in secrets] or ["nothing"]
    text = "".join(
        chosen[part % len(chosen)][-size:] if isinstance(part, int) else part for part in parts
    )
    once = registry.mask(text)
    assert registry.mask(once) == once


# A label is logged, and a log that is not UTF-8 cannot be handed from process to process.
LABELS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.text(st.characters()), LABELS, st.text(st.characters()))
def test_no_text_makes_it_raise(secret: str, label: str, text: str) -> None:
    registry = Registry()
    registry.register(secret, label=label)
    masked = registry.mask(text + secret + text)
    assert registry.mask(masked) == masked
