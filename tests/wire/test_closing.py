from __future__ import annotations

import copy
import pickle
import secrets
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra_testkit.errors import Cause
from netra_testkit.safety.redaction import register
from netra_testkit.wire.closing import AUTH_ERROR_CODES, CloseCategory, CloseCode, Closing

# Code, category, sendable, worth one retry, refuses.
CODES = [
    (0, "illegal", False, False, False),
    (401, "illegal", False, False, False),
    (999, "illegal", False, False, False),
    (1000, "clean", True, False, False),
    (1001, "clean", True, False, False),
    (1002, "protocol", True, False, False),
    (1003, "protocol", True, False, False),
    (1004, "reserved", False, False, False),
    (1005, "clean", False, False, False),
    (1006, "transport", False, False, False),
    (1007, "protocol", True, False, False),
    (1008, "policy", True, False, True),
    (1009, "protocol", True, False, False),
    (1010, "protocol", True, False, False),
    (1011, "internal", True, False, False),
    (1012, "unavailable", True, True, False),
    (1013, "unavailable", True, True, False),
    (1014, "unavailable", True, True, False),
    (1015, "transport", False, False, False),
    (1016, "reserved", False, False, False),
    (2999, "reserved", False, False, False),
    (3000, "registered", True, False, False),
    (3999, "registered", True, False, False),
    (4000, "application", True, False, False),
    (4001, "application", True, False, True),
    (4002, "application", True, False, True),
    (4401, "application", True, False, True),
    (4403, "application", True, False, True),
    (4999, "application", True, False, False),
    (5000, "illegal", False, False, False),
    (65535, "illegal", False, False, False),
]


@pytest.mark.parametrize(("number", "category", "sendable", "retry", "refuses"), CODES)
def test_what_is_known_of_a_code(
    number: int, category: str, *, sendable: bool, retry: bool, refuses: bool
) -> None:
    code = CloseCode(number)
    assert code == number
    assert code.category is CloseCategory(category)
    assert (code.sendable, code.worth_one_retry, code.refuses) == (sendable, retry, refuses)


@given(st.integers(0, 65535))
def test_every_sixteen_bit_number_is_a_code(number: int) -> None:
    code = CloseCode(number)
    assert code == number
    assert code.name.isupper()
    assert code.sendable == (
        number in {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
    )
    assert copy.deepcopy(code) == pickle.loads(pickle.dumps(code)) == code  # noqa: S301 - our own


def test_the_numbers_that_have_a_name_of_their_own() -> None:
    assert {code.name: code.value for code in CloseCode} == {
        "NORMAL": 1000,
        "GOING_AWAY": 1001,
        "PROTOCOL_ERROR": 1002,
        "UNSUPPORTED_DATA": 1003,
        "NO_STATUS": 1005,
        "ABNORMAL": 1006,
        "INVALID_DATA": 1007,
        "POLICY_VIOLATION": 1008,
        "MESSAGE_TOO_BIG": 1009,
        "MANDATORY_EXTENSION": 1010,
        "INTERNAL_ERROR": 1011,
        "SERVICE_RESTART": 1012,
        "TRY_AGAIN_LATER": 1013,
        "BAD_GATEWAY": 1014,
        "TLS_FAILURE": 1015,
        "AUTHENTICATION_REFUSED": 4001,
        "TOKEN_REFUSED": 4002,
        "UNAUTHORIZED": 4401,
        "FORBIDDEN": 4403,
    }


def test_a_number_without_a_name_is_called_after_its_category() -> None:
    assert CloseCode(4999).name == "APPLICATION_4999"
    assert repr(CloseCode(401)) == "<CloseCode.ILLEGAL_401: 401>"
    assert CloseCode(4999).value == 4999


@pytest.mark.parametrize("value", [-1, 65536, "1000", None, 1000.5])
def test_anything_else_is_no_code(value: object) -> None:
    with pytest.raises(ValueError, match="is not a valid CloseCode"):
        CloseCode(value)


@dataclass
class Ended(Exception):
    """Looks like the exception of websockets, and is none."""

    rcvd: object
    sent: object
    rcvd_then_sent: bool | None


@dataclass
class CloseFrame:
    code: int
    reason: str


Side = Literal["server", "client", "transport"]


def closing(code: int, by: Side = "server", *, sent: int | None = None) -> Closing:
    return Closing(
        code=CloseCode(code),
        reason="",
        closed_by=by,
        received=CloseCode(code) if by == "server" else None,
        sent=CloseCode(code if sent is None else sent) if by != "transport" else None,
    )


@pytest.mark.parametrize(
    ("rcvd", "sent", "order", "code", "closed_by"),
    [
        (1000, 1000, True, 1000, "server"),
        (1000, 1000, False, 1000, "client"),
        (1011, 1000, True, 1011, "server"),
        (1011, 1000, False, 1000, "client"),
        (1011, None, None, 1011, "server"),
        (None, 1011, None, 1011, "client"),
        (None, None, None, 1006, "transport"),
        (401, None, None, 401, "server"),
    ],
)
def test_who_closed_first_comes_from_the_order(
    rcvd: int | None, sent: int | None, *, order: bool | None, code: int, closed_by: str
) -> None:
    frames = [None if each is None else CloseFrame(each, f"by {each}") for each in (rcvd, sent)]
    found = Closing.from_exception(Ended(frames[0], frames[1], order))
    assert (found.code, found.closed_by) == (code, closed_by)
    assert (found.received, found.sent) == (rcvd, sent)
    assert found.reason == ("" if closed_by == "transport" else f"by {code}")


@pytest.mark.parametrize("error", [ValueError("no"), ConnectionResetError(), KeyboardInterrupt()])
def test_an_exception_that_does_not_say_is_refused(error: BaseException) -> None:
    with pytest.raises(TypeError, match=f"{type(error).__name__} has no rcvd, sent"):
        Closing.from_exception(error)


def test_a_reason_is_masked() -> None:
    secret = secrets.token_urlsafe(48)
    register(secret, label="a secret of this test")
    found = Closing.from_exception(Ended(CloseFrame(1008, f"bad {secret}"), None, None))
    assert secret not in repr(found)
    assert found.reason.startswith("bad ")


REFUSALS = {1008, 4001, 4002, 4401, 4403}


@pytest.mark.parametrize("code", [1000, 1006, 1008, 1011, 3000, 4000, 4001, 4002, 4401, 4403])
@pytest.mark.parametrize("error_code", [None, "NO_TOKEN", " token_expired", "INTERNAL_ERROR"])
@pytest.mark.parametrize("welcomed", [False, True])
def test_a_refusal_comes_before_the_welcome(
    code: int, error_code: str | None, *, welcomed: bool
) -> None:
    auth = error_code in {"NO_TOKEN", " token_expired"}
    expected = not welcomed and (code in REFUSALS or (code == 1011 and auth))
    found = closing(code)
    assert found.is_refusal(welcomed=welcomed, error_code=error_code) is expected
    if expected:
        assert found.cause(welcomed=False, error_code=error_code) is Cause.AUTHENTICATION


@pytest.mark.parametrize("error_code", sorted(AUTH_ERROR_CODES))
def test_each_error_code_of_authentication_makes_1011_a_refusal(error_code: str) -> None:
    assert closing(1011).is_refusal(welcomed=False, error_code=error_code)


@pytest.mark.parametrize("by", ["client", "transport"])
@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_only_the_server_refuses(code: int, by: Side) -> None:
    assert not closing(code, by).is_refusal(welcomed=False)


# Code, who closed first, and the cause once the welcome had come.
CAUSES: list[tuple[int, Side, Cause]] = [
    (1000, "server", Cause.UNDECIDED),
    (1001, "server", Cause.UNDECIDED),
    (1002, "server", Cause.TEST),
    (1003, "server", Cause.TEST),
    (1007, "server", Cause.TEST),
    (1008, "server", Cause.UNDECIDED),
    (1009, "server", Cause.TEST),
    (1010, "server", Cause.TEST),
    (1011, "server", Cause.PRODUCT),
    (1012, "server", Cause.DEPLOYMENT),
    (1013, "server", Cause.DEPLOYMENT),
    (1014, "server", Cause.DEPLOYMENT),
    (401, "server", Cause.PRODUCT),
    (1016, "server", Cause.PRODUCT),
    (3000, "server", Cause.UNDECIDED),
    (4000, "server", Cause.UNDECIDED),
    (4001, "server", Cause.AUTHENTICATION),
    (4403, "server", Cause.AUTHENTICATION),
    (1006, "transport", Cause.UNDECIDED),
    (1000, "client", Cause.UNDECIDED),
    (1002, "client", Cause.PRODUCT),
    (1003, "client", Cause.PRODUCT),
    (1007, "client", Cause.PRODUCT),
    (1009, "client", Cause.PRODUCT),
    (1010, "client", Cause.PRODUCT),
    (1011, "client", Cause.UNDECIDED),
    (4401, "client", Cause.UNDECIDED),
]


@pytest.mark.parametrize(("code", "by", "cause"), CAUSES)
def test_whose_fault_it_is(code: int, by: Side, cause: Cause) -> None:
    assert closing(code, by).cause(welcomed=True) is cause


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1009, 1010])
def test_what_a_proxy_refused_is_no_fault_of_the_test(code: int) -> None:
    assert closing(code).cause(welcomed=True, reached_platform=False) is Cause.INFRASTRUCTURE
    assert closing(code).cause(welcomed=True, reached_platform=True) is Cause.TEST


@pytest.mark.parametrize(
    ("ended", "clean"),
    [
        (closing(1000), True),
        (closing(1000, sent=1001), True),
        (closing(1000, "client"), False),
        (closing(1011), False),
        (closing(1000, sent=1002), False),
        (closing(1006, "transport"), False),
    ],
)
def test_clean_is_when_both_sides_said_goodbye(ended: Closing, *, clean: bool) -> None:
    assert ended.clean is clean


@given(
    rcvd=st.none() | st.integers(0, 65535),
    sent=st.none() | st.integers(0, 65535),
    first=st.booleans(),
    welcomed=st.booleans(),
    error_code=st.none() | st.sampled_from(sorted(AUTH_ERROR_CODES)) | st.text(),
)
def test_any_closing_has_a_cause(
    *, rcvd: int | None, sent: int | None, first: bool, welcomed: bool, error_code: str | None
) -> None:
    frames = [None if each is None else CloseFrame(each, "") for each in (rcvd, sent)]
    order = first if None not in frames else None
    found = Closing.from_exception(Ended(frames[0], frames[1], order))
    assert found.cause(welcomed=welcomed, error_code=error_code) in Cause
    assert (found.closed_by == "transport") is (rcvd is sent is None)
    assert not (welcomed and found.is_refusal(welcomed=welcomed, error_code=error_code))
