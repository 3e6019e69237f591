"""How the public names look to a type checker; checked, never executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from netra_testkit import (
    MESSAGE_TYPES,
    AgentRun,
    BadTokens,
    Cause,
    ChatClient,
    Claims,
    ConfigurationError,
    ConnectionState,
    Deadline,
    DeadlineExceeded,
    Environment,
    Frame,
    Health,
    JwtSecret,
    MessageType,
    Problem,
    Response,
    RunContract,
    ServerClosed,
    SseEvent,
    Staging,
    StagingConfig,
    StagingUser,
    Timeouts,
    UnexpectedStatus,
    UserPool,
    VirtualUser,
    encode,
    get_staging_config,  # pyright: ignore[reportDeprecated] - it stays importable
    is_staging_available,
    mint_access_token,
    resolve_jwt_secret,
    safe_state,
    verify_token,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def facts_of_errors_are_typed(error: Exception) -> None:
    if isinstance(error, ConfigurationError):
        assert_type(error.problems, tuple[Problem, ...])
    if isinstance(error, DeadlineExceeded):
        assert_type(error.last_activity, float | None)
        assert_type(error.cause, Cause)
    if isinstance(error, ServerClosed):
        assert_type(error.frames, tuple[str, ...])
        assert_type(error.log_filter, str | None)
    if isinstance(error, UnexpectedStatus):
        headers: Mapping[str, str] = error.headers
        assert_type(headers["retry-after"], str)


def a_configuration_has_plain_types() -> None:
    config = StagingConfig()
    assert_type(config, StagingConfig)
    assert_type(config.base_url, str)
    assert_type(config.websocket_url, str)
    assert_type(config.timeouts, Timeouts)
    assert_type(config.create_test_jwt_token(), str)
    assert_type(config.test_api_key, str | None)
    assert_type(StagingConfig.for_environment("staging"), StagingConfig)
    assert_type(get_staging_config(), StagingConfig)  # pyright: ignore[reportDeprecated]
    assert_type(is_staging_available(), bool)


def secrets_and_tokens_are_typed(user: StagingUser) -> None:
    secret = resolve_jwt_secret({}, environment=Environment.STAGING)
    assert_type(secret, JwtSecret)
    token = mint_access_token(secret, user=user, environment=Environment.LOCAL)
    assert_type(token, str)
    assert_type(verify_token(token, secret, environment=Environment.LOCAL), Claims)
    for name, bad in BadTokens(secret, user, Environment.LOCAL):
        assert_type((name, bad), tuple[str, str])
    with UserPool([user], environment=Environment.LOCAL).lease() as leased:
        assert_type(leased, StagingUser)


def the_wire_is_typed(data: bytes, run: AgentRun) -> None:
    assert_type(MessageType.parse("execute_agent"), MessageType)
    assert_type(MessageType.find("nonsense"), MessageType | None)
    assert_type(MESSAGE_TYPES["ping"], MessageType)
    frame = Frame.decode(data)
    assert_type(frame.type, MessageType | None)
    assert_type(frame.timestamp, float | None)
    assert_type(encode("ping", message_id="m", timestamp=1.0), str)
    assert_type(safe_state(frame), str)
    run.feed(frame)
    run.assert_delivered(RunContract.STRICT)


async def a_test_reads_as_it_is_meant(staging: Staging) -> None:
    async with staging.user(within=Deadline.after(5)) as alice, alice.chat(within=5) as chat:
        assert_type(alice, VirtualUser)
        assert_type(chat, ChatClient)
        assert_type(chat.state, ConnectionState)
        assert_type(await chat.run_agent("triage", "hello"), AgentRun)
        assert_type(await chat.expect(MessageType.PONG), Frame)
        assert_type(await alice.http.get("/health", expect={200, 503}), Response)
        async with alice.http.stream(
            "POST", "/api/chat/stream", json={"content": "hello"}
        ) as events:
            async for event in events:
                assert_type(event, SseEvent)
    assert_type(await staging.wait_until_ready(within=10), Health)


async def a_body_is_read_as_a_model(response: Response) -> None:
    assert_type(response.json_as(dict[str, int]), dict[str, int])
    assert_type(response.json_as(Problem), Problem)


async def a_crowd_gives_what_each_gives(staging: Staging) -> None:
    async def greet(user: VirtualUser) -> int:
        return (await user.http.get("/health")).status

    async with staging.users(20) as crowd:
        assert_type(await crowd.each(greet), list[int])
        assert_type(crowd.latency.p95, float | None)
