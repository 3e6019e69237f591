"""What is masked, what is not, and what stands in its place."""

from __future__ import annotations

import base64
import json
import logging
import re
import secrets
import urllib.parse
from enum import StrEnum
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest

from netra_testkit.safety import redaction
from netra_testkit.safety.redaction import KIT_LOGGER, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from netra_testkit.safety.jsonable import JsonValue

HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
TWISTED_HEADER = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unknown_token() -> str:
    """A token that nobody registered."""
    return jwt.encode({"sub": "somebody"}, secrets.token_urlsafe(48), "HS256")


@pytest.fixture
def secret() -> str:
    return secrets.token_urlsafe(48)


@pytest.fixture
def registry(secret: str) -> Registry:
    made = Registry()
    made.register(secret, label="SECRET")
    return made


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 after one byte": lambda text: base64.b64encode(b":" + text.encode()).decode()[2:],
    "base64 after two bytes": lambda text: base64.b64encode(b"u:" + text.encode()).decode()[3:],
    "base64url": lambda text: encoded(text.encode()),
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "percent, lower case": lambda text: re.sub(
        "%..", lambda found: found[0].lower(), urllib.parse.quote(text, safe="")
    ),
    "a path": urllib.parse.quote,
    "encodeURIComponent": lambda text: urllib.parse.quote(text, safe="!'()*"),
    "encodeURI": lambda text: urllib.parse.quote(text, safe=";,/?:@&=+$#!'()*"),
    "a login of httpx": lambda text: (
        httpx.URL("http://a").copy_with(username="u", password=text).userinfo.decode()[2:]
    ),
    "a form": lambda text: urllib.parse.urlencode({"": text})[1:],
    "a query of httpx": lambda text: str(httpx.URL("http://a/", params={"q": text}))[12:],
    "a path of httpx": lambda text: (
        (
            httpx.URL("http://a").copy_with(
                path="/" + re.sub("[?#]", lambda found: urllib.parse.quote(found[0]), text)
            )
        )
        .raw_path[1:]
        .decode()
    ),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "repr": lambda text: repr(text)[1:-1],
    "repr among quotes": lambda text: repr("'\"" + text)[4:-1],
    "repr of JSON": lambda text: repr(json.dumps(text))[2:-2],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "ascii": lambda text: ascii(text)[1:-1],
}
SECRETS = {
    "a plain one": lambda: secrets.token_urlsafe(48),
    "one of base64": lambda: base64.b64encode(b"\xff\xef" + secrets.token_bytes(40)).decode(),
    "one of all signs": lambda: f"{secrets.token_hex(2)}/+ '\"\\{secrets.token_hex(2)}%&=?#é€😀",
    "one of a passphrase": lambda: f"correct horse {secrets.token_hex(4)} it's",
    "one of signs that Python escapes": lambda: f"it's\u00a0{secrets.token_hex(4)}\u00a0it's",
    "one in Greek": lambda: "λόγος" * 3 + secrets.token_hex(4),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("make", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_masked_in_every_form(
    make: Callable[[], str], encode: Callable[[str], str]
) -> None:
    secret = make()
    registry = Registry()
    registry.register(secret, label="SECRET")
    assert registry.mask(f"<{encode(secret)}>") == "<[masked SECRET]>"


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_a_short_secret_is_masked_in_every_form(encode: Callable[[str], str]) -> None:
    secret = f"{secrets.token_hex(2)}'\"/é"
    registry = Registry()
    registry.register(secret, label="SECRET")
    masked = registry.mask(f"<{encode(secret)}>")
    assert "[masked SECRET]" in masked
    assert len(masked) <= len("<[masked SECRET]===>")


@pytest.mark.parametrize("before", range(3))
def test_a_short_secret_is_masked_in_the_middle_of_base64(before: int) -> None:
    secret = secrets.token_hex(4)
    registry = Registry()
    registry.register(secret, label="SECRET")
    text = base64.b64encode(b"?" * before + secret.encode() + b"???").decode()
    foreign = -(-before * 8 // 6)
    known = (before + 8) * 8 // 6
    assert registry.mask(text) == f"{text[:foreign]}[masked SECRET]{text[known:]}"


def test_a_short_secret_is_masked_where_it_overlaps_itself() -> None:
    registry = Registry()
    registry.register("abaaba", label="SECRET")
    assert registry.mask("<abaabaaba>") == "<[masked SECRET]>"


@pytest.mark.parametrize("at", [0, 1, 2047, 2048, 2049, 16_383, 50_003, 134_977])
def test_a_secret_is_masked_anywhere_in_a_long_text(
    registry: Registry, secret: str, at: int
) -> None:
    text = "a log line. " * 11_250
    masked = registry.mask(f"{text[:at]}<{secret[7:30]}>{text[at:]}")
    assert masked == f"{text[:at]}<[masked SECRET]>{text[at:]}"


@pytest.mark.parametrize(
    ("length", "masked"), [(5, False), (6, True), (7, True), (11, True), (12, True), (13, True)]
)
def test_a_secret_of_six_characters_is_masked_whole(length: int, *, masked: bool) -> None:
    secret = secrets.token_hex(length)[:length]
    registry = Registry()
    registry.register(secret, label="PIN")
    assert registry.mask(f"({secret})") == ("([masked PIN])" if masked else f"({secret})")
    assert len(registry) == masked


def test_a_shorter_secret_is_named_in_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Registry().register("12345", label="PIN")
    assert caplog.record_tuples == [
        (KIT_LOGGER, logging.WARNING, "PIN is shorter than 6 characters and is not masked")
    ]


def test_parts_of_a_short_secret_are_left(registry: Registry) -> None:
    registry.register("hunter2", label="PASSWORD")
    assert registry.mask("a hunter met 2 others") == "a hunter met 2 others"


@pytest.mark.parametrize("blank", ["", "   ", "\n\t" + " " * 20])
def test_a_blank_secret_is_none(blank: str, caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry()
    registry.register(blank, label="BLANK")
    assert registry.mask(f"a{blank}b") == f"a{blank}b"
    assert len(registry) == 0
    assert caplog.records == []


def test_the_space_around_a_secret_is_no_part_of_it(secret: str) -> None:
    registry = Registry()
    registry.register(f"  {secret}\n", label="SECRET")
    assert registry.mask(f" {secret} ") == " [masked SECRET] "


@pytest.mark.parametrize(("size", "masked"), [(11, False), (12, True), (13, True), (40, True)])
@pytest.mark.parametrize("start", range(8))
def test_twelve_characters_in_a_row_are_masked(
    registry: Registry, secret: str, start: int, size: int, *, masked: bool
) -> None:
    piece = secret[start : start + size]
    expected = "[masked SECRET]" if masked else piece
    assert registry.mask(f"«{piece}»") == f"«{expected}»"


def test_what_is_cut_in_the_middle_is_masked_on_both_sides(registry: Registry, secret: str) -> None:
    cut = f"{secret[:20]}...{secret[-20:]}"
    assert registry.mask(f"token={cut!r}") == "token='[masked SECRET]...[masked SECRET]'"


def test_hits_that_overlap_or_touch_are_one(registry: Registry, secret: str) -> None:
    registry.register(f"{secret[30:]}{secret[:30]}-another", label="LONGER")
    assert registry.mask(f"<{secret}{secret}>") == "<[masked SECRET]>"
    assert registry.mask(f"<{secret[30:]}{secret[:30]}>") == "<[masked LONGER]>"


@pytest.mark.parametrize("before", [3, 4])
@pytest.mark.parametrize("order", [1, -1])
def test_a_hit_that_begins_before_a_longer_one_is_masked_too(before: int, order: int) -> None:
    longer = secrets.token_hex(20)
    start = secrets.token_hex(before)[:before]
    shorter = f"{secrets.token_hex(3)}{start}{longer[: 12 - before]}"
    registry = Registry()
    for each in (longer, shorter)[::order]:
        registry.register(each, label="SECRET")
    assert registry.mask(f"<{start}{longer}>") == "<[masked SECRET]>"


def test_the_label_is_that_of_the_longest_hit(registry: Registry) -> None:
    shared = secrets.token_urlsafe(20)
    names = ("ANN", "BOB", "EVE")
    owned = {name: f"{shared}.{secrets.token_urlsafe(40)}.{shared}" for name in names}
    for name, each in owned.items():
        registry.register(each, label=name)
    assert {each: registry.mask(owned[each]) for each in owned} == {
        each: f"[masked {each}]" for each in owned
    }


def test_other_text_is_the_same_object(registry: Registry) -> None:
    text = "nothing to see here, " * 20
    assert registry.mask(text) is text


def test_a_registry_without_secrets_masks_what_looks_like_one() -> None:
    assert Registry().mask(f"a {unknown_token()} b") == f"a {HEADER}[masked JWT] b"


PUBLIC = {
    "the header": HEADER,
    "the header, keys swapped": TWISTED_HEADER,
    "the header with spaces": encoded(b'{"alg": "HS256", "typ": "JWT"}'),
    "a part of the header": HEADER[5:30],
    "the header, encoded again": encoded(HEADER.encode()),
    "the header, encoded again after a byte": base64.b64encode(b":" + HEADER.encode()).decode()[
        2:-2
    ],
    "the header behind Bearer": f"Bearer {HEADER}",
    "the header in a query": f"?token={HEADER}",
}


@pytest.mark.parametrize("text", PUBLIC.values(), ids=PUBLIC)
def test_the_header_of_every_token_is_no_secret(text: str) -> None:
    registry = Registry()
    registry.register(unknown_token(), label="TOKEN")
    registry.register(
        jwt.encode({}, secrets.token_hex(), "HS256").replace(HEADER, TWISTED_HEADER), label="OLD"
    )
    registry.register(f"{PUBLIC['the header with spaces']}.{secrets.token_urlsafe()}", label="ODD")
    assert registry.mask(text) == text


def test_the_header_is_no_secret_however_many_have_it(registry: Registry) -> None:
    for _ in range(40):
        registry.register(f"{secrets.token_hex(5)}{HEADER}{secrets.token_hex(5)}", label="ODD")
    assert registry.mask(f"<{HEADER[:20]}>") == f"<{HEADER[:20]}>"


def test_the_header_stays_before_what_is_masked() -> None:
    registry, token = Registry(), unknown_token()
    registry.register(token, label="TOKEN")
    assert registry.mask(f"Bearer {token}!") == f"Bearer {HEADER}[masked TOKEN]!"


def test_the_header_stays_before_a_piece_that_looks_like_nothing() -> None:
    registry, token = Registry(), f"{HEADER}.{secrets.token_hex(30)}"
    registry.register(token, label="TOKEN")
    assert registry.mask(f"<{token[:60]}>") == f"<{HEADER}[masked TOKEN]>"


def test_what_stands_between_the_header_and_a_secret_stays(registry: Registry, secret: str) -> None:
    text = f"{HEADER} {secret} {HEADER}"
    assert registry.mask(text) == text.replace(secret, "[masked SECRET]")


def test_the_header_stays_in_the_middle_of_what_is_masked(registry: Registry, secret: str) -> None:
    registry.register(f"{secret}{HEADER}{secret[::-1]}", label="BOTH")
    masked = registry.mask(f"<{secret}{HEADER}{secret[::-1]}>")
    assert masked == f"<[masked BOTH]{HEADER}[masked BOTH]>"


def test_a_piece_across_the_end_of_the_header_is_masked() -> None:
    registry, token = Registry(), unknown_token()
    registry.register(token, label="TOKEN")
    assert registry.mask(f"…{token[30:43]}…") == "…[masked TOKEN]…"
    # Only twelve characters that are not all of the header are a piece of the token.
    assert registry.mask(token[1:40]) == f"{token[1:25]}[masked TOKEN]"


def test_a_piece_across_the_start_of_the_header_is_masked(registry: Registry, secret: str) -> None:
    registry.register(f"{secret}{HEADER}", label="BOTH")
    assert registry.mask(f"{secret[-5:]}{HEADER[:30]}") == f"[masked BOTH]{HEADER[11:30]}"


OPAQUE = secrets.token_hex(20)
NUMBERED = f"x{secrets.token_hex(2)}1"
LOOKALIKES: dict[str, tuple[str, str]] = {
    "JWT": (unknown_token(), f"{HEADER}[masked JWT]"),
    "unsigned JWT": ("eyJub25lIn0.eyJhIjoxfQ.", "[masked JWT]"),
    "JWT with another header": (f"eyJraWQiOiIxIn0.{OPAQUE}.{OPAQUE}", "[masked JWT]"),
    "JWT in a word": (f"xeyJraWQiOiIxIn0.{OPAQUE}.{OPAQUE}/y", "x[masked JWT]/y"),
    "JWT behind another segment": (
        f"bearer.staging.eyJraWQiOiIxIn0.{OPAQUE}.{OPAQUE}",
        "bearer.staging.[masked JWT]",
    ),
    "bearer": (f"Authorization: Bearer {OPAQUE}", "Authorization: Bearer [masked bearer token]"),
    "small bearer": (f"bearer\t {NUMBERED};", "bearer\t [masked bearer token];"),
    "large bearer": (f"BEARER {OPAQUE}==", "BEARER [masked bearer token]"),
    "bearer of letters": ("Bearer abcdefghijklmnop", "Bearer [masked bearer token]"),
    "bearer with dots": ("Bearer ab.cdefgh", "Bearer [masked bearer token]"),
    "bearer with signs": ("b'Bearer a-bcdef'", "b'Bearer [masked bearer token]'"),
    "subprotocol": (
        f"jwt-auth, jwt.{encoded(unknown_token().encode())}",
        "jwt-auth, jwt.[masked token]",
    ),
    "subprotocol that was cut": ("jwt.ZXlKaGJHY2lP…", "jwt.[masked token]…"),
    "subprotocol of an opaque token": (f"jwt.{encoded(b'a1b2c3-d4e5f6')}", "jwt.[masked token]"),
    "subprotocol of letters": (f"jwt.{'abcdefgh' * 4}", "jwt.[masked token]"),
    "query": (f"/ws?token={OPAQUE}&x=1", "/ws?token=[masked token]&x=1"),
    "second in the query": (f"?a=1&access_token={OPAQUE}#f", "?a=1&access_token=[masked token]#f"),
    "query in quotes": (f'"GET /ws?Token={OPAQUE}" 101', '"GET /ws?Token=[masked token]" 101'),
}


@pytest.mark.parametrize(("text", "expected"), LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_looks_like_a_token_is_masked(text: str, expected: str) -> None:
    assert Registry().mask(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Bearer authentication is required.",
        "Bearer token",
        "Bearer %s",
        'WWW-Authenticate: Bearer realm="api"',
        "token_type: Bearer",
        "the bearer of good news",
        "jwt.ExpiredSignatureError",
        "jwt.get_unverified_header",
        "jwt-auth",
        "/ws?token=%s",
        "?token=",
        "?page_size=1234567",
        "eyJ is how they begin",
        "eyJhbGciOi.only-two",
        "eyJhbGciOi...the end",
        "a.b.c",
        "[masked]",
        "[masked JWT]",
    ],
)
def test_what_merely_speaks_of_tokens_is_left(text: str) -> None:
    assert Registry().mask(text) == text


def test_a_secret_is_named_where_it_looks_like_a_token(registry: Registry, secret: str) -> None:
    assert registry.mask(f"Bearer {secret}") == "Bearer [masked SECRET]"
    assert registry.mask(f"?token={secret}x") == "?token=[masked SECRET]"


def test_a_strange_token_that_holds_a_known_piece_is_masked_to_its_end(secret: str) -> None:
    registry = Registry()
    registry.register(f"{HEADER}.{secret}", label="TOKEN")
    strange = f"{HEADER}.{secret[:30]}{OPAQUE}.{OPAQUE}"
    assert registry.mask(strange) == f"{HEADER}[masked TOKEN]"


@pytest.mark.parametrize("around", ["[masked {}]", "[masked SECRET{}]", "[masked {} SECRET]"])
def test_brackets_that_anybody_can_write_hide_nothing(
    registry: Registry, secret: str, around: str
) -> None:
    assert secret[:12] not in registry.mask(around.format(secret))


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("JWT secret from JWT_SECRET_STAGING", "JWT secret from JWT_SECRET_STAGING"),
        ("a test user's password (1/2)", "a test user's password (1/2)"),
        ("two\n lines\t", "two lines"),
        ('a "name" [with] \\signs\ud800', "a _name_ _with_ _signs_"),
        ("", "secret"),
        ("x" * 200, "x" * 60),
    ],
)
def test_a_label_is_one_short_line(secret: str, label: str, shown: str) -> None:
    registry = Registry()
    registry.register(secret, label=label)
    masked = registry.mask(secret)
    assert masked == f"[masked {shown}]"
    assert registry.mask(masked) == masked


def test_a_label_that_is_a_secret_is_not_shown(registry: Registry) -> None:
    name = f"user-{secrets.token_hex(8)}"
    registry.register(name, label=f"password of {name}")
    assert registry.mask(name) == "[masked]"
    assert name not in registry.mask(f"[masked password of {name}]")


def test_a_secret_that_is_the_mask_itself_stays_masked() -> None:
    registry = Registry()
    registry.register("masked", label="SILLY")
    assert registry.mask("it is masked") == "it is [masked]"
    assert registry.mask("it is [masked]") == "it is [masked]"


def test_a_secret_that_goes_on_behind_a_mask_is_not_seen_in_it(
    registry: Registry, secret: str
) -> None:
    registry.register("SECRET] is right", label="OTHER")
    masked = registry.mask(f"{secret} is right")
    assert masked == "[masked SECRET] is right"
    assert registry.mask(masked) == masked


def test_no_letter_is_refused(registry: Registry, secret: str) -> None:
    strange = "\ud800\udfff\0\x1b\u202e\N{PILE OF POO}"
    registry.register(f"{strange}{secret}", label="STRANGE")
    assert registry.mask(f"{strange}|{secret}{strange}") == f"{strange}|[masked SECRET]{strange}"
    assert registry.mask(f"{strange}{secret}") == "[masked STRANGE]"


def test_a_member_of_an_enum_is_masked_by_its_value() -> None:
    value = secrets.token_hex()
    registry = Registry()
    registry.register(value, label="SECRET")
    assert registry.mask(StrEnum("Names", {"ONE": value}).ONE) == "[masked SECRET]"


def test_json_is_masked_in_every_string_keys_included(registry: Registry, secret: str) -> None:
    value: JsonValue = {
        "plain": [1, 2.5, None, True, "text"],
        secret: {"deep": [[{"deeper": f"a {secret} b"}]]},
        f"{secret[:20]}": "another",
        "[masked SECRET]": "a third",
    }
    before = json.dumps(value)
    assert registry.mask_json(value) == {
        "plain": [1, 2.5, None, True, "text"],
        "[masked SECRET]": {"deep": [[{"deeper": "a [masked SECRET] b"}]]},
        "[masked SECRET]#2": "another",
        "[masked SECRET]#3": "a third",
    }
    assert json.dumps(value) == before


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", [], {}])
def test_json_without_a_secret_is_equal_to_what_it_was(
    registry: Registry, value: JsonValue
) -> None:
    assert registry.mask_json(value) == value


def test_json_of_any_depth_is_masked(registry: Registry, secret: str) -> None:
    value: JsonValue = secret
    for _ in range(20_000):
        value = [value]
    masked = registry.mask_json(value)
    while isinstance(masked, list):
        masked = masked[0]
    assert masked == "[masked SECRET]"
    while isinstance(value, list):  # its own destructor would recurse as deep
        value = value.pop()


def test_the_module_has_one_registry_for_the_process(secret: str) -> None:
    redaction.register(secret, label="LIVE")
    assert redaction.mask(secret) == "[masked LIVE]"
    assert redaction.mask_json([secret]) == ["[masked LIVE]"]
