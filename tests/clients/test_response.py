from __future__ import annotations

import datetime as dt
import re
import secrets
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from netra_testkit.clients.response import Response
from netra_testkit.errors import Cause, Misuse, UnusableBody
from netra_testkit.safety.redaction import register


class Health(BaseModel):
    model_config = ConfigDict(strict=True)
    status: str
    at: dt.datetime | None = None


@dataclass
class Plain:
    status: str


class Keyed(TypedDict):
    status: str


def response(content: bytes, **headers: str) -> Response:
    return Response(
        status=200,
        headers=httpx.Headers(headers),
        content=content,
        elapsed=0.1,
        method="GET",
        path="/health",
        request_id="r",
        trace_id="t",
    )


HEALTHY = b'{"status": "healthy"}'
MODELS = {
    "a pydantic model": (Health, HEALTHY, Health(status="healthy")),
    "a strict model with a date": (
        Health,
        b'{"status": "up", "at": "2025-10-01T00:00:00Z"}',
        Health(status="up", at=dt.datetime(2025, 10, 1, tzinfo=dt.UTC)),
    ),
    "a dataclass": (Plain, HEALTHY, Plain("healthy")),
    "a typed dictionary": (Keyed, HEALTHY, {"status": "healthy"}),
    "a list": (list[int], b"[1, 2]", [1, 2]),
    "after a byte order mark": (Plain, b"\xef\xbb\xbf" + HEALTHY, Plain("healthy")),
}


@pytest.mark.parametrize(("model", "content", "value"), MODELS.values(), ids=MODELS)
def test_a_body_is_what_it_is_asked_for_as(model: type, content: bytes, value: object) -> None:
    assert response(content).json_as(model) == value


def test_a_misfit_names_the_place() -> None:
    with pytest.raises(UnusableBody, match="no Plain \\(status: ") as refused:
        response(b'{"status": 7}').json_as(Plain)
    assert refused.value.cause is Cause.PRODUCT
    assert (refused.value.status, refused.value.path) == (200, "/health")
    assert (refused.value.request_id, refused.value.trace_id) == ("r", "t")


def test_a_type_that_nothing_fits_is_a_misuse() -> None:
    with pytest.raises(Misuse, match=r"json_as\(Response\)"):
        response(b"{}").json_as(type("Response", (), {}))


def test_a_misfit_of_the_whole_says_so() -> None:
    with pytest.raises(UnusableBody, match="the whole: "):
        response(b"[]").json_as(Health)


@pytest.mark.parametrize("model", [int | None, list[int]], ids=str)
def test_a_misfit_with_what_is_no_class_has_a_name_too(model: Any) -> None:
    with pytest.raises(UnusableBody, match=re.escape(f"a body that is no {model} (")):
        response(b'"x"').json_as(model)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\xfd", b"[NaN]", b"[" * 100_000])
def test_a_body_that_is_not_json_says_so(content: bytes) -> None:
    for ask in (response(content).json, lambda: response(content).json_as(Plain)):
        with pytest.raises(UnusableBody, match="not JSON"):
            ask()


def test_what_is_quoted_is_short_and_masked() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a secret of this test")
    with pytest.raises(UnusableBody) as refused:
        response(secret.encode() + b"x" * 10_000).json()
    assert secret not in str(refused.value)
    assert len(refused.value.excerpt) <= 300


def test_text_that_is_none_is_replaced() -> None:
    assert response(b"\xff!").text == "\ufffd!"


def test_a_redirect_has_a_location() -> None:
    assert response(b"", Location="/there").location == "/there"
    assert response(b"").location is None


def test_its_repr_holds_no_body() -> None:
    assert repr(response(HEALTHY)) == "<Response: 200 to GET /health, 21 bytes>"
