"""An index of secrets that finds every piece of them in a text."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from netra_testkit.safety.encodings import PUBLIC_HEADERS, written_forms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "WINDOW",
    "Fragments",
    "Owner",
    "Span",
]

WINDOW = 12
"""How many characters in a row give a secret away."""

# Eight bytes are a machine word: a memoryview hands out words without slicing.
GRAM = 8
EDGE = WINDOW - GRAM
# Any WINDOW characters hold a gram that begins at a multiple of this.
STRIDE = EDGE + 1
# Of the words from a shift on, the first that begins at a multiple of STRIDE.
FIRST_WORDS = tuple(
    next(word for word in range(STRIDE) if (shift + GRAM * word) % STRIDE == 0)
    for shift in range(GRAM)
)
# How many words are looked up at once before it is asked which of them is known.
BLOCK = 256
# A gram that stands in more surroundings than this is masked without a look at them.
CROWD = 16
# A place is the number of a form and, in its low bits, an offset.
OFFSET_BITS = 32
OFFSET = (1 << OFFSET_BITS) - 1

PUBLIC_FORMS = tuple(form for header in PUBLIC_HEADERS for form in written_forms(header))
PUBLIC = "\n".join(PUBLIC_FORMS)
LONGEST_PUBLIC = max(map(len, PUBLIC_FORMS)) + 1


class Span(NamedTuple):
    """A part of a text that is to be masked.

    Attributes:
        start: Where it begins.
        end: Where it ends, exclusive.
        label: What it is.
        certain: Whether it is a registered secret and does not merely look like one.
    """

    start: int
    end: int
    label: str
    certain: bool


@dataclass(slots=True, eq=False)
class Owner:
    """A secret as the index knows it.

    Attributes:
        label: What it is called where it is masked.
        until: Until when it is remembered, in seconds since the epoch.
        numbers: The numbers of its forms.
    """

    label: str
    until: float
    numbers: tuple[int, ...] = field(default=(), init=False)


@dataclass(slots=True)
class _Crowd:
    """A gram of so many secrets that it is known by itself."""

    label: str
    until: float


class _Form(NamedTuple):
    text: str
    owner: Owner


FORGOTTEN = _Form("", Owner("", 0))


class Fragments:
    """The index: who changes it holds a lock, who searches it needs none."""

    def __init__(self) -> None:
        self._forms: dict[int, _Form] = {}
        self._places: dict[int, int | tuple[int, ...]] = {}
        self._crowds: dict[int, _Crowd] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, owner: Owner, forms: tuple[str, ...]) -> None:
        """Have every piece of these texts found from now on."""
        numbers = []
        for text in forms:
            number = next(self._numbers)
            self._forms[number] = _Form(text, owner)
            numbers.append(number)
        owner.numbers = tuple(numbers)
        self.renew(owner)

    def renew(self, owner: Owner) -> None:
        """Keep what the owner shares with others for as long as it is remembered by now."""
        places = self._places
        # Tokens share long runs: within one, what held of its first gram holds of the others.
        apart = last = 0
        longer = False
        for gram, place in self._grams(owner):
            known = places.setdefault(gram, place)
            if known == place:
                continue
            if isinstance(known, int) and (known - place != apart or place > last):
                if self._surroundings(known) != self._surroundings(place):
                    self._share(gram, place, owner)
                    continue
                # A run that holds the one holds the other: who stays longer stands for both.
                longer = self._forms[known >> OFFSET_BITS].owner.until <= owner.until
                apart, last = known - place, place + self._same_text(known, place) - WINDOW
            if not isinstance(known, int):
                self._share(gram, place, owner)
            elif longer:
                places[gram] = place

    def remove(self, owner: Owner, *, now: float) -> None:
        """Forget the texts of an owner."""
        places = self._places
        for gram, place in self._grams(owner):
            known = places.get(gram)
            if known == place:
                del places[gram]
            elif isinstance(known, tuple):
                self._withdraw(gram, place, known, now)
        for number in owner.numbers:
            del self._forms[number]

    def spans(self, text: str) -> list[Span]:
        """Every run of WINDOW or more characters that stands in an added text too.

        Args:
            text: What is searched, in the spelling of `alike`.

        Returns:
            Them in no order; they may overlap.
        """
        found: list[Span] = []
        if not self._places:
            return found
        reach = Span(0, 0, "", certain=True)
        for at, gram in self._hits(text):
            if reach.start <= at - EDGE and at + WINDOW <= reach.end:
                continue  # no run that this gram is part of goes beyond the last one
            for run in self._runs(text, at, gram):
                if reach.start <= run.start and run.end <= reach.end:
                    continue
                reach = run if run.end > reach.end else reach
                if run.start + WINDOW > run.end:
                    found.append(run)  # a crowd's
                else:
                    found += _without_public_ends(text, run)
        return found

    def _hits(self, text: str) -> list[tuple[int, int]]:
        """Every position at which a known gram begins, with the gram."""
        places = self._places
        known = places.keys()
        found: list[tuple[int, int]] = []
        for shift, words in _words(text):
            for first in range(0, len(words), BLOCK):
                block = words[first : first + BLOCK]
                if not known.isdisjoint(block):
                    hits = itertools.compress(range(len(block)), map(places.__contains__, block))
                    found += [(shift + GRAM * (first + at), block[at]) for at in hits]
        return sorted(found)

    def _runs(self, text: str, at: int, gram: int) -> Iterator[Span]:
        """The longest run around a gram for each place it has."""
        crowd = self._crowds.get(gram)
        if crowd is not None and text[at : at + GRAM] not in PUBLIC:
            yield Span(at, at + GRAM, crowd.label, certain=True)
        for place in self._known(gram):
            # Another thread may have forgotten it since its gram was found.
            form = self._forms.get(place >> OFFSET_BITS, FORGOTTEN)
            offset = place & OFFSET
            rest = form.text[offset:]
            start = at - _same_end(text[max(0, at - offset) : at], form.text[:offset])
            end = at + _same_start(text[at : at + len(rest)], rest)
            if end - start >= WINDOW:
                yield Span(start, end, form.owner.label, certain=True)

    def _known(self, gram: int) -> tuple[int, ...]:
        known = self._places.get(gram, ())
        return (known,) if isinstance(known, int) else known

    def _grams(self, owner: Owner) -> Iterator[tuple[int, int]]:
        """Every gram of an owner's forms that begins at a multiple of STRIDE, with its place."""
        for number in owner.numbers:
            text = self._forms[number].text
            place = number << OFFSET_BITS
            grams = [0] * ((len(text) - GRAM) // STRIDE + 1)
            for shift, words in _words(text):
                first = FIRST_WORDS[shift]
                grams[(shift + GRAM * first) // STRIDE :: GRAM] = words[first::STRIDE]
            yield from zip(grams, range(place, place + len(text), STRIDE), strict=False)

    def _share(self, gram: int, place: int, owner: Owner) -> None:
        """Note one more place of a gram that has some."""
        known = self._known(gram)
        if not known:
            crowd = self._crowds[gram]
            crowd.until = max(crowd.until, owner.until)
            return
        around = self._surroundings(place)
        for at, other in enumerate(known):
            if self._surroundings(other) == around:
                if self._forms[other >> OFFSET_BITS].owner.until <= owner.until:
                    self._places[gram] = _packed((*known[:at], place, *known[at + 1 :]))
                return
        if len(known) < CROWD:
            self._places[gram] = (*known, place)
            return
        others = (self._forms[each >> OFFSET_BITS].owner.until for each in known)
        self._crowds[gram] = _Crowd(owner.label, max(owner.until, *others))
        self._places[gram] = ()

    def _withdraw(self, gram: int, place: int, known: tuple[int, ...], now: float) -> None:
        """Take back one place of a gram that has several, or a crowd."""
        if known:
            self._places[gram] = _packed(tuple(each for each in known if each != place))
        elif self._crowds[gram].until <= now:
            del self._places[gram], self._crowds[gram]

    def _same_text(self, place: int, other: int) -> int:
        """How many characters from two places on are the same."""
        one, another = (
            self._forms[each >> OFFSET_BITS].text[each & OFFSET :] for each in (place, other)
        )
        return _same_start(one, another)

    def _surroundings(self, place: int) -> str | tuple[int, str]:
        text = self._forms[place >> OFFSET_BITS].text
        start = place & OFFSET
        end = start + WINDOW
        return text[start - EDGE : end] if start >= EDGE else (start, text[:end])


def _packed(places: tuple[int, ...]) -> int | tuple[int, ...]:
    return places if len(places) > 1 else places[0]


def _without_public_ends(text: str, run: Span) -> Iterator[Span]:
    """What is left of a run without the windows at its ends that stand in a public text."""
    start, end = run.start, run.end
    most = min(end - start, LONGEST_PUBLIC)
    if text[start : start + WINDOW] in PUBLIC:
        public = _longest(most, lambda size: text[run.start : run.start + size] in PUBLIC)
        start += public - WINDOW + 1
    if text[end - WINDOW : end] in PUBLIC:
        public = _longest(most, lambda size: text[run.end - size : run.end] in PUBLIC)
        end -= public - WINDOW + 1
    if end - start >= WINDOW:
        yield run._replace(start=start, end=end)


def _same_start(one: str, other: str) -> int:
    return _longest(min(len(one), len(other)), lambda size: one[:size] == other[:size])


def _same_end(one: str, other: str) -> int:
    return _longest(
        min(len(one), len(other)),
        lambda size: one[len(one) - size :] == other[len(other) - size :],
    )


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The greatest size for which something holds that holds for every smaller one."""
    if holds(most):
        return most
    least = 0
    while least < most - 1:
        middle = (least + most) // 2
        if holds(middle):
            least = middle
        else:
            most = middle
    return least


def _words(text: str) -> Iterator[tuple[int, memoryview[int]]]:
    """The text as words, from each of the first positions on: at all of them, a word begins.

    Every character is one byte of a word; different characters may be the same one.
    """
    if text.isascii():
        data = memoryview(text.encode("ascii"))
    else:
        data = memoryview(text.encode("utf-32-le", "surrogatepass")[::4])
    size = len(data)
    for shift in range(min(GRAM, size - GRAM + 1)):
        yield shift, data[shift : size - (size - shift) % GRAM].cast("Q")
