"""Every text that a secret becomes when programs write it down."""

from __future__ import annotations

import base64
import json
import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "PUBLIC_HEADERS",
    "alike",
    "determined_forms",
    "written_forms",
]

UNRESERVED = f"{string.ascii_letters}{string.digits}-._~"
# What common encoders leave as it is besides letters, digits and four signs.
LEFT_ALONE = (
    "",  # quote(safe="")
    "/",  # quote()
    "!'()*",  # encodeURIComponent()
    ";,/?:@&=+$#!'()*",  # encodeURI()
    "!$&'()*+,",  # a login of httpx
    "!$&'()*+,;=:@/[]\\^|",  # a path of httpx
    "!$&'()*+,;=:@/[]\\^|?`{}",  # a query of httpx
)
# Of such characters no program escapes any.
PLAIN = re.compile(r"[A-Za-z0-9._~-]*")

# How many characters of base64 depend on the bytes before it, by how many there are modulo 3.
FOREIGN = (0, 2, 3)


def alike(text: str) -> str:
    """The text with the two characters that tell base64 from base64url made equal."""
    return text.replace("+", "-").replace("/", "_")


def written_forms(secret: str) -> tuple[str, ...]:
    """Every form of a secret, itself first, in the spelling of `alike`."""
    return _distinct(secret, whole=True)


def determined_forms(secret: str) -> tuple[str, ...]:
    """The forms of a secret, less the characters of base64 that depend on what follows it."""
    return _distinct(secret, whole=False)


def _distinct(secret: str, *, whole: bool) -> tuple[str, ...]:
    data = secret.encode("utf-8", "surrogatepass")
    forms = [secret, *_base64(data, whole=whole)]
    if not PLAIN.fullmatch(secret):
        forms += [*_quoted(secret), *_percent_encoded(data)]
    return tuple(dict.fromkeys(map(alike, forms)))


def _base64(data: bytes, *, whole: bool) -> Iterator[str]:
    for before, foreign in enumerate(FOREIGN):
        text = base64.b64encode(bytes(before) + data).decode()
        yield text[foreign:] if whole else text[foreign : (before + len(data)) * 8 // 6]


def _quoted(secret: str) -> Iterator[str]:
    """As JSON, as Python's repr, and as either of JSON."""
    for text in (secret, _json(secret, escaped=True), _json(secret, escaped=False)):
        yield _json(text, escaped=True)
        yield _json(text, escaped=False)
        yield from _literals(text)


def _json(text: str, *, escaped: bool) -> str:
    return json.dumps(text, ensure_ascii=escaped)[1:-1]


def _literals(text: str) -> Iterator[str]:
    # With both kinds of quotes in it a text has its single ones escaped; with one kind, none.
    both = "'\""
    literals = (
        repr(text + both)[1:-4],
        ascii(text + both)[1:-4],
        repr((text + both).encode("utf-8", "surrogatepass"))[2:-4],
    )
    for literal in literals:
        yield literal
        yield literal.replace("\\'", "'")


def _percent_encoded(data: bytes) -> Iterator[str]:
    for unchanged in LEFT_ALONE:
        for digits in ("02X", "02x"):
            text = "".join(
                chr(byte) if chr(byte) in UNRESERVED + unchanged else f"%{byte:{digits}}"
                for byte in data
            )
            yield text
            yield text.replace("%20", "+")


def _header(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


PUBLIC_HEADERS: tuple[str, ...] = tuple(
    map(
        _header,
        (
            '{"alg":"HS256","typ":"JWT"}',
            '{"typ":"JWT","alg":"HS256"}',
            '{"alg": "HS256", "typ": "JWT"}',
            '{"typ": "JWT", "alg": "HS256"}',
        ),
    )
)
"""The first segment of every ordinary HS256 token, which says nothing about any of them."""
