"""Everything the kit raises: facts as attributes, the cause, and what to do next."""

from __future__ import annotations

from netra_testkit.errors.answers import (
    RateLimited,
    ServiceUnavailable,
    UnexpectedStatus,
    UnusableBody,
)
from netra_testkit.errors.calls import (
    AuthRefused,
    CallFailed,
    ConnectionFailed,
    DeadlineExceeded,
    HandshakeFailed,
    RequestRefused,
    ServerClosed,
    StreamTruncated,
    UnexpectedFrame,
)
from netra_testkit.errors.configuration import (
    ConfigurationError,
    NotEnoughUsers,
    TokenInvalid,
    UsersBusy,
)
from netra_testkit.errors.misuse import (
    AlreadyReading,
    ClientClosed,
    InvalidBound,
    Misuse,
    WrongLoop,
)
from netra_testkit.errors.promises import ContractBroken, IsolationBreach, NothingFailed
from netra_testkit.errors.root import Cause, NetraError, Problem
from netra_testkit.errors.wire import (
    IllegalStep,
    MalformedFrame,
    Unencodable,
    UnknownMessageType,
    WireError,
)

__all__ = [
    "AlreadyReading",
    "AuthRefused",
    "CallFailed",
    "Cause",
    "ClientClosed",
    "ConfigurationError",
    "ConnectionFailed",
    "ContractBroken",
    "DeadlineExceeded",
    "HandshakeFailed",
    "IllegalStep",
    "InvalidBound",
    "IsolationBreach",
    "MalformedFrame",
    "Misuse",
    "NetraError",
    "NotEnoughUsers",
    "NothingFailed",
    "Problem",
    "RateLimited",
    "RequestRefused",
    "ServerClosed",
    "ServiceUnavailable",
    "StreamTruncated",
    "TokenInvalid",
    "Unencodable",
    "UnexpectedFrame",
    "UnexpectedStatus",
    "UnknownMessageType",
    "UnusableBody",
    "UsersBusy",
    "WireError",
    "WrongLoop",
]

# A traceback and a pickle name an error as it is imported, whichever room it is written in.
for _name in __all__:
    globals()[_name].__module__ = __name__
