"""What a test needs of a deployment: configured, or published by the deployment itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netra_testkit.pytest_plugin.markers import labels_of
from netra_testkit.pytest_plugin.production import not_run
from netra_testkit.pytest_plugin.run import run_of

if TYPE_CHECKING:
    from netra_testkit.safety.jsonable import JsonValue
    from netra_testkit.settings.config import StagingConfig

__all__ = ["missing", "pytest_runtest_setup"]

WITHIN = 5.0
_KNOWN = pytest.StashKey[dict[str, str | None]]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep a test from running whose deployment does not offer what it needs, and say so."""
    run, needs = run_of(item.config), labels_of(item).needs
    if not needs or "needs" not in run.own_markers:
        return
    known = item.config.stash.setdefault(_KNOWN, {})
    for feature in needs:
        if feature not in known:
            known[feature] = missing(run.config(), feature)
        reason = known[feature]
        if reason is not None:
            not_run(item, reason)


def missing(config: StagingConfig, feature: str) -> str | None:
    """Why a deployment does not offer a feature; None where it does. Takes at most 5 s.

    Args:
        config: Which deployment.
        feature: One of FEATURES.

    Raises:
        CallFailed: It does not say.
    """
    if feature == "register":
        endpoints = None if config.allow_registration else _published(config, "/auth/config")
        offered = config.allow_registration or _names(endpoints, "endpoints", "register")
        return None if offered else "the deployment names no endpoint to register at"
    limits = _published(config, "/api/config/public")
    return None if _names(limits, "rate_limits") else "the deployment documents no rate limit"


def _names(published: JsonValue, *keys: str) -> bool:
    for key in keys:
        published = published.get(key) if isinstance(published, dict) else None
    return bool(published)


def _published(config: StagingConfig, path: str) -> JsonValue:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from netra_testkit.clients.staging import Staging

    async def ask() -> JsonValue:
        async with Staging(config).anonymous() as nobody:
            return (await nobody.http.get(path, within=WITHIN)).json()

    # A loop of its own: the suite's may be running, or be of another library.
    with ThreadPoolExecutor(1, thread_name_prefix="netra-needs") as thread:
        return thread.submit(asyncio.run, ask()).result()
