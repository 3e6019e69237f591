"""The eleven tools of the agents: plain functions of their arguments that fail when asked to."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["TOOLS", "Tool", "ToolFailed", "category_of"]

_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_WORD = re.compile(r"[^\W\d_]{2,40}")
_LONGEST_TEXT = 10_000
_MOST_NUMBERS = 100
_DEEPEST = 8

_CATEGORIES = MappingProxyType(
    {
        "optimization": ("cost", "budget", "save", "spend", "cheap", "optimi", "price"),
        "data": ("data", "usage", "metric", "statistic", "number", "trend"),
        "reporting": ("report", "summary", "summari", "chart", "present"),
    }
)
_PRICES = MappingProxyType({"small": 0.5, "medium": 3.0, "large": 15.0})


class ToolFailed(Exception):
    """A tool could not do its work.

    Attributes:
        tool: Its name.
        reason: Why, in words for a user.
    """

    def __init__(self, *, tool: str, reason: str) -> None:
        super().__init__(f"{tool}: {reason}")
        self.tool: str = tool
        self.reason: str = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool, as agents use it and as it is offered over HTTP.

    Attributes:
        name: Its name.
        description: What it does, in one line.
        server: The name of the server that offers it.
        work: What it does with the text and the numbers that it is given.
    """

    name: str
    description: str
    server: str
    work: Callable[[str, tuple[float, ...]], JsonValue]

    def call(self, arguments: Mapping[str, JsonValue]) -> JsonValue:
        """Do its work on the texts and numbers anywhere in `arguments`.

        Raises:
            ToolFailed: A text in `arguments` says `fail:` and the tool's name.
        """
        leaves = tuple(_leaves(arguments, _DEEPEST))
        text = " ".join(each for each in leaves if isinstance(each, str))
        if f"fail:{self.name}" in text:
            raise ToolFailed(tool=self.name, reason=f"{self.name} failed, as the request asked")
        said = [float(each) for each in leaves if not isinstance(each, str)]
        found = [float(each) for each in _NUMBER.findall(text[:_LONGEST_TEXT])]
        return self.work(text[:_LONGEST_TEXT], tuple([*said, *found][:_MOST_NUMBERS]))


def _leaves(value: JsonValue | Mapping[str, JsonValue], depth: int) -> Iterator[str | float]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool) or value is None or depth == 0:
        return
    elif isinstance(value, int | float):
        # A sum of what is larger would be no number of JSON.
        if abs(value) < 1e15:  # noqa: PLR2004 - whole numbers are exact up to here
            yield value
    else:
        for each in value if isinstance(value, list) else value.values():
            yield from _leaves(each, depth - 1)


def _words(text: str) -> list[str]:
    return [each.casefold() for each in _WORD.findall(text)]


def category_of(text: str) -> str:
    """What kind of request a text is: optimization, data or reporting."""
    said = text.casefold()
    scores = {name: sum(map(said.count, signs)) for name, signs in _CATEGORIES.items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else "data"


def _classify(text: str, _: tuple[float, ...]) -> JsonValue:
    return {"category": category_of(text), "priority": "high" if "!" in text else "normal"}


def _keywords(text: str, _: tuple[float, ...]) -> JsonValue:
    counted = Counter(each for each in _words(text) if len(each) > 3)  # noqa: PLR2004 - shorter words say little
    ranked = sorted(counted, key=lambda word: (-counted[word], word))
    return {"keywords": [*ranked[:5]], "distinct": len(counted)}


def _text_statistics(text: str, _: tuple[float, ...]) -> JsonValue:
    return {"characters": len(text), "words": len(text.split()), "questions": text.count("?")}


def _usage_statistics(_: str, numbers: tuple[float, ...]) -> JsonValue:
    values = numbers or (0.0,)
    mean = sum(values) / len(values)
    return {"count": len(values), "mean": mean, "least": min(values), "most": max(values)}


def _sum(_: str, numbers: tuple[float, ...]) -> JsonValue:
    return {"sum": sum(numbers), "terms": len(numbers)}


def _estimate(_: str, numbers: tuple[float, ...]) -> JsonValue:
    tokens = abs(sum(numbers))
    costs: dict[str, JsonValue] = {
        model: round(tokens / 1e6 * price, 6) for model, price in _PRICES.items()
    }
    return {"tokens": tokens, "cost": costs}


def _optimize(_: str, numbers: tuple[float, ...]) -> JsonValue:
    spent = abs(sum(numbers))
    return {"spent": spent, "possible": round(spent * 0.8, 2), "saving_percent": 20}


def _convert(_: str, numbers: tuple[float, ...]) -> JsonValue:
    return {"cents": [round(each * 100, 2) for each in numbers]}


def _rank(_: str, numbers: tuple[float, ...]) -> JsonValue:
    return {"ranking": [*sorted(numbers, reverse=True)]}


def _plan(text: str, _: tuple[float, ...]) -> JsonValue:
    aim = textwrap.shorten(text, 60, placeholder=" …") or "the request"
    return {"steps": [f"understand {aim}", "collect figures", "propose", "report"]}


def _format(text: str, _: tuple[float, ...]) -> JsonValue:
    title = textwrap.shorten(text, 60, placeholder=" …") or "Report"
    return {"title": title, "sections": ["summary", "figures", "next steps"]}


def _tool(
    name: str,
    description: str,
    server: str,
    work: Callable[[str, tuple[float, ...]], JsonValue],
) -> Tool:
    return Tool(name=name, description=description, server=server, work=work)


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        each.name: each
        for each in (
            _tool("request_classifier", "Says what kind of request a text is", "text", _classify),
            _tool("keyword_extractor", "Finds the words that come most often", "text", _keywords),
            _tool("text_statistics", "Counts characters and words", "text", _text_statistics),
            _tool("report_formatter", "Gives a report its title and parts", "text", _format),
            _tool("planner", "Lays out the steps towards an aim", "text", _plan),
            _tool("usage_statistics", "Mean, least and most of numbers", "data", _usage_statistics),
            _tool("calculator", "Adds numbers up", "data", _sum),
            _tool("ranking", "Sorts numbers, the largest first", "data", _rank),
            _tool("unit_converter", "Turns amounts into cents", "cost", _convert),
            _tool("cost_estimator", "What a number of tokens costs", "cost", _estimate),
            _tool("cost_optimizer", "How much less it could cost", "cost", _optimize),
        )
    }
)
"""Every tool by its name; read-only."""
