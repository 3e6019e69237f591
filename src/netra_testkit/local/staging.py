"""LocalStaging: an embedded staging, as a test starts and stops it."""

from __future__ import annotations

import time
import warnings
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final, Self

from netra_testkit.errors import ConfigurationError, Misuse, Problem
from netra_testkit.local.access import Gate
from netra_testkit.local.board import FaultBoard
from netra_testkit.local.options import EventForm, Limits, Options, Refusal, Welcome, chosen
from netra_testkit.local.state import State
from netra_testkit.local.truth import ServerTruth
from netra_testkit.local.world import Urls, World
from netra_testkit.safety.redaction import install
from netra_testkit.settings.environments import Environment, belongs_to
from netra_testkit.settings.secrets import JwtSecret
from netra_testkit.settings.users import Password, StagingUser

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Unpack

    from netra_testkit.local.faults import Fault
    from netra_testkit.local.server import ServerThread
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.settings.options import ConfigOptions

__all__ = ["REVISION", "USERS", "LocalStaging"]

USERS: Final = 20
"""How many users exist from the beginning."""

REVISION: Final = "embedded"
"""The revision that every embedded staging reports."""

_NAME: Final = "an embedded staging"


class LocalStaging:
    """A staging on loopback: a real server with real tokens, in a thread of its own.

    For ``with``, or to be started and stopped by hand; several run side by side. Users, threads
    and faults outlive a stop, and so does the port.

    Args:
        port: The port; 0 for any that is free.
        host: Where it listens; anywhere else than on loopback only with ``allow_remote``.
        allow_remote: Whether other machines may reach it, which a warning then says.
        secret: What its tokens are signed with; made up at random by default.
        seed: From which the answers of its agents are made.
        welcome: The frame that says a socket is ready.
        thread_handshake: Whether a socket is given a thread, unasked.
        refusal: How a socket without a valid token is turned away.
        event_form: Where in a frame the body of an event stands.
        pace: Seconds from one event of a run to the next.
        limits: What one user may ask for.
        faults: What is broken from the beginning.

    Attributes:
        faults: What is broken; any thread may change it while the server runs.
        received: What the server received and sent, for a test to compare with.
        options: What it was told to be.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    faults: FaultBoard
    received: ServerTruth
    options: Options

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        allow_remote: bool = False,
        secret: JwtSecret | str | None = None,
        seed: int = 0,
        welcome: Welcome | str = Welcome.CONNECTION_ESTABLISHED,
        thread_handshake: bool = True,
        refusal: Refusal | str = Refusal.UPGRADE,
        event_form: EventForm | str = EventForm.DATA,
        pace: float = 0.002,
        limits: Limits | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        _guard(host, allow_remote=allow_remote)
        if secret is None:
            secret = JwtSecret.generate(_NAME)
        elif isinstance(secret, str):
            secret = JwtSecret.of(secret, source="argument")
        self.options = Options(
            seed=seed,
            welcome=chosen(Welcome, welcome, option="welcome"),
            thread_handshake=thread_handshake,
            refusal=chosen(Refusal, refusal, option="refusal"),
            event_form=chosen(EventForm, event_form, option="event_form"),
            pace=pace,
            limits=limits or Limits(),
        )
        self.faults = FaultBoard(faults)
        self.received = ServerTruth()
        self._host = host
        self._port = port
        self._secret = secret
        self._state = State()
        self._running: ServerThread | None = None
        self._password = Password(token_urlsafe(24))
        self._users = tuple(
            StagingUser(
                f"local-e2e-user-{number:03d}",
                f"e2e-local-{number:03d}@example.com",
                password=self._password,
            )
            for number in range(1, USERS + 1)
        )
        self._register_users()

    def start(self) -> Self:
        """Start it and return when it answers; after a stop, on the same port.

        Raises:
            Misuse: It runs already.
            ConfigurationError: The port cannot be bound, or the extra is not installed.
        """
        if self._running is not None:
            raise Misuse(what=f"{self!r} was started twice", hint="Start it once, or restart() it.")
        try:
            from netra_testkit.local.application import Application, every_route
            from netra_testkit.local.server import ServerThread, bound_socket
            from netra_testkit.local.transport import protocol
        except ModuleNotFoundError as missing:
            raise _not_installed(missing) from missing
        install()
        listening = bound_socket(self._host, self._port)
        self._port = listening.getsockname()[1]
        running = ServerThread(
            Application(self._world(), every_route()),
            protocol=protocol(self.faults),
            listening=listening,
            message_bytes=self.options.limits.message_bytes,
        )
        running.start()
        self._running = running
        return self

    def stop(self) -> None:
        """Stop it, whatever its clients do; one that is stopped stays so.

        Raises:
            DeadlineExceeded: Its thread is blocked.
        """
        running, self._running = self._running, None
        if running is not None:
            running.stop()
            self._state.runs.stop_all()

    def restart(self) -> None:
        """Stop it and start it again on the same port; what it knows is kept.

        Raises:
            ConfigurationError: Somebody else has taken the port.
            DeadlineExceeded: Its thread is blocked.
        """
        self.stop()
        self.start()

    def reset(self) -> None:
        """Forget users, threads, runs and what was received; faults stay as they are set.

        Raises:
            DeadlineExceeded: Its thread is blocked, and nothing was forgotten.
        """
        if self._running is None:
            self._forget()
        else:
            self._running.run(self._forget, phase="reset")

    def config(self, **overrides: Unpack[ConfigOptions]) -> StagingConfig:
        """The configuration that reaches it, with its secret and its users.

        Args:
            **overrides: Any argument of a StagingConfig, to be used instead.

        Raises:
            Misuse: It was never started, so nobody knows its port.
            ConfigurationError: An argument cannot be used.
        """
        from netra_testkit.settings.config import StagingConfig

        urls = self._urls()
        options: ConfigOptions = {
            "environment": Environment.LOCAL,
            "websocket_path": "/ws",
            "base_url": urls.base,
            "api_url": urls.api,
            "websocket_url": urls.websocket,
            "auth_url": urls.auth,
            "frontend_url": urls.base,
            "users": self._users,
            "allow_registration": True,
            "expected_revision": None,
            # What the process has for another deployment is of no use here.
            "test_api_key": None,
            "test_jwt_token": None,
            "jwt_secret": self._secret,
        }
        options.update(overrides)
        return StagingConfig(**options)

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            Misuse: It was never started.
        """
        return self._urls().port

    @property
    def url(self) -> str:
        """Where the backend and the auth service are.

        Raises:
            Misuse: It was never started.
        """
        return self._urls().base

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "stopped" if self._running is None else "running"
        return f"<LocalStaging {self._host}:{self._port}, {state}>"

    def _urls(self) -> Urls:
        if self._port == 0:
            raise Misuse(
                what="an embedded staging has no port before its first start",
                hint="Ask inside `with LocalStaging() as server:`.",
            )
        # Nobody can call an address that stands for all of them.
        wildcards = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound
        return Urls.at(wildcards.get(self._host, self._host), self._port)

    def _world(self) -> World:
        from importlib.metadata import version

        return World(
            options=self.options,
            state=self._state,
            board=self.faults,
            truth=self.received,
            gate=Gate(
                self._secret,
                state=self._state,
                board=self.faults,
                environment=Environment.LOCAL,
                clock=time.time,
            ),
            urls=self._urls(),
            version=version("netra-testkit"),
            revision=REVISION,
            environment=Environment.LOCAL,
            started_at=time.time(),
            clock=time.time,
        )

    def _forget(self) -> None:
        self._state.reset()
        self.received.clear()
        self._register_users()

    def _register_users(self) -> None:
        password = self._password.reveal()
        for user in self._users:
            self._state.accounts.register(user.email, password, user_id=user.user_id)


def _guard(host: str, *, allow_remote: bool) -> None:
    if belongs_to(host, Environment.LOCAL):
        return
    if not allow_remote:
        remedy = (
            f"{host} is not loopback: whoever reaches it can sign in as anybody; "
            "say allow_remote=True (serve --allow-remote) if that is what you want."
        )
        raise ConfigurationError(
            problems=(Problem("host", "argument", remedy),),
            hint="Leave the host out to listen on loopback only.",
        )
    warnings.warn(
        f"The embedded staging listens on {host}: whoever reaches it can sign in as anybody.",
        RuntimeWarning,
        stacklevel=3,
    )


def _not_installed(missing: ModuleNotFoundError) -> ConfigurationError:
    remedy = f"{missing.name} is not installed; pip install 'netra-testkit[local]'."
    return ConfigurationError(problems=(Problem("local", "the installed packages", remedy),))
