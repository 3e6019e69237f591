"""The golden path fails where something is broken, by whose fault it is, and nowhere else."""

from __future__ import annotations

import random
import re

import pytest
from tests.golden_path import shuffled
from tests.golden_path.matrix import PAGE, checks, differences, page
from tests.golden_path.playing import CHECKS, play
from tests.golden_path.worlds import BROKEN, SOUND, WORLDS, World

from netra_testkit import Cause
from netra_testkit.local.catalogue import FAULTS

REDUCED = [world for world in WORLDS if world.reduced]
NIGHTLY = [world for world in WORLDS if not world.reduced]
FEW = 12
IN_A_ROW = 20
LONGEST_ROW = 1800


def name_of(world: World) -> str:
    return re.sub(r"\W+", "-", world.name)


@pytest.mark.parametrize("world", REDUCED, ids=name_of)
def test_what_must_fail_in_a_world_fails(world: World) -> None:
    played = world.play()
    assert list(differences(world, played)) == [], played.output


@pytest.mark.nightly
@pytest.mark.timeout(300)
@pytest.mark.parametrize("world", NIGHTLY, ids=name_of)
def test_what_must_fail_in_a_world_fails_nightly(world: World) -> None:
    played = world.play()
    assert list(differences(world, played)) == [], played.output


@pytest.mark.nightly
@pytest.mark.timeout(LONGEST_ROW)
@pytest.mark.parametrize(
    "arguments",
    [(), ("-n", "2"), ("-p", shuffled.__name__)],
    ids=["in order", "by two workers", "in any order"],
)
def test_twenty_runs_in_a_row_have_no_flake(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = []
    for number in range(IN_A_ROW):
        monkeypatch.setenv(shuffled.SEED, str(random.Random(number).random()))  # noqa: S311 - an order
        played = play(arguments=arguments)
        if len(played.held) != len(CHECKS) or played.exit_code != 0:
            flaky.append(played.output)
    assert flaky == []


def test_the_checks_are_numbered_from_1_to_25() -> None:
    assert sorted(checks()) == list(CHECKS)
    assert len(set(checks().values())) == len(CHECKS)


def test_worlds_have_names_of_their_own_and_known_causes() -> None:
    assert len({world.name for world in WORLDS}) == len(WORLDS)
    assert {cause for world in WORLDS for cause in world.kills.values()} <= set(Cause)


def test_every_fault_breaks_a_world_with_a_kill_but_one_that_can_only_be_tolerated() -> None:
    breaking = {kind for world in BROKEN if world.kills for kind in world.kinds}
    tolerated = {kind for world in SOUND if world.tolerable for kind in world.kinds}
    assert set(FAULTS) - breaking == {"later-health"} & tolerated


@pytest.mark.parametrize("world", BROKEN, ids=name_of)
def test_no_broken_world_is_without_a_kill(world: World) -> None:
    assert world.kills.keys() <= set(CHECKS)
    assert world.kills


@pytest.mark.parametrize("number", CHECKS)
def test_every_check_has_a_killer_that_kills_few_others(number: int) -> None:
    narrow = [world for world in BROKEN if number in world.kills and len(world.kills) <= FEW]
    assert narrow


@pytest.mark.parametrize("world", SOUND, ids=name_of)
def test_a_fault_in_a_sound_world_has_a_reason_to_be_tolerated(world: World) -> None:
    assert bool(world.tolerable) == bool(world.faults)
    assert not world.kills


def test_the_page_is_as_generated() -> None:
    assert PAGE.read_text("utf-8") == page()
