"""How long each phase may take, and how fast it should be."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from netra_testkit.errors import ConfigurationError, Problem
from netra_testkit.settings.environments import Environment
from netra_testkit.settings.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Budget", "Budgets", "Statistic", "Timeouts"]

# Every call ends within its bound plus this; closing has to fit in with room to clean up.
_GRACE = 0.5
# Each must be longer than the next: a run that outlives the call waiting for it is cut mid-way.
_HIERARCHY = ("receive", "agent", "thinking", "tool", "completion")
_PRESETS = {
    Environment.LOCAL: (2.0, 3.0, 2.0, 6.0, 5.0, 2.0, 1.5, 1.0, 0.25),
    Environment.DEVELOPMENT: (5.0, 5.0, 5.0, 15.0, 10.0, 8.0, 5.0, 3.0, 0.25),
    Environment.TEST: (5.0, 5.0, 5.0, 15.0, 10.0, 8.0, 5.0, 3.0, 0.25),
    Environment.STAGING: (10.0, 15.0, 12.0, 35.0, 30.0, 10.0, 8.0, 6.0, 0.25),
    Environment.PRODUCTION: (10.0, 15.0, 12.0, 45.0, 40.0, 20.0, 18.0, 15.0, 0.25),
}


def _number(value: object) -> float | None:
    """The number that a value is or spells, None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _bound_problems(field: str, bound: object, source: str) -> list[Problem]:
    number = None if isinstance(bound, str) else _number(bound)
    if number is not None and math.isfinite(number) and number > 0:
        return []
    return [Problem(field, source, "Give a positive, finite number of seconds.")]


def _timeout_problems(bounds: Mapping[str, object], source: Callable[[str], str]) -> list[Problem]:
    problems: list[Problem] = []
    sound: dict[str, float] = {}
    for name, bound in bounds.items():
        wrong = _bound_problems(f"timeouts.{name}", bound, source(name))
        problems += wrong
        if not wrong and isinstance(bound, (int, float)):
            sound[name] = bound
    if "close" in sound and sound["close"] >= _GRACE:
        remedy = f"{sound['close']:g} s is too long: closing happens inside {_GRACE:g} s."
        problems.append(Problem("timeouts.close", source("close"), remedy))
    for longer, shorter in itertools.pairwise(_HIERARCHY):
        if longer in sound and shorter in sound and sound[longer] <= sound[shorter]:
            pair = f"timeouts.{longer} > timeouts.{shorter}"
            sources = " and ".join(dict.fromkeys([source(longer), source(shorter)]))
            remedy = (
                f"{longer} ({sound[longer]:g} s) must be longer than "
                f"{shorter} ({sound[shorter]:g} s): raise {longer} or lower {shorter}."
            )
            problems.append(Problem(pair, sources, remedy))
    return problems


def _unknown(
    field: str, values: Iterable[str], known: list[str], source: Callable[[str], str]
) -> list[Problem]:
    problems = []
    for name in values:
        if name not in known:
            meant = " or ".join(nearest(name, known)) or "one of " + ", ".join(known)
            remedy = f"There is no such name; use {meant}."
            problems.append(Problem(f"{field}.{name}", source(name), remedy))
    return problems


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise ConfigurationError(problems=tuple(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The bounds of every phase in seconds, checked as one hierarchy.

    Attributes:
        connect: Name, TCP, TLS and upgrade.
        welcome: From the upgrade to ready.
        send: One frame.
        receive: One `receive`, `expect`, `request` or HTTP call.
        agent: One agent run.
        thinking: From sent to the first event after `agent_started`.
        tool: One pair of tool events.
        completion: From the last event to the terminal one.
        close: Closing, inside the half second that a call may outlive its bound.

    Raises:
        ConfigurationError: When a bound is not a positive, finite number, or when receive >
            agent > thinking > tool > completion does not hold.
    """

    connect: float
    welcome: float
    send: float
    receive: float
    agent: float
    thinking: float
    tool: float
    completion: float
    close: float

    def __post_init__(self) -> None:
        given = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        _refuse(_timeout_problems(given, lambda _: "argument"))

    @classmethod
    def for_environment(cls, environment: Environment | str) -> Self:
        """The preset of an environment, by name or alias."""
        named = Environment.parse(environment, source="argument")
        names = (each.name for each in dataclasses.fields(cls))
        return cls(**dict(zip(names, _PRESETS[named], strict=True)))

    @classmethod
    def read(cls, values: Mapping[str, object], *, source: Callable[[str], str]) -> Self:
        """Make them of text or numbers by name, every problem said at once.

        Args:
            values: Every bound by its name.
            source: Where the value of a name comes from, for the text of a problem.
        """
        bounds = cls.checked(values, source=source)
        return cls(**bounds)

    @classmethod
    def checked(
        cls, values: Mapping[str, object], *, source: Callable[[str], str]
    ) -> dict[str, float]:
        """Some of them as numbers, none of them wrong by itself or beside the others given.

        Args:
            values: Text or numbers by name.
            source: Where the value of a name comes from, for the text of a problem.
        """
        names = [each.name for each in dataclasses.fields(cls)]
        problems = _unknown("timeouts", values, names, source)
        bounds = {name: _number(values[name]) for name in names if name in values}
        _refuse([*problems, *_timeout_problems(bounds, source)])
        return {name: bound for name, bound in bounds.items() if bound is not None}


class Statistic(StrEnum):
    """Which figure of a sample a budget limits."""

    MEDIAN = "median"
    P95 = "p95"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One latency target.

    Attributes:
        limit: The most that the statistic may be, in seconds.
        scope: What is measured.
        statistic: Which figure of the sample is meant.
        smallest_sample: The fewest measurements that say anything.

    Raises:
        ConfigurationError: When the limit or the sample is not a positive, finite number.
    """

    limit: float
    scope: str
    statistic: Statistic = Statistic.LARGEST
    smallest_sample: int = 1

    def __post_init__(self) -> None:
        problems = _bound_problems("budget.limit", self.limit, "argument")
        if self.smallest_sample < 1:
            remedy = "Give the number of measurements, at least 1."
            problems.append(Problem("budget.smallest_sample", "argument", remedy))
        _refuse(problems)

    def __str__(self) -> str:
        return f"{self.statistic} of {self.scope} <= {self.limit:g} s (n >= {self.smallest_sample})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The latency targets of a deployment.

    Attributes:
        api_median: The typical HTTP call.
        api_p95: The slow HTTP call.
        ping: WebSocket ping to pong.
        agent_start: A start request to `agent_started`.
        message_processing: A message sent to its first event.
        message_flow: A message sent to its terminal event.
        oauth: One OAuth sign-in.
        hand_off: From one agent to the next.
        streaming_gap: The silence between two events of a stream.
    """

    api_median: Budget = Budget(
        limit=0.1, scope="HTTP calls to the API", statistic=Statistic.MEDIAN, smallest_sample=30
    )
    api_p95: Budget = Budget(
        limit=2.0, scope="HTTP calls to the API", statistic=Statistic.P95, smallest_sample=30
    )
    ping: Budget = Budget(
        limit=0.05,
        scope="WebSocket pings, sent to pong",
        statistic=Statistic.MEDIAN,
        smallest_sample=30,
    )
    agent_start: Budget = Budget(limit=0.5, scope="start requests, sent to agent_started")
    message_processing: Budget = Budget(limit=0.2, scope="messages, sent to first event")
    message_flow: Budget = Budget(limit=1.0, scope="messages, sent to terminal event")
    oauth: Budget = Budget(
        limit=2.0, scope="OAuth sign-ins", statistic=Statistic.P95, smallest_sample=30
    )
    hand_off: Budget = Budget(limit=3.0, scope="hand-offs between agents")
    streaming_gap: Budget = Budget(limit=0.1, scope="gaps between events of a stream")

    @classmethod
    def read(cls, values: Mapping[str, object], *, source: Callable[[str], str]) -> Self:
        """Override some of them, every problem said at once.

        Args:
            values: By name a whole Budget, or a limit as text or number that keeps the rest.
            source: Where the value of a name comes from, for the text of a problem.
        """
        usual = cls()
        names = [each.name for each in dataclasses.fields(cls)]
        problems = _unknown("budgets", values, names, source)
        read: dict[str, Budget] = {}
        for name in names:
            whole, value = getattr(usual, name), values.get(name, getattr(usual, name))
            if isinstance(value, Budget):
                read[name] = value
                continue
            limit = _number(value)
            problems += _bound_problems(f"budgets.{name}", limit, source(name))
            if limit is not None and not problems:
                read[name] = dataclasses.replace(whole, limit=limit)
        _refuse(problems)
        return cls(**read)
