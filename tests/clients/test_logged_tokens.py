"""Whoever opens a client need not know what the libraries below it log."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

import pytest
from tests.clients.chat_server import Peer, chat_server
from tests.clients.http_server import HEALTHY, answer, serving

from netra_testkit.clients.chat import ChatClient
from netra_testkit.clients.http import HttpClient
from netra_testkit.safety.redaction import RedactingFilter

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def talkative(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything is logged, and nobody has put a filter anywhere."""
    found = [
        (each, part)
        for each in logging.Logger.manager.loggerDict.values()
        if isinstance(each, logging.Logger)
        for part in each.filters
        if isinstance(part, RedactingFilter)
    ]
    for logger, part in found:
        logger.removeFilter(part)
    with caplog.at_level(logging.DEBUG):
        yield caplog
    for logger, part in found:
        logger.addFilter(part)


async def test_a_chat_writes_no_token_to_any_log(talkative: pytest.LogCaptureFixture) -> None:
    token = secrets.token_urlsafe(48)

    async def say_it(peer: Peer) -> None:
        await peer.say({"type": "ack", "data": {"token": token}})
        await peer.until_gone()

    async with chat_server(say_it) as chat, ChatClient(chat.config, token=token) as client:
        await client.expect("ack")
    assert "websockets.client" in {each.name for each in talkative.records}
    assert "[masked" in talkative.text
    assert token not in talkative.text


async def test_a_call_writes_no_token_to_any_log(talkative: pytest.LogCaptureFixture) -> None:
    token = secrets.token_urlsafe(48)
    async with (
        serving(answer(HEALTHY, 200, f"X-Token: {token}")) as served,
        HttpClient(served.config, token=token) as http,
    ):
        await http.get("/health")
    assert "httpcore.http11" in {each.name for each in talkative.records}
    assert "[masked" in talkative.text
    assert token not in talkative.text
