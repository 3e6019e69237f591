"""The catalogue of faults, and what can be said of one."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import ConfigurationError
from netra_testkit.local.faults import FAULTS, Family, Fault, FaultKind, FaultOption, Phase, Scope
from netra_testkit.wire.contract import CRITICAL_EVENTS

KINDS = list(FAULTS.values())


def name_of(kind: FaultKind) -> str:
    return kind.name


def refusal_of(kind: str, **said: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Fault(kind, **said)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_every_kind_says_what_it_does_and_what_it_breaks(kind: FaultKind) -> None:
    assert kind.summary.endswith(".")
    assert kind.breaks.endswith(".")
    assert (Scope.PHASE in kind.scopes) is bool(kind.phases)


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_every_kind_can_be_set_with_nothing_said(kind: FaultKind) -> None:
    fault = Fault(kind.name)
    assert fault.kind == kind.name
    assert set(fault.options) == set(kind.options)
    assert Fault.parse(kind.name) == fault


@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_the_defaults_are_values_of_their_options(kind: FaultKind) -> None:
    read = {name: option.read(option.default) for name, option in kind.options.items()}
    assert read == {name: option.default for name, option in kind.options.items()}


def test_the_transport_faults_are_those_of_toxiproxy_and_the_close_frame() -> None:
    assert [kind.name for kind in KINDS if kind.family is Family.TRANSPORT] == [
        "latency",
        "bandwidth",
        "slow_close",
        "timeout",
        "reset_peer",
        "slicer",
        "limit_data",
        "down",
        "close-frame",
    ]


@pytest.mark.parametrize("name", ["reset_peer", "reset-peer"])
def test_a_name_is_found_however_its_words_are_joined(name: str) -> None:
    assert FAULTS[name].name == "reset_peer"
    assert Fault(name).kind == "reset_peer"


def test_the_catalogue_is_a_mapping_that_nobody_changes() -> None:
    assert len(FAULTS) == len(list(FAULTS)) == len(KINDS)
    assert "nothing" not in FAULTS
    assert repr(FAULTS).startswith("FAULTS(latency, ")
    assert not hasattr(FAULTS, "__setitem__")


def test_lost_events_are_those_of_a_run() -> None:
    assert FAULTS["lost-event"].options["type"].choices == tuple(CRITICAL_EVENTS)


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("down", Fault("down")),
        (" down ", Fault("down")),
        ("DOWN:", Fault("down")),
        ("close:code=1011,phase=mid-run", Fault("close", code=1011, phase="mid-run")),
        ("close:phase=before_welcome", Fault("close", phase=Phase.BEFORE_WELCOME)),
        ("close-frame:reason=a%2Cb=c", Fault("close-frame", reason="a,b=c")),
        ("status: status = 503 , plain", Fault("status", status=503, plain=True)),
        ("status:plain=no,retry-after=3", Fault("status", retry_after=3)),
        ("startup:retry_after=none", Fault("startup", retry_after=None)),
        ("latency:latency=20,route=/api/*", Fault("latency", latency=20, route="/api/*")),
        (
            "mute:user=u,probability=0.5,seed=-3,count=2,seconds=1.5",
            Fault("mute", user="u", probability=0.5, seed=-3, count=2, seconds=1.5),
        ),
    ],
    ids=str,
)
def test_a_text_describes_a_fault(spec: str, meant: Fault) -> None:
    assert Fault.parse(spec) == meant
    assert Fault.parse(str(meant)) == meant


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"kind": "closse"}, "There is no fault 'closse'; use close."),
        ({"kind": "zzz"}, "use one that `serve --faults` lists"),
        ({"kind": "close", "cod": 1}, "There is no option 'cod'; use code."),
        ({"kind": "down", "zzz": 1}, "use one of route, phase"),
        ({"kind": "down", "user": "u"}, "It cannot be narrowed to a user, only to route."),
        ({"kind": "e2e-off", "route": "/"}, "only to nothing."),
        ({"kind": "close", "phase": "http"}, "phase is one of after-welcome, upgrade"),
        ({"kind": "close", "code": 999}, "code is at least 1000, not 999."),
        ({"kind": "close", "code": 5000}, "code is at most 4999, not 5000."),
        ({"kind": "close", "code": 1000.5}, "code is a whole number, not 1000.5."),
        ({"kind": "close", "code": True}, "code is a whole number, not True."),
        ({"kind": "close", "code": "many"}, "code is a whole number, not 'many'."),
        ({"kind": "close", "code": 10**400}, "code is a whole number, not 1000"),
        ({"kind": "close", "code": None}, "code is a whole number, not None."),
        ({"kind": "close", "code": 1006}, "code is a number that may be sent, not 1006."),
        ({"kind": "close", "code": 2999}, "code is a number that may be sent, not 2999."),
        ({"kind": "close", "reason": "é" * 62}, "reason is at most 123 bytes long, not 124."),
        ({"kind": "close", "reason": "\ud800"}, "reason is a text that UTF-8 can carry"),
        ({"kind": "mute", "user": "\ud800"}, "user is a text that UTF-8 can carry"),
        ({"kind": "close", "reason": 3}, "reason is a text, not 3."),
        ({"kind": "latency", "latency": float("nan")}, "latency is a number, not nan."),
        ({"kind": "status", "plain": "maybe"}, "plain is true or false, not 'maybe'."),
        ({"kind": "lost-event", "type": "ping"}, "type is one of agent_started"),
        ({"kind": "mute", "probability": 1.5}, "probability is at most 1, not 1.5."),
        ({"kind": "mute", "count": 0}, "count is at least 1, not 0."),
        ({"kind": "mute", "seconds": -1}, "seconds is at least 0, not -1."),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_what_can(said: dict[str, Any], reason: str) -> None:
    assert reason in refusal_of(**said)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Fault.parse("close:code=1,phase=never,colour=red", source="a test")
    assert [each.field for each in caught.value.problems] == ["fault close"] * 3
    assert {each.source for each in caught.value.problems} == {"a test"}


def test_seconds_are_how_long_a_fault_lasts() -> None:
    assert Fault("mute", seconds=3).seconds == 3


def test_the_seconds_of_a_start_up_are_both() -> None:
    fault = Fault("startup", seconds=3)
    assert (fault.seconds, fault.options["seconds"]) == (3, 3)
    assert Fault("startup").seconds == 10


def test_seconds_of_its_own_do_not_end_a_fault() -> None:
    fault = Fault("token-skew", seconds=-60)
    assert (fault.seconds, fault.options["seconds"]) == (None, -60)
    assert Fault("late-reply").options["seconds"] == 2


def test_a_fault_with_phases_acts_in_the_first_when_none_is_named() -> None:
    assert Fault("close").phase is Phase.AFTER_WELCOME


def test_a_fault_is_a_value() -> None:
    fault = Fault("close", code=4001)
    assert pickle.loads(pickle.dumps(fault)) == fault  # noqa: S301 - our own
    assert copy.deepcopy(fault) == fault
    assert {fault, Fault("close", code=4001)} == {fault}
    with pytest.raises(AttributeError):
        fault.kind = "down"  # type: ignore[misc]
    with pytest.raises(TypeError):
        fault.options["code"] = 1  # type: ignore[index]


def test_a_numeric_option_is_read_as_a_number() -> None:
    assert Fault("close").number("code") == 1011
    with pytest.raises(TypeError, match="reason of close is no number"):
        Fault("close").number("reason")
    with pytest.raises(TypeError, match="no number"):
        Fault("status").number("retry_after")


@pytest.mark.parametrize(
    ("route", "path", "covered"),
    [
        ("/ws", "/ws", True),
        ("/ws", "/ws/health", False),
        ("/ws*", "/ws/health", True),
        ("*", "/anything\n", True),
        ("/api/threads/{id}", "/api/threads/7", True),
        ("/api/threads/{id}", "/api/threads/7/messages", False),
        ("/api/threads/{id}/messages", "/api/threads/7/messages", True),
        ("/a.c", "/abc", False),
        ("/{", "/{", True),
    ],
)
def test_a_route_is_a_pattern_of_paths(route: str, path: str, *, covered: bool) -> None:
    assert Fault("down", route=route).matches(route=path, phase=None, user=None) is covered


@pytest.mark.parametrize(
    ("place", "covered"),
    [
        ({"route": "/x", "phase": None, "user": "a"}, True),
        ({"route": "/x", "phase": "http", "user": "a"}, True),
        ({"route": "/x", "phase": None, "user": "b"}, False),
        ({"route": "/x", "phase": None, "user": None}, False),
        ({"route": None, "phase": None, "user": "a"}, False),
    ],
)
def test_a_fault_covers_what_it_is_not_narrowed_to(place: dict[str, Any], *, covered: bool) -> None:
    assert Fault("status", route="/x", user="a").matches(**place) is covered


def test_a_fault_of_one_phase_covers_no_other() -> None:
    fault = Fault("close", phase="mid-run")
    assert fault.matches(route=None, phase="mid-run", user=None)
    assert not fault.matches(route=None, phase="upgrade", user=None)


def values_of(option: FaultOption) -> st.SearchStrategy[Any]:
    if option.choices:
        return st.sampled_from(option.choices)
    if option.type is bool:
        return st.booleans()
    if option.type is str:
        return st.text(st.characters(codec="utf-8"), min_size=1).filter(
            lambda text: text == text.strip() and len(text.encode()) <= (option.longest or 10_000)
        )
    lowest = -1e9 if option.lowest is None else option.lowest
    highest = 1e9 if option.highest is None else option.highest
    if option.type is int:
        numbers = st.integers(int(lowest), int(highest))
        return numbers.filter(lambda number: number not in option.excluded)
    return st.floats(lowest, highest)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(KINDS))
    text = values_of(FaultOption(default="", type=str))
    said: dict[str, Any] = {"probability": draw(st.floats(0, 1)), "seed": draw(st.integers(0, 99))}
    if Scope.ROUTE in kind.scopes:
        said["route"] = draw(text)
    if kind.phases:
        said["phase"] = draw(st.sampled_from(kind.phases))
    said |= {name: draw(values_of(option)) for name, option in kind.options.items()}
    return Fault(kind.name, **said)


@given(faults())
def test_the_text_of_a_fault_describes_it(fault: Fault) -> None:
    assert Fault.parse(str(fault)) == fault


@given(st.text())
def test_any_text_is_a_fault_or_is_refused(text: str) -> None:
    kind = text.partition(":")[0].strip().lower()
    try:
        fault = Fault.parse(text)
    except ConfigurationError:
        return
    assert fault.kind == FAULTS[kind].name
