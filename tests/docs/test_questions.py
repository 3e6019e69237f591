"""Whoever searches the questions for what an error says finds it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.docs.pages import ROOT

from netra_testkit import errors
from netra_testkit.errors import NetraError, Problem

PAGE = (ROOT / "docs" / "questions.md").read_text("utf-8")
QUESTIONS = dict(re.findall(r"^### (.+)\n\n(.+)", PAGE, re.MULTILINE))
RUN: dict[str, Any] = {"run": None, "violations": ()}

SAID: dict[str, dict[str, Any]] = {
    "AlreadyReading": {"what": "receive while events is reading"},
    "AuthRefused": {"via": "upgrade", "status": 403},
    "ClientClosed": {"what": "a call on a ChatClient that is closed"},
    "ConfigurationError": {"problems": (Problem("base_url", "argument", "Mend it."),)},
    "ConnectionFailed": {"phase": "tcp", "target": "127.0.0.1:9", "reason": "refused"},
    "ContractBroken": RUN
    | {"timeline": "triage completed, but not as promised (contract: strict)"},
    "DeadlineExceeded": {"phase": "expect", "limit": 1.0, "elapsed": 1.0, "waiting_for": "ack"},
    "HandshakeFailed": {"phase": "welcome", "reason": "no welcome"},
    "IllegalStep": {"origin": "closed", "target": "idle", "legal": ()},
    "InvalidBound": {"value": "-1"},
    "MalformedFrame": {"reason": "NaN is not JSON", "excerpt": "NaN"},
    "NotEnoughUsers": {"needed": 20, "known": 3},
    "NothingFailed": {"expected": ("AuthRefused",)},
    "RateLimited": {"status": 429, "method": "GET", "path": "/api/users/profile"},
    "RequestRefused": {"type": "start_agent", "error_code": "NO_AGENT", "text": "unknown"},
    "ServerClosed": {"code": 1011, "reason": "", "closed_by": "server", "phase": "receive"},
    "ServiceUnavailable": {"status": 503, "method": "GET", "path": "/health"},
    "StreamTruncated": {"events": 3},
    "TokenInvalid": {"reason": "expired"},
    "Unencodable": {"path": "payload.items[3]", "reason": "it is of type set"},
    "UnexpectedFrame": {"type": "ack", "excerpt": "{}", "waited": 0.1},
    "UnexpectedStatus": {"status": 404, "method": "GET", "path": "/api/threads"},
    "UnknownMessageType": {"name": "pingg"},
    "UnusableBody": {"status": 200, "method": "GET", "path": "/health", "reason": "no JSON"},
    "UsersBusy": {"holders": (), "limit": 30.0},
    "WrongLoop": {"what": "a call on a ChatClient that another event loop opened"},
}
# What these say is what the error above them says, or whatever was done.
WITHOUT_WORDS_OF_THEIR_OWN = {"CallFailed", "IsolationBreach", "Misuse", "NetraError", "WireError"}


def kinds() -> set[str]:
    found = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    return {name for name in found if issubclass(getattr(errors, name), NetraError)}


def test_every_error_is_spoken_of() -> None:
    assert kinds() == SAID.keys() | WITHOUT_WORDS_OF_THEIR_OWN


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_an_error_says_is_a_heading_that_leads_to_it(name: str) -> None:
    said = str(getattr(errors, name)(**SAID[name])).splitlines()[0]
    answers = [
        answer
        for heading, answer in QUESTIONS.items()
        if re.match(".*".join(map(re.escape, re.split("…", heading))) + "$", said)
    ]
    assert any(answer.startswith(f"`{name}`") for answer in answers), said


@pytest.mark.parametrize("name", sorted(WITHOUT_WORDS_OF_THEIR_OWN))
def test_an_error_without_words_of_its_own_has_an_answer(name: str) -> None:
    assert any(f"`{name}`" in answer for answer in PAGE.split("\n### "))


@pytest.mark.parametrize("name", sorted(kinds() - {"NetraError", "CallFailed", "WireError"}))
def test_the_cause_that_an_answer_names_is_the_one_that_the_error_has(name: str) -> None:
    cause = getattr(errors, name).cause
    [named] = re.findall(rf"^`{name}`[^.]*?, (\w+)[.;]", PAGE, re.MULTILINE)[:1] or [cause]
    assert named == cause


@pytest.mark.parametrize(
    "heading",
    [
        "1011",
        "Secret mismatch",
        "server rejected WebSocket connection: HTTP 403",
        "RuntimeError: Event loop is closed",
        "the deployment is not there",
    ],
)
def test_what_others_say_is_answered_too(heading: str) -> None:
    assert heading in QUESTIONS
