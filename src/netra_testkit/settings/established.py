"""The names that suites used before the kit, kept with their signatures and plain types."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from typing_extensions import deprecated

from netra_testkit.errors import NotEnoughUsers
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netra_testkit.settings.environments import Environment
    from netra_testkit.settings.sealed import SealedText
    from netra_testkit.settings.secrets import JwtSecret
    from netra_testkit.settings.timing import Timeouts
    from netra_testkit.settings.users import StagingUser

__all__ = ["NOT_HONOURED", "EstablishedNames", "instead_of"]

NOT_HONOURED: Mapping[str, str] = MappingProxyType(
    {
        "skip_auth_tests": (
            "authentication is always checked; "
            "use Staging.anonymous() to see what a caller without a token gets"
        ),
        "skip_websocket_auth": (
            "no flag opens a socket without a token; "
            "use Staging.anonymous().chat() to see that it is refused"
        ),
        "use_mock_llm": (
            "the kit replaces no part of a deployment; "
            "use the embedded staging (environment 'local'), whose agents are deterministic"
        ),
    }
)
"""Switches of earlier suites that could turn a failure into a pass, and what to use instead."""

_SUPERSEDED_OPTIONS = MappingProxyType(
    {
        "backend_url": "It is the same value as base_url; use base_url.",
        "timeout": "It is a view of the timeouts; use timeouts={'receive': seconds}.",
    }
)


def instead_of(option: str) -> str | None:
    """What to do instead of giving an option that is no longer one; None for any other name."""
    reason = NOT_HONOURED.get(option)
    return _SUPERSEDED_OPTIONS.get(option) if reason is None else f"Not honoured: {reason}."


class EstablishedNames:
    """Endpoints, headers and tokens under the names that suites know."""

    if TYPE_CHECKING:
        environment: Environment
        base_url: str
        api_url: str
        timeouts: Timeouts
        users: tuple[StagingUser, ...]
        sealed_test_api_key: SealedText | None
        sealed_test_jwt_token: SealedText | None

        @property
        def read_only(self) -> bool: ...  # noqa: D102 - described where it is defined
        def jwt_secret(self) -> JwtSecret: ...  # noqa: D102 - described where it is defined

    @property
    @deprecated("Use base_url, which is the same value.", category=None)
    def backend_url(self) -> str:
        """The backend; the same value as base_url."""
        return self.base_url

    @property
    def health_endpoint(self) -> str:
        """Whether the service is up."""
        return f"{self.base_url}/health"

    @property
    def api_health_endpoint(self) -> str:
        """Whether the API and what it stands on are up."""
        return f"{self.api_url}/health"

    @property
    def service_discovery_endpoint(self) -> str:
        """Which services there are."""
        return f"{self.api_url}/discovery/services"

    @property
    def mcp_config_endpoint(self) -> str:
        """The configuration of the tool servers."""
        return f"{self.api_url}/mcp/config"

    @property
    def mcp_servers_endpoint(self) -> str:
        """The tool servers."""
        return f"{self.api_url}/mcp/servers"

    @property
    @deprecated("Use timeouts, which has a bound for each phase.", category=None)
    def timeout(self) -> float:
        """How long one HTTP call or one receive may take, in seconds."""
        return self.timeouts.receive

    @property
    def test_api_key(self) -> str | None:
        """The configured key, None without one."""
        return _revealed(self.sealed_test_api_key)

    @property
    def test_jwt_token(self) -> str | None:
        """The configured token, None without one."""
        return _revealed(self.sealed_test_jwt_token)

    @property
    def e2e_headers(self) -> dict[str, str]:
        """The headers that announce a test to the platform; they open nothing."""
        return {
            "X-Test-Type": "E2E",
            "X-Test-Environment": str(self.environment),
            "X-E2E-Test": "true",
            "X-Test-Mode": "true",
        }

    @deprecated("Use the kit's clients, which send their own headers.", category=None)
    def get_headers(self, include_auth: bool = False) -> dict[str, str]:  # noqa: FBT001, FBT002 - the established signature
        """Headers of an HTTP call that announces itself as a test.

        Args:
            include_auth: Whether to add the configured token, or a new one.
        """
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            **self.e2e_headers,
        }
        return headers | self._authorization(None) if include_auth else headers

    @deprecated("Use the kit's clients, which send their own headers.", category=None)
    def get_websocket_headers(self, token: str | None = None) -> dict[str, str]:
        """Headers of a WebSocket upgrade that announces itself as a test.

        Args:
            token: The token to send; None for the configured one, or a new one.
        """
        return self.e2e_headers | self._authorization(token)

    def create_test_jwt_token(self) -> str:
        """A new access token of the first known user, which is not leased for it.

        Raises:
            ConfigurationError: There is no secret to sign it with.
            NotEnoughUsers: Production has no user that is not named by NETRA_TEST_USERS.
        """
        from netra_testkit.settings.tokens import mint_access_token

        return mint_access_token(
            self.jwt_secret(), user=self._first_user(), environment=self.environment
        )

    def _authorization(self, token: str | None) -> dict[str, str]:
        if token is None:
            token = self.test_jwt_token or self.create_test_jwt_token()
        register(token, label="test_jwt_token")
        return {"Authorization": f"Bearer {token}"}

    def _first_user(self) -> StagingUser:
        from netra_testkit.settings.users import generated_users

        if self.users:
            return self.users[0]
        if self.read_only:
            raise NotEnoughUsers(needed=1, known=0)
        return next(generated_users(self.environment, run="first"))


def _revealed(secret: SealedText | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
