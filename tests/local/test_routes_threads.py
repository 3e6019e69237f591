"""Threads and messages: kept, paged, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.local.bare import ALICE, BOB
from tests.local.web import Web, said_wrong, served

from netra_testkit.local.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from netra_testkit.settings.users import StagingUser


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with served() as served_here:
        yield served_here


@pytest.fixture(autouse=True)
def nothing_is_left(web: Web) -> None:
    web.server.reset()


def new_thread(web: Web, user: StagingUser = ALICE, **body: Any) -> str:
    thread_id: str = web("POST", "/api/threads", user=user, json=body).json()["id"]
    return thread_id


def post(web: Web, thread_id: str, *contents: str, user: StagingUser = ALICE) -> None:
    for content in contents:
        path = f"/api/threads/{thread_id}/messages"
        assert web("POST", path, user=user, json={"content": content}).status_code == 200


def history(web: Web, thread_id: str, user: StagingUser = ALICE) -> list[str]:
    answer = web("GET", f"/api/threads/{thread_id}/messages", user=user)
    return [each["content"] for each in answer.json()["messages"]]


def test_a_thread_is_kept_as_it_was_made(web: Web) -> None:
    made = web(
        "POST", "/api/threads", user=ALICE, json={"title": "plans", "metadata": {"n": [1, None]}}
    ).json()
    assert (made["object"], made["title"], made["metadata"], made["message_count"]) == (
        "thread",
        "plans",
        {"n": [1, None]},
        0,
    )
    assert web("GET", f"/api/threads/{made['id']}", user=ALICE).json() == made


def test_a_thread_needs_no_body(web: Web) -> None:
    answer = web("POST", "/api/threads", user=ALICE)
    assert (answer.status_code, answer.json()["title"]) == (200, "")


def test_a_change_changes_what_it_says(web: Web) -> None:
    thread_id = new_thread(web, title="plans", metadata={"a": 1})
    path = f"/api/threads/{thread_id}"
    changed = web("PUT", path, user=ALICE, json={"title": "done"}).json()
    assert (changed["title"], changed["metadata"]) == ("done", {"a": 1})
    changed = web("PUT", path, user=ALICE, json={"metadata": {}}).json()
    assert (changed["title"], changed["metadata"]) == ("done", {})
    assert web("GET", path, user=ALICE).json() == changed


def test_a_deleted_thread_is_gone(web: Web) -> None:
    thread_id = new_thread(web)
    path = f"/api/threads/{thread_id}"
    assert web("DELETE", path, user=ALICE).json() == {
        "id": thread_id,
        "object": "thread.deleted",
        "deleted": True,
    }
    assert said_wrong(web("GET", path, user=ALICE)) == "THREAD_NOT_FOUND"


def test_messages_are_kept_in_order(web: Web) -> None:
    thread_id = new_thread(web)
    post(web, thread_id, "one", "two", "three")
    assert history(web, thread_id) == ["one", "two", "three"]
    thread = web("GET", f"/api/threads/{thread_id}", user=ALICE).json()
    assert thread["message_count"] == 3


def test_a_message_is_answered_as_it_is_kept(web: Web) -> None:
    thread_id = new_thread(web)
    body = {"content": "hello", "thread_id": thread_id, "metadata": {"a": 1}}
    answer = web("POST", "/api/chat/messages", user=ALICE, json=body).json()
    assert answer["status"] == "created"
    kept = web("GET", f"/api/threads/{thread_id}/messages", user=ALICE).json()["messages"]
    assert kept == [answer["message"]]
    assert (kept[0]["role"], kept[0]["metadata"]) == ("user", {"a": 1})


def test_a_chat_message_without_thread_makes_one(web: Web) -> None:
    answer = web("POST", "/api/chat/messages", user=ALICE, json={"content": "hello"})
    assert history(web, answer.json()["message"]["thread_id"]) == ["hello"]


def test_the_chat_shows_all_threads_or_one(web: Web) -> None:
    first, second = new_thread(web), new_thread(web)
    post(web, second, "one")
    post(web, first, "two")
    whole = web("GET", "/api/chat/messages", user=ALICE).json()
    assert [each["content"] for each in whole["messages"]] == ["one", "two"]
    one = web("GET", "/api/chat/messages", user=ALICE, params={"thread_id": first}).json()
    assert [each["content"] for each in one["messages"]] == ["two"]


@pytest.mark.parametrize(
    ("query", "shown", "more"),
    [
        ({}, [f"{number}" for number in range(5)], False),
        ({"page_size": "2"}, ["0", "1"], True),
        ({"page": "2", "page_size": "2"}, ["2", "3"], True),
        ({"page": "3", "page_size": "2"}, ["4"], False),
        ({"page": "1", "page_size": "5"}, ["0", "1", "2", "3", "4"], False),
        ({"page": "9"}, [], False),
        ({"page": "999999999", "page_size": "100"}, [], False),
    ],
    ids=str,
)
def test_a_page_is_a_part_of_the_whole(
    web: Web, query: dict[str, str], shown: list[str], *, more: bool
) -> None:
    thread_id = new_thread(web)
    post(web, thread_id, *"01234")
    for path in (f"/api/threads/{thread_id}/messages", "/api/chat/messages"):
        page = web("GET", path, user=ALICE, params=query).json()
        assert [each["content"] for each in page["messages"]] == shown
        assert (page["total_count"], page["has_more"]) == (5, more)
        assert page["page"] == int(query.get("page", "1"))
        assert page["page_size"] == int(query.get("page_size", "50"))


def test_threads_are_paged_the_latest_first(web: Web) -> None:
    made = [new_thread(web) for _ in range(3)]
    page = web("GET", "/api/threads", user=ALICE, params={"page_size": "2"}).json()
    assert [each["id"] for each in page["threads"]] == [made[2], made[1]]
    assert (page["total_count"], page["has_more"]) == (3, True)


@pytest.mark.parametrize("path", ["/api/threads", "/api/chat/messages"])
@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=",
        "page=1.0",
        "page=" + "9" * 5000,
        "page=%D9%A3",
        "page_size=0",
        "page_size=101",
        "page_size=%00",
    ],
    ids=lambda query: query[:20],
)
def test_a_page_that_cannot_be_is_refused(web: Web, path: str, query: str) -> None:
    answer = web("GET", f"{path}?{query}", user=ALICE)
    assert (answer.status_code, said_wrong(answer)) == (422, "VALIDATION_ERROR")
    [problem] = answer.json()["details"]["problems"]
    assert problem["field"] == query.partition("=")[0]


def every_way_to(thread_id: str, user: StagingUser, web: Web) -> Iterator[httpx.Response]:
    """Every request that names a thread."""
    path = f"/api/threads/{thread_id}"
    content = {"content": "mine now"}
    yield web("GET", path, user=user)
    yield web("PUT", path, user=user, json={"title": "mine now"})
    yield web("GET", f"{path}/messages", user=user)
    yield web("POST", f"{path}/messages", user=user, json=content)
    yield web("GET", "/api/chat/messages", user=user, params={"thread_id": thread_id})
    yield web("POST", "/api/chat/messages", user=user, json={**content, "thread_id": thread_id})
    yield web("DELETE", path, user=user)


def test_a_thread_of_another_cannot_be_told_from_none(web: Web) -> None:
    thread_id = new_thread(web, title="hers")
    post(web, thread_id, "a secret")
    foreign = [without_ids(each) for each in every_way_to(thread_id, BOB, web)]
    none = [without_ids(each) for each in every_way_to("thread_none", BOB, web)]
    assert foreign == none
    assert {status for status, _ in foreign} == {404}
    assert web("GET", "/api/threads", user=BOB).json()["threads"] == []
    assert web("GET", "/api/chat/messages", user=BOB).json()["messages"] == []
    assert history(web, thread_id) == ["a secret"]


def without_ids(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
    """What an answer says, but for what differs from one request to the next."""
    body = answer.json()
    for name in ("request_id", "trace_id", "timestamp"):
        del body[name]
    return answer.status_code, body


@pytest.mark.parametrize("thread_id", ["%00", "%2e%2e", "x" * 2000, "%F0%9F%8E%89", "%ff"])
def test_whatever_a_thread_is_called_it_is_not_found(web: Web, thread_id: str) -> None:
    assert web("GET", f"/api/threads/{thread_id}", user=ALICE).status_code == 404


def test_a_restart_keeps_what_was_said_and_a_reset_does_not() -> None:
    with served() as own:
        thread_id = new_thread(own)
        post(own, thread_id, "hello")
        own.server.restart()
        assert history(own, thread_id) == ["hello"]
        own.server.reset()
        assert own("GET", f"/api/threads/{thread_id}", user=ALICE).status_code == 404


def test_without_isolation_anybody_is_served(web: Web) -> None:
    thread_id = new_thread(web, title="hers")
    post(web, thread_id, "a secret")
    with web.broken(Fault("foreign-thread")):
        assert history(web, thread_id, BOB) == ["a secret"]
        [listed] = web("GET", "/api/threads", user=BOB).json()["threads"]
        assert listed["id"] == thread_id
        assert web("GET", "/api/threads/thread_none", user=BOB).status_code == 404
        answers = list(every_way_to(thread_id, BOB, web))
    assert {each.status_code for each in answers} == {200}


def test_isolation_may_be_missing_for_one_user(web: Web) -> None:
    thread_id = new_thread(web)
    with web.broken(Fault("foreign-thread", user="somebody-else")):
        assert web("GET", f"/api/threads/{thread_id}", user=BOB).status_code == 404


def test_what_is_forgotten_was_confirmed(web: Web) -> None:
    thread_id = new_thread(web)
    with web.broken(Fault("not-persisted", count=1)):
        post(web, thread_id, "forgotten", "kept")
    assert history(web, thread_id) == ["kept"]


def test_what_is_still_there_was_confirmed_to_be_deleted(web: Web) -> None:
    thread_id = new_thread(web)
    with web.broken(Fault("not-deleted", count=1)):
        for status in (200, 404):
            answer = web("DELETE", f"/api/threads/{thread_id}", user=ALICE)
            assert answer.json()["deleted"] is True
            assert web("GET", f"/api/threads/{thread_id}", user=ALICE).status_code == status


def test_a_history_can_be_out_of_order(web: Web) -> None:
    thread_id = new_thread(web)
    post(web, thread_id, "one", "two", "three")
    with web.broken(Fault("unordered-history")):
        assert history(web, thread_id) == ["three", "two", "one"]
    assert history(web, thread_id) == ["one", "two", "three"]
