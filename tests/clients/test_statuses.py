from __future__ import annotations

import json
import secrets
from email.utils import formatdate

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rude.answering import PLATFORM_STATUSES, platform_error

from netra_testkit.clients.statuses import masked_headers, refusal, retry_after
from netra_testkit.errors import (
    AuthRefused,
    CallFailed,
    Cause,
    RateLimited,
    ServiceUnavailable,
    UnexpectedStatus,
)
from netra_testkit.safety.redaction import register

NOW = 1_760_000_000.0


def refused(status: int, body: bytes = b"", **headers: str) -> CallFailed:
    return refusal(
        status=status,
        method="GET",
        path="/x",
        headers=httpx.Headers(headers),
        body=body,
        request_id="r",
        trace_id="t",
        now=NOW,
    )


PAGE = b"<html>no</html>"
DETAIL = b'{"detail": "no"}'
CAUSES = {
    "401": (401, b"", AuthRefused, Cause.AUTHENTICATION),
    "403": (403, DETAIL, AuthRefused, Cause.AUTHENTICATION),
    "404": (404, DETAIL, UnexpectedStatus, Cause.UNDECIDED),
    "200 where another was wanted": (200, b"{}", UnexpectedStatus, Cause.UNDECIDED),
    "429": (429, b"", RateLimited, Cause.UNDECIDED),
    "500 of the platform": (500, platform_error(500), UnexpectedStatus, Cause.PRODUCT),
    "500 with a detail": (500, DETAIL, UnexpectedStatus, Cause.PRODUCT),
    "500 with a trace id": (500, b'{"trace_id": "x"}', UnexpectedStatus, Cause.PRODUCT),
    "500 without a body": (500, b"", UnexpectedStatus, Cause.UNDECIDED),
    "500 with a page": (500, PAGE, UnexpectedStatus, Cause.UNDECIDED),
    "502 of the platform": (502, platform_error(502), ServiceUnavailable, Cause.PRODUCT),
    "502 with a page": (502, PAGE, ServiceUnavailable, Cause.DEPLOYMENT),
    "503 without a body": (503, b"", ServiceUnavailable, Cause.DEPLOYMENT),
    "503 with other JSON": (503, b'{"error": {"code": 503}}', ServiceUnavailable, Cause.DEPLOYMENT),
    "503 with a list": (503, b"[]", ServiceUnavailable, Cause.DEPLOYMENT),
    "504 too deep": (504, b"[" * 100_000, ServiceUnavailable, Cause.DEPLOYMENT),
}


@pytest.mark.parametrize(("status", "body", "error", "cause"), CAUSES.values(), ids=CAUSES)
def test_a_status_is_the_error_that_its_evidence_says(
    status: int, body: bytes, error: type[CallFailed], cause: Cause
) -> None:
    failure = refused(status, body)
    assert (type(failure), failure.cause) == (error, cause)
    assert (failure.request_id, failure.trace_id) == ("r", "t")


@pytest.mark.parametrize("status", PLATFORM_STATUSES)
def test_what_the_platform_says_is_quoted(status: int) -> None:
    assert f"refused with {status}" in str(refused(status, platform_error(status)))


def test_a_refusal_keeps_the_code_of_the_platform() -> None:
    failure = refused(401, platform_error(401))
    assert isinstance(failure, AuthRefused)
    assert (failure.via, failure.status) == ("http", 401)
    assert failure.error_code == "AUTHENTICATION_FAILED"


def test_a_code_that_is_no_text_is_no_code() -> None:
    failure = refused(403, b'{"error_code": 7}')
    assert isinstance(failure, AuthRefused)
    assert failure.error_code is None


def test_an_excerpt_is_short_and_masked() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a secret of this test")
    failure = refused(500, json.dumps({"detail": secret + "x" * 10_000}).encode())
    assert isinstance(failure, UnexpectedStatus)
    assert len(failure.excerpt) <= 300
    assert secret not in str(failure)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_says_how_long_to_wait(status: int) -> None:
    failure = refused(status, b"", **{"Retry-After": "7"})
    assert isinstance(failure, RateLimited | ServiceUnavailable)
    assert failure.retry_after == 7.0
    assert failure.headers == {"retry-after": "7"}


def test_headers_are_shown_without_what_signs_somebody_in() -> None:
    shown = masked_headers(
        {
            "Set-Cookie": "session=abc",
            "Authorization": "Bearer abc",
            "Location": "https://x.invalid/callback?code=abc",
            "location": "/plain",
            "Content-Type": "text/html",
        }
    )
    assert shown == {
        "Set-Cookie": "[masked]",
        "Authorization": "[masked]",
        "Location": "https://x.invalid/callback?[masked]",
        "location": "/plain",
        "Content-Type": "text/html",
    }


WAITS = {
    "7": 7.0,
    " 0 ": 0.0,
    "": None,
    "soon": None,
    "-1": None,
    "1.5": None,
    "²": None,
    "٣": None,
    formatdate(NOW + 30, usegmt=True): 30.0,
    formatdate(NOW - 30, usegmt=True): 0.0,
    formatdate(NOW + 30).replace("+0000", "-0000"): 30.0,
    "Wed, 01 Jan 99999 00:00:00 GMT": None,
}


@pytest.mark.parametrize(("said", "seconds"), WAITS.items(), ids=repr)
def test_a_wait_is_seconds_or_a_date(said: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": said}, now=NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+ [+-]\d+"))
def test_any_text_is_a_wait_or_none(said: str) -> None:
    seconds = retry_after({"retry-after": said}, now=NOW)
    assert seconds is None or seconds >= 0
