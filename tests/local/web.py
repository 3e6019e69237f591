"""One server for a module, and a bare httpx client that speaks for whoever it is told to."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
from tests.local.bare import ALICE, WITHIN, mint
from tests.local.handlers import new_world, thread_of

from netra_testkit.local.access import Gate
from netra_testkit.local.routes import all_routes
from netra_testkit.local.server import bound_socket
from netra_testkit.local.staging import LocalStaging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.local.faults import Fault
    from netra_testkit.settings.environments import Environment
    from netra_testkit.settings.users import StagingUser

# No certificate is ever looked at, and loading them takes longer than a whole test.
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Web:
    """Requests to one server over connections that are kept."""

    def __init__(self, server: LocalStaging) -> None:
        self.server = server
        self.client = self.browser()
        self._tokens: dict[StagingUser, str] = {}

    def browser(self, **options: Any) -> httpx.Client:
        """A client with cookies of its own."""
        return httpx.Client(
            base_url=self.server.url, timeout=WITHIN, trust_env=False, verify=_TLS, **options
        )

    def __call__(
        self,
        method: str,
        path: str,
        *,
        user: StagingUser | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """One request: of a user, with a token, or of nobody."""
        if user is not None:
            token = self._tokens[user] = self._tokens.get(user) or self.token(user)
        if path == "/auth/logout":
            self._tokens.clear()
        own = {} if token is None else {"Authorization": f"Bearer {token}".strip()}
        return self.client.request(method, path, headers={**own, **(headers or {})}, **options)

    def token(self, user: StagingUser = ALICE) -> str:
        """A new, good token of a user."""
        return mint(self.server, user)

    @contextmanager
    def broken(self, *faults: Fault) -> Iterator[None]:
        """With these faults set, for as long as it lasts."""
        for fault in faults:
            self.server.faults.add(fault)
        try:
            yield
        finally:
            self.server.faults.clear()


@contextmanager
def served(**options: Any) -> Iterator[Web]:
    """A server whose agents lose no time, and the client of it."""
    with LocalStaging(**{"pace": 0, **options}) as server:
        talking = Web(server)
        with talking.client:
            yield talking


@contextmanager
def pretending(environment: Environment) -> Iterator[httpx.Client]:
    """A client of a server that takes its environment for another."""
    listening = bound_socket("127.0.0.1", 0)
    world = new_world(port=listening.getsockname()[1])
    gate = Gate(
        world.gate.secret,
        state=world.state,
        board=world.board,
        environment=environment,
        clock=world.clock,
    )
    world = replace(world, environment=environment, gate=gate)
    thread = thread_of(world, *all_routes(), listening=listening)
    thread.start()
    try:
        with httpx.Client(base_url=world.urls.base, trust_env=False, verify=_TLS) as client:
            yield client
    finally:
        thread.stop()


def said_wrong(answer: httpx.Response) -> str:
    """The code of a refusal, which has the whole of the platform's error body."""
    body = answer.json()
    assert body.keys() == {
        "error",
        "error_code",
        "message",
        "trace_id",
        "request_id",
        "timestamp",
        "details",
    }
    assert body["error"] is True
    assert body["request_id"] == answer.headers["x-request-id"]
    code: str = body["error_code"]
    return code
