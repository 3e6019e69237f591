"""The single source of truth for end-to-end tests against a Netra staging deployment.

Every public name is loaded on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

# Known to every type checker by its name; importing typing would be nearly all the cost.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from netra_testkit.clients.availability import (
        Availability,
        is_staging_available,
        staging_availability,
    )
    from netra_testkit.clients.chat import ChatClient
    from netra_testkit.clients.crowd import Crowd
    from netra_testkit.clients.deadline import Deadline
    from netra_testkit.clients.expecting import ExpectedFailures
    from netra_testkit.clients.feed import EventFeed
    from netra_testkit.clients.http import HttpClient
    from netra_testkit.clients.latency import LatencySummary
    from netra_testkit.clients.response import Response
    from netra_testkit.clients.retry import Attempt, RetryPolicy
    from netra_testkit.clients.sse import EventStream
    from netra_testkit.clients.staging import Staging
    from netra_testkit.clients.virtual_user import VirtualUser
    from netra_testkit.errors import (
        AlreadyReading,
        AuthRefused,
        CallFailed,
        Cause,
        ClientClosed,
        ConfigurationError,
        ConnectionFailed,
        ContractBroken,
        DeadlineExceeded,
        HandshakeFailed,
        IllegalStep,
        InvalidBound,
        IsolationBreach,
        MalformedFrame,
        Misuse,
        NetraError,
        NotEnoughUsers,
        NothingFailed,
        Problem,
        RateLimited,
        RequestRefused,
        ServerClosed,
        ServiceUnavailable,
        StreamTruncated,
        TokenInvalid,
        Unencodable,
        UnexpectedFrame,
        UnexpectedStatus,
        UnknownMessageType,
        UnusableBody,
        UsersBusy,
        WireError,
        WrongLoop,
    )
    from netra_testkit.local.faults import FAULTS, Fault, FaultKind
    from netra_testkit.local.options import Limits
    from netra_testkit.local.staging import LocalStaging
    from netra_testkit.local.truth import ServerTruth
    from netra_testkit.safety.jsonable import (
        JsonValue,
        safe_state,
        safe_websocket_state_for_logging,
        to_jsonable,
    )
    from netra_testkit.safety.logs import CloudLoggingFormatter, SafeExtrasFilter
    from netra_testkit.safety.redaction import RedactingFilter, install, mask, mask_json, register
    from netra_testkit.safety.trace import Trace
    from netra_testkit.settings.agreement import (
        SecretComparison,
        SecretDiagnosis,
        compare_secrets,
        diagnose_secrets,
    )
    from netra_testkit.settings.bad_tokens import BAD_TOKENS, BadTokens
    from netra_testkit.settings.config import STAGING_CONFIG, StagingConfig, get_staging_config
    from netra_testkit.settings.environments import Environment
    from netra_testkit.settings.explanation import Explanation
    from netra_testkit.settings.leases import Lease, UserPool
    from netra_testkit.settings.secrets import JwtSecret, resolve_jwt_secret
    from netra_testkit.settings.timing import Budget, Budgets, Statistic, Timeouts
    from netra_testkit.settings.tokens import (
        REQUIRED_CLAIMS,
        Claims,
        mint_access_token,
        mint_refresh_token,
        mint_service_token,
        verify_token,
    )
    from netra_testkit.settings.users import (
        KNOWN_USERS,
        Password,
        StagingUser,
        parse_users,
        users_for,
    )
    from netra_testkit.wire.closing import AUTH_ERROR_CODES, CloseCategory, CloseCode, Closing
    from netra_testkit.wire.contract import (
        CRITICAL_EVENTS,
        Ending,
        Noteworthy,
        Observation,
        Outcome,
        Rule,
        RunContract,
        RunLimits,
        Violation,
    )
    from netra_testkit.wire.events import AgentEvent
    from netra_testkit.wire.frames import Frame, encode
    from netra_testkit.wire.health import (
        ApiHealth,
        Check,
        FactoryStats,
        Finding,
        FindingKind,
        Health,
        WebSocketHealth,
    )
    from netra_testkit.wire.lifecycle import LEGAL_STEPS, ConnectionState, step
    from netra_testkit.wire.pace import HandOff, RunTiming
    from netra_testkit.wire.runs import AgentRun
    from netra_testkit.wire.sse import SseEvent, SseParser
    from netra_testkit.wire.types import MESSAGE_TYPES, Direction, MessageType, with_aliases

__all__ = [
    "AUTH_ERROR_CODES",
    "BAD_TOKENS",
    "CRITICAL_EVENTS",
    "FAULTS",
    "KNOWN_USERS",
    "LEGAL_STEPS",
    "MESSAGE_TYPES",
    "REQUIRED_CLAIMS",
    "STAGING_CONFIG",
    "AgentEvent",
    "AgentRun",
    "AlreadyReading",
    "ApiHealth",
    "Attempt",
    "AuthRefused",
    "Availability",
    "BadTokens",
    "Budget",
    "Budgets",
    "CallFailed",
    "Cause",
    "ChatClient",
    "Check",
    "Claims",
    "ClientClosed",
    "CloseCategory",
    "CloseCode",
    "Closing",
    "CloudLoggingFormatter",
    "ConfigurationError",
    "ConnectionFailed",
    "ConnectionState",
    "ContractBroken",
    "Crowd",
    "Deadline",
    "DeadlineExceeded",
    "Direction",
    "Ending",
    "Environment",
    "EventFeed",
    "EventStream",
    "ExpectedFailures",
    "Explanation",
    "FactoryStats",
    "Fault",
    "FaultKind",
    "Finding",
    "FindingKind",
    "Frame",
    "HandOff",
    "HandshakeFailed",
    "Health",
    "HttpClient",
    "IllegalStep",
    "InvalidBound",
    "IsolationBreach",
    "JsonValue",
    "JwtSecret",
    "LatencySummary",
    "Lease",
    "Limits",
    "LocalStaging",
    "MalformedFrame",
    "MessageType",
    "Misuse",
    "NetraError",
    "NotEnoughUsers",
    "Noteworthy",
    "NothingFailed",
    "Observation",
    "Outcome",
    "Password",
    "Problem",
    "RateLimited",
    "RedactingFilter",
    "RequestRefused",
    "Response",
    "RetryPolicy",
    "Rule",
    "RunContract",
    "RunLimits",
    "RunTiming",
    "SafeExtrasFilter",
    "SecretComparison",
    "SecretDiagnosis",
    "ServerClosed",
    "ServerTruth",
    "ServiceUnavailable",
    "SseEvent",
    "SseParser",
    "Staging",
    "StagingConfig",
    "StagingUser",
    "Statistic",
    "StreamTruncated",
    "Timeouts",
    "TokenInvalid",
    "Trace",
    "Unencodable",
    "UnexpectedFrame",
    "UnexpectedStatus",
    "UnknownMessageType",
    "UnusableBody",
    "UserPool",
    "UsersBusy",
    "Violation",
    "VirtualUser",
    "WebSocketHealth",
    "WireError",
    "WrongLoop",
    "compare_secrets",
    "diagnose_secrets",
    "encode",
    "get_staging_config",
    "install",
    "is_staging_available",
    "mask",
    "mask_json",
    "mint_access_token",
    "mint_refresh_token",
    "mint_service_token",
    "parse_users",
    "register",
    "resolve_jwt_secret",
    "safe_state",
    "safe_websocket_state_for_logging",
    "staging_availability",
    "step",
    "to_jsonable",
    "users_for",
    "verify_token",
    "with_aliases",
]

_HOMES = {
    "AUTH_ERROR_CODES": "wire.closing",
    "AgentEvent": "wire.events",
    "AgentRun": "wire.runs",
    "AlreadyReading": "errors",
    "ApiHealth": "wire.health",
    "Attempt": "clients.retry",
    "AuthRefused": "errors",
    "Availability": "clients.availability",
    "BAD_TOKENS": "settings.bad_tokens",
    "BadTokens": "settings.bad_tokens",
    "Budget": "settings.timing",
    "Budgets": "settings.timing",
    "CRITICAL_EVENTS": "wire.contract",
    "CallFailed": "errors",
    "Cause": "errors",
    "ChatClient": "clients.chat",
    "Check": "wire.health",
    "Claims": "settings.tokens",
    "ClientClosed": "errors",
    "CloseCategory": "wire.closing",
    "CloseCode": "wire.closing",
    "Closing": "wire.closing",
    "CloudLoggingFormatter": "safety.logs",
    "ConfigurationError": "errors",
    "ConnectionFailed": "errors",
    "ConnectionState": "wire.lifecycle",
    "ContractBroken": "errors",
    "Crowd": "clients.crowd",
    "Deadline": "clients.deadline",
    "DeadlineExceeded": "errors",
    "Direction": "wire.types",
    "Ending": "wire.contract",
    "Environment": "settings.environments",
    "EventFeed": "clients.feed",
    "EventStream": "clients.sse",
    "ExpectedFailures": "clients.expecting",
    "Explanation": "settings.explanation",
    "FAULTS": "local.faults",
    "FactoryStats": "wire.health",
    "Fault": "local.faults",
    "FaultKind": "local.faults",
    "Finding": "wire.health",
    "FindingKind": "wire.health",
    "Frame": "wire.frames",
    "HandOff": "wire.pace",
    "HandshakeFailed": "errors",
    "Health": "wire.health",
    "HttpClient": "clients.http",
    "IllegalStep": "errors",
    "InvalidBound": "errors",
    "IsolationBreach": "errors",
    "JsonValue": "safety.jsonable",
    "JwtSecret": "settings.secrets",
    "KNOWN_USERS": "settings.users",
    "LEGAL_STEPS": "wire.lifecycle",
    "LatencySummary": "clients.latency",
    "Lease": "settings.leases",
    "Limits": "local.options",
    "LocalStaging": "local.staging",
    "MESSAGE_TYPES": "wire.types",
    "MalformedFrame": "errors",
    "MessageType": "wire.types",
    "Misuse": "errors",
    "NetraError": "errors",
    "NotEnoughUsers": "errors",
    "Noteworthy": "wire.contract",
    "NothingFailed": "errors",
    "Observation": "wire.contract",
    "Outcome": "wire.contract",
    "Password": "settings.users",
    "Problem": "errors",
    "REQUIRED_CLAIMS": "settings.tokens",
    "RateLimited": "errors",
    "RedactingFilter": "safety.redaction",
    "RequestRefused": "errors",
    "Response": "clients.response",
    "RetryPolicy": "clients.retry",
    "Rule": "wire.contract",
    "RunContract": "wire.contract",
    "RunLimits": "wire.contract",
    "RunTiming": "wire.pace",
    "STAGING_CONFIG": "settings.config",
    "SafeExtrasFilter": "safety.logs",
    "SecretComparison": "settings.agreement",
    "SecretDiagnosis": "settings.agreement",
    "ServerClosed": "errors",
    "ServerTruth": "local.truth",
    "ServiceUnavailable": "errors",
    "SseEvent": "wire.sse",
    "SseParser": "wire.sse",
    "Staging": "clients.staging",
    "StagingConfig": "settings.config",
    "StagingUser": "settings.users",
    "Statistic": "settings.timing",
    "StreamTruncated": "errors",
    "Timeouts": "settings.timing",
    "TokenInvalid": "errors",
    "Trace": "safety.trace",
    "Unencodable": "errors",
    "UnexpectedFrame": "errors",
    "UnexpectedStatus": "errors",
    "UnknownMessageType": "errors",
    "UnusableBody": "errors",
    "UserPool": "settings.leases",
    "UsersBusy": "errors",
    "Violation": "wire.contract",
    "VirtualUser": "clients.virtual_user",
    "WebSocketHealth": "wire.health",
    "WireError": "errors",
    "WrongLoop": "errors",
    "compare_secrets": "settings.agreement",
    "diagnose_secrets": "settings.agreement",
    "encode": "wire.frames",
    "get_staging_config": "settings.config",
    "install": "safety.redaction",
    "is_staging_available": "clients.availability",
    "mask": "safety.redaction",
    "mask_json": "safety.redaction",
    "mint_access_token": "settings.tokens",
    "mint_refresh_token": "settings.tokens",
    "mint_service_token": "settings.tokens",
    "parse_users": "settings.users",
    "register": "safety.redaction",
    "resolve_jwt_secret": "settings.secrets",
    "safe_state": "safety.jsonable",
    "safe_websocket_state_for_logging": "safety.jsonable",
    "staging_availability": "clients.availability",
    "step": "wire.lifecycle",
    "to_jsonable": "safety.jsonable",
    "users_for": "settings.users",
    "verify_token": "settings.tokens",
    "with_aliases": "wire.types",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("netra-testkit")
    try:
        home = _HOMES[name]
    except KeyError:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message) from None
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    if name != "STAGING_CONFIG":
        globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
