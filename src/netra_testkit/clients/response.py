"""The whole answer to an HTTP call, thin and typed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from netra_testkit.errors import Misuse, UnusableBody
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["Response"]

T = TypeVar("T")
EXCERPT = 300


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Response:
    """What an HTTP call was answered.

    Attributes:
        status: The status.
        headers: The headers; names are looked up without regard to case.
        content: The body, inflated.
        elapsed: Seconds from the call to the answer's last byte, redirects included.
        method: The request's method.
        path: The request's path, without its query.
        request_id: The id sent with the call.
        trace_id: The W3C trace id sent with the call.
        attempts: How many times it was sent; more than one means that a retry hid a failure.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    elapsed: float
    method: str
    path: str
    request_id: str
    trace_id: str
    attempts: int = 1

    @property
    def text(self) -> str:
        """The body as UTF-8 text; what is none is replaced."""
        return self.content.decode("utf-8", "replace")

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        return self.headers.get("location")

    def json(self) -> JsonValue:
        """The body's JSON value.

        Raises:
            UnusableBody: The body is not JSON.
        """
        try:
            return json.loads(self.content, parse_constant=_refused)  # type: ignore[no-any-return] # JSON is JSON
        except (ValueError, RecursionError):
            raise self._unusable("a body that is not JSON") from None

    def json_as(self, model: type[T]) -> T:
        """The body as a pydantic model, a dataclass, a typed dictionary or any annotated type.

        Raises:
            UnusableBody: The body is not JSON or does not fit.
            Misuse: Nothing can be validated as such a type.
        """
        from pydantic import PydanticUserError, TypeAdapter, ValidationError

        asked: object = model
        name = asked.__name__ if isinstance(asked, type) else str(asked)
        self.json()
        misfits: list[str] = []
        try:
            return TypeAdapter(model).validate_json(self.text.removeprefix("\ufeff"))
        except PydanticUserError as refused:
            raise Misuse(what=f"json_as({name})", hint=str(refused).partition("\n")[0]) from None
        except ValidationError as misfit:
            for each in misfit.errors(include_url=False, include_input=False):
                where = ".".join(map(str, each["loc"])) or "the whole"
                misfits.append(f"{where}: {each['msg']}")
        raise self._unusable(f"a body that is no {name} ({mask('; '.join(misfits))[:EXCERPT]})")

    def __repr__(self) -> str:
        size = len(self.content)
        return f"<Response: {self.status} to {self.method} {self.path}, {size} bytes>"

    def _unusable(self, reason: str) -> UnusableBody:
        known: dict[str, Any] = {"request_id": self.request_id, "trace_id": self.trace_id}
        return UnusableBody(
            status=self.status,
            method=self.method,
            path=self.path,
            reason=reason,
            excerpt=mask(self.text[: EXCERPT * 4])[:EXCERPT],
            **known,
        )


def _refused(constant: str) -> Any:  # noqa: ANN401 - the signature is the library's
    raise ValueError(f"{constant} is not JSON")
