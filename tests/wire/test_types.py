from __future__ import annotations

import json
from collections import UserString
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import ConfigurationError, UnknownMessageType, WireError
from netra_testkit.wire.types import MESSAGE_TYPES, Direction, MessageType, with_aliases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TABLE: dict[str, Any] = json.loads(
    Path(__file__).with_name("data").joinpath("message_types.json").read_text("utf-8")
)
DIRECTIONS: dict[str, str] = {
    value: direction for group in TABLE["groups"].values() for value, direction in group.items()
}
ALIASES: dict[str, str] = TABLE["aliases"]
CRITICAL = (
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
)

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda name: name,
    "shouted": str.upper,
    "capitalised": str.title,
    "with a long s": lambda name: name.replace("s", "\N{LATIN SMALL LETTER LONG S}"),
    "padded": lambda name: f" \t{name}\n",
    "with hyphens": lambda name: name.replace("_", "-"),
    "with spaces": lambda name: name.replace("_", " "),
}


def test_the_members_are_exactly_the_ones_of_the_protocol() -> None:
    assert sorted(MessageType) == sorted(DIRECTIONS)


@pytest.mark.parametrize("kind", MessageType)
def test_a_member_is_named_after_its_value(kind: MessageType) -> None:
    assert kind.name == kind.value.upper()


@pytest.mark.parametrize("value", DIRECTIONS)
def test_every_type_has_its_direction(value: str) -> None:
    assert MessageType.parse(value).direction is Direction(DIRECTIONS[value])


@pytest.mark.parametrize("kind", MessageType)
def test_every_type_has_its_name_towards_the_browser(kind: MessageType) -> None:
    assert kind.browser_name == TABLE["browser_names"].get(kind.value, kind.value)


def test_the_table_holds_canonical_names_and_aliases_and_nothing_else() -> None:
    assert dict(MESSAGE_TYPES) == {**{value: value for value in DIRECTIONS}, **ALIASES}


def test_an_alias_is_never_a_member() -> None:
    assert [alias for alias in ALIASES if alias in set(MessageType)] == []


def test_the_table_is_read_only() -> None:
    with pytest.raises(TypeError):
        MESSAGE_TYPES["run_agent"] = MessageType.START_AGENT  # type: ignore[index]
    assert "run_agent" not in MESSAGE_TYPES


@pytest.mark.parametrize("name", [*DIRECTIONS, *ALIASES])
def test_a_name_is_found_in_every_spelling(name: str) -> None:
    expected = dict.fromkeys(SPELLINGS, MessageType(ALIASES.get(name, name)))
    assert {each: MessageType.parse(spell(name)) for each, spell in SPELLINGS.items()} == expected
    assert {each: MessageType.find(spell(name)) for each, spell in SPELLINGS.items()} == expected


@pytest.mark.parametrize("kind", MessageType)
def test_a_member_stands_for_itself(kind: MessageType) -> None:
    assert MessageType.parse(kind) is kind
    assert MessageType.find(kind) is kind


@pytest.mark.parametrize("value", CRITICAL)
def test_the_five_critical_events_keep_their_own_members(value: str) -> None:
    kind = MessageType.parse(value)
    assert (kind.value, kind.browser_name, kind.direction) == (value, value, Direction.EVENT)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("excute_agent", "execute_agent"),
        ("Agent-Thinkin", "agent_thinking"),
        ("tool_complted", "tool_completed"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_ones(name: str, nearest: str) -> None:
    with pytest.raises(UnknownMessageType) as caught:
        MessageType.parse(name)
    assert caught.value.name == name
    assert caught.value.nearest[0] == nearest
    assert nearest in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "nothing like it", "MessageType.USER_TYPING", "ping!"])
def test_find_gives_none_for_an_unknown_name(name: str) -> None:
    assert MessageType.find(name) is None


def test_an_unknown_name_in_an_error_is_bounded() -> None:
    with pytest.raises(UnknownMessageType) as caught:
        MessageType.parse("x" * 1_000_000)
    assert len(caught.value.name) <= 200
    assert caught.value.nearest == ()


@pytest.mark.parametrize(
    "name",
    [None, 1, 1.0, True, b"ping", ["ping"], {"ping": 1}, {"ping"}, UserString("ping"), object()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_text_is_a_type_error(name: object) -> None:
    for look_up in (MessageType.parse, MessageType.find):
        with pytest.raises(TypeError, match="a message type is a str or a MessageType"):
            look_up(name)  # type: ignore[arg-type] # what is tested


@given(st.text())
def test_any_text_is_known_or_refused(name: str) -> None:
    found = MessageType.find(name)
    if found is not None:
        assert MessageType.parse(name) is found
    else:
        with pytest.raises(WireError):
            MessageType.parse(name)


EXTRAS: dict[str, Any] = {
    "a table made of them": with_aliases({"Run-Agent": "execute_agent"}),
    "as they are": {"run_agent": "start_agent"},
    "as they are, with members": {"run_agent": MessageType.START_AGENT},
    "the whole table and one more": {**MESSAGE_TYPES, "run_agent": MessageType.START_AGENT},
    "an alias for an alias": {"run_agent": "Execute Agent"},
}


@pytest.mark.parametrize("aliases", EXTRAS.values(), ids=EXTRAS)
def test_a_products_own_alias_is_known_where_it_is_handed_in(aliases: Mapping[str, str]) -> None:
    assert MessageType.parse("run_agent", aliases=aliases) is MessageType.START_AGENT
    assert MessageType.find(" RUN AGENT ", aliases=aliases) is MessageType.START_AGENT
    assert MessageType.find("run_agent") is None


@pytest.mark.parametrize("aliases", EXTRAS.values(), ids=EXTRAS)
def test_the_table_stays_known_beside_a_products_own_aliases(aliases: Mapping[str, str]) -> None:
    assert MessageType.parse("execute_agent", aliases=aliases) is MessageType.START_AGENT
    assert MessageType.parse("PING", aliases=aliases) is MessageType.PING
    assert MessageType.find("nothing like it", aliases=aliases) is None


def test_an_alias_spelled_in_its_own_way_is_found_as_it_is_spelled() -> None:
    assert MessageType.find("Run!", aliases={"Run!": "start_agent"}) is MessageType.START_AGENT


def test_a_products_own_alias_is_suggested() -> None:
    with pytest.raises(UnknownMessageType) as caught:
        MessageType.parse("runn_agentt", aliases={"runn_agent": "start_agent"})
    assert caught.value.nearest[0] == "runn_agent"


def test_without_aliases_of_its_own_a_product_gets_the_table_itself() -> None:
    assert with_aliases({}) is MESSAGE_TYPES


def test_a_table_with_aliases_is_read_only() -> None:
    with pytest.raises(TypeError):
        with_aliases({"run_agent": "chat"})["run_agent"] = MessageType.PING  # type: ignore[index]


def test_an_alias_that_repeats_the_table_is_harmless() -> None:
    assert dict(with_aliases({"execute_agent": "start_agent"})) == dict(MESSAGE_TYPES)


WRONG = {
    "it contradicts a member": ({"ping": "pong"}, "ping"),
    "it contradicts an alias": ({"Execute Agent": "stop_agent"}, "Execute Agent"),
    "it leads nowhere": ({"run_agent": "start_agnt"}, "run_agent"),
}


@pytest.mark.parametrize(("extra", "name"), WRONG.values(), ids=WRONG)
def test_an_alias_that_cannot_be_meant_is_a_configuration_error(
    extra: dict[str, str], name: str
) -> None:
    with pytest.raises(ConfigurationError) as made:
        with_aliases(extra)
    with pytest.raises(ConfigurationError) as used:
        MessageType.parse(name, aliases=extra)
    for caught in (made, used):
        [problem] = caught.value.problems
        assert problem.field == f"extra_aliases[{name!r}]"


def test_every_wrong_alias_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_aliases({"ping": "pong", " ": "chat", "go": "nowhere", "run": "chat", "Run": "ping"})
    named = [problem.field for problem in caught.value.problems]
    assert named == [f"extra_aliases[{name!r}]" for name in ("ping", " ", "go", "Run")]


@pytest.mark.parametrize("extra", [{1: "ping"}, {"run": 1}], ids=["alias", "type"])
def test_an_alias_that_is_no_text_is_a_type_error(extra: dict[str, str]) -> None:
    with pytest.raises(TypeError):
        with_aliases(extra)
