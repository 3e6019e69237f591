"""The faults that strike a whole request."""

from __future__ import annotations

import pytest

from netra_testkit.local.board import FaultBoard
from netra_testkit.local.disturbances import SESSION_ROUTES, disturb
from netra_testkit.local.faults import Fault
from netra_testkit.local.refusals import PlatformError, ProxyPage


def struck(fault: Fault, path: str = "/x", method: str = "GET", user: str | None = None) -> None:
    disturb(FaultBoard([fault]), method=method, path=path, user=user)


def refusal(fault: Fault) -> PlatformError:
    with pytest.raises(PlatformError) as error:
        struck(fault)
    return error.value


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "AUTH_FAILED", "Unauthorized"),
        (429, "RATE_LIMITED", "Too Many Requests"),
        (500, "INTERNAL_ERROR", "Internal Server Error"),
        (507, "HTTP_507", "Insufficient Storage"),
        (599, "HTTP_599", "Status 599"),
    ],
)
def test_a_status_is_named(status: int, code: str, message: str) -> None:
    error = refusal(Fault("status", status=status))
    assert type(error) is PlatformError
    assert (error.status, error.error_code, error.message) == (status, code, message)
    assert dict(error.headers) == {}


def test_a_status_may_say_when_to_come_back() -> None:
    assert dict(refusal(Fault("status", retry_after=4)).headers) == {"Retry-After": "4"}


def test_a_status_may_be_a_proxys() -> None:
    assert isinstance(refusal(Fault("status", plain=True)), ProxyPage)


def test_a_start_up_answers_as_the_platforms_host_does() -> None:
    error = refusal(Fault("startup"))
    assert isinstance(error, ProxyPage)
    assert (error.status, dict(error.headers)) == (503, {"Retry-After": "10"})
    assert refusal(Fault("startup", status=500)).status == 500


def test_a_start_up_comes_to_an_end() -> None:
    now = [0.0]
    board = FaultBoard(clock=lambda: now[0])
    board.add(Fault("startup", seconds=5))
    with pytest.raises(PlatformError):
        disturb(board, method="GET", path="/health", user=None)
    now[0] = 6.0
    disturb(board, method="GET", path="/health", user=None)


@pytest.mark.parametrize("path", sorted(SESSION_ROUTES))
def test_without_its_middleware_what_touches_the_session_dies(path: str) -> None:
    with pytest.raises(RuntimeError, match="SessionMiddleware"):
        struck(Fault("session-missing"), path)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/health/live"), ("POST", "/auth/login"), ("GET", "/api/threads")]
)
def test_without_the_session_the_others_live(method: str, path: str) -> None:
    board = FaultBoard([Fault("session-missing")])
    disturb(board, method=method, path=path, user=None)
    assert len(board.faults) == 1


def test_a_fault_of_one_user_spares_the_others() -> None:
    fault = Fault("status", user="ann")
    struck(fault, user="ben")
    struck(fault)
    with pytest.raises(PlatformError):
        struck(fault, user="ann")


def test_a_fault_that_is_used_up_strikes_no_more() -> None:
    board = FaultBoard([Fault("status", count=1)])
    with pytest.raises(PlatformError):
        disturb(board, method="GET", path="/x", user=None)
    disturb(board, method="GET", path="/x", user=None)
    assert board.faults == ()
