"""Threads and their messages: kept, in order, and their owner's only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from netra_testkit import UnexpectedStatus

if TYPE_CHECKING:
    from netra_testkit import HttpClient, Staging

pytestmark = pytest.mark.phase("messages")


@dataclass
class Thread:
    """A thread."""

    id: str
    object: str
    title: str
    message_count: int


@dataclass
class Message:
    """What was said in a thread."""

    id: str
    thread_id: str
    content: str


@dataclass
class Page:
    """Some of the messages of a thread."""

    messages: list[Message]
    total_count: int
    has_more: bool


async def made(http: HttpClient, title: str) -> str:
    """Make a thread; its id."""
    return (await http.post("/api/threads", json={"title": title})).json_as(Thread).id


async def said(http: HttpClient, thread_id: str, *contents: str) -> None:
    """Post messages to a thread, one after another."""
    for content in contents:
        await http.post("/api/chat/messages", json={"content": content, "thread_id": thread_id})


async def history(http: HttpClient, thread_id: str, **params: int) -> Page:
    """Read messages of a thread."""
    path = f"/api/threads/{thread_id}/messages"
    return (await http.get(path, params=params)).json_as(Page)


@pytest.mark.priority(1, id="P1-012", name="message_persistence")
@pytest.mark.impact("conversations are lost, or public")
async def test_a_message_is_read_back_by_its_owner_only(staging: Staging) -> None:
    """What was posted is there again; for others there is no such thread, or no entrance."""
    async with staging.user() as alice, staging.user() as bob:
        thread_id = await made(alice.http, "Kept")
        await said(alice.http, thread_id, "Do you remember?")
        page = await history(alice.http, thread_id)
        assert [each.content for each in page.messages] == ["Do you remember?"]
        with pytest.raises(UnexpectedStatus) as refused:
            await history(bob.http, thread_id)
        assert refused.value.status == 404
        for stranger in (
            staging.anonymous(),
            staging.anonymous().with_token(staging.bad_tokens.wrong_secret()),
        ):
            async with stranger as nobody:
                answer = await nobody.http.get(f"/api/threads/{thread_id}/messages", expect=None)
                assert answer.status in {401, 403}


@pytest.mark.priority(1, id="P1-013", name="thread_creation")
@pytest.mark.impact("no conversation can begin")
async def test_a_thread_is_created_and_found(staging: Staging) -> None:
    """A new thread has its title, no message, and is there when asked for, until it is deleted."""
    async with staging.user() as alice:
        thread_id = await made(alice.http, "Fresh")
        found = (await alice.http.get(f"/api/threads/{thread_id}")).json_as(Thread)
        assert found.title == "Fresh"
        assert (found.id, found.object) == (thread_id, "thread")
        assert found.message_count == 0
        await said(alice.http, thread_id, "Forget me")
        await alice.http.delete(f"/api/threads/{thread_id}")
        gone = await alice.http.get(f"/api/threads/{thread_id}/messages", expect=None)
        assert gone.status in {404, 410}


@pytest.mark.priority(1, id="P1-014", name="thread_switching")
@pytest.mark.impact("answers land in the wrong conversation")
async def test_messages_belong_to_the_thread_asked_for(staging: Staging) -> None:
    """Going to and fro between two threads mixes nothing."""
    async with staging.user() as alice:
        one, two = await made(alice.http, "One"), await made(alice.http, "Two")
        for number in range(3):
            await said(alice.http, one, f"one {number}")
            await said(alice.http, two, f"two {number}")
        for name, thread_id in (("one", one), ("two", two)):
            page = await history(alice.http, thread_id)
            assert [each.content for each in page.messages] == [
                f"{name} {number}" for number in range(3)
            ]
            assert {each.thread_id for each in page.messages} == {thread_id}


@pytest.mark.priority(1, id="P1-015", name="thread_history")
@pytest.mark.impact("parts of a conversation are lost")
async def test_a_long_history_is_whole_and_in_order(staging: Staging) -> None:
    """Twenty-five messages in pages of ten: none lost, none doubled, in the order said."""
    sent = [f"message {number}" for number in range(25)]
    async with staging.user() as alice:
        thread_id = await made(alice.http, "Long")
        await said(alice.http, thread_id, *sent)
        pages = [await history(alice.http, thread_id, page=at, page_size=10) for at in (1, 2, 3)]
    assert [len(page.messages) for page in pages] == [10, 10, 5]
    assert [page.has_more for page in pages] == [True, True, False]
    assert {page.total_count for page in pages} == {25}
    assert [each.content for page in pages for each in page.messages] == sent
