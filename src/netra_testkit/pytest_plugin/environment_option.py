"""`--env`, `--priority` and `--phase`: registered late, so that a suite's own ones come first."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from netra_testkit.pytest_plugin.options import environment_of, keep_words
from netra_testkit.pytest_plugin.run import Setting, run_of, twin_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

__all__ = ["LATE", "LateOption", "added_late"]


class LateOption(NamedTuple):
    """An option that is registered only where it is asked for and nobody else has it."""

    name: str
    setting: str
    metavar: str
    help: str


LATE: Sequence[LateOption] = (
    LateOption(
        "--env",
        "env",
        "NAME",
        "run against local (the embedded staging), development, test, staging or production",
    ),
    LateOption("--priority", "priority", "N", "only tests of these priorities: 1, 1-3 or 1,3"),
    LateOption("--phase", "phase", "NAME", "only tests of these phases: NAME or NAME,NAME"),
)


def added_late(
    early_config: pytest.Config, parser: pytest.Parser, args: Sequence[str]
) -> Generator[None, object, object]:
    """Carry the environment to the conftests, and add the options that they left free.

    Args:
        early_config: The run's, while its conftests are not loaded.
        parser: Where to add them.
        args: The command line.
    """
    words = list(expanded(args))
    keep_words(early_config, words)
    known = early_config.known_args_namespace
    asks_for_help = bool(known.help or known.version)
    values = {
        each.name: list(values_of(words, each.name))
        for each in LATE
        if stands_in(words, each.name) and is_free(parser, each.name)
    }
    # As long as an option is unknown its value counts as a path, and hides `testpaths`.
    for value in (value for said in values.values() for value in said if not value.attached):
        with suppress(ValueError):
            known.file_or_dir.remove(value.text)
    if not asks_for_help:
        _carry_early(early_config, values.get("--env", []))
    result = yield
    for option in LATE:
        wanted = asks_for_help or stands_in(words, option.name)
        if wanted and is_free(parser, option.name):
            parser.getgroup("netra", "netra-testkit").addoption(
                option.name,
                dest=twin_of(option.setting),
                metavar=option.metavar,
                help=option.help,
            )
    return result


class Value(NamedTuple):
    """A value of an option, and whether it stands in one word with it."""

    text: str
    attached: bool


def expanded(words: Iterable[str]) -> Iterator[str]:
    """The words of a command line, with those of `@file` in its place."""
    for word in words:
        if word.startswith("@"):
            # The parser, which came first, has refused a file that cannot be read.
            yield from expanded(Path(word[1:]).read_text(encoding="utf-8").splitlines())
        else:
            yield word


def stands_in(words: Iterable[str], name: str) -> bool:
    """Whether an option stands on a command line."""
    return any(each == name or each.startswith(f"{name}=") for each in _options(words))


def values_of(words: Sequence[str], name: str) -> Iterator[Value]:
    """The values of an option, one for each time that it stands on a command line."""
    options = list(_options(words))
    for word, following in zip(options, [*options[1:], None], strict=True):
        if word.startswith(f"{name}="):
            yield Value(word.partition("=")[2], attached=True)
        elif word == name and following is not None and not following.startswith("-"):
            yield Value(following, attached=False)


def is_free(parser: pytest.Parser, name: str) -> bool:
    """Whether no option of that name is registered."""
    probe = f"{name}=x"
    try:
        _, unknown = parser.parse_known_and_unknown_args([probe])
    except (Exception, SystemExit):  # noqa: BLE001 - whatever refuses the value has the option
        return False
    return probe in unknown


def _carry_early(config: pytest.Config, values: Sequence[Value]) -> None:
    """Set the environment before any conftest is imported, as far as it can be known then."""
    run = run_of(config)
    told = Setting(values[-1].text, "--env") if values else run.told("env")
    if told is None:
        return
    try:
        environment = environment_of(told)
    except pytest.UsageError:
        # A conftest may have an option of that name for something else; said later if none has.
        return
    run.carry(environment)
    if environment == "local":
        from netra_testkit.pytest_plugin import embedded

        embedded.start(config, run)


def _options(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if word == "--":
            return
        yield word
