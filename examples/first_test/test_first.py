"""A first test: an agent answers whoever has a token, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit import AuthRefused

if TYPE_CHECKING:
    from netra_testkit import Staging


async def test_an_agent_answers(staging: Staging) -> None:
    """All that a user has to see of an agent at work is delivered."""
    async with staging.user() as alice, alice.chat() as chat:
        run = await chat.run_agent("triage", "Where does my budget go?")
        run.assert_delivered()


async def test_nobody_comes_in_with_an_old_token(staging: Staging) -> None:
    """A token that has expired opens no connection."""
    old = staging.bad_tokens.expired()
    with pytest.raises(AuthRefused):
        async with staging.anonymous().with_token(old) as mallory, mallory.chat():
            pass
