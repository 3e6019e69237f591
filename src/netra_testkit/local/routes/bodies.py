"""What a request says in its body and its query, validated before anything is done with it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from netra_testkit.errors import MalformedFrame
from netra_testkit.local.refusals import PlatformError
from netra_testkit.wire.documents import DEFAULT_MAX_SIZE, read_document

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Body", "Content", "Metadata", "Name", "Page", "Text", "page_of", "query_text", "read"]

# Deeper than any request has reason to be, and far from what a recursion could not follow.
_DEEPEST: Final = 32
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_UNSTORABLE: Final = re.compile(r"[\0\ud800-\udfff]")
_LONGEST_CONTENT: Final = 8000


def _storable(text: str) -> str:
    if _UNSTORABLE.search(text):
        raise ValueError("a text must not hold the character NUL, nor half of a surrogate pair")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("a text must not be blank")
    return text


def _all_storable(value: dict[str, Any]) -> dict[str, Any]:
    pending: list[Any] = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            _storable(each)
        elif isinstance(each, float) and not math.isfinite(each):
            raise ValueError("a number is too large")
        elif isinstance(each, dict):
            pending += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            pending += each
    return value


Text = Annotated[str, Field(max_length=1024), AfterValidator(_storable)]
"""A short text, possibly empty."""

Name = Annotated[Text, Field(min_length=1, max_length=256), AfterValidator(_not_blank)]
"""What something is called."""

Content = Annotated[
    str,
    Field(min_length=1, max_length=_LONGEST_CONTENT),
    AfterValidator(_storable),
    AfterValidator(_not_blank),
]
"""What a user writes."""

Metadata = Annotated[dict[str, Any], AfterValidator(_all_storable)]
"""Any JSON object that can be kept and given back."""


class Body(BaseModel):
    """The body of a request; what it says beyond its fields is passed over."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        strict=True, extra="ignore", hide_input_in_errors=True
    )


class Page(Body):
    """Which part of a list is wanted.

    Attributes:
        number: The page, from 1.
        size: How many entries a page has.
    """

    number: Annotated[int, Field(ge=1)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50

    @property
    def start(self) -> int:
        """How many entries come before it."""
        return (self.number - 1) * self.size


_Body = TypeVar("_Body", bound=Body)


async def read(request: Request, kind: type[_Body], *, empty: bool = False) -> _Body:
    """What a request says; bounded by what the client sends, and safe to cancel.

    Args:
        request: The request.
        kind: What its body has to be.
        empty: Whether having no body at all is as good as an empty object.

    Raises:
        PlatformError: 413 when it is too large, 422 when it is anything else but `kind`.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > DEFAULT_MAX_SIZE:
            raise PlatformError(
                413, "PAYLOAD_TOO_LARGE", f"A body has at most {DEFAULT_MAX_SIZE} bytes."
            )
    if empty and not raw:
        raw += b"{}"
    try:
        _, document = read_document(bytes(raw), DEFAULT_MAX_SIZE, _DEEPEST)
    except MalformedFrame as malformed:
        reason = malformed.reason
    else:
        return _validated(kind, document)
    # Raised here and not above: what cannot be decoded may hold a password.
    raise _invalid([{"field": "body", "problem": reason}])


def page_of(request: Request) -> Page:
    """Which page the query asks for: page from 1, page_size from 1 to 100.

    Raises:
        PlatformError: 422 when it asks for something else.
    """
    said = {"number": "page", "size": "page_size"}
    asked: dict[str, int] = {}
    for field, name in said.items():
        value = request.query_params.get(name)
        if value is None:
            continue
        if not _WHOLE.fullmatch(value):
            raise _invalid([{"field": name, "problem": "must be a whole number"}])
        asked[field] = int(value)
    try:
        return Page(**asked)
    except ValidationError as error:
        problems = [
            {"field": said[str(each["loc"][0])], "problem": each["msg"]}
            for each in error.errors(include_input=False, include_url=False)
        ]
    raise _invalid(problems)


def query_text(request: Request, name: str) -> str | None:
    """A text of the query, None without one.

    Raises:
        PlatformError: 422 when it is too long or holds the character NUL.
    """
    value = request.query_params.get(name)
    if value is not None and ("\0" in value or len(value) > 1024):  # noqa: PLR2004 - as in Text
        raise _invalid([{"field": name, "problem": "must be a short text without NUL"}])
    return value


def _validated(kind: type[_Body], document: dict[str, Any]) -> _Body:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        problems = [
            {"field": ".".join(map(str, each["loc"])) or "body", "problem": each["msg"]}
            for each in error.errors(include_input=False, include_url=False)
        ]
    raise _invalid(problems)


def _invalid(problems: list[dict[str, str]]) -> PlatformError:
    return PlatformError(
        422, "VALIDATION_ERROR", "The request is not valid.", {"problems": problems}
    )
