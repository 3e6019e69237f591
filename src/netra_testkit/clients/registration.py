"""New identities on a deployment that allows it, named so that anybody sees whose they are."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from netra_testkit.errors import ConfigurationError, UnusableBody
from netra_testkit.settings.users import Password, StagingUser

if TYPE_CHECKING:
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.http import HttpClient
    from netra_testkit.safety.trace import Trace

__all__ = ["registered_user"]

PATH = "/auth/register"


async def registered_user(
    http: HttpClient, *, run_id: str, number: int, trace: Trace, within: Deadline
) -> StagingUser:
    """Register a user named after the run. Bounded by `within`; safe to cancel.

    No route deletes a user, so the recorder says of each that it stays, or may stay.

    Raises:
        CallFailed: The deployment did not register it.
    """
    email = f"e2e-{run_id}-{number:03d}@staging.netrasystems.ai"
    password = Password(secrets.token_urlsafe(24))
    stays = "may stay"
    try:
        user = await _registered(http, email, password, within)
        stays = "stays"
    finally:
        trace.record("cleanup", f"registered user {email} {stays}")
    return user


async def _registered(
    http: HttpClient, email: str, password: Password, within: Deadline
) -> StagingUser:
    answer = await http.post(
        PATH, json={"email": email, "password": password.reveal()}, within=within
    )
    body = answer.json()
    said = body.get("user") if isinstance(body, dict) else None
    user_id = said.get("id") if isinstance(said, dict) else None
    if isinstance(user_id, str):
        try:
            return StagingUser(user_id=user_id, email=email, password=password)
        except ConfigurationError:
            user_id = None
    raise UnusableBody(
        status=answer.status,
        method=answer.method,
        path=answer.path,
        reason="a body that names no user id",
        request_id=answer.request_id,
        trace_id=answer.trace_id,
    )
