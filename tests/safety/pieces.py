"""Which pieces of a secret can be read in a text: slow, and without any index."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOW = 12
BLOCK = WINDOW // 2
HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
MASK = re.compile(r"\[masked[^\]]*\]")


def alike(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


def forms(secret: str) -> set[str]:
    """Every form that is promised, written with the tools that programs write them with."""
    data = secret.encode("utf-8", "surrogatepass")
    shifted = [
        base64.b64encode(b"?" * before + data).decode()[foreign:]
        for before, foreign in ((0, 0), (1, 2), (2, 3))
    ]
    return {
        secret,
        *shifted,
        *(each.replace("+", "-").replace("/", "_") for each in shifted),
        urllib.parse.quote(data, safe=""),
        urllib.parse.quote(data),
        urllib.parse.quote_plus(data),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }


def windows(texts: Iterable[str]) -> set[str]:
    return {
        text[at : at + WINDOW] for text in map(alike, texts) for at in range(len(text) - WINDOW + 1)
    }


PUBLIC = windows(forms(HEADER))


def survivors(text: str, *secrets: str) -> list[str]:
    """The pieces of secrets that can be read in a text which may be masked in places."""
    written = [alike(form) for each in secrets for form in forms(each)]
    pieces = windows(written) - PUBLIC
    # Wherever a piece begins, one of the blocks that the text falls into lies within it.
    blocks = {form[at : at + BLOCK] for form in written for at in range(len(form) - BLOCK + 1)}
    found: set[str] = set()
    for part in map(alike, MASK.split(text)):
        for at in range(0, len(part), BLOCK):
            if part[at : at + BLOCK] in blocks:
                around = part[max(0, at - BLOCK + 1) : at + WINDOW]
                found |= pieces & windows([around])
    return sorted(found)
