"""Sessions: tokens that are dead before they expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Sessions"]


class Sessions:
    """Which tokens no longer count; a token is named by its jti and forgotten once expired."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._dead: dict[str, float] = {}
        self._partners: dict[str, tuple[str, float]] = {}

    def pair(self, access_id: str, refresh_id: str, *, expires_at: float) -> None:
        """Remember which refresh token came with an access token.

        Args:
            access_id: The jti of the access token.
            refresh_id: The jti of the refresh token.
            expires_at: When the later of them expires, in seconds since the epoch.
        """
        self._partners[access_id] = (refresh_id, expires_at)

    def revoke(self, token_id: str, *, expires_at: float, alone: bool = False) -> None:
        """Make a token dead, and with an access token the refresh token that came with it.

        Args:
            token_id: The jti of the token.
            expires_at: When it expires, in seconds since the epoch.
            alone: Leave that refresh token alive, as only a broken deployment does.
        """
        self._forget_expired()
        self._dead[token_id] = expires_at
        partner = self._partners.pop(token_id, None)
        if partner and not alone:
            self._dead[partner[0]] = partner[1]

    def is_revoked(self, token_id: str) -> bool:
        """Whether a token is dead."""
        return token_id in self._dead

    def clear(self) -> None:
        """Forget everything: what was revoked counts again."""
        self._dead.clear()
        self._partners.clear()

    def _forget_expired(self) -> None:
        # Clocks differ by a leeway, and a token lives that much longer than it says.
        before = self._clock() - 60.0
        self._dead = {name: until for name, until in self._dead.items() if until > before}
        self._partners = {
            name: partner for name, partner in self._partners.items() if partner[1] > before
        }
