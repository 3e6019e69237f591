"""A plugin that plays the checks in an order drawn anew, whatever phase they are of."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

SEED = "SHUFFLED_SEED"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Shuffle when all others have sorted; every worker draws the same order."""
    yield
    random.Random(os.environ.get(SEED, "0")).shuffle(items)  # noqa: S311 - an order, no secret
