"""The page about the wire says what the tables of the kit say."""

from __future__ import annotations

import re

import httpx
import pytest
from starlette.routing import Route
from tests.docs.pages import ROOT

from netra_testkit import AUTH_ERROR_CODES, CRITICAL_EVENTS, MESSAGE_TYPES, MessageType
from netra_testkit.local.routes import all_routes
from netra_testkit.local.staging import LocalStaging
from netra_testkit.wire import synonyms

PAGE = (ROOT / "docs" / "wire.md").read_text("utf-8")


def table(head: str) -> dict[str, list[str]]:
    """The names in the last column of a table, by what stands in the first."""
    _, _, after = PAGE.partition(f"| {head} |")
    rows = after.partition("\n\n")[0].splitlines()[2:]
    cells = [row.strip("| ").split(" | ") for row in rows]
    return {cell[0]: re.findall(r"`([\w.]+)`", cell[-1]) for cell in cells}


def test_every_type_is_in_one_group() -> None:
    listed = [name for names in table("group").values() for name in names]
    assert sorted(listed) == sorted(MessageType)


def test_every_alias_is_listed_with_its_type() -> None:
    listed = {
        name: canonical
        for cell, [canonical] in table("alias").items()
        for name in re.findall(r"`(\w+)`", cell)
    }
    assert listed == {name: kind for name, kind in MESSAGE_TYPES.items() if name != kind}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("agent", synonyms.AGENT),
        ("tool", synonyms.TOOL),
        ("thought", synonyms.THOUGHT),
        ("arguments", synonyms.ARGUMENTS),
        ("result", synonyms.RESULT),
        ("a user's request", synonyms.REQUEST_TEXT),
    ],
)
def test_names_of_one_value_are_listed_in_their_order(value: str, names: tuple[str, ...]) -> None:
    assert table("value")[value] == list(names)


def test_the_critical_events_are_listed_in_their_order() -> None:
    [listed] = re.findall(r"critical events\n\n(.*?):", PAGE)
    assert re.findall(r"`([a-z_]+)`", listed) == list(map(str, CRITICAL_EVENTS))


def test_codes_of_authentication_are_named_somewhere() -> None:
    assert AUTH_ERROR_CODES & set(re.findall(r"[A-Z_]{6,}", PAGE))


def listed_routes() -> dict[tuple[str, str], str]:
    rows = PAGE.partition("| endpoint | token |")[2].partition("\n\n")[0].splitlines()
    return {
        (method, path): row.strip("| ").split(" | ")[-1]
        for row in rows
        for method, path in re.findall(r"`(GET|POST|PUT|DELETE) ([\w/{}-]+)", row)
    }


def test_every_route_of_the_embedded_staging_is_listed() -> None:
    served = {
        (method, re.sub(r"{\w*id}", "{id}", route.path))
        for route in all_routes()
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
        if route.path != "/auth/provider/authorize"  # it plays somebody else's site
    }
    assert served == set(listed_routes())


def test_routes_ask_for_a_token_as_listed() -> None:
    listed = listed_routes()
    with LocalStaging() as server, httpx.Client(base_url=server.url, trust_env=False) as anybody:
        for (method, path), token in listed.items():
            if path not in {"/api/events/stream", "/auth/e2e/test-auth"}:
                status = anybody.request(method, path.replace("{id}", "x"), json={}).status_code
                assert (status in {401, 403}) == (token not in {"none", "optional"}), path
