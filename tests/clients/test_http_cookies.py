from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from tests.clients.http_server import answer, serving

from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import DeadlineExceeded, UnexpectedStatus

if TYPE_CHECKING:
    from tests.clients.http_server import Request

SESSION = secrets.token_urlsafe(48)


def sign_in(request: Request) -> bytes:
    """Set a cookie at the first call, then say which came."""
    if request.target == "/hang":
        return b"HTTP/1.1 200 OK\r\n"
    if request.target == "/fail":
        return answer(f'{{"detail": "{SESSION}"}}'.encode(), 500)
    if request.target == "/sign-in":
        return answer(b"", 200, f"Set-Cookie: session={SESSION}; Path=/; HttpOnly")
    if request.target == "/sign-in-elsewhere":
        return answer(b"", 302, f"Set-Cookie: session={SESSION}; Path=/", "Location: /who")
    return answer(request.headers.get("cookie", "nobody").encode())


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in-elsewhere"])
async def test_a_cookie_is_kept_for_the_next_call(path: str) -> None:
    async with serving(sign_in) as served, HttpClient(served.config) as http:
        assert (await http.get("/who")).text == "nobody"
        await http.get(path)
        assert (await http.get("/who")).text == f"session={SESSION}"


async def test_a_cookie_outlives_a_pool_that_was_thrown_away() -> None:
    async with serving(sign_in) as served, HttpClient(served.config) as http:
        await http.get("/sign-in")
        with pytest.raises(DeadlineExceeded):
            await http.get("/hang", within=0.05)
        assert (await http.get("/who")).text == f"session={SESSION}"


async def test_a_cookie_is_the_users_own() -> None:
    async with (
        serving(sign_in) as served,
        HttpClient(served.config) as alice,
        HttpClient(served.config) as bob,
    ):
        await alice.get("/sign-in")
        assert (await bob.get("/who")).text == "nobody"


async def test_a_cookie_is_masked() -> None:
    async with serving(sign_in) as served, HttpClient(served.config) as http:
        await http.get("/sign-in")
        with pytest.raises(UnexpectedStatus, match="cookie session") as refused:
            await http.get("/fail")
    assert SESSION not in str(refused.value)
