"""What the embedded staging remembers: plain objects in memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from netra_testkit.local.state.accounts import Accounts
from netra_testkit.local.state.codes import Codes
from netra_testkit.local.state.limits import RateLimits
from netra_testkit.local.state.runs import Runs
from netra_testkit.local.state.sessions import Sessions
from netra_testkit.local.state.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["State"]


class State:
    """Everything that outlives a request; kept over a restart until it is reset.

    Attributes:
        accounts: Who is known.
        sessions: Which tokens no longer count.
        threads: Who said what.
        runs: Which agents run.
        codes: Which log-ins through a provider are under way.
        limits: Who did what how often.
    """

    accounts: Accounts
    sessions: Sessions
    threads: Threads
    runs: Runs
    codes: Codes
    limits: RateLimits

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        """Remember nothing yet.

        Args:
            clock: The time, in seconds since the epoch.
        """
        self.accounts = Accounts(clock=clock)
        self.sessions = Sessions(clock=clock)
        self.threads = Threads(clock=clock)
        self.runs = Runs(clock=clock)
        self.codes = Codes(clock=clock)
        self.limits = RateLimits(clock=clock)

    def reset(self) -> None:
        """Forget everything; what runs is stopped first."""
        self.runs.clear()
        self.accounts.clear()
        self.sessions.clear()
        self.threads.clear()
        self.codes.clear()
        self.limits.clear()
