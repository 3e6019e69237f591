from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.clients.http_server import answer, config_for, nothing_left, serving
from tests.rude.server import RudeServer

from netra_testkit.clients.calls import Calls
from netra_testkit.clients.http import HttpClient
from netra_testkit.errors import Cause, DeadlineExceeded, UnexpectedStatus
from netra_testkit.settings.config import StagingConfig

if TYPE_CHECKING:
    from tests.clients.http_server import Request
    from tests.rude.server import Peer


def to(place: str, status: int = 307) -> bytes:
    return answer(b"", status, f"Location: {place}")


async def test_a_redirect_to_the_same_host_is_followed_with_the_token() -> None:
    def say(request: Request) -> bytes:
        return to("/there?a=b") if request.target == "/here" else answer(request.body)

    token = secrets.token_urlsafe(48)
    async with (
        nothing_left(),
        serving(say) as served,
        HttpClient(served.config, token=token) as http,
    ):
        response = await http.post("/here", json=[1])
    assert served.targets == ["POST /here", "POST /there?a=b"]
    assert (response.json(), response.path) == ([1], "/here")
    assert {each.headers["authorization"] for each in served.requests} == {f"Bearer {token}"}
    assert len({each.headers["x-request-id"] for each in served.requests}) == 1


METHODS = {
    (301, "POST"): "GET",
    (301, "PUT"): "PUT",
    (302, "POST"): "GET",
    (302, "PUT"): "GET",
    (302, "HEAD"): "HEAD",
    (303, "PUT"): "GET",
    (303, "GET"): "GET",
    (307, "POST"): "POST",
    (308, "PATCH"): "PATCH",
}


@pytest.mark.parametrize(("asked", "followed"), METHODS.items(), ids=str)
async def test_a_redirect_is_followed_with_its_method(
    asked: tuple[int, str], followed: str
) -> None:
    status, method = asked

    def say(request: Request) -> bytes:
        if request.target == "/here":
            return to("/there", status)
        return answer(b"" if request.method == "HEAD" else b"{}")

    content = None if method in {"GET", "HEAD"} else b"{}"
    async with serving(say) as served, HttpClient(served.config) as http:
        await http.request(method, "/here", content=content, headers={"Content-Type": "x/y"})
    last = served.requests[-1]
    assert last.method == followed
    kept = followed == method and content is not None
    assert last.body == (b"{}" if kept else b"")
    assert ("content-type" in last.headers) == (followed == method and status != 303)


async def test_a_token_does_not_follow_to_another_origin() -> None:
    token = secrets.token_urlsafe(48)
    headers = {"Cookie": "a=b", "X-E2E-Bypass-Key": "c", "X-D": "e", "Host": "127.0.0.1"}
    async with (
        serving() as other,
        serving(to(f"http://127.0.0.1:{other.port}/x")) as served,
        HttpClient(served.config, token=token) as http,
    ):
        await http.get("/here", headers=headers)
    [request] = other.requests
    assert not {"authorization", "cookie", "x-e2e-bypass-key"} & set(request.headers)
    assert request.headers["x-d"] == "e"
    assert request.headers["host"] == f"127.0.0.1:{other.port}"
    assert token not in json.dumps(request.headers)


FOREIGN = "https://elsewhere.invalid/callback?code=hidden"


async def test_a_redirect_elsewhere_is_returned_where_it_is_expected() -> None:
    async with serving(to(FOREIGN, 302)) as served, HttpClient(served.config) as http:
        for expect in (302, None):
            response = await http.get("/auth/login?provider=google", expect=expect)
            assert (response.status, response.location) == (302, FOREIGN)
        with pytest.raises(UnexpectedStatus) as refused:
            await http.get("/auth/login")
    assert "hidden" not in f"{refused.value} {refused.value.headers}"
    assert len(served.requests) == 3


async def test_a_redirect_that_is_expected_is_not_followed() -> None:
    async with serving(to("/there")) as served, HttpClient(served.config) as http:
        response = await http.get("/here", expect={200, 307})
    assert response.location == "/there"
    assert served.targets == ["GET /here"]


@pytest.mark.parametrize("place", ["/loop", "/step"])
async def test_a_loop_ends(place: str) -> None:
    def say(request: Request) -> bytes:
        return to(place if place == "/loop" else f"{request.target}x")

    async with nothing_left(), serving(say) as served, HttpClient(served.config) as http:
        with pytest.raises(UnexpectedStatus, match="more than 10 redirects") as refused:
            await http.get("/step")
    assert refused.value.status == 307
    assert len(served.requests) == 11


async def test_redirects_share_the_bound() -> None:
    def say(request: Request) -> bytes:
        return b"HTTP/1.1 200" if request.target == "/there" else to("/there")

    async with serving(say) as served, HttpClient(served.config) as http:
        with pytest.raises(DeadlineExceeded) as late:
            await http.get("/here", within=0.2)
    assert late.value.elapsed < 0.7
    assert late.value.last_activity is not None


async def test_a_redirect_was_an_answer_of_the_platform() -> None:
    def act(peer: Peer) -> None:
        if peer.read_request()[":path"] == "/here":
            peer.send(to("/there"))
        peer.hold()

    with RudeServer(act) as server:
        async with HttpClient(config_for(server.authority)) as http:
            with pytest.raises(DeadlineExceeded) as late:
                await http.get("/here", within=0.2)
    assert late.value.cause is Cause.PRODUCT
    assert late.value.last_activity is not None


STAGING = StagingConfig(environment="staging", allowed_hosts=("also.invalid", "localhost"))
API = "https://api.staging.netrasystems.ai"
PLACES = {
    "/there": f"{API}/there",
    "there": f"{API}/a/there",
    "?b=c": f"{API}/a/here?b=c",
    "//also.invalid/x": "https://also.invalid/x",
    "https://also.invalid/x": "https://also.invalid/x",
    "https://auth.staging.netrasystems.ai/x": "https://auth.staging.netrasystems.ai/x",
    "http://api.staging.netrasystems.ai/x": None,
    "http://localhost:80/x": "http://localhost/x",
    "https://user:password@also.invalid/x": None,
    "https://elsewhere.invalid/x": None,
    "//elsewhere.invalid": None,
    "https://also.invalid.elsewhere.invalid/": None,
    "myapp://callback?code=x": None,
    "javascript:alert(1)": None,
    "http://[half": None,
    "https://also.invalid:99999/": None,
    "https://also.invalid:none/": None,
    "/a\0b": None,
}


@pytest.mark.parametrize(("location", "url"), PLACES.items(), ids=repr)
def test_a_redirect_leads_only_to_hosts_of_the_deployment(location: str, url: str | None) -> None:
    calls = Calls(STAGING, token="t" * 20, session=None)
    onward = calls.onward(calls.make("GET", "/a/here"), 302, location)
    assert (None if onward is None else onward.url) == (None if url is None else httpx.URL(url))
    if onward is not None:
        assert ("authorization" in onward.headers) == (onward.url.host == httpx.URL(API).host)


@pytest.mark.parametrize(("status", "location"), [(200, "/x"), (304, "/x"), (302, None)])
def test_what_is_no_redirect_leads_nowhere(status: int, location: str | None) -> None:
    calls = Calls(STAGING, token=None, session=None)
    assert calls.onward(calls.make("GET", "/here"), status, location) is None


def test_a_target_has_its_usual_port() -> None:
    calls = Calls(STAGING, token=None, session=None)
    assert calls.make("GET", "/x").target == "api.staging.netrasystems.ai:443"
    local = Calls(config_for("127.0.0.1:80"), token=None, session=None)
    assert local.make("GET", "/x").target == "127.0.0.1:80"
