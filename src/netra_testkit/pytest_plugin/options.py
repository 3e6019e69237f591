"""The options that are always there, the ini keys, and what they mean once all is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.run import Run, Setting, run_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from netra_testkit.settings.environments import Environment

__all__ = [
    "environment_of",
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "words_of",
]

_WORDS = pytest.StashKey[tuple[str, ...]]()

# How words begin by which an option that is registered late may be asked for.
_LATE = ("--env", "--priority", "--phase", "@")

_INI: Sequence[tuple[str, str, str]] = (
    ("netra_env", "string", "twin of --env"),
    ("netra_priority", "string", "twin of --priority"),
    ("netra_phase", "string", "twin of --phase"),
    ("netra_fail_fast", "bool", "twin of --netra-fail-fast"),
    ("netra_require_live", "bool", "twin of --netra-require-live"),
    ("netra_phases", "args", "the phases that tests are sorted by, in their order"),
    ("netra_strict", "args", "the places whose tests are all held to the kit's rules, `.` for all"),
    ("netra_honesty", "args", "what the honesty checks do"),
    ("netra_deadline", "float", "the bound of each whole test in seconds"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what no suite has an option of the same name for."""
    group = parser.getgroup("netra", "netra-testkit")
    group.addoption(
        "--netra-fail-fast",
        dest="netra_fail_fast",
        action="store_const",
        const="true",
        help="stop after the first failure; the rest is not reached, and counted",
    )
    group.addoption(
        "--netra-require-live",
        dest="netra_require_live",
        action="store_const",
        const="true",
        help="refuse to run against an embedded staging",
    )
    for name, kind, text in _INI:
        parser.addini(name, text, type=kind, default=None)  # type: ignore[arg-type] # a literal type


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    """Look for the options that are registered late, where one may be asked for."""
    known = early_config.known_args_namespace
    asks = known.help or known.version or any(word.startswith(_LATE) for word in args)
    if not asks and run_of(early_config).told("env") is None:
        return (yield)
    from netra_testkit.pytest_plugin.environment_option import added_late

    return (yield from added_late(early_config, parser, args))


def keep_words(config: pytest.Config, words: Sequence[str]) -> None:
    """Remember the whole command line, with what an ini key or a file adds to it."""
    config.stash[_WORDS] = tuple(words)


def words_of(config: pytest.Config) -> Sequence[str]:
    """The whole command line."""
    given = tuple(str(each) for each in config.invocation_params.args)
    return config.stash.get(_WORDS, given)


def environment_of(told: Setting) -> Environment:
    """The environment that a source names.

    Raises:
        pytest.UsageError: It names none.
    """
    from netra_testkit.errors import ConfigurationError
    from netra_testkit.settings.environments import Environment

    try:
        return Environment.parse(told.value, source=told.source)
    except ConfigurationError as unknown:
        raise pytest.UsageError(str(unknown.problems[0])) from None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Settle where the run is against, and refuse what makes no sense before any test runs."""
    run = run_of(config)
    _settle_environment(config, run)
    if run.told("priority") is not None or run.told("phase") is not None:
        from netra_testkit.pytest_plugin.selection import Chosen

        Chosen.of(config)
    if run.switched_on("fail_fast") and not config.option.maxfail:
        config.option.maxfail = 1
    if run.switched_on("require_live"):
        _require_live(run)


def _require_live(run: Run) -> None:
    from netra_testkit.errors import ConfigurationError

    try:
        mode = run.mode
    except ConfigurationError as wrong:
        raise pytest.UsageError(str(wrong)) from None
    if mode == "local":
        raise pytest.UsageError(
            "the run must be live (--netra-require-live), "
            f"and {run.environment_from} says local, the embedded staging"
        )


def _settle_environment(config: pytest.Config, run: Run) -> None:
    _follow_the_suites_own(config, run)
    told = run.told("env")
    if told is None:
        run.carry(None)
        return
    environment = environment_of(told)
    run.carry(environment)
    # The default of an option that is the suite's own asks for nothing.
    if environment == "local" and (told.ours or told.given):
        from netra_testkit.pytest_plugin import embedded

        embedded.start(config, run)
        if told.ours and run.problem is not None:
            raise pytest.UsageError(run.problem)


def _follow_the_suites_own(config: pytest.Config, run: Run) -> None:
    """Take the value of an option `--env` that is not the kit's, if it names an environment."""
    if hasattr(config.option, "netra_env"):
        return
    value = config.getoption("--env", default=None)
    if not isinstance(value, str):
        return
    from netra_testkit.settings.environments import ENVIRONMENT_NAMES

    if value.strip().casefold() in ENVIRONMENT_NAMES:
        given = any(word == "--env" or word.startswith("--env=") for word in words_of(config))
        run.follow(value, given=given)
