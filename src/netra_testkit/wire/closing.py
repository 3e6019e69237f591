"""How a WebSocket ended: the code, who ended it, and whose fault that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from netra_testkit.errors import Cause
from netra_testkit.safety.redaction import mask

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AUTH_ERROR_CODES", "CloseCategory", "CloseCode", "Closing"]

AUTH_ERROR_CODES = frozenset(
    {
        "AUTHENTICATION_REQUIRED",
        "AUTH_ERROR",
        "AUTH_FAILED",
        "INVALID_FORMAT",
        "NO_TOKEN",
        "TOKEN_EXPIRED",
        "VALIDATION_FAILED",
    }
)


class CloseCategory(StrEnum):
    """What kind of ending a close code stands for."""

    CLEAN = "clean"
    PROTOCOL = "protocol"
    POLICY = "policy"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    TRANSPORT = "transport"
    REGISTERED = "registered"
    APPLICATION = "application"
    RESERVED = "reserved"
    ILLEGAL = "illegal"


class CloseCode(IntEnum):
    """A close code; every 16-bit number is one, the members are those with a known meaning.

    A number without a name of its own is called after its category, such as ``APPLICATION_4999``.
    """

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    ABNORMAL = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_FAILURE = 1015
    AUTHENTICATION_REFUSED = 4001
    TOKEN_REFUSED = 4002
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403

    @classmethod
    def _missing_(cls, value: object) -> CloseCode | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF:  # noqa: PLR2004 - 16 bits
            return None
        code = int.__new__(cls, value)
        code._value_ = value
        code._name_ = f"{code.category.name}_{value}"
        return code

    @property
    def category(self) -> CloseCategory:
        """The kind of ending."""
        known = CATEGORIES.get(int(self))
        if known is not None:
            return known
        return next(
            (category for codes, category in RANGES if self in codes), CloseCategory.ILLEGAL
        )

    @property
    def sendable(self) -> bool:
        """Whether a close frame may carry this code."""
        return self != CloseCode.NO_STATUS and self.category not in NEVER_ON_THE_WIRE

    @property
    def worth_one_retry(self) -> bool:
        """Whether the same call may succeed a moment later: restart, overload, gateway."""
        return self.category is CloseCategory.UNAVAILABLE

    @property
    def refuses(self) -> bool:
        """Whether, before the welcome, this code alone says that the credentials are refused."""
        return int(self) in REFUSALS


CATEGORIES = {
    1000: CloseCategory.CLEAN,
    1001: CloseCategory.CLEAN,
    1005: CloseCategory.CLEAN,
    1002: CloseCategory.PROTOCOL,
    1003: CloseCategory.PROTOCOL,
    1007: CloseCategory.PROTOCOL,
    1009: CloseCategory.PROTOCOL,
    1010: CloseCategory.PROTOCOL,
    1006: CloseCategory.TRANSPORT,
    1015: CloseCategory.TRANSPORT,
    1008: CloseCategory.POLICY,
    1011: CloseCategory.INTERNAL,
    1012: CloseCategory.UNAVAILABLE,
    1013: CloseCategory.UNAVAILABLE,
    1014: CloseCategory.UNAVAILABLE,
}

RANGES = (
    (range(1000, 3000), CloseCategory.RESERVED),
    (range(3000, 4000), CloseCategory.REGISTERED),
    (range(4000, 5000), CloseCategory.APPLICATION),
)

NEVER_ON_THE_WIRE = frozenset(
    {CloseCategory.TRANSPORT, CloseCategory.RESERVED, CloseCategory.ILLEGAL}
)

REFUSALS = frozenset({1008, 4001, 4002, 4401, 4403})

# What a close that the server began says about the cause, by its category.
CAUSES = {
    CloseCategory.INTERNAL: Cause.PRODUCT,
    CloseCategory.RESERVED: Cause.PRODUCT,
    CloseCategory.ILLEGAL: Cause.PRODUCT,
    CloseCategory.UNAVAILABLE: Cause.DEPLOYMENT,
}


class _CloseFrame(Protocol):
    code: int
    reason: str


@runtime_checkable
class _ClosedConnection(Protocol):
    rcvd: _CloseFrame | None
    sent: _CloseFrame | None
    rcvd_then_sent: bool | None


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How one WebSocket connection ended. It is never a success by itself.

    Attributes:
        code: The code of the side that closed first; 1006 when neither sent one.
        reason: The reason given with it, masked.
        closed_by: Which side closed first; the transport when no close frame was seen.
        received: The code the server sent, None when it sent none.
        sent: The code we sent, None when we sent none.
    """

    code: CloseCode
    reason: str
    closed_by: Literal["server", "client", "transport"]
    received: CloseCode | None = None
    sent: CloseCode | None = None

    @classmethod
    def from_exception(cls, error: BaseException) -> Self:
        """Read the ``ConnectionClosed`` of websockets, or anything with the same attributes.

        Args:
            error: An exception with ``rcvd``, ``sent`` and ``rcvd_then_sent``.

        Raises:
            TypeError: The exception does not say how a connection ended.
        """
        if not isinstance(error, _ClosedConnection):
            raise TypeError(f"{type(error).__name__} has no rcvd, sent and rcvd_then_sent")
        first: _CloseFrame | None = None
        closed_by: Literal["server", "client", "transport"] = "transport"
        if error.rcvd is not None and (error.sent is None or error.rcvd_then_sent):
            first, closed_by = error.rcvd, "server"
        elif error.sent is not None:
            first, closed_by = error.sent, "client"
        return cls(
            code=CloseCode.ABNORMAL if first is None else CloseCode(first.code),
            reason="" if first is None else mask(first.reason),
            closed_by=closed_by,
            received=None if error.rcvd is None else CloseCode(error.rcvd.code),
            sent=None if error.sent is None else CloseCode(error.sent.code),
        )

    @property
    def clean(self) -> bool:
        """Whether both sides said goodbye in order; an unanswered call failed all the same."""
        both = (self.received, self.sent)
        return all(code is not None and code.category is CloseCategory.CLEAN for code in both)

    def is_refusal(self, *, welcomed: bool, error_code: str | None = None) -> bool:
        """Whether the server closed because it refused the credentials.

        Args:
            welcomed: Whether a welcome had come; from then on no close is a refusal.
            error_code: The code of the error frame that came before the close, if there was one.
        """
        if welcomed or self.closed_by != "server":
            return False
        said = error_code is not None and error_code.strip().upper() in AUTH_ERROR_CODES
        return self.code.refuses or (said and self.code == CloseCode.INTERNAL_ERROR)

    def cause(
        self,
        *,
        welcomed: bool,
        error_code: str | None = None,
        reached_platform: bool | None = None,
    ) -> Cause:
        """Whose fault the end is, as far as the close itself tells.

        Args:
            welcomed: Whether a welcome had come.
            error_code: The code of the error frame that came before the close, if there was one.
            reached_platform: Whether the platform saw what we sent; a proxy may refuse it before.
        """
        if self._server_broke_the_protocol():
            return Cause.PRODUCT
        if self.closed_by == "client":
            return Cause.UNDECIDED
        if self.is_refusal(welcomed=welcomed, error_code=error_code) or (
            self.code.refuses and self.code.category is CloseCategory.APPLICATION
        ):
            return Cause.AUTHENTICATION
        if self.code.category is CloseCategory.PROTOCOL:
            return Cause.INFRASTRUCTURE if reached_platform is False else Cause.TEST
        return CAUSES.get(self.code.category, Cause.UNDECIDED)

    def _server_broke_the_protocol(self) -> bool:
        """Whether we refused what the server sent; an echo of its own code is no refusal."""
        if self.sent is None or (self.closed_by == "server" and self.sent == self.received):
            return False
        return self.sent.category is CloseCategory.PROTOCOL
