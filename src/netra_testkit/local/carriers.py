"""Where in an upgrade a token travels, and which subprotocol is chosen."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PLAIN_SUBPROTOCOL", "carrier_in", "chosen_subprotocol", "token_of"]

PLAIN_SUBPROTOCOL = "jwt-auth"
"""The subprotocol that says a token travels beside it, and carries none itself."""

_PREFIXES = ("jwt.", "jwt-auth.", "bearer.", "staging-auth.")
_ENCODED = "jwt."
_SEGMENTS = 3
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
# What is longer, or has the header of a token in it, may be one whatever it is called.
_LONGEST_NAME = 64
_TOKEN_HEADER = "eyJ"  # noqa: S105 - how the header of every token begins


def token_of(*, bearer: str | None, subprotocols: Sequence[str], query: str | None) -> str | None:
    """The token of an upgrade: of the header, else of a subprotocol, else of the query.

    Args:
        bearer: The token of the Authorization header, empty when that is no bearer token.
        subprotocols: What the client offers.
        query: The token of the query.

    Returns:
        None without any carrier; empty for a carrier that cannot be read.
    """
    if bearer is not None:
        return bearer
    carrier = carrier_in(subprotocols)
    return query if carrier is None else _token_in(carrier)


def carrier_in(subprotocols: Iterable[str]) -> str | None:
    """The first subprotocol that carries a token."""
    return next((each for each in subprotocols if _carries(each)), None)


def chosen_subprotocol(subprotocols: Sequence[str]) -> str | None:
    """What the server picks: `jwt-auth`, else the first name without a token, else nothing."""
    if PLAIN_SUBPROTOCOL in subprotocols:
        return PLAIN_SUBPROTOCOL
    return next(
        (
            each
            for each in subprotocols
            if len(each) <= _LONGEST_NAME and _TOKEN_HEADER not in each and not _carries(each)
        ),
        None,
    )


def _carries(subprotocol: str) -> bool:
    return subprotocol.casefold().startswith(_PREFIXES)


def _token_in(carrier: str) -> str:
    prefix, _, rest = carrier.partition(".")
    if f"{prefix.casefold()}." == _ENCODED and "." not in rest:
        return _decoded(rest)
    segments = rest.split(".")
    # A token has three segments; one more is the name of an environment before it.
    return ".".join(segments[1:] if len(segments) == _SEGMENTS + 1 else segments)


def _decoded(text: str) -> str:
    if _BASE64URL.fullmatch(text) is None:
        return ""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""
