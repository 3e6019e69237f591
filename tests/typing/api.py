"""How the public names look to a type checker; checked, never executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_type

from netra_testkit import (
    Cause,
    ConfigurationError,
    DeadlineExceeded,
    Problem,
    ServerClosed,
    UnexpectedStatus,
)


def facts_of_errors_are_typed(error: Exception) -> None:
    if isinstance(error, ConfigurationError):
        assert_type(error.problems, tuple[Problem, ...])
    if isinstance(error, DeadlineExceeded):
        assert_type(error.last_activity, float | None)
        assert_type(error.cause, Cause)
    if isinstance(error, ServerClosed):
        assert_type(error.frames, tuple[str, ...])
        assert_type(error.log_filter, str | None)
    if isinstance(error, UnexpectedStatus):
        headers: Mapping[str, str] = error.headers
        assert_type(headers["retry-after"], str)
