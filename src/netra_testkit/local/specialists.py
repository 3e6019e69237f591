"""The agents and what each does, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from netra_testkit.wire.events import agent_key

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "SPECIALISTS",
    "HandOver",
    "Specialist",
    "Step",
    "Think",
    "Use",
    "specialist_named",
]


@dataclass(frozen=True, slots=True)
class Think:
    """An agent says what it considers; `{text}` stands for the request."""

    thought: str


@dataclass(frozen=True, slots=True)
class Use:
    """An agent uses a tool."""

    tool: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """An agent hands over to another; None for the one that fits the request."""

    agent: str | None


Step: TypeAlias = Think | Use | HandOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Specialist:
    """One agent.

    Attributes:
        name: Its name.
        description: What it is for, in one line.
        steps: What it does between its start and its completion.
        conclusion: How its answer begins.
    """

    name: str
    description: str
    steps: tuple[Step, ...]
    conclusion: str


_ALL = (
    Specialist(
        name="triage",
        description="Finds out what a request is about",
        steps=(
            Think('Reading the request "{text}".'),
            Use("request_classifier"),
            Use("keyword_extractor"),
            Think("Weighing which specialist it is for."),
        ),
        conclusion="The request is sorted",
    ),
    Specialist(
        name="data",
        description="Looks at the figures behind a request",
        steps=(
            Think('Collecting the figures for "{text}".'),
            Use("usage_statistics"),
            Use("text_statistics"),
            Think("Comparing them with the period before."),
        ),
        conclusion="The figures are collected",
    ),
    Specialist(
        name="optimization",
        description="Finds out what could cost less",
        steps=(
            Think('Looking for savings in "{text}".'),
            Use("cost_estimator"),
            Use("cost_optimizer"),
            Use("unit_converter"),
            Think("Ordering the proposals by what they save."),
        ),
        conclusion="The proposals are ready",
    ),
    Specialist(
        name="reporting",
        description="Puts results together for a reader",
        steps=(
            Think('Putting the report on "{text}" together.'),
            Use("calculator"),
            Use("ranking"),
            Use("report_formatter"),
        ),
        conclusion="The report is written",
    ),
    Specialist(
        name="supervisor",
        description="Plans, hands over to the others, and sums up",
        steps=(
            Think('Planning how to answer "{text}".'),
            Use("planner"),
            HandOver("triage"),
            HandOver(None),
            HandOver("reporting"),
            Think("Summing up what the specialists found."),
        ),
        conclusion="The specialists are done",
    ),
)

SPECIALISTS: Mapping[str, Specialist] = MappingProxyType({each.name: each for each in _ALL})
"""Every agent by its name; read-only."""


def specialist_named(name: str) -> Specialist | None:
    """The agent that a client means, who may decorate its name: `UnifiedDataAgent` is data.

    Args:
        name: As the client wrote it.
    """
    asked = agent_key(name)
    return next((each for each in _ALL if each.name in asked), None)
