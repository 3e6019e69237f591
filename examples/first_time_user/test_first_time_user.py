"""A newcomer's way: register, log in, ask, and be known when they come back."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netra_testkit import Staging


@pytest.mark.needs("register")
async def test_a_newcomer_is_known_when_they_come_back(staging: Staging) -> None:
    """What was asked in the first session is there in the second."""
    email = f"e2e-{staging.run_id}@staging.netrasystems.ai"
    account = {"email": email, "password": secrets.token_urlsafe(24)}
    question = "Where does my budget go?"
    async with staging.anonymous() as newcomer:
        await newcomer.http.post("/auth/register", json=account)
        session = (await newcomer.http.post("/auth/login", json=account)).json()
        newcomer.with_token(session["access_token"])
        thread = (await newcomer.http.post("/api/threads", json={"title": "My first"})).json()
        message = {"content": question, "thread_id": thread["id"]}
        await newcomer.http.post("/api/chat/messages", json=message)
        async with newcomer.chat(thread_id=thread["id"]) as chat:
            (await chat.run_agent("triage", question)).assert_delivered()
        await newcomer.http.post("/auth/logout")

        again = (await newcomer.http.post("/auth/login", json=account)).json()
        newcomer.with_token(again["access_token"])
        assert (await newcomer.http.get("/auth/me")).json()["email"] == email
        threads = (await newcomer.http.get("/api/threads")).json()["threads"]
        assert [each["id"] for each in threads] == [thread["id"]]
        page = (await newcomer.http.get(f"/api/threads/{thread['id']}/messages")).json()
        assert page["messages"][0]["content"] == question
