"""`netra-testkit serve`: the embedded staging in a process of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netra_testkit.local.options import EventForm, Refusal, Welcome
from netra_testkit.safety.redaction import KIT_LOGGER

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from netra_testkit.local.staging import LocalStaging
    from netra_testkit.settings.secrets import JwtSecret

__all__ = ["add_to", "run"]

SECRET = "JWT_SECRET_LOCAL"  # noqa: S105 - the name of a variable
_POLL_SECONDS = 0.5
_EPILOG = (
    "Stop it with Ctrl-C. Users, threads and messages live as long as the process. "
    f"The secret is taken from {SECRET} where it is set, else it is random; it is never printed."
)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Make the command known.

    Args:
        commands: Of the parser.
    """
    text = "Run an embedded staging until Ctrl-C."
    parser = commands.add_parser("serve", help=text, description=text, epilog=_EPILOG)
    add = parser.add_argument
    add("--port", type=int, default=0, help="the port; any that is free by default")
    add("--host", default="127.0.0.1", help="where to listen; %(default)s by default")
    add("--allow-remote", action="store_true", help="let other machines in")
    add("--fault", action="append", default=[], metavar="SPEC", help="name:option=value,…")
    add("--faults", action="store_true", help="print the catalogue of faults and end")
    add("--json", action="store_true", help="with --faults: as JSON")
    add("--write-env", type=Path, metavar="FILE", help="write URLs, users and secret, mode 0600")
    add("--control", action="store_true", help="let the holder of --write-env's file set faults")
    add("--seed", type=int, default=0, help="from which the answers of agents are made")
    add("--pace", type=float, default=0.002, help="seconds from one event of a run to the next")
    add("--welcome", choices=[*Welcome], default=Welcome.CONNECTION_ESTABLISHED)
    add("--refusal", choices=[*Refusal], default=Refusal.UPGRADE)
    add("--event-form", choices=[*EventForm], default=EventForm.DATA)
    add("--no-thread-handshake", action="store_true", help="give a socket no thread unasked")
    parser.set_defaults(run=run, parser=parser)


def run(told: argparse.Namespace) -> int:
    """Serve until the process is told to end, or print the catalogue.

    Args:
        told: What the command line says.

    Raises:
        NetraError: It cannot be done.
    """
    if told.faults:
        from netra_testkit.cli.catalogue import as_json, as_text

        _say(as_json() if told.json else as_text())
        return 0
    if told.json:
        told.parser.error("--json needs --faults: it is the catalogue as JSON")
    if told.control and told.write_env is None:
        told.parser.error("--control needs --write-env FILE: its key is written there only")
    with _end_asked_for() as end, _errors_said(), contextlib.ExitStack() as stack:
        server = stack.enter_context(_staging(told))
        if told.write_env is not None:
            _write_env(stack, server, told)
        _say(*_greeting(server, told))
        # Waiting without a bound cannot be interrupted on Windows.
        while not end.wait(_POLL_SECONDS):
            pass
    _say("Stopped.")
    return 0


def _staging(told: argparse.Namespace) -> LocalStaging:
    from netra_testkit.local.faults import Fault
    from netra_testkit.local.staging import LocalStaging

    options: dict[str, Any] = {
        name: getattr(told, name)
        for name in (
            "port",
            "host",
            "allow_remote",
            "seed",
            "pace",
            "welcome",
            "refusal",
            "event_form",
        )
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        server = LocalStaging(
            **options,
            secret=_secret(),
            thread_handshake=not told.no_thread_handshake,
            faults=[Fault.parse(spec) for spec in told.fault],
        )
    _say(*(f"Warning: {each.message}" for each in caught))
    return server


def _secret() -> JwtSecret | None:
    from netra_testkit.settings.secrets import JwtSecret

    value = os.environ.get(SECRET, "")
    return JwtSecret.of(value, source=SECRET) if value.strip() else None


def _write_env(stack: contextlib.ExitStack, server: LocalStaging, told: argparse.Namespace) -> None:
    from netra_testkit.cli.env_file import written
    from netra_testkit.local.env_file import variables_of

    variables = variables_of(server.config())
    if told.control:
        from netra_testkit.local.control import ControlEndpoint

        control = stack.enter_context(ControlEndpoint(server.faults))
        variables |= {"LOCAL_CONTROL_URL": control.url, "LOCAL_CONTROL_KEY": control.key}
    stack.enter_context(written(told.write_env, variables))


def _greeting(server: LocalStaging, told: argparse.Namespace) -> Iterator[str]:
    yield f"Embedded staging: {server.url} and {server.config().websocket_url}"
    for fault in server.faults.faults:
        yield f"Broken on purpose: {fault}"
    if told.write_env is None:
        yield (
            "Next: POST /auth/dev/login gives a token. To run a suite against it, start it with "
            f"--write-env FILE, or with {SECRET} set here and there."
        )
    else:
        yield f"Next: NETRA_ENV_FILE={told.write_env} pytest, in another terminal."
    yield "Ctrl-C stops it."


@contextlib.contextmanager
def _end_asked_for() -> Iterator[threading.Event]:
    """Set when the process is told to end; its handlers of signals are put back afterwards."""
    end = threading.Event()
    before = {
        each: signal.signal(each, lambda _number, _frame: end.set())
        for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield end
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _errors_said() -> Iterator[None]:
    """Write what a handler dies of to stderr, masked, as the log of a deployment has it."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger(KIT_LOGGER)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201 - a command speaks
