"""A registry of live secrets, which writes any text without them."""

from __future__ import annotations

import heapq
import logging
import math
import re
import threading
import time
from typing import TYPE_CHECKING, TypeAlias

from netra_testkit.safety.encodings import (
    PUBLIC_HEADERS,
    alike,
    determined_forms,
    written_forms,
)
from netra_testkit.safety.fragments import WINDOW, Fragments, Owner, Span
from netra_testkit.safety.lookalikes import LOOKALIKE_LABELS, lookalikes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from netra_testkit.safety.jsonable import JsonValue

    _Container: TypeAlias = list[JsonValue] | dict[str, JsonValue]

__all__ = [
    "KIT_LOGGER",
    "MOST_EXPIRING",
    "REMEMBERED",
    "SHORTEST",
    "Registry",
]

KIT_LOGGER = "netra_testkit"
"""The name of the one logger of this package."""

# Where nobody has configured logging, what the kit logs goes nowhere.
logging.getLogger(KIT_LOGGER).addHandler(logging.NullHandler())

SHORTEST = 6
"""Shorter secrets are not masked: they stand in ordinary words."""

REMEMBERED = 900.0
"""How many seconds an expired secret is still masked: it opens nothing, but reports follow."""

MOST_EXPIRING = 2000
"""How many secrets that expire are remembered; the first to expire make room for more."""

ANONYMOUS = "[masked]"
MASKED = re.compile(r"\[masked(?: [^\[\]]+)?\]")
LONGEST_LABEL = 60
HEADERS = re.compile("|".join(PUBLIC_HEADERS))
LONGEST_HEADER = max(map(len, PUBLIC_HEADERS))
NOT_IN_A_LABEL = re.compile(r"[^\w .,:'()/@-]")


class Registry:
    """Live secrets, by value and by fragment; safe to use from many threads."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._owners: dict[str, Owner] = {}
        self._expiring: list[tuple[float, str]] = []
        self._fragments = Fragments()
        self._whole: tuple[tuple[str, Owner], ...] = ()
        self._labels = set(LOOKALIKE_LABELS)

    def __len__(self) -> int:
        """How many secrets are remembered."""
        return len(self._owners)

    def register(self, secret: str, *, label: str, expires_at: float | None = None) -> None:
        """Mask a secret from now on; the space around it is no part of it.

        Args:
            secret: Its value.
            label: What to write in its place, such as the name of a variable.
            expires_at: When it ceases to open anything, in seconds since the epoch; None for
                never.
        """
        secret = secret.strip()
        if not secret:
            return
        if len(secret) < SHORTEST:
            logging.getLogger(KIT_LOGGER).warning(
                "%s is shorter than %d characters and is not masked", label, SHORTEST
            )
            return
        until = math.inf if expires_at is None else expires_at + REMEMBERED
        with self._lock:
            self._remember(secret, _plain(label), until)
            self._forget(self._now())

    def mask(self, text: str) -> str:
        """The text without any live secret, and without what looks like a token.

        What is masked stays masked: masking a text twice gives what masking it once gave. No text
        makes it raise.
        """
        if ANONYMOUS[:-1] not in text:
            return self._masked(text)
        written: list[str] = []
        start = 0
        for found in MASKED.finditer(text):
            if self._is_mask(found[0]):
                written += self._masked(text[start : found.start()]), found[0]
                start = found.end()
        return "".join((*written, self._masked(text[start:])))

    def mask_json(self, value: JsonValue) -> JsonValue:
        """A copy with every string in it masked, keys included.

        Keys that become equal are numbered, so that no value is lost.
        """
        unfinished: list[_Container] = []
        masked = self._copied(value, unfinished)
        while unfinished:
            container = unfinished.pop()
            if isinstance(container, list):
                for at, each in enumerate(container):
                    container[at] = self._copied(each, unfinished)
            else:
                for key, each in container.items():
                    container[key] = self._copied(each, unfinished)
        return masked

    def _copied(self, value: JsonValue, unfinished: list[_Container]) -> JsonValue:
        """A value without secrets, but for the ones in a container, which is left to be done."""
        if isinstance(value, str):
            return self.mask(value)
        copied: _Container
        if isinstance(value, list):
            copied = list(value)
        elif isinstance(value, dict):
            copied = {}
            for key, each in value.items():
                copied[_unused(self.mask(key), copied)] = each
        else:
            return value
        unfinished.append(copied)
        return copied

    def _remember(self, secret: str, label: str, until: float) -> None:
        known = self._owners.get(secret)
        if known is not None and known.until >= until:
            return
        owner = known or Owner(label, until)
        owner.until = until
        if until < math.inf:
            heapq.heappush(self._expiring, (until, secret))
        if known is not None:
            self._fragments.renew(owner)
            return
        self._owners[secret] = owner
        self._labels.add(label)
        if len(secret) >= WINDOW:
            self._fragments.add(owner, written_forms(secret))
        else:
            self._whole += tuple((form, owner) for form in determined_forms(secret))

    def _forget(self, now: float) -> None:
        while self._expiring and (
            self._expiring[0][0] <= now or len(self._expiring) > MOST_EXPIRING
        ):
            until, secret = heapq.heappop(self._expiring)
            owner = self._owners.get(secret)
            if owner is None or owner.until != until:
                continue  # it was registered again, for longer
            del self._owners[secret]
            self._fragments.remove(owner, now=now)
            self._whole = tuple(each for each in self._whole if each[1] is not owner)

    def _masked(self, text: str) -> str:
        """A text that holds no masks, written without its secrets."""
        spans = [*self._registered(text), *lookalikes(text)]
        if not spans:
            return text
        written: list[str] = []
        start = 0
        for span in _uncovered(text, _merged(spans)):
            written += text[start : span.start], self._mask_of(span.label)
            start = span.end
        return "".join((*written, text[start:]))

    def _registered(self, text: str) -> list[Span]:
        if not self._owners:
            return []
        searched = alike(text)
        spans = self._fragments.spans(searched)
        for form, owner in self._whole:
            at = searched.find(form)
            while at >= 0:
                spans.append(Span(at, at + len(form), owner.label, certain=True))
                at = searched.find(form, at + 1)
        return spans

    def _mask_of(self, label: str) -> str:
        text = f"[masked {label}]"
        return ANONYMOUS if self._registered(text) else text

    def _is_mask(self, text: str) -> bool:
        """Whether it was written here, and would be again: anybody can write brackets."""
        if text == ANONYMOUS:
            return True
        label = text[len(ANONYMOUS) : -1]
        return label in self._labels and self._mask_of(label) == text


def _plain(label: str) -> str:
    """A label as it stands in a mask: one line, without what JSON or Python would escape."""
    line = NOT_IN_A_LABEL.sub("_", " ".join(label.split()))
    return line[:LONGEST_LABEL].strip() or "secret"


def _unused(key: str, taken: dict[str, JsonValue]) -> str:
    unused, number = key, 1
    while unused in taken:
        number += 1
        unused = f"{key}#{number}"
    return unused


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans that overlap or touch as one, under the label of the longest that is certain."""
    ordered = iter(sorted(spans))
    current = best = next(ordered)
    for span in ordered:
        if span.start > current.end:
            yield current._replace(label=best.label)
            current = best = span
        else:
            current = current._replace(end=max(current.end, span.end))
            best = max(best, span, key=_weight)
    yield current._replace(label=best.label)


def _weight(span: Span) -> tuple[bool, int]:
    return span.certain, span.end - span.start


def _uncovered(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """What is left of spans, in order, without the headers that stand in every ordinary token."""
    for span in spans:
        start = span.start
        around = max(0, span.start - LONGEST_HEADER), span.end + LONGEST_HEADER
        for header in HEADERS.finditer(text, *around):
            if header.start() < span.end and start < header.end():
                if start < header.start():
                    yield span._replace(start=start, end=header.start())
                start = header.end()
        if start < span.end:
            yield span._replace(start=start)
