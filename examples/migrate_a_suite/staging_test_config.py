"""What many suites have a copy of: where staging is, and with which headers to go there."""

import os
from dataclasses import dataclass
from urllib.request import urlopen


@dataclass
class StagingConfig:
    """Where staging is."""

    backend_url: str = os.getenv("STAGING_BASE_URL", "https://api.staging.netrasystems.ai")
    test_jwt_token: str = os.getenv("STAGING_TEST_JWT_TOKEN", "")
    timeout: float = 30.0

    @property
    def health_endpoint(self) -> str:
        """Whether it is up."""
        return f"{self.backend_url}/health"

    @property
    def websocket_url(self) -> str:
        """The WebSocket."""
        return f"{self.backend_url.replace('http', 'ws', 1)}/ws"

    def get_headers(self, include_auth: bool = False) -> dict[str, str]:
        """Headers of a call."""
        headers = {"Content-Type": "application/json", "X-E2E-Test": "true"}
        return headers | self.get_websocket_headers() if include_auth else headers

    def get_websocket_headers(self) -> dict[str, str]:
        """Headers of an upgrade."""
        return {"Authorization": f"Bearer {self.test_jwt_token}"}


STAGING_CONFIG = StagingConfig()


def get_staging_config() -> StagingConfig:
    """Where staging is."""
    return STAGING_CONFIG


def is_staging_available() -> bool:
    """Whether it answers."""
    try:
        return urlopen(STAGING_CONFIG.health_endpoint, timeout=5).status == 200
    except OSError:
        return False
