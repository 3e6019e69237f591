from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.clients.deployment import Answer, Asked, Deployment, deployment, recorded, staged

from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.registration import registered_user
from netra_testkit.errors import (
    ClientClosed,
    DeadlineExceeded,
    NotEnoughUsers,
    RateLimited,
    UnusableBody,
)
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def there() -> AsyncIterator[Deployment]:
    async with deployment() as running:
        yield running


async def test_a_registered_user_is_named_after_the_run(there: Deployment, tmp_path: Path) -> None:
    staging = staged(there, tmp_path)
    async with staging.anonymous() as nobody:
        user = await registered_user(
            nobody.http,
            run_id=staging.run_id,
            number=7,
            trace=staging.trace,
            within=Deadline.after(1),
        )
    [asked] = there.asked
    assert user.email == asked.body["email"] == f"e2e-{staging.run_id}-007@staging.netrasystems.ai"
    assert user.user_id.startswith("id-")
    assert asked.headers["x-test-session"] == staging.run_id
    assert "authorization" not in asked.headers
    assert user.password is not None
    assert user.password.reveal() == asked.body["password"]
    assert asked.body["password"] not in mask(f"it is {asked.body['password']}")
    assert recorded(staging, "cleanup") == [f"registered user {user.email} stays"]


@pytest.mark.parametrize(
    "body",
    [[], {}, {"user": "ann"}, {"user": {"id": 7}}, {"user": {"id": "two words"}}],
    ids=["a list", "empty", "no object", "a number", "no name"],
)
async def test_an_answer_that_names_no_user_is_unusable(
    body: Any, there: Deployment, tmp_path: Path
) -> None:
    async def answer(_: Asked) -> Answer:
        return 200, body

    there.hook = answer
    staging = staged(there, tmp_path)
    async with staging.anonymous() as nobody:
        with pytest.raises(UnusableBody, match="names no user id") as caught:
            await registered_user(
                nobody.http, run_id="r", number=1, trace=staging.trace, within=Deadline.after(1)
            )
    assert caught.value.request_id == there.asked[0].headers["x-request-id"]
    assert recorded(staging, "cleanup") == [
        "registered user e2e-r-001@staging.netrasystems.ai may stay"
    ]


async def test_a_crowd_registers_whom_it_lacks_when_that_is_allowed(
    there: Deployment, tmp_path: Path
) -> None:
    staging = staged(there, tmp_path, allow_registration=True)
    async with staging.users(5) as crowd:
        assert len({user.name for user in crowd.users}) == 5
    async with staging.users(7) as crowd:
        assert len({user.name for user in crowd.users}) == 7
    async with staging.users(6):
        pass
    emails = [each.body["email"] for each in there.asked if each.path == "/auth/register"]
    assert len(emails) == len(set(emails)) == 4
    assert all(f"e2e-{staging.run_id}-" in each for each in emails)
    assert len(recorded(staging, "cleanup")) == 4


@pytest.mark.parametrize("allowed", [False, True])
async def test_production_registers_nobody(
    allowed: bool,  # noqa: FBT001 - a column of the table
    there: Deployment,
    tmp_path: Path,
) -> None:
    from netra_testkit.clients.staging import Staging
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.settings.leases import UserPool

    config = StagingConfig(
        environment="production",
        allow_production=True,
        allow_registration=allowed,
        jwt_secret=there.secret,
    )
    pool = UserPool([], environment=config.environment, directory=tmp_path)
    with pytest.raises(NotEnoughUsers):
        Staging(config, pool=pool).users(1)


async def test_nobody_is_registered_unless_that_is_allowed(
    there: Deployment, tmp_path: Path
) -> None:
    with pytest.raises(NotEnoughUsers, match="20 identities needed, 3 known"):
        staged(there, tmp_path).users(20)
    assert there.asked == []


async def test_a_refused_registration_ends_the_entering(there: Deployment, tmp_path: Path) -> None:
    async def refuse(_: Asked) -> Answer:
        return 429, {"detail": "slow down"}

    there.hook = refuse
    staging = staged(there, tmp_path, allow_registration=True)
    with pytest.raises(RateLimited):
        await staging.users(5).__aenter__()
    assert len(there.asked) == 1


async def test_a_registration_that_hangs_is_bounded_by_the_crowd(
    there: Deployment, tmp_path: Path
) -> None:
    async def hang(_: Asked) -> Answer:
        await asyncio.sleep(60)
        raise ClientClosed(what="never")

    there.hook = hang
    staging = staged(there, tmp_path, allow_registration=True)
    with pytest.raises(DeadlineExceeded):
        await staging.users(4, within=0.5).__aenter__()
    [said] = recorded(staging, "cleanup")
    assert said.endswith("may stay")
