"""What merely looks like a credential, whether anybody registered it or not."""

from __future__ import annotations

import re

from netra_testkit.safety.fragments import Span

__all__ = [
    "LOOKALIKE_LABELS",
    "lookalikes",
]

# Nothing here looks behind, ahead of its own characters, or twice at the same ones: what is left
# of a text once a match is taken out holds no new match, and a hostile text costs no more time.
TOKEN = r"[A-Za-z0-9._~+/-]"  # noqa: S105 - the characters of any token
WORD = r"[A-Za-z0-9_-]"

# "Bearer authentication is required" is a sentence.
OPAQUE = rf"(?={TOKEN}{{6}})[A-Za-z]*[0-9_~+/-]|[A-Za-z]{{16}}|[A-Za-z]+\.[A-Za-z0-9]"
BEARER = rf"[ \t]+(?P<proof>(?:{OPAQUE}){TOKEN}*=*)"
# jwt.get_unverified_header is a name.
ENCODED = rf"jwt\.(?P<proof>ZXlK{WORD}*|(?=[A-Za-z_-]*[0-9]){WORD}{{16,}}|{WORD}{{32,}})"
QUERY = r"[?&][A-Za-z_-]*[Tt]oken=(?P<proof>[^\s&#\"'<>\[\]\\]{6,})"

# The label, what every match contains, and the pattern; its first group is masked.
PATTERNS = (
    ("JWT", "eyJ", re.compile(rf"(eyJ{WORD}*+(?:(?P<proof>\.){WORD}++\.{WORD}*+)?)")),
    ("bearer token", "earer", re.compile(rf"[Bb]earer{BEARER}")),
    ("bearer token", "EARER", re.compile(rf"BEARER{BEARER}")),
    ("token", "jwt.", re.compile(ENCODED)),
    ("token", "oken=", re.compile(QUERY)),
)

LOOKALIKE_LABELS = frozenset(label for label, _, _ in PATTERNS)
"""What such a thing is called where it is masked."""


def lookalikes(text: str) -> list[Span]:
    """Every JWT, bearer token, token in a subprotocol and token in a query."""
    spans: list[Span] = []
    for label, part, pattern in PATTERNS:
        if part in text:
            spans += [
                Span(*found.span(1), label, certain=False)
                for found in pattern.finditer(text)
                if found["proof"] is not None
            ]
    return spans
