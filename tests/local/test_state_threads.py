"""What the embedded staging remembers: who said what, and to whom it is shown."""

from __future__ import annotations

import pytest
from tests.local.standing_clock import StandingClock

from netra_testkit.local.state.threads import Threads


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


def test_a_thread_is_its_owners_alone(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    thread = threads.create("ann", title="mine")
    assert threads.get("ann", thread.thread_id) is thread
    assert threads.get("bob", thread.thread_id) is None
    assert threads.update("bob", thread.thread_id, title="his") is None
    assert not threads.delete("bob", thread.thread_id)
    assert threads.messages("bob", thread.thread_id) == ()
    assert (threads.list("ann"), threads.list("bob")) == ((thread,), ())


def test_two_users_may_give_one_name(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    threads.add("ann", "plans", "user", "hers")
    threads.add("bob", "plans", "user", "his")
    assert [each.content for each in threads.messages("ann", "plans")] == ["hers"]
    assert [each.content for each in threads.messages("bob", "plans")] == ["his"]


def test_a_thread_made_twice_is_one(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    thread = threads.create("ann", thread_id="plans", title="first")
    assert threads.create("ann", thread_id="plans", title="second") is thread
    assert thread.title == "first"


def test_the_latest_thread_is_listed_first(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    made = [threads.create("ann") for _ in range(3)]
    assert list(threads.list("ann")) == made[::-1]


def test_messages_are_kept_in_order(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    for text in ("one", "two", "three"):
        threads.add("ann", "plans", "user", text, {"text": text})
    kept = threads.messages("ann", "plans")
    assert [(each.content, each.metadata["text"]) for each in kept] == [
        ("one", "one"),
        ("two", "two"),
        ("three", "three"),
    ]


def test_a_change_says_when(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    thread = threads.create("ann", title="old", metadata={"a": 1})
    clock.now = 1_100
    threads.update("ann", thread.thread_id, title="new")
    assert (thread.title, thread.metadata, thread.updated_at) == ("new", {"a": 1}, 1_100)
    threads.update("ann", thread.thread_id, metadata={"b": 2})
    assert (thread.title, thread.metadata, thread.created_at) == ("new", {"b": 2}, 1_000)


def test_a_message_changes_its_thread(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    thread = threads.create("ann")
    clock.now = 1_100
    message = threads.add("ann", thread.thread_id, "user", "hello")
    assert (thread.updated_at, message.created_at) == (1_100, 1_100)


def test_a_deleted_thread_is_gone(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    thread = threads.create("ann")
    assert threads.delete("ann", thread.thread_id)
    assert threads.get("ann", thread.thread_id) is None


def test_a_broken_deployment_finds_anybodys(clock: StandingClock) -> None:
    threads = Threads(clock=clock)
    thread = threads.create("ann")
    assert threads.anybodys(thread.thread_id) is thread
    assert threads.anybodys("another") is None
