"""A slow and obvious judge of runs, to hold the fast one against.

It reads plain dicts in the usual form and shares no code with the package. Every question is
answered by going over everything from the start again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

Step: TypeAlias = dict[str, Any]

QUIET: Step = {"nothing comes for too long": True}

FIVE = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
NO_TOOLS = ["agent_started", "agent_thinking", "agent_completed"]
AGENT_EVENTS = [
    *FIVE,
    "agent_error",
    "agent_death",
    "agent_timeout_failure",
    "agent_cancelled",
    "agent_stopped",
]


@dataclass(frozen=True)
class Request:
    """What was asked, and what is known of it from the start."""

    agent: str
    run_id: str | None
    thread_id: str | None
    user_id: str | None
    message_id: str | None
    alone: bool


@dataclass(frozen=True)
class Verdict:
    """What the judge says."""

    broken: frozenset[str]
    missing: frozenset[str]
    outcome: str
    breach: bool


def judge(request: Request, steps: list[Step], contract: str) -> Verdict:
    events, breach, left = heard(request, steps)
    ending = how_ended(request, events, left)
    counted = events[: how_many_count(request, events, left)]
    missing = [kind for kind in FIVE if not any(event["type"] == kind for event in counted)]
    needed = NO_TOOLS if contract == "without_tools" else FIVE
    thread = known("thread_id", request.thread_id, counted)
    questions = {
        "same_user": breach,
        "started_first": not_started_first(request, counted),
        "essential_field": any(lacks_something(event) for event in counted),
        "same_thread": any(event.get("thread_id") not in (None, thread) for event in counted),
        "failure_told": ending == "completed" and hides_a_failure(counted),
        "nested_ended": contract == "balanced" and open_agents(request, counted) != [],
        "ended": ending == "open",
        "outer_completed": ending == "left",
        "succeeded": ending in ("failed", "cancelled"),
        "nothing_after_the_end": len(events) > len(counted),
        "all_kinds": any(kind in missing for kind in needed),
    }
    broken = {name for name, answer in questions.items() if answer} | tool_rules(counted)
    outcome = "open" if ending == "open" else "failed"
    if ending == "completed" and not missing:
        outcome = "delivered"
    return Verdict(frozenset(broken), frozenset(missing), outcome, breach)


def heard(request: Request, steps: list[Step]) -> tuple[list[Step], bool, int | None]:
    """The run's own events, whether one was for another user, and where the run was left."""
    events: list[Step] = []
    breach = False
    left = None
    for step in steps:
        if step is QUIET:
            if how_ended(request, events, left) == "open" and ends_nested(request, events):
                left = len(events)
        elif concerns(request, events, step):
            if another_user(request, events, step):
                breach = True
            elif is_own(request, events, step):
                events.append(step)
    return events, breach, left


# Whose is it?


def known(name: str, given: str | None, events: list[Step]) -> str | None:
    """What was given, else what the first event that says it says."""
    if given is not None:
        return given
    for event in events:
        if event.get(name) is not None:
            said: str = event[name]
            return said
    return None


def concerns(request: Request, events: list[Step], step: Step) -> bool:
    """An agent event always; an error frame when it names the run or comes before everything."""
    if step["type"] in AGENT_EVENTS:
        return True
    if step["type"] != "error_message":
        return False
    run = known("run_id", request.run_id, events)
    if run is not None and step.get("run_id") == run:
        return True
    return answers(request, step) or (events == [] and is_own(request, events, step))


def answers(request: Request, step: Step) -> bool:
    if request.message_id is None:
        return False
    return request.message_id in (step.get("message_id"), step.get("request_id"))


def another_user(request: Request, events: list[Step], step: Step) -> bool:
    user = known("user_id", request.user_id, events)
    return user is not None and step.get("user_id") not in (None, user)


def is_own(request: Request, events: list[Step], step: Step) -> bool:
    run = known("run_id", request.run_id, events)
    thread = known("thread_id", request.thread_id, events)
    if step["type"] == "error_message" and answers(request, step):
        return True
    if run is not None and step.get("run_id") is not None:
        return bool(step["run_id"] == run)
    if answers(request, step):
        return True
    if not request.alone:
        return False
    return thread is None or step.get("thread_id") in (None, thread)


# Whose agent, and where does the run end?


def agent_of(event: Step) -> str | None:
    for name in ("agent", "agent_id"):
        said = event["data"].get(name)
        if said:
            return str(said)
    return None


def bare(name: str) -> str:
    return re.sub("(sub)?agent$", "", re.sub("[^a-z]", "", name.lower()))


def outer_of(request: Request, events: list[Step]) -> str:
    if events and events[0]["type"] == "agent_started":
        return agent_of(events[0]) or request.agent
    return request.agent


def open_agents(request: Request, events: list[Step]) -> list[str]:
    """The nested agents that have started and not ended."""
    outer = bare(outer_of(request, events))
    waiting: list[str] = []
    for event in events:
        agent = agent_of(event)
        if agent is None or bare(agent) == outer:
            continue
        if event["type"] == "agent_started":
            waiting.append(bare(agent))
        if event["type"] in ("agent_completed", "agent_error") and bare(agent) in waiting:
            waiting.remove(bare(agent))
    return waiting


def ends_the_run(request: Request, events: list[Step], place: int) -> bool:
    event = events[place]
    if event["type"] in ("agent_completed", "agent_error"):
        agent = agent_of(event)
        if agent is None or bare(agent) == bare(outer_of(request, events)):
            return True
        return open_agents(request, events[:place]) == []
    return event["type"] not in FIVE


def ends_nested(request: Request, events: list[Step]) -> bool:
    """The last event is the end of an agent, and did not end the run."""
    if not events or events[-1]["type"] not in ("agent_completed", "agent_error"):
        return False
    return not ends_the_run(request, events, len(events) - 1)


def how_many_count(request: Request, events: list[Step], left: int | None) -> int:
    for place in range(len(events)):
        if place == left:
            return left
        if ends_the_run(request, events, place):
            return place + 1
    return len(events)


def how_ended(request: Request, events: list[Step], left: int | None) -> str:
    if left is not None:
        return "left"
    for place, event in enumerate(events):
        if ends_the_run(request, events, place):
            if event["type"] in ("agent_cancelled", "agent_stopped"):
                return "cancelled"
            good = event["type"] == "agent_completed" and not says_failure(event)
            return "completed" if good else "failed"
    return "open"


# The rules about single events


def not_started_first(request: Request, counted: list[Step]) -> bool:
    if counted == [] or counted[0]["type"] == "error_message":
        return False
    if counted[0]["type"] != "agent_started":
        return True
    for event in counted:
        if event["type"] == "agent_started":
            name = event["data"].get("agent")
            if not name:
                return False
            if bare(name) in bare(request.agent) or bare(request.agent) in bare(name):
                return False
    return True


def lacks_something(event: Step) -> bool:
    data = event["data"]
    if event["type"] == "agent_started":
        return agent_of(event) is None
    if event["type"] == "agent_thinking":
        return not data.get("thought")
    if event["type"] == "tool_executing":
        return not data.get("tool")
    if event["type"] == "tool_completed":
        return not data.get("tool") or not (data.get("result") or data.get("error"))
    if event["type"] == "agent_completed":
        return agent_of(event) is None or not data.get("result")
    return False


def says_failure(event: Step) -> bool:
    data = event["data"]
    return data.get("success") is False or bool(data.get("error")) or data.get("status") == "failed"


def tool_failed(event: Step) -> bool:
    return event["type"] == "tool_completed" and says_failure(event)


def tells(answer: Step, failure: Step) -> bool:
    text = str(answer["data"].get("result", ""))
    error = failure["data"].get("error")
    return "failed" in text or (bool(error) and str(error) in text)


def hides_a_failure(counted: list[Step]) -> bool:
    return any(tool_failed(event) and not tells(counted[-1], event) for event in counted)


def tool_rules(counted: list[Step]) -> set[str]:
    broken = set()
    waiting: list[Step] = []
    for event in counted:
        if event["type"] == "tool_executing":
            waiting.append(event)
        if event["type"] == "tool_completed":
            match = the_one_answered(waiting, event)
            if match is None:
                broken.add("tool_announced")
            else:
                waiting = [each for each in waiting if each is not match]
    if waiting:
        broken.add("tool_answered")
    return broken


def the_one_answered(waiting: list[Step], event: Step) -> Step | None:
    wanted, tool = event["data"].get("execution_id"), event["data"].get("tool")
    if wanted:
        for each in waiting:
            if each["data"].get("execution_id") == wanted:
                return each
    for each in waiting:
        same = bool(tool) and each["data"].get("tool") == tool
        if same and not (wanted and each["data"].get("execution_id")):
            return each
    return None
