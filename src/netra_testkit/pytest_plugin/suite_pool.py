"""The users of a run: one that a test's fixture holds is lent to that test again."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from netra_testkit.settings.leases import Held, Lease, UserPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netra_testkit.settings.users import StagingUser

__all__ = ["SuitePool"]


class SuitePool(UserPool):
    """A pool whose user, held for a test by its fixture, that test may lease by name."""

    _lending: StagingUser | None = None

    @contextlib.contextmanager
    def lending(self, user: StagingUser) -> Iterator[StagingUser]:
        """Lend a user that is held already, as long as the block lasts.

        Args:
            user: Whose lease the caller has.
        """
        self._lending = user
        try:
            yield user
        finally:
            self._lending = None

    def lease(
        self,
        user: StagingUser | None = None,
        *,
        shared: bool = False,
        within: float = 30.0,
        purpose: str | None = None,
    ) -> Lease:
        """Ask for a user; the lease begins with ``with`` or ``async with``."""
        if user is not None and user == self._lending:
            held = partial(Held, user, lambda: None)
            return Lease(held, holders=tuple, within=within)
        return super().lease(user, shared=shared, within=within, purpose=purpose)
