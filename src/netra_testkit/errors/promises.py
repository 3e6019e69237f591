"""What was promised and did not come about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netra_testkit.errors.root import Cause, NetraError

__all__ = ["ContractBroken", "IsolationBreach", "NothingFailed"]


@dataclass(kw_only=True, eq=False)
class ContractBroken(NetraError, AssertionError):
    """An agent run did not deliver what its contract promises.

    Attributes:
        run: The AgentRun.
        violations: What was broken, each with its evidence.
        timeline: The run at a glance.
    """

    run: Any
    violations: tuple[Any, ...]
    timeline: str
    cause: Cause = Cause.PRODUCT
    hint: str = "Read the timeline from the first marked line."

    def _sentence(self) -> str:
        return self.timeline


@dataclass(kw_only=True, eq=False)
class IsolationBreach(ContractBroken):
    """Something of another user's reached this one."""

    hint: str = "Stop the release: one user was shown what belongs to another."


@dataclass(kw_only=True, eq=False)
class NothingFailed(NetraError, AssertionError):
    """A block that was to provoke failures came to its end without any.

    Attributes:
        expected: The names of the errors that were to come.
    """

    expected: tuple[str, ...]
    cause: Cause = Cause.PRODUCT
    hint: str = "Look at what the deployment let through, or whether the block asked it anything."

    def _sentence(self) -> str:
        return f"{' or '.join(self.expected)} was expected and nothing of that kind failed"
